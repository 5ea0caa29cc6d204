import { useState } from "react";
import { tableOf } from "./lists.js";
import { TextButton } from "./buttons.jsx";

const LONG = 40; // characters; longer texts are wrapped
const MOST_ROWS = 200; // drawn at once; more on demand

/** The lists of a response, each as a table. */
export function Tables({ lists }) {
  return (
    <div aria-label="Response as tables" className="chitty-tables" role="group" tabIndex={0}>
      {lists.map(({ name, rows }) => (
        <Table key={name} name={name} rows={rows} />
      ))}
    </div>
  );
}

function Table({ name, rows }) {
  const [isWhole, setIsWhole] = useState(false);
  const shown = isWhole ? rows : rows.slice(0, MOST_ROWS);
  const { columns, cells } = tableOf(shown);
  return (
    <>
      <table className="chitty-table">
        <caption>
          {name} <small>{rows.length === 1 ? "1 row" : `${rows.length} rows`}</small>
        </caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <Cell key={column} name={`${name}.${column}`} value={row[column]} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && (
        <TextButton onClick={() => setIsWhole(true)}>Show all {rows.length} rows</TextButton>
      )}
    </>
  );
}

const Text = ({ children }) => <td className={children.length > LONG ? "chitty-long" : ""}>{children}</td>;

function Cell({ name, value }) {
  if (value === undefined) return <td />;
  if (value === null) return <td className="chitty-null">null</td>;
  if (typeof value === "number") return <td className="chitty-number">{value}</td>;
  if (!Array.isArray(value)) return <Text>{typeof value === "string" ? value : JSON.stringify(value)}</Text>;
  if (!value.length) return <td className="chitty-null">none</td>;
  if (value.every((item) => item === null || typeof item !== "object")) return <Text>{value.join(", ")}</Text>;
  return (
    <td>
      <details>
        <summary>{value.length}</summary>
        <Table name={name} rows={value} />
      </details>
    </td>
  );
}
