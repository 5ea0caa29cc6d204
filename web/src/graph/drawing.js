/** The picture, drawn by Cytoscape on a canvas, with labels on another above it. */

import cytoscape from "cytoscape";
import { labelsOf, roomFor } from "./labels.js";
import { isFailing } from "./kinds.js";
import { coloursOf, FONT, lookOf } from "./shapes.js";

const ZOOMS = { minZoom: 0.04, maxZoom: 3 };
const FIT = 64; // pixels around what is fitted
const LARGEST_FIT = 1.4; // zoom
const EDGE = 24; // pixels of a node that is seen whole
const STEP = 60; // pixels that a key moves the picture

const styleOf = (colours) => [
  {
    selector: "node",
    style: {
      shape: "data(shape)",
      width: "data(size)",
      height: "data(size)",
      "background-color": (node) => colours[node.data("colour")],
      "border-color": (node) => colours[node.data("colour")],
      "border-width": 2,
      "overlay-opacity": 0,
    },
  },
  { selector: "node.hollow", style: { "background-color": colours.ground } },
  { selector: "node.dashed", style: { "border-style": "dashed" } },
  { selector: "node.suspended", style: { "border-color": colours.suspended, "border-style": "double", "border-width": 6 } },
  { selector: "node.affected", style: { "border-color": colours.failing, "border-width": 3.5 } },
  { selector: "node.faint", style: { opacity: 0.22 } },
  {
    selector: "node.selected",
    style: { "outline-color": colours.path, "outline-width": 3, "outline-offset": 3 },
  },
  {
    selector: "edge",
    style: {
      "curve-style": "haystack",
      "haystack-radius": 0,
      "line-color": colours.relation,
      "overlay-opacity": 0,
      width: 1.3,
    },
  },
  { selector: "edge.failing", style: { "line-color": colours.failing, width: 2 } },
  { selector: "edge.dashed", style: { "line-style": "dashed" } },
  {
    selector: "edge.near, edge.path",
    style: {
      "curve-style": "straight",
      "line-color": colours.path,
      "target-arrow-color": colours.path,
      "target-arrow-shape": "triangle",
      width: 2,
      "z-index": 5,
    },
  },
  { selector: "edge.path", style: { width: 4, "z-index": 9 } },
  { selector: "edge.faint", style: { opacity: 0.22 } },
  { selector: ".hidden", style: { display: "none" } },
];

/** `onSelect` gets the id of a node or null, `onExpand` that of a node, `onMove` also its place, `onView` is called when the picture has moved. */
export function createDrawing(container, { onSelect, onExpand, onMove, onView }) {
  let colours = coloursOf(container);
  const cy = cytoscape({
    container,
    style: styleOf(colours),
    ...ZOOMS,
    boxSelectionEnabled: false,
    autounselectify: true,
    hideEdgesOnViewport: false,
  });
  const overlay = container.appendChild(document.createElement("canvas"));
  overlay.className = "graph-labels";
  const context = overlay.getContext("2d");
  let labels = [];
  let state = null;
  let pointed = null; // the id of the node under the mouse
  let dragged = null; // the node that is being moved, and where it is

  function drawLabels() {
    const ratio = window.devicePixelRatio;
    const [width, height] = [cy.width(), cy.height()];
    if (overlay.width !== Math.round(width * ratio) || overlay.height !== Math.round(height * ratio)) {
      Object.assign(overlay, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    Object.assign(context, { font: FONT, textAlign: "center", textBaseline: "top", lineWidth: 3, lineJoin: "round" });
    Object.assign(context, { strokeStyle: colours.ground, fillStyle: colours.label });
    const zoom = cy.zoom();
    const pan = cy.pan();
    const placeOf = (id) => {
      const place = id === dragged?.id ? dragged : state.places.get(id);
      if (!place) return null;
      const at = { x: place.x * zoom + pan.x, y: place.y * zoom + pan.y };
      return at.x > -80 && at.x < width + 80 && at.y > -30 && at.y < height ? at : null;
    };
    for (const { text, x, y } of roomFor(labels, zoom, placeOf, width)) {
      context.strokeText(text, x, y + 1);
      context.fillText(text, x, y + 1);
    }
  }

  function relabel() {
    const { nodes, shown, places } = state;
    const drawn = [...shown].filter((id) => places.has(id)).map((id) => nodes.get(id));
    labels = labelsOf({ ...state, nodes: drawn, pointed });
  }

  cy.on("render", () => state && drawLabels());
  cy.on("tap", (event) => onSelect(event.target === cy ? null : event.target.isNode() ? event.target.id() : null));
  cy.on("dbltap", "node", (event) => onExpand(event.target.id()));
  cy.on("drag", "node", ({ target }) => (dragged = { id: target.id(), ...target.position() }));
  cy.on("dragfree", "node", ({ target }) => {
    dragged = null;
    onMove(target.id(), { ...target.position() });
  });
  cy.on("viewport", () => onView());
  cy.on("mouseover mouseout", "node", ({ target, type }) => {
    pointed = type === "mouseover" ? target.id() : null;
    container.classList.toggle("graph-over", pointed !== null);
    relabel();
    drawLabels();
  });

  /** Bring the elements to what a snapshot of the state holds. */
  function sync(next) {
    const before = state;
    state = next;
    cy.batch(() => {
      syncElements(cy, next, before);
      syncClasses(cy, next);
    });
    relabel();
    cy.forceRender();
  }

  const fit = () => {
    const visible = cy.nodes(":visible");
    if (!visible.length) return;
    cy.fit(visible, FIT);
    if (cy.zoom() > LARGEST_FIT) {
      cy.zoom(LARGEST_FIT);
      cy.center(visible);
    }
  };

  return {
    sync,
    fit,
    /** Fit if something of these nodes is outside of what is seen. */
    reveal(ids) {
      const { x1, x2, y1, y2 } = cy.extent();
      const margin = EDGE / cy.zoom();
      const isSeen = ({ x, y }) => x > x1 + margin && x < x2 - margin && y > y1 + margin && y < y2 - margin;
      if (ids.some((id) => state.places.has(id) && !isSeen(state.places.get(id)))) fit();
    },
    zoom: (factor) => cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } }),
    pan: (x, y) => cy.panBy({ x: -x * STEP, y: -y * STEP }),
    recolour() {
      colours = coloursOf(container);
      cy.style(styleOf(colours));
    },
    resize: () => cy.resize(),
    /** What of the picture is in the middle, and the zoom: as `at` of links has them. */
    at() {
      const { x1, x2, y1, y2 } = cy.extent();
      return [(x1 + x2) / 2, (y1 + y2) / 2].map((value) => String(Math.round(value))).concat(cy.zoom().toFixed(3));
    },
    goTo([x, y, zoom]) {
      cy.viewport({ zoom: Number(zoom), pan: { x: cy.width() / 2 - x * zoom, y: cy.height() / 2 - y * zoom } });
    },
    destroy: () => cy.destroy(),
  };
}

