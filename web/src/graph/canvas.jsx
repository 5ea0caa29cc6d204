import { useEffect, useRef } from "react";
import { Drawing } from "./drawing.js";
import { towards } from "./directions.js";

const HINT =
  "Arrow keys go to the next object in a direction, Enter expands it, Delete removes it, plus and minus zoom, 0 shows everything, and Shift with arrow keys moves the picture. The list beside the picture has the same objects.";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The picture, for mouse, touch and keys. */
export function Canvas({ at, drawing, follow, graph, isDark, state }) {
  const container = useRef(null);
  const last = useRef({ count: 0, revision: -1, at: null });

  useEffect(() => {
    drawing.current = new Drawing(container.current, {
      onSelect: graph.select,
      onExpand: graph.expand,
      onMove: graph.move,
      onView: follow,
    });
    const observer = new ResizeObserver(() => drawing.current.resize());
    observer.observe(container.current);
    return () => {
      observer.disconnect();
      drawing.current.destroy();
      drawing.current = null;
    };
  }, [drawing, follow, graph]);

  useEffect(() => drawing.current.recolour(), [drawing, isDark]);

  useEffect(() => {
    const added = [...state.places.keys()].filter((id) => !last.current.places?.has(id));
    drawing.current.sync(state);
    const isNew = state.revision !== last.current.revision && state.places.size > 0;
    if (isNew) {
      if (at && last.current.at !== at) drawing.current.goTo(at);
      else drawing.current.fit();
      last.current.at = at;
      last.current.revision = state.revision;
    } else if (added.length && last.current.at !== at) {
      drawing.current.goTo(at);
    } else if (added.length) {
      drawing.current.reveal(added);
    }
    last.current.places = state.places;
  }, [at, drawing, state]);

  function press(event) {
    const { current } = drawing;
    const direction = ARROWS[event.key];
    const actions = {
      "+": () => current.zoom(1.25),
      "=": () => current.zoom(1.25),
      "-": () => current.zoom(0.8),
      0: () => current.fit(),
      Enter: () => state.selected && act(),
      Delete: () => state.selected && graph.remove(state.selected),
      Escape: () => (state.pathFrom ? graph.choosePathFrom(null) : graph.select(null)),
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (direction && event.shiftKey) current.pan(...direction);
    else if (direction) graph.select(towards(state, direction));
    else if (Object.hasOwn(actions, event.key)) actions[event.key]();
    else return;
    event.preventDefault();
  }

  function act() {
    if (state.pathFrom && state.pathFrom !== state.selected) graph.findPath(state.pathFrom, state.selected);
    else graph.expand(state.selected);
  }

  return (
    <div
      aria-describedby="graph-hint"
      aria-label="Picture of the graph"
      className="graph-canvas"
      onKeyDown={press}
      ref={container}
      role="application"
      tabIndex={0}
    >
      <p hidden id="graph-hint">
        {HINT}
      </p>
    </div>
  );
}
