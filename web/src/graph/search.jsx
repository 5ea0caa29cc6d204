import { useEffect, useId, useRef, useState } from "react";
import { described, kindOf } from "./kinds.js";
import { partsOf, withoutMarks } from "./marks.js";
import { reveal } from "./revealing.js";
import { Swatch } from "./swatch.jsx";

const PAUSE = 180; // milliseconds after a key, before the API is asked

/** What the API finds of a text once it is written, or null; `forget` leaves it out. */
function useAnswer(loader, text) {
  const [answer, setAnswer] = useState(null);
  const newest = useRef(0);
  useEffect(() => {
    const number = ++newest.current;
    if (!text.trim()) return;
    const timer = setTimeout(async () => {
      const told = await loader.search(text).catch((error) => ({ found: [], totalCount: 0, failure: error.message }));
      if (number === newest.current) setAnswer(told);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [loader, text]);
  function forget() {
    newest.current += 1;
    setAnswer(null);
  }
  return { answer, forget };
}

/** A field that searches the registry; `onChoose` gets the node that was chosen. */
export function Search({ loader, onChoose }) {
  const [text, setText] = useState("");
  const { answer, forget } = useAnswer(loader, text);
  const [index, setIndex] = useState(0);
  const list = useId();
  const options = useRef(null);
  const isOpen = answer !== null && text.trim() !== "";

  useEffect(() => setIndex(0), [answer]);

  useEffect(() => {
    const option = options.current?.children[index];
    if (option) reveal(options.current, option);
  }, [index]);

  function choose({ node }) {
    forget();
    setText("");
    onChoose(node);
  }

  function press(event) {
    const count = answer?.found.length ?? 0;
    if (event.key === "Escape") forget();
    else if (event.key === "Enter" && count) choose(answer.found[index]);
    else if (event.key === "ArrowDown" && count) setIndex((index + 1) % count);
    else if (event.key === "ArrowUp" && count) setIndex((index + count - 1) % count);
    else return;
    event.preventDefault();
  }

  return (
    <div className="graph-search" onBlur={({ currentTarget, relatedTarget }) => !currentTarget.contains(relatedTarget) && forget()}>
      <input
        aria-activedescendant={isOpen && answer.found.length ? `${list}-${index}` : undefined}
        aria-autocomplete="list"
        aria-controls={list}
        aria-expanded={isOpen}
        aria-label="Search"
        autoComplete="off"
        maxLength={200}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={press}
        placeholder="Search names, services, endpoints"
        role="combobox"
        spellCheck={false}
        type="search"
        value={text}
      />
      <div className="graph-found" hidden={!isOpen}>
        <ul aria-label="What was found" id={list} ref={options} role="listbox" tabIndex={0}>
          {answer?.found.map((found, at) => (
            <li
              aria-selected={at === index}
              id={`${list}-${at}`}
              key={found.node.id}
              onClick={() => choose(found)}
              onMouseDown={(event) => event.preventDefault()}
              role="option"
            >
              <Swatch node={found.node} />
              <Found {...found} />
            </li>
          ))}
        </ul>
        <p role="status">{isOpen && told(answer)}</p>
      </div>
    </div>
  );
}

function told({ failure, found, totalCount }) {
  if (failure) return failure;
  if (!found.length) return "Nothing was found";
  return totalCount > found.length ? `${found.length} of ${totalCount}: write more to find others` : `${found.length} found`;
}

/** What a node is called and is, and the text by which it was found, if that is not its title. */
function Found({ highlight, node }) {
  const found = withoutMarks(highlight);
  const isTitle = found === node.title;
  return (
    <span className="graph-title">
      {isTitle ? <Marked text={highlight} /> : node.title}
      <small>
        {found === node.endpoint ? kindOf(node) : described(node)}
        {!isTitle && <> · <Marked text={highlight} /></>}
      </small>
    </span>
  );
}

const Marked = ({ text }) => partsOf(text).map((part, index) => (index % 2 ? <mark key={index}>{part}</mark> : part));
