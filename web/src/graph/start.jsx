import { useEffect, useState } from "react";
import { TextButton } from "../buttons.jsx";
import { number } from "./counts.js";
import { described, WORDS } from "./kinds.js";
import { DEEPEST } from "./links.js";
import { MOST_LISTED } from "./queries.js";
import { Swatch } from "./swatch.jsx";

const LISTS = [
  ["services", "SERVICE"],
  ["contexts", "CONTEXT"],
  ["actors", "ACTOR"],
  ["installations", "INSTALLATION"],
];
const LOCKED = "Give a credential at the top of the page to see what the registry holds.";

/** Where a picture may begin; `attempt` counts how often the credential was given, and `onBegin` is called when it begins. */
export function Start({ attempt, failure, graph, isBusy, loader, onBegin }) {
  const [lists, setLists] = useState(null);
  const [reason, setReason] = useState("");
  const [depth, setDepth] = useState(1);
  useEffect(() => {
    let isWanted = true;
    loader.start().then(
      (told) => isWanted && (setLists(told), setReason("")),
      (error) => isWanted && setReason(error.code === "UNAUTHENTICATED" ? LOCKED : error.message),
    );
    return () => (isWanted = false);
  }, [attempt, loader]);
  if (isBusy) return <p className="graph-start graph-waiting">Loading</p>;
  return (
    <div className="graph-start" tabIndex={-1}>
      <h2>Where shall the picture begin?</h2>
      <p className="chitty-hint">
        At one of these, or at what the search finds. Then expand what you see, and look for paths between any two objects.
      </p>
      {(reason || failure) && (
        <p className="chitty-reason" role="alert">
          {reason === LOCKED ? LOCKED : failure || reason}
        </p>
      )}
      {lists && <Failing graph={graph} lists={lists} onBegin={onBegin} />}
      {lists && (
        <label className="graph-depth">
          Steps around it
          <select onChange={({ target }) => setDepth(Number(target.value))} value={depth}>
            {Array.from({ length: DEEPEST }, (_, index) => (
              <option key={index}>{index + 1}</option>
            ))}
          </select>
        </label>
      )}
      <div className="graph-lists">
        {lists && LISTS.map(([name, kind]) => (
          <section key={name}>
            <h3>
              {WORDS[kind].many} <small>{number.format(lists[name].totalCount)}</small>
            </h3>
            <ul>
              {lists[name].nodes.slice(0, MOST_LISTED).map((node) => (
                <li key={node.id}>
                  <button className="graph-row" onClick={() => (graph.show(node, depth), onBegin())} title={described(node)} type="button">
                    <Swatch node={node} />
                    <span className="graph-title">{node.title}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </div>
  );
}

function Failing({ graph, lists: { failing }, onBegin }) {
  const { totalCount, nodes } = failing;
  if (!totalCount) return <p className="chitty-good">No connection fails.</p>;
  const shown = nodes.length < totalCount ? `the newest ${nodes.length} of ${number.format(totalCount)}` : number.format(totalCount);
  return (
    <TextButton className="graph-failing" onClick={() => (graph.showFailing(nodes), onBegin())}>
      <Swatch node={{ kind: "CONNECTION", status: "FAILED" }} />
      Show what fails: {shown} failing {totalCount === 1 ? "connection" : "connections"}
    </TextButton>
  );
}
