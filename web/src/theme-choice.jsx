import { TextButton } from "./buttons.jsx";

const THEMES = [
  [null, "System"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/** The choice of a theme; null is that of the system. */
export function ThemeChoice({ theme, onChange }) {
  return (
    <fieldset>
      <legend>Theme</legend>
      <div className="chitty-choice">
        {THEMES.map(([value, name]) => (
          <TextButton aria-pressed={theme === value} key={name} onClick={() => onChange(value)}>
            {name}
          </TextButton>
        ))}
      </div>
    </fieldset>
  );
}
