import { KeyboardShortcutIcon, SettingsIcon } from "@graphiql/react";
import { useState } from "react";
import { IconButton, TextButton } from "../buttons.jsx";
import { save } from "../downloads.js";
import { DownloadIcon, LinkIcon } from "../icons.jsx";
import { useNotice } from "../notice.js";
import { copy } from "../sharing.js";
import { ThemeChoice } from "../theme-choice.jsx";
import { Titled } from "../titled.jsx";
import { pngOf, svgOf } from "./files.js";
import { ArrangeIcon, FitIcon, MinusIcon, NewIcon, PlusIcon } from "./icons.jsx";
import { coloursOf } from "./shapes.js";

const LAYOUTS = { force: "Clusters", columns: "Columns", rings: "Rings" };
const KEYS = [
  ["← → ↑ ↓", "Select the next object in a direction"],
  ["Enter", "Expand it or, while a path is looked for, end the path there"],
  ["Delete", "Remove it from the picture"],
  ["+ −", "Zoom"],
  ["0", "Show everything"],
  ["Shift with arrow keys", "Move the picture"],
  ["Escape", "Select nothing"],
  ["Double click", "Expand an object"],
];

/** What is done with the picture as a whole. */
export function Bar({ choose, drawing, graph, state, theme }) {
  const [notice, tell] = useNotice();
  const [dialog, setDialog] = useState(null);
  const isEmpty = !state.nodes.size;
  const close = () => setDialog(null);

  async function share() {
    const link = graph.link(drawing.current.at());
    try {
      if (!link) throw new Error("more was added one by one than fits into a link");
      await copy(link);
      tell("Link copied");
    } catch (error) {
      tell(`Not copied: ${error.message}`);
    }
  }

  async function download(type) {
    const svg = svgOf(state, coloursOf(document.querySelector(".graph-page")));
    const blob = type === "svg" ? new Blob([svg.text], { type: "image/svg+xml" }) : await pngOf(svg);
    save(blob, `chittygraph.${type}`);
  }

  return (
    <div aria-label="Picture" className="chitty-bar" role="toolbar">
      <select
        aria-label="Layout"
        className="chitty-select"
        onChange={({ target }) => graph.arrange(target.value)}
        value={state.layout}
      >
        {Object.entries(LAYOUTS).map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      <IconButton disabled={isEmpty} label="Lay out anew" onClick={() => graph.arrange()}>
        <ArrangeIcon />
      </IconButton>
      <IconButton className="graph-wide" disabled={isEmpty} label="Zoom in" onClick={() => drawing.current.zoom(1.25)}>
        <PlusIcon />
      </IconButton>
      <IconButton className="graph-wide" disabled={isEmpty} label="Zoom out" onClick={() => drawing.current.zoom(0.8)}>
        <MinusIcon />
      </IconButton>
      <IconButton disabled={isEmpty} label="Show everything" onClick={() => drawing.current.fit()}>
        <FitIcon />
      </IconButton>
      <span className="chitty-notice" role="status">
        {notice}
      </span>
      <span className="chitty-spacer" />
      <TextButton disabled={isEmpty} onClick={() => download("png")}>
        <DownloadIcon /> PNG
      </TextButton>
      <TextButton disabled={isEmpty} onClick={() => download("svg")}>
        <DownloadIcon /> SVG
      </TextButton>
      <IconButton disabled={isEmpty} label="Copy link" onClick={share}>
        <LinkIcon />
      </IconButton>
      <IconButton disabled={isEmpty} label="New picture" onClick={graph.clear}>
        <NewIcon />
      </IconButton>
      <IconButton className="graph-wide" label="Keyboard shortcuts" onClick={() => setDialog("keys")}>
        <KeyboardShortcutIcon aria-hidden="true" />
      </IconButton>
      <IconButton label="Settings" onClick={() => setDialog("settings")}>
        <SettingsIcon aria-hidden="true" />
      </IconButton>
      <Titled
        description="They work where the focus is on the picture; in the list, so do arrow keys and Enter."
        isOpen={dialog === "keys"}
        onClose={close}
        title="Keyboard shortcuts"
      >
        <dl className="chitty-keys">
          {KEYS.map(([keys, action]) => (
            <div key={keys}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{action}</dd>
            </div>
          ))}
        </dl>
      </Titled>
      <Titled
        description="They are kept in this browser only."
        isOpen={dialog === "settings"}
        onClose={close}
        title="Settings"
      >
        <ThemeChoice onChange={choose} theme={theme} />
      </Titled>
    </div>
  );
}
