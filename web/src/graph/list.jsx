import { useEffect, useId, useMemo, useRef, useState } from "react";
import { TextButton } from "../buttons.jsx";
import { described, isFailing, WORDS } from "./kinds.js";
import { reveal } from "./revealing.js";
import { Swatch } from "./swatch.jsx";

const PAGE = 100; // rows
const ORDER = Object.keys(WORDS);

/** All that is shown, as a list that does what the picture does. */
export function NodeList({ graph, state }) {
  const { nodes, shown, affected, selected, pathFrom } = state;
  const [text, setText] = useState("");
  const [most, setMost] = useState(PAGE);
  const id = useId();
  const list = useRef(null);

  const all = useMemo(() => listed(nodes, shown, text), [nodes, shown, text]);
  const rows = all.slice(0, most);
  const at = rows.findIndex((node) => node.id === selected);

  useEffect(() => {
    if (at >= 0) reveal(list.current, list.current.children[at]);
  }, [at]);

  if (!nodes.size) return null;

  function press(event) {
    const moves = { ArrowDown: at + 1, ArrowUp: Math.max(at - 1, 0), Home: 0, End: rows.length - 1 };
    if (Object.hasOwn(moves, event.key)) {
      const node = rows[Math.min(moves[event.key], rows.length - 1)];
      if (node) graph.select(node.id);
    } else if (event.key === "Enter" && at >= 0) {
      if (pathFrom && pathFrom !== selected) graph.findPath(pathFrom, selected);
      else graph.expand(selected);
    } else if (event.key === "Delete" && at >= 0) {
      graph.remove(selected);
    } else return;
    event.preventDefault();
  }

  return (
    <section aria-label="List" className="graph-list">
      <div className="graph-list-head">
        <h2>
          Objects <small>{all.length}</small>
        </h2>
        <input
          aria-label="Only objects whose name has"
          onChange={({ target }) => (setText(target.value), setMost(PAGE))}
          placeholder="Filter by name"
          spellCheck={false}
          type="search"
          value={text}
        />
      </div>
      <ul
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        aria-label="Objects"
        onKeyDown={press}
        ref={list}
        role="listbox"
        tabIndex={0}
      >
        {rows.map((node, index) => (
          <Row
            graph={graph}
            id={`${id}-${index}`}
            isAffected={affected.has(node.id)}
            isSelected={index === at}
            key={node.id}
            node={node}
          />
        ))}
      </ul>
      {rows.length < all.length && <TextButton onClick={() => setMost(most + PAGE)}>Show {PAGE} more</TextButton>}
    </section>
  );
}

/** On a phone the inspector is above the list, and fingers do not click twice. */
function showInspector(row) {
  row.closest(".graph-side").scrollTop = 0;
}

const Row = ({ graph, id, isAffected, isSelected, node }) => (
  <li
    aria-selected={isSelected}
    id={id}
    onClick={(event) => {
      graph.select(node.id);
      if (event.nativeEvent.pointerType === "touch") showInspector(event.currentTarget);
    }}
    onDoubleClick={() => graph.expand(node.id)}
    role="option"
  >
    <Swatch isAffected={isAffected} node={node} />
    <span className="graph-title">
      {node.title}
      <small>
        {described(node)}
        {isAffected && <em> · hangs on a failing connection</em>}
      </small>
    </span>
  </li>
);

/** The nodes that are shown and whose title has a text: failing ones first, then by kind and title. */
function listed(nodes, shown, text) {
  const wanted = text.trim().toLowerCase();
  const rank = (node) => (isFailing(node) ? -1 : ORDER.indexOf(node.kind));
  const byTitle = (a, b) => (a.title < b.title ? -1 : Number(a.title > b.title));
  return [...shown]
    .map((id) => nodes.get(id))
    .filter(({ title }) => title.toLowerCase().includes(wanted))
    .toSorted((a, b) => rank(a) - rank(b) || byTitle(a, b));
}
