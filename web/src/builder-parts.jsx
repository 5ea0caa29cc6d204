import { createContext, useContext } from "react";

const Document = createContext(null);

export const DocumentProvider = Document.Provider;

/** The document that is built: its text, and `change`, which makes an edit of it in the editor. */
export const useDocument = () => useContext(Document);

/** A checkbox with a name and, for a field, its type. */
export function Tick({ isTicked, isDeprecated = false, name, onTick, title, type }) {
  return (
    <label className="chitty-tick" title={title ?? ""}>
      <input checked={isTicked} onChange={onTick} type="checkbox" />
      <span className={isDeprecated ? "chitty-deprecated" : ""}>{name}</span>
      {type && <small>{type}</small>}
    </label>
  );
}
