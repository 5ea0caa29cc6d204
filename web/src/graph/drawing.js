/** The picture, drawn by Cytoscape on a canvas, with labels on another above it. */

import cytoscape from "cytoscape";
import { isFailing } from "./kinds.js";
import { LabelCanvas } from "./label-canvas.js";
import { labelsOf } from "./labels.js";
import { coloursOf, lookOf } from "./shapes.js";

const ZOOMS = { minZoom: 0.04, maxZoom: 3 };
const FIT = 64; // pixels around what is fitted
const MOST_FIT = 0.12; // of a side of the picture, where 64 pixels would be most of it
const LARGEST_FIT = 1.4; // zoom
const OUTSIDE = 80; // pixels beyond the edge where nodes are whose labels may be seen
const EDGE = 24; // pixels of a node that is seen whole
const MOST_ARROWS = 20; // around one node: more would lie on each other
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
      "z-index": 5,
    },
  },
  { selector: "edge.arrow", style: { "target-arrow-shape": "triangle", width: 2 } },
  { selector: "edge.near.failing", style: { "line-color": colours.failing, "target-arrow-color": colours.failing } },
  { selector: "edge.path", style: { width: 4, "z-index": 9 } },
  { selector: "edge.faint", style: { opacity: 0.22 } },
  { selector: ".hidden", style: { display: "none" } },
];

/**
 * The picture in a container. `onSelect` gets the id of a node or null, `onExpand` that of a node, `onMove` also its new place,
 * and `onView` is called when another part of the picture is seen.
 */
export class Drawing {
  #container;
  #cy;
  #colours;
  #labels;
  #state = null;
  #pointed = null; // the id of the node under the mouse
  #dragged = null; // the node that is being moved, and where it is

  constructor(container, handlers) {
    this.#container = container;
    this.#colours = coloursOf(container);
    this.#cy = cytoscape({ container, style: styleOf(this.#colours), ...ZOOMS, boxSelectionEnabled: false, autounselectify: true });
    this.#labels = new LabelCanvas(container);
    this.#listen(handlers);
  }

  #listen({ onSelect, onExpand, onMove, onView }) {
    const cy = this.#cy;
    cy.on("render", () => this.#drawLabels());
    cy.on("tap", ({ target }) => onSelect(target !== cy && target.isNode() ? target.id() : null));
    cy.on("dbltap", "node", ({ target }) => onExpand(target.id()));
    cy.on("drag", "node", ({ target }) => (this.#dragged = { id: target.id(), ...target.position() }));
    cy.on("dragfree", "node", ({ target }) => {
      this.#dragged = null;
      onMove(target.id(), { ...target.position() });
    });
    cy.on("viewport", onView);
    cy.on("mouseover mouseout", "node", ({ target, type }) => {
      this.#pointed = type === "mouseover" ? target.id() : null;
      this.#container.classList.toggle("graph-over", this.#pointed !== null);
      this.#relabel();
      this.#drawLabels();
    });
  }

  /** Bring the elements to what a snapshot of the state holds. */
  sync(state) {
    const before = this.#state;
    this.#state = state;
    this.#cy.batch(() => {
      syncElements(this.#cy, state, before);
      syncClasses(this.#cy, state);
    });
    this.#relabel();
    this.#cy.forceRender();
  }

  #relabel() {
    const { nodes, shown, places } = this.#state;
    const drawn = [...shown].filter((id) => places.has(id)).map((id) => nodes.get(id));
    this.#labels.of(labelsOf({ ...this.#state, nodes: drawn, pointed: this.#pointed }));
  }

  #drawLabels() {
    if (!this.#state) return;
    const [cy, dragged, { places }] = [this.#cy, this.#dragged, this.#state];
    const [zoom, pan, width, height] = [cy.zoom(), cy.pan(), cy.width(), cy.height()];
    const placeOf = (id) => {
      const place = id === dragged?.id ? dragged : places.get(id);
      if (!place) return null;
      const at = { x: place.x * zoom + pan.x, y: place.y * zoom + pan.y };
      return at.x > -OUTSIDE && at.x < width + OUTSIDE && at.y > -OUTSIDE && at.y < height + OUTSIDE ? at : null;
    };
    this.#labels.draw({ width, height, zoom, placeOf, colours: this.#colours });
  }

  /** Show everything, as large as it fits. */
  fit() {
    const visible = this.#cy.nodes(":visible");
    if (!visible.length) return;
    this.#cy.fit(visible, Math.min(FIT, MOST_FIT * this.#cy.width(), MOST_FIT * this.#cy.height()));
    if (this.#cy.zoom() <= LARGEST_FIT) return;
    this.#cy.zoom(LARGEST_FIT);
    this.#cy.center(visible);
  }

  /** Show everything if one of these nodes is not seen whole. */
  reveal(ids) {
    const { x1, x2, y1, y2 } = this.#cy.extent();
    const margin = EDGE / this.#cy.zoom();
    const isSeen = ({ x, y }) => x > x1 + margin && x < x2 - margin && y > y1 + margin && y < y2 - margin;
    const { places } = this.#state;
    if (ids.some((id) => places.has(id) && !isSeen(places.get(id)))) this.fit();
  }

  zoom(factor) {
    const middle = { x: this.#cy.width() / 2, y: this.#cy.height() / 2 };
    this.#cy.zoom({ level: this.#cy.zoom() * factor, renderedPosition: middle });
  }

  pan(across, down) {
    this.#cy.panBy({ x: -across * STEP, y: -down * STEP });
  }

  /** Take the colours that the container has now. */
  recolour() {
    this.#colours = coloursOf(this.#container);
    this.#cy.style(styleOf(this.#colours));
  }

  focus() {
    this.#container.focus({ preventScroll: true });
  }

  resize() {
    this.#cy.resize();
  }

  /** What of the picture is in the middle, and the zoom: as `at` of links has them. */
  at() {
    const { x1, x2, y1, y2 } = this.#cy.extent();
    const middle = [(x1 + x2) / 2, (y1 + y2) / 2].map((value) => String(Math.round(value)));
    return [...middle, this.#cy.zoom().toFixed(3)];
  }

  goTo([x, y, zoom]) {
    const pan = { x: this.#cy.width() / 2 - x * zoom, y: this.#cy.height() / 2 - y * zoom };
    this.#cy.viewport({ zoom: Number(zoom), pan });
  }

  destroy() {
    this.#cy.destroy();
  }
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
      arrow: pathEdges.has(id) || (near.has(id) && !path && near.size <= MOST_ARROWS),
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