function syncElements(cy, { nodes, edges, relations, places }, before) {
  const isDrawn = (id) => nodes.has(id) && places.has(id);
  const gone = cy.elements().filter((element) => {
    if (element.isNode()) return !isDrawn(element.id());
    const edge = edges.get(element.id());
    return !edge || !isDrawn(edge.from) || !isDrawn(edge.to);
  });
  gone.remove();
  const added = [];
  for (const node of nodes.values()) {
    const place = places.get(node.id);
    if (!place) continue;
    const { shape, size, colour } = lookOf(node, relations.get(node.id).length);
    const element = cy.getElementById(node.id);
    if (element.empty()) {
      added.push({ data: { id: node.id, shape, size, colour }, position: { ...place } });
    } else {
      const data = element.data();
      if (data.shape !== shape || data.size !== size || data.colour !== colour) element.data({ shape, size, colour });
      if (before?.places.get(node.id) !== place) element.position({ ...place });
    }
  }
  for (const { id, from, to } of edges.values()) {
    if (isDrawn(from) && isDrawn(to) && cy.getElementById(id).empty()) added.push({ data: { id, source: from, target: to } });
  }
  cy.add(added);
}

function syncClasses(cy, { nodes, edges, shown, affected, selected, path, relations }) {
  const near = new Set((relations.get(selected) ?? []).map(({ edge }) => edge));
  const pathEdges = new Set(path?.edges.map(({ id }) => id));
  const pathNodes = new Set(path?.ids);
  cy.nodes().forEach((element) => {
    const node = nodes.get(element.id());
    const { isHollow, isDashed, isSuspended } = lookOf(node, 0);
    setClasses(element, {
      hollow: isHollow,
      dashed: isDashed,
      suspended: isSuspended,
      affected: affected.has(node.id),
      selected: node.id === selected,
      faint: path !== null && !pathNodes.has(node.id),
      hidden: !shown.has(node.id),
    });
  });
  cy.edges().forEach((element) => {
    const { id, from, to } = edges.get(element.id());
    setClasses(element, {
      failing: isFailing(nodes.get(from)) || isFailing(nodes.get(to)),
      dashed: lookOf(nodes.get(from), 0).isDashed || lookOf(nodes.get(to), 0).isDashed,
      near: near.has(id) && !path,
      path: pathEdges.has(id),
      faint: path !== null && !pathEdges.has(id),
      hidden: !shown.has(from) || !shown.has(to),
    });
  });
}

function setClasses(element, classes) {
  const wanted = Object.keys(classes).filter((name) => classes[name]).join(" ");
  if (element.scratch("classes") === wanted) return;
  element.scratch("classes", wanted);
  element.classes(wanted);
}
