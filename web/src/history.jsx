import { useHistory, useHistoryActions } from "@graphiql/plugin-history";
import { HistoryIcon, StarFilledIcon, StarIcon, TrashIcon } from "@graphiql/react";
import { IconButton, TextButton } from "./buttons.jsx";
import { useOpening } from "./opening.js";

export const HISTORY = { title: "History", icon: () => <HistoryIcon />, content: History };

const LONGEST = 60; // characters of what stands for an operation without a name

/** The operations that were run, favourites first, then the latest. */
function History() {
  const items = useHistory();
  const { deleteFromHistory, toggleFavorite } = useHistoryActions();
  const open = useOpening(items.map(({ query }) => query));
  const sorted = [...items.filter(({ favorite }) => favorite), ...items.filter(({ favorite }) => !favorite).reverse()];
  const others = items.filter(({ favorite }) => !favorite);
  return (
    <section aria-label="History" className="chitty-history">
      <div className="chitty-history-header">
        <h2>History</h2>
        {others.length > 0 && (
          <TextButton onClick={() => others.forEach((item) => deleteFromHistory(item))}>Clear</TextButton>
        )}
      </div>
      {!items.length && <p className="chitty-hint">Operations that you run are listed here, in this browser only.</p>}
      <ul>
        {sorted.map((item) => {
          const name = nameOf(item);
          return (
            <li key={`${item.favorite} ${item.query} ${item.variables} ${item.operationName}`}>
              <button className="chitty-history-name" onClick={() => open(item)} title={item.query} type="button">
                {name}
                {item.variables && <small>{item.variables.replace(/\s+/g, " ")}</small>}
              </button>
              <IconButton
                aria-pressed={Boolean(item.favorite)}
                label={`Favourite: ${name}`}
                onClick={() => toggleFavorite(item)}
              >
                {item.favorite ? <StarFilledIcon aria-hidden="true" /> : <StarIcon aria-hidden="true" />}
              </IconButton>
              <IconButton label={`Remove ${name}`} onClick={() => deleteFromHistory(item)}>
                <TrashIcon aria-hidden="true" />
              </IconButton>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const nameOf = ({ label, operationName, query }) =>
  label || operationName || query.replace(/#.*/g, "").replace(/\s+/g, " ").trim().slice(0, LONGEST);
