import { useEffect, useState } from "react";
import { TextButton } from "../buttons.jsx";
import { counted, number } from "./counts.js";
import { described, WORDS } from "./kinds.js";
import { DEEPEST } from "./links.js";
import { Refusal } from "./loading.js";
import { MOST_LISTED } from "./queries.js";
import { Swatch } from "./swatch.jsx";
import { USUAL_DEPTH } from "./views.js";

const LISTS = [
  ["services", "SERVICE", "most connected first"],
  ["contexts", "CONTEXT", "newest first"],
  ["actors", "ACTOR", "newest first"],
  ["installations", "INSTALLATION", "newest first"],
];
const LOCKED =
  "This server shows the registry to those who have a credential: write an API key or a token into the field at the top of the page, and press Enter.";
const NOTHING = "There is nothing to show: the registry is empty, or you may see nothing of it.";
const PAUSE = 5000; // milliseconds, after which a server that could not be reached is asked again

/** The lists of where a picture may begin, or why there are none; they are read again when `attempt` changes. */
function useLists(loader, attempt) {
  const [told, setTold] = useState({ lists: null, refusal: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isWanted = true;
    let timer;
    loader.start().then(
      (lists) => isWanted && setTold({ lists, refusal: null }),
      (refusal) => {
        if (!isWanted) return;
        setTold({ lists: null, refusal });
        if (!(refusal instanceof Refusal)) timer = setTimeout(() => setRound(round + 1), PAUSE);
      },
    );
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [attempt, loader, round]);
  return told;
}

/** Where a picture may begin; `attempt` counts how often the credential was given, and `onBegin` is called when it begins. */
export function Start({ attempt, graph, loader, onBegin, state }) {
  const { lists, refusal } = useLists(loader, attempt);
  const [depth, setDepth] = useState(USUAL_DEPTH);
  const { busy, failure, isInVain, notice } = state;
  if (busy) return <p className="graph-start graph-waiting">Loading</p>;
  const isLocked = refusal?.code === "UNAUTHENTICATED";
  const reason = isLocked ? LOCKED : failure || refusal?.message || (isInVain && notice);
  const isEmpty = lists && LISTS.every(([name]) => !lists[name].totalCount);
  return (
    <div className="graph-start" tabIndex={-1}>
      <h2>{isLocked ? "A credential is needed" : "Where shall the picture begin?"}</h2>
      {!isLocked && (
        <p className="chitty-hint">
          Choose an object, here or with the search: the picture shows what it is related to. Then expand what you see, and look
          for paths between any two objects.
        </p>
      )}
      {reason && (
        <p className="chitty-reason" role="alert">
          {reason}
        </p>
      )}
      {!lists && !refusal && <p role="status">Loading</p>}
      {isEmpty && <p>{NOTHING}</p>}
      {lists && !isEmpty && (
        <>
          <div className="graph-choices">
            <Failing graph={graph} lists={lists} onBegin={onBegin} />
            <Depth depth={depth} onChange={setDepth} />
          </div>
          <div className="graph-lists">
            {LISTS.map(([name, kind, which]) => (
              <Beginnings
                key={name}
                kind={kind}
                list={lists[name]}
                onChoose={(node) => (graph.show(node, depth), onBegin())}
                which={which}
              />
            ))}
          </div>
        </>
      )}
    </div>
  );
}

const Depth = ({ depth, onChange }) => (
  <label className="graph-depth">
    Show what lies within
    <select onChange={({ target }) => onChange(Number(target.value))} value={depth}>
      {Array.from({ length: DEEPEST }, (_, index) => (
        <option key={index} value={index + 1}>
          {counted(index + 1, "step")}
        </option>
      ))}
    </select>
  </label>
);

/** Objects of a kind, and how many others there are. */
function Beginnings({ kind, list: { nodes, totalCount }, onChoose, which }) {
  const shown = nodes.slice(0, MOST_LISTED);
  const count = shown.length < totalCount ? `${number.format(totalCount)}, ${which}` : number.format(totalCount);
  return (
    <section>
      <h3>
        {WORDS[kind].many} <small>{count}</small>
      </h3>
      <ul>
        {shown.map((node) => (
          <li key={node.id}>
            <button className="graph-row" onClick={() => onChoose(node)} title={described(node)} type="button">
              <Swatch node={node} />
              <span className="graph-title">{node.title}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
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
