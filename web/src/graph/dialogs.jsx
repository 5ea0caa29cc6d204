import { ShortcutList } from "../shortcut-list.jsx";
import { ThemeChoice } from "../theme-choice.jsx";
import { Titled } from "../titled.jsx";

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

/** The dialogs that the bar opens: `open` is that which is shown, or null. */
export function Dialogs({ choose, onClose, open, theme }) {
  return (
    <>
      <Titled
        description="They work where the focus is on the picture; in the list, so do arrow keys and Enter."
        isOpen={open === "keys"}
        onClose={onClose}
        title="Keyboard shortcuts"
      >
        <ShortcutList keys={KEYS} />
      </Titled>
      <Titled
        description="They are kept in this browser only."
        isOpen={open === "settings"}
        onClose={onClose}
        title="Settings"
      >
        <ThemeChoice onChange={choose} theme={theme} />
      </Titled>
    </>
  );
}
