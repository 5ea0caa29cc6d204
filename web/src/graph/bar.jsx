import { KeyboardShortcutIcon, SettingsIcon } from "@graphiql/react";
import { useState } from "react";
import { IconButton, TextButton } from "../buttons.jsx";
import { save } from "../downloads.js";
import { DownloadIcon, LinkIcon } from "../icons.jsx";
import { useNotice } from "../notice.js";
import { copy } from "../sharing.js";
import { Dialogs } from "./dialogs.jsx";
import { pngOf, svgOf } from "./files.js";
import { ArrangeIcon, FitIcon, MinusIcon, NewIcon, PlusIcon } from "./icons.jsx";
import { coloursOf } from "./shapes.js";

const LAYOUTS = { force: "Clusters", columns: "Columns", rings: "Rings" };

/** What is done with the picture as a whole. */
export function Bar({ choose, drawing, graph, state, theme }) {
  const [notice, tell] = useNotice();
  const [dialog, setDialog] = useState(null);
  return (
    <div aria-label="Picture" className="chitty-bar" role="toolbar">
      <View drawing={drawing} graph={graph} state={state} />
      <span className="chitty-notice" role="status">
        {notice}
      </span>
      <span className="chitty-spacer" />
      <Files drawing={drawing} graph={graph} state={state} tell={tell} />
      <IconButton disabled={!state.nodes.size} label="New picture" onClick={graph.clear}>
        <NewIcon />
      </IconButton>
      <IconButton className="graph-wide" label="Keyboard shortcuts" onClick={() => setDialog("keys")}>
        <KeyboardShortcutIcon aria-hidden="true" />
      </IconButton>
      <IconButton label="Settings" onClick={() => setDialog("settings")}>
        <SettingsIcon aria-hidden="true" />
      </IconButton>
      <Dialogs choose={choose} onClose={() => setDialog(null)} open={dialog} theme={theme} />
    </div>
  );
}

/** How the picture is laid out, and which part of it is seen. */
function View({ drawing, graph, state }) {
  const isEmpty = !state.nodes.size;
  return (
    <>
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
    </>
  );
}

/** What the picture is taken along as: files, and a link. */
function Files({ drawing, graph, state, tell }) {
  async function share() {
    const link = graph.link(drawing.current.at());
    try {
      if (!link) throw new Error("the picture has more parts than a link may have");
      await copy(link);
      tell("Link copied");
    } catch (error) {
      tell(`Not copied: ${error.message}`);
    }
  }

  async function download(type) {
    const svg = svgOf(state, coloursOf(document.querySelector(".graph-page")));
    try {
      const blob = type === "svg" ? new Blob([svg.text], { type: "image/svg+xml" }) : await pngOf(svg);
      save(blob, `chittygraph.${type}`);
    } catch (error) {
      tell(`Not saved: ${error.message}`);
    }
  }

  const isEmpty = !state.shown.size;
  return (
    <>
      <TextButton disabled={isEmpty} onClick={() => download("png")}>
        <DownloadIcon /> PNG
      </TextButton>
      <TextButton disabled={isEmpty} onClick={() => download("svg")}>
        <DownloadIcon /> SVG
      </TextButton>
      <IconButton disabled={isEmpty} label="Copy link" onClick={share}>
        <LinkIcon />
      </IconButton>
    </>
  );
}
