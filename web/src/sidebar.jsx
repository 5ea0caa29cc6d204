import { KeyboardShortcutIcon, pick, ReloadIcon, SettingsIcon, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useState } from "react";
import { IconButton } from "./buttons.jsx";
import { Settings, Shortcuts } from "./dialogs.jsx";

/** The buttons that open panels and dialogs. */
export function Sidebar({ storage }) {
  const { introspect, setVisiblePlugin } = useGraphiQLActions();
  const { isIntrospecting, plugins, visiblePlugin } = useGraphiQL(pick("isIntrospecting", "plugins", "visiblePlugin"));
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  return (
    <nav aria-label="Panels" className="chitty-sidebar">
      {plugins.map((plugin) => {
        const isVisible = plugin === visiblePlugin;
        return (
          <IconButton
            aria-pressed={isVisible}
            className={isVisible ? "active" : ""}
            key={plugin.title}
            label={`${isVisible ? "Hide" : "Show"} ${plugin.title}`}
            onClick={() => setVisiblePlugin(isVisible ? null : plugin)}
          >
            <plugin.icon aria-hidden="true" />
          </IconButton>
        );
      })}
      <span className="chitty-spacer" />
      <IconButton disabled={isIntrospecting} label="Read the schema again (Ctrl-Shift-R)" onClick={introspect}>
        <ReloadIcon aria-hidden="true" className={isIntrospecting ? "graphiql-spin" : ""} />
      </IconButton>
      <IconButton label="Keyboard shortcuts" onClick={() => setDialog("shortcuts")}>
        <KeyboardShortcutIcon aria-hidden="true" />
      </IconButton>
      <IconButton label="Settings" onClick={() => setDialog("settings")}>
        <SettingsIcon aria-hidden="true" />
      </IconButton>
      <Shortcuts isOpen={dialog === "shortcuts"} onClose={close} />
      <Settings isOpen={dialog === "settings"} onClose={close} storage={storage} />
    </nav>
  );
}
