import { isMacOs, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { TextButton } from "./buttons.jsx";
import { forgetEverything } from "./kept-tabs.js";
import { ShortcutList } from "./shortcut-list.jsx";
import { ThemeChoice } from "./theme-choice.jsx";
import { Titled } from "./titled.jsx";

const CONTROL = isMacOs ? "⌘" : "Ctrl";
const KEYS = [
  [`${CONTROL}-Enter`, "Run the operation"],
  ["Ctrl-Space", "Complete what is written"],
  [`${CONTROL}-click on a name`, "Open its documentation"],
  ["Ctrl-Shift-P", "Format the operation"],
  ["Ctrl-Shift-M", "Merge fragments into the operation"],
  ["Ctrl-Shift-C", "Copy the operation"],
  ["Ctrl-Shift-R", "Read the schema again"],
  [`${CONTROL}-F`, "Find in the editor"],
  [isMacOs ? "⌘-⌥-K" : "Ctrl-Alt-K", "Search the documentation"],
  ["Enter, Escape", "Go into an editor, and out of it"],
  ["← →, Delete", "Change tabs, and close one, where the focus is on a tab"],
  ["Ctrl-Shift-← →", "Move a tab"],
];

export function Shortcuts(props) {
  return (
    <Titled {...props} description="The editor has those of Visual Studio Code as well." title="Keyboard shortcuts">
      <ShortcutList keys={KEYS} />
    </Titled>
  );
}

export function Settings({ storage, ...props }) {
  const { setTheme } = useGraphiQLActions();
  const theme = useGraphiQL((state) => state.theme);
  return (
    <Titled {...props} description="They are kept in this browser only." title="Settings">
      <ThemeChoice onChange={setTheme} theme={theme} />
      {storage && (
        <fieldset>
          <legend>Stored tabs, history and settings</legend>
          <TextButton onClick={() => forgetEverything(storage)}>Remove all and start anew</TextButton>
        </fieldset>
      )}
    </Titled>
  );
}
