/** How the picture follows changes that others make. */

import { createTelling, eventOf } from "./events.js";
import { listen } from "./live.js";
import { MOST_HELD } from "./picture.js";

const GONE = ["DELETED", "DISCONNECTED"];

/** Keeps the nodes of a store as the server tells them. */
export class Following {
  #store;
  #client;
  #loader;
  #tell;
  #stop = null;

  constructor({ client, loader, store }) {
    this.#client = client;
    this.#loader = loader;
    this.#store = store;
    this.#tell = createTelling((notice) => store.set({ notice }));
  }

  /** Begin to listen, unless it does or the server has refused to tell changes. */
  start() {
    if (this.#stop || this.#store.snapshot().live !== "Off") return;
    const stop = listen(this.#client, {
      onRefusal: (reason) => this.#store.set({ live: "Refused", notice: `Changes are not shown as they come: ${reason}` }),
      onChanges: (changes) => this.#take(changes),
      onGap: () => this.#refresh(),
    });
    this.#stop = () => {
      stop();
      this.#stop = null;
      this.#store.set({ live: "Off" });
    };
  }

  stop() {
    this.#tell.stop();
    this.#stop?.();
  }

  /** Told by the client how the subscription goes: once the server is back, what it did not answer is asked again. */
  heard(live) {
    if (!this.#stop) return;
    const isBack = live === "Listening" && this.#store.snapshot().live === "Reconnecting";
    this.#store.set({ live });
    if (isBack) this.#store.retryCutOff();
  }

  /** What changed is shown if it is in the picture, or beside what was expanded. */
  #take(changes) {
    const state = this.#store.snapshot();
    const nodes = new Map(state.nodes);
    const events = [];
    for (const { id, node } of changes) {
      const before = nodes.get(id);
      if (before && node) nodes.set(id, node);
      else if (before) nodes.delete(id);
      else if (node && belongs(node, nodes, state) && nodes.size < MOST_HELD) nodes.set(id, node);
      if (before || nodes.has(id)) events.push(eventOf(before, node));
    }
    this.#store.set({ nodes, selected: nodes.has(state.selected) ? state.selected : null });
    this.#tell(events);
    this.#store.layOut();
  }

  /** Read again what is held, since changes were missed. */
  #refresh() {
    return this.#store.attempt(async (isWanted) => {
      const found = await this.#loader.nodes([...this.#store.snapshot().nodes.keys()]);
      if (isWanted()) this.#store.set({ nodes: new Map(found.map((node) => [node.id, node])) });
    });
  }
}

function belongs(node, nodes, { around, without }) {
  if (without.has(node.id) || GONE.includes(node.status)) return false;
  const ends = node.relations.flatMap(({ from, to }) => [from, to]);
  return [...around.keys()].some((id) => ends.includes(id) || nodes.get(id)?.title === node.service);
}
