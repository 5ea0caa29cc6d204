import { isFailing, WORDS } from "./kinds.js";
import { KINDS, STATUSES } from "./links.js";
import { Swatch } from "./swatch.jsx";

const SAMPLE = { ACTIVE: "ACTOR", INACTIVE: "CONTEXT", SUSPENDED: "ACTOR", FAILED: "CONNECTION", DISCONNECTED: "CONNECTION", DELETED: "CONTEXT" };
const capital = (word) => word[0] + word.slice(1).toLowerCase();

/** Which kinds and statuses are shown, which is also the legend. */
export function Filters({ graph, state }) {
  const { nodes, filters } = state;
  if (!nodes.size) return null;
  const all = [...nodes.values()];
  const count = (isOne) => all.filter(isOne).length;
  const statuses = STATUSES.filter((status) => filters.statuses?.includes(status) || all.some((node) => node.status === status));

  function toggle(name, values, value) {
    const shown = filters[name] ?? values;
    const next = shown.includes(value) ? shown.filter((each) => each !== value) : [...shown, value];
    graph.filter({ [name]: next.length ? next : null });
  }

  return (
    <section aria-label="Filters" className="graph-filters">
      <fieldset>
        <legend>Kinds</legend>
        {Object.entries(WORDS).map(([kind, { many }]) => (
          <Chip
            count={count((node) => node.kind === kind)}
            isOn={filters.kinds?.includes(kind) ?? true}
            key={kind}
            name={many}
            node={{ kind }}
            onChange={() => toggle("kinds", KINDS, kind)}
          />
        ))}
      </fieldset>
      <fieldset>
        <legend>Statuses</legend>
        {statuses.map((status) => (
          <Chip
            count={count((node) => node.status === status)}
            isOn={filters.statuses?.includes(status) ?? true}
            key={status}
            name={capital(status)}
            node={{ kind: SAMPLE[status], status }}
            onChange={() => toggle("statuses", STATUSES, status)}
          />
        ))}
      </fieldset>
      <label className="graph-chip graph-only">
        <input
          checked={filters.isFailingOnly}
          onChange={({ target }) => graph.filter({ isFailingOnly: target.checked })}
          type="checkbox"
        />
        <Swatch isAffected node={{ kind: "CONTEXT" }} />
        Failing only, and what hangs on it <small>{count(isFailing)}</small>
      </label>
    </section>
  );
}

const Chip = ({ count, isOn, name, node, onChange }) => (
  <label className="graph-chip">
    <input checked={isOn} onChange={onChange} type="checkbox" />
    <Swatch node={node} />
    {name} <small>{count}</small>
  </label>
);
