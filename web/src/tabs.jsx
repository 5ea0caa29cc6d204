import { pick, PlusIcon, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useRef, useState } from "react";
import { IconButton } from "./buttons.jsx";
import { useEnding } from "./opening.js";

export const UNTITLED = "<untitled>"; // GraphiQL's own

/**
 * The tabs as the ARIA pattern has them: arrows, Home and End move, Delete closes, and so does a click on the cross.
 *
 * A tab is dragged to another place, or moved there with Ctrl-Shift and the arrows.
 */
export function Tabs() {
  const { addTab, changeTab, closeTab, moveTab } = useGraphiQLActions();
  const { tabs, activeTabIndex } = useGraphiQL(pick("tabs", "activeTabIndex"));
  const end = useEnding();
  const [dragged, setDragged] = useState(null);
  const list = useRef(null);

  function move(from, to) {
    const order = tabs.toSpliced(from, 1);
    moveTab(order.toSpliced(to, 0, tabs[from]));
  }

  function add() {
    end();
    addTab();
  }

  function focus(index) {
    requestAnimationFrame(() => list.current?.children[index]?.focus());
  }

  function press(event) {
    const target = {
      ArrowLeft: (activeTabIndex + tabs.length - 1) % tabs.length,
      ArrowRight: (activeTabIndex + 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    }[event.key];
    if (event.key === "Delete" && tabs.length > 1) {
      closeTab(activeTabIndex);
      focus(Math.max(activeTabIndex - 1, 0));
    } else if (target !== undefined) {
      if (event.ctrlKey && event.shiftKey) move(activeTabIndex, target);
      else changeTab(target);
      focus(target);
    } else return;
    event.preventDefault();
  }

  return (
    <div className="chitty-tabs">
      <div aria-label="Operations" className="chitty-tab-list" onKeyDown={press} ref={list} role="tablist">
        {tabs.map(({ id, title }, index) => (
          <button
            aria-controls="chitty-editors"
            aria-selected={index === activeTabIndex}
            className="chitty-tab"
            draggable
            key={id}
            onClick={() => changeTab(index)}
            onDragOver={(event) => dragged !== null && event.preventDefault()}
            onDragStart={() => setDragged(index)}
            onDrop={() => dragged !== null && dragged !== index && move(dragged, index)}
            role="tab"
            tabIndex={index === activeTabIndex ? 0 : -1}
            type="button"
          >
            <span className="chitty-tab-title">{title === UNTITLED ? "Untitled" : title}</span>
            {tabs.length > 1 && (
              <span
                aria-hidden="true"
                className="chitty-tab-close"
                onClick={(event) => {
                  event.stopPropagation();
                  closeTab(index);
                }}
                title="Close (Delete)"
              >
                ×
              </span>
            )}
          </button>
        ))}
      </div>
      <IconButton label="New tab" onClick={add}>
        <PlusIcon aria-hidden="true" />
      </IconButton>
    </div>
  );
}
