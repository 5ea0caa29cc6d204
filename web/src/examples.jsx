import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { isNarrow } from "./narrow.js";

const FILES = import.meta.glob("../examples/*.graphql", { eager: true, import: "default", query: "?raw" });

// The first comment line of a file is its title, the others say what it shows; its operation has a name.
const ALL = Object.values(FILES).map((query) => {
  const comments = query.match(/^(# .*\n)+/)[0];
  const [title, ...story] = comments.trim().split("\n").map((line) => line.slice(2));
  const [, operation] = query.match(/^(?:query|mutation) (\w+)/m);
  return { operation, query, title, story: story.join(" ") };
});

export const WELCOME = ALL[0].query;

export const EXAMPLES = {
  title: "Examples",
  icon: () => (
    <svg fill="none" height="1em" stroke="currentColor" strokeWidth="1.5" viewBox="0 0 14 14">
      <path d="M7 3.2C5.6 2.2 3.6 1.9 1 2v9.4c2.6-.1 4.6.2 6 1.2 1.4-1 3.4-1.3 6-1.2V2c-2.6-.1-4.6.2-6 1.2Zm0 0v9.2" />
    </svg>
  ),
  content: Examples,
};

function Examples() {
  const { addTab, setOperationName, setVisiblePlugin } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);

  function open({ operation, query }) {
    // What somebody wrote stays in a tab of its own; an untouched example gives way to the next.
    const shown = queryEditor.getValue();
    if (shown.trim() && !ALL.some((example) => example.query === shown)) addTab();
    queryEditor.setValue(query);
    setOperationName(operation); // else the one before would be asked for until the text is parsed
    queryEditor.setScrollPosition({ scrollLeft: 0, scrollTop: 0 });
    queryEditor.focus();
    if (isNarrow()) setVisiblePlugin(null); // there the examples lie over the editor
  }

  return (
    <section aria-label="Examples" className="chitty-examples">
      <h2>Examples</h2>
      <p>What a registry can tell. Open one, run it with Ctrl-Enter, and change it.</p>
      <ol>
        {ALL.map((example) => (
          <li key={example.title}>
            <button onClick={() => open(example)} type="button">
              <strong>{example.title}</strong>
              <span>{example.story}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
