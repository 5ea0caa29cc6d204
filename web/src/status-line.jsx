import { useIsAwaited } from "./results.jsx";

const number = new Intl.NumberFormat("en");
const UNITS = ["B", "kB", "MB"];

/** How the last request went; it is read out when it changes. */
export function StatusLine({ last }) {
  const isAwaited = useIsAwaited();
  return (
    <div className="chitty-status" role="status">
      {isAwaited && <span>Running</span>}
      {last?.received && <Received last={last} />}
      {last && !last.received && <Told last={last} />}
    </div>
  );
}

function Received({ last: { received, result } }) {
  return (
    <>
      <span className={received.state === "Reconnecting" ? "chitty-bad" : "chitty-good"}>{received.state}</span>
      <span>{counted(received.count, "event")}</span>
      {result.errors.length > 0 && <span className="chitty-bad">{counted(result.errors.length, "error")}</span>}
    </>
  );
}

function Told({ last }) {
  const { result, status, milliseconds, serverMilliseconds, bytes, cost, throttle, statements, execution } = last;
  const errors = result.errors?.length ?? 0;
  return (
    <>
      <span className={status === 200 && !errors ? "chitty-good" : "chitty-bad"} title="HTTP status">
        {status}
      </span>
      {errors > 0 && <span className="chitty-bad">{counted(errors, "error")}</span>}
      <span title={serverMilliseconds === null ? "" : `In the server: ${serverMilliseconds} ms`}>
        {number.format(Math.round(milliseconds))} ms
        {serverMilliseconds !== null && ` (server ${rounded(serverMilliseconds)})`}
      </span>
      <span title={`${number.format(bytes)} bytes`}>{sized(bytes)}</span>
      {cost && (
        <span title="Points that the operation may cost, of the limit; and objects that came back">
          cost {number.format(cost.requested)} of {number.format(cost.limit)}
        </span>
      )}
      {typeof throttle?.left === "number" && (
        <span title="Points left in this minute">{number.format(throttle.left)} left</span>
      )}
      {statements !== null && <span title="SQL statements that the server ran">{counted(statements, "statement")}</span>}
      {execution && <span title="Execution path: a compiled plan, or resolvers with dataloaders">{execution}</span>}
    </>
  );
}

const counted = (count, noun) => `${number.format(count)} ${noun}${count === 1 ? "" : "s"}`;
const rounded = (value) => (value < 10 ? value.toFixed(1) : String(Math.round(value)));

function sized(bytes) {
  const unit = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  return `${unit ? rounded(bytes / 1000 ** unit) : bytes} ${UNITS[unit]}`;
}
