import { useEffect, useRef, useState } from "react";
import { TextButton } from "../buttons.jsx";
import { ENDPOINT } from "../client.js";
import { linkTo } from "../sharing.js";
import { number } from "./counts.js";
import { described, RELATIONS } from "./kinds.js";
import { MOST_AROUND } from "./links.js";
import { DETAILS } from "./queries.js";
import { Swatch } from "./swatch.jsx";

const MOST_RELATED = 30;
const HOW = "Select an object to see its fields and to expand it. A double click expands it, too.";

/** The selected object, its fields and relations, and what can be done with it; and the path, if there is one. */
export function Inspector({ graph, loader, state }) {
  const node = state.nodes.get(state.selected);
  const frame = useRef(null);
  useEffect(() => {
    const side = frame.current?.parentElement;
    if (side && !side.contains(document.activeElement)) side.scrollTop = 0; // where there is little room, it scrolls
  }, [state.selected]);
  if (!state.nodes.size) return null;
  if (!node && !state.path) return <p className="chitty-hint graph-how">{HOW}</p>;
  return (
    <div className="graph-about" ref={frame}>
      {state.path && <Path graph={graph} state={state} />}
      {node && <Selected graph={graph} key={node.id} loader={loader} node={node} state={state} />}
    </div>
  );
}

function Selected({ graph, loader, node, state }) {
  const query = linkTo(
    { query: DETAILS[node.kind], variables: JSON.stringify({ id: node.id }, null, 2), operationName: "" },
    ENDPOINT,
  );
  return (
    <section aria-label="Selected object" className="graph-inspector">
      <h2>
        <Swatch isAffected={state.affected.has(node.id)} node={node} />
        {node.title}
      </h2>
      <p className="chitty-hint">
        {described(node)}
        {state.affected.has(node.id) && <em className="chitty-bad"> · hangs on a failing connection</em>}
      </p>
      <div className="graph-actions">
        <Expand graph={graph} node={node} state={state} />
        {state.pathFrom && state.pathFrom !== node.id ? (
          <TextButton onClick={() => graph.findPath(state.pathFrom, node.id)}>Path to here</TextButton>
        ) : (
          <TextButton disabled={state.pathFrom === node.id} onClick={() => graph.choosePathFrom(node.id)}>
            Path from here
          </TextButton>
        )}
        <TextButton onClick={() => graph.remove(node.id)}>Remove</TextButton>
        <TextButton onClick={() => graph.startAt(node)}>Begin here</TextButton>
      </div>
      <Details loader={loader} node={node} />
      <p>
        <a href={query}>Open this query in GraphiQL</a>
      </p>
      <Related graph={graph} node={node} state={state} />
    </section>
  );
}

function Expand({ graph, node, state }) {
  const around = state.around.get(node.id);
  const next = around && Math.min(around.most * 2, MOST_AROUND);
  if (around && !around.isTruncated) return <TextButton disabled>Expanded</TextButton>;
  return (
    <>
      {around && (
        <p className="chitty-reason">
          More lies around it than the {around.most} nearest and newest objects.
          {around.most === MOST_AROUND && " Expand others to see it, or open the query."}
        </p>
      )}
      {(!around || next > around.most) && (
        <TextButton className="graph-primary" onClick={() => graph.expand(node.id)}>
          {around ? `Show up to ${next}` : "Expand"}
        </TextButton>
      )}
    </>
  );
}

/** The fields of an object as the API tells them now, again when the picture learns that it changed. */
function Details({ loader, node }) {
  const [told, setTold] = useState(null);
  useEffect(() => {
    let isWanted = true;
    loader.details(node).then(
      (fields) => isWanted && setTold({ fields }),
      (error) => isWanted && setTold({ failure: error.message }),
    );
    return () => (isWanted = false);
  }, [loader, node]);
  if (!told) return <p className="chitty-hint">Loading</p>;
  if (told.failure) return <p className="chitty-reason">{told.failure}</p>;
  if (!told.fields) return <p className="chitty-reason">It does not exist any more, or you may not see it.</p>;
  return (
    <dl className="graph-fields">
      {Object.entries(told.fields).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{written(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A value of an answer in words: counts by status, names of objects, lists; none if there is nothing. */
function written(value) {
  if (value === null) return <span className="chitty-null">null</span>;
  if (Array.isArray(value)) return value.length ? value.map(flat).join(", ") : <span className="chitty-null">none</span>;
  return flat(value);
}

function flat(value) {
  if (typeof value === "number") return number.format(value);
  if (typeof value !== "object" || value === null) return String(value);
  const { totalCount, total = totalCount, byStatus, groups = byStatus, nodes, ...rest } = value;
  const counts = groups?.filter(({ count }) => count).map(({ status, count }) => `${number.format(count)} ${status.toLowerCase()}`);
  const parts = [
    total === undefined ? null : number.format(total),
    counts?.length ? `(${counts.join(", ")})` : null,
    nodes?.length ? `${nodes.map((each) => Object.values(each)[0]).join(", ")}${nodes.length < total ? ", …" : ""}` : null,
    ...Object.entries(rest).map(([name, each]) => (total === undefined ? each : `${number.format(each)} ${name}`)),
  ];
  return parts.filter((part) => part !== null && part !== undefined).join(" ");
}

function Related({ graph, node, state }) {
  const [most, setMost] = useState(MOST_RELATED);
  const related = state.relations.get(node.id);
  if (!related.length) return null;
  return (
    <>
      <h3>Relations in the picture</h3>
      <ul className="graph-related">
        {related.slice(0, most).map(({ edge, relation, other, isOutgoing }) => (
          <li key={edge}>
            <button className="graph-row" onClick={() => graph.select(other)} type="button">
              <span>{RELATIONS[relation][isOutgoing ? 0 : 1]}</span>
              <Swatch isAffected={state.affected.has(other)} node={state.nodes.get(other)} />
              <span className="graph-title">{state.nodes.get(other).title}</span>
            </button>
          </li>
        ))}
      </ul>
      {most < related.length && (
        <TextButton onClick={() => setMost(most + MOST_RELATED)}>Show {MOST_RELATED} more</TextButton>
      )}
    </>
  );
}

function Path({ graph, state }) {
  const { ids, edges } = state.path;
  const titleOf = (id) => state.nodes.get(id)?.title ?? "removed";
  return (
    <section aria-label="Path" className="graph-inspector">
      <h2>Path of {edges.length} {edges.length === 1 ? "step" : "steps"}</h2>
      <ol className="graph-path">
        {ids.map((id, index) => (
          <li key={id}>
            {index > 0 && <span>{RELATIONS[edges[index - 1].relation][edges[index - 1].to === id ? 0 : 1]}</span>}
            <button className="graph-row" onClick={() => graph.select(id)} type="button">
              {state.nodes.has(id) && <Swatch isAffected={state.affected.has(id)} node={state.nodes.get(id)} />}
              <span className="graph-title">{titleOf(id)}</span>
            </button>
          </li>
        ))}
      </ol>
      <TextButton onClick={graph.closePath}>Close the path</TextButton>
    </section>
  );
}
