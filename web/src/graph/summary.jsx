import { TextButton } from "../buttons.jsx";
import { counted, number } from "./counts.js";
import { isFailing } from "./kinds.js";

const LIVE = { Listening: "Live", Reconnecting: "Reconnecting", Connecting: "Connecting" };

/** What the picture holds and what happened last; both are read out when they change. */
export function Summary({ graph, state }) {
  const { busy, failure, live, more, nodes, edges, notice, pathFrom, shown } = state;
  const failing = [...nodes.values()].filter(isFailing).length;
  return (
    <div className="graph-summary">
      {failure && nodes.size > 0 && (
        <p className="graph-alert" role="alert">
          {failure} <TextButton onClick={graph.retry}>Try again</TextButton>
        </p>
      )}
      {pathFrom && (
        <p className="graph-choosing">
          A path from <strong>{nodes.get(pathFrom)?.title}</strong>: select the other end, then press Enter or <em>Path to here</em>
          <TextButton onClick={() => graph.choosePathFrom(null)}>Cancel</TextButton>
        </p>
      )}
      <div className="chitty-status" role="status">
        {busy > 0 && <span>Loading</span>}
        {nodes.size > 0 && (
          <span>
            {counted(nodes.size, "object")}
            {shown.size < nodes.size && `, ${number.format(shown.size)} shown`}
          </span>
        )}
        {nodes.size > 0 && <span>{counted(edges.size, "relation")}</span>}
        {failing > 0 && <span className="chitty-bad">{number.format(failing)} failing</span>}
        {LIVE[live] && <span className={live === "Listening" ? "chitty-good" : ""}>{LIVE[live]}</span>}
        {notice && <span>{notice}</span>}
        {more && nodes.has(more) && (
          <TextButton disabled={busy > 0} onClick={() => graph.expand(more)}>
            Show more
          </TextButton>
        )}
      </div>
    </div>
  );
}
