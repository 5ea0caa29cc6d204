/** A canvas above the picture with its labels, in the size of text whatever the zoom. */

import { roomFor } from "./label-room.js";
import { FONT } from "./shapes.js";

export class LabelCanvas {
  #canvas = Object.assign(document.createElement("canvas"), { className: "graph-labels" });
  #context = this.#canvas.getContext("2d");
  #labels = [];

  constructor(container) {
    container.append(this.#canvas);
  }

  /** Draw these labels from now on, as `labelsOf` gives them. */
  of(labels) {
    this.#labels = labels;
  }

  /** `width` and `height` are those of what is seen; `placeOf` is that of `roomFor`. */
  draw({ width, height, zoom, placeOf, colours }) {
    const context = this.#context;
    const ratio = window.devicePixelRatio;
    const size = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
    if (this.#canvas.width !== size.width || this.#canvas.height !== size.height) Object.assign(this.#canvas, size);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    Object.assign(context, { font: FONT, textAlign: "center", textBaseline: "top", lineWidth: 3, lineJoin: "round" });
    Object.assign(context, { strokeStyle: colours.ground, fillStyle: colours.label });
    for (const { text, x, y } of roomFor(this.#labels, zoom, placeOf, { width, height })) {
      context.strokeText(text, x, y + 1); // so that lines below do not touch it
      context.fillText(text, x, y + 1);
    }
  }
}
