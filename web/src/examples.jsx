import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { isNarrow } from "./narrow.js";

const FILES = import.meta.glob("../examples/*.graphql", { eager: true, import: "default", query: "?raw" });

// The first comment line of a file is the title, the others are the description; the operation is named.
const ALL = Object.values(FILES).map((query) => {
  const comments = query.match(/^(# .*\n)+/)[0];
  const [title, ...description] = comments.trim().split("\n").map((line) => line.slice(2));
  const [, operation] = query.match(/^(?:query|mutation) (\w+)/m);
  return { operation, query, title, description: description.join(" ") };
});

export const WELCOME = ALL[0].query;

export const EXAMPLES = {
  title: "Examples",
  icon: () => (
    <svg fill="none" height="1em" stroke="currentColor" strokeWidth="1.5" viewBox="0 0 14 14">
      <path d="M7 3.2C5.6 2.2 3.6 1.9 1 2v9.4c2.6-.1 4.6.2 6 1.2 1.4-1 3.4-1.3 6-1.2V2c-2.6-.1-4.6.2-6 1.2Zm0 0v9.2" />
    </svg>
  ),
  content: Examples,
};

function Examples() {
  const { addTab, setOperationName, setVisiblePlugin } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);

  function open({ operation, query }) {
    // Keep the user's own text in its tab; replace an example that was not edited.
    const shown = queryEditor.getValue();
    if (shown.trim() && !ALL.some((example) => example.query === shown)) addTab();
    queryEditor.setValue(query);
    setOperationName(operation); // or GraphiQL uses the previous one until it has parsed the text
    queryEditor.setScrollPosition({ scrollLeft: 0, scrollTop: 0 });
    queryEditor.focus();
    if (isNarrow()) setVisiblePlugin(null); // there the examples cover the editor
  }

  return (
    <section aria-label="Examples" className="chitty-examples">
      <h2>Examples</h2>
      <p>Open an example, run it with Ctrl-Enter, and change it.</p>
      <ol>
        {ALL.map((example) => (
          <li key={example.title}>
            <button onClick={() => open(example)} type="button">
              <strong>{example.title}</strong>
              <span>{example.description}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
