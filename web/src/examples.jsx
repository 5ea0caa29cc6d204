import { BookIcon } from "./icons.jsx";
import { useOpening } from "./opening.js";

const FILES = import.meta.glob("../examples/*.graphql", { eager: true, import: "default", query: "?raw" });

// The first comment line of a file is the title, the others are the description; the operation is named.
const ALL = Object.values(FILES).map((query) => {
  const comments = query.match(/^(# .*\n)+/)[0];
  const [title, ...description] = comments.trim().split("\n").map((line) => line.slice(2));
  const [, operationName] = query.match(/^(?:query|mutation|subscription) (\w+)/m);
  return { operationName, query, title, description: description.join(" ") };
});

const TEXTS = ALL.map(({ query }) => query);
export const WELCOME = ALL[0].query;

export const EXAMPLES = {
  title: "Examples",
  icon: () => <BookIcon />,
  content: Examples,
};

function Examples() {
  const open = useOpening(TEXTS);
  return (
    <section aria-label="Examples" className="chitty-examples">
      <h2>Examples</h2>
      <p>Open an example, run it with Ctrl-Enter, and change it.</p>
      <ol>
        {ALL.map((example) => (
          <li key={example.title}>
            <button onClick={() => open(example)} type="button">
              <strong>{example.title}</strong>
              <span>{example.description}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
