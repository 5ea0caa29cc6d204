/** What the picture holds and shows, and where it lies: the state of the page, and how it changes. */

import { counted, number } from "./counts.js";
import { KINDS, STATUSES } from "./links.js";
import { Refusal } from "./loading.js";
import { affectedBy, edgesOf, MOST_HELD, relationsOf, shownOf } from "./picture.js";

const FIRST_WAIT = 2000; // milliseconds until what found no server is asked again, twice as many after each time
const LONGEST_WAIT = 30_000;
const EVERYTHING = { kinds: null, statuses: null, isFailingOnly: false };
const NOTHING = {
  nodes: new Map(),
  places: new Map(),
  moved: new Map(),
  selected: null,
  path: null,
  pathFrom: null,
  around: new Map(),
  named: new Set(),
  without: new Set(),
  start: null,
  depth: 1,
  notice: "",
  more: null,
  failure: "",
  isFull: false,
  isInVain: false,
};

/**
 * A store for React: `subscribe` and `snapshot`, an object that is never changed.
 *
 * Of a snapshot: `nodes`, `edges`, `relations` and `places` by id, `moved` the places of those that were dragged, `shown` and
 * `affected` ids; `around` what was expanded, by id how many objects were asked for and whether there are more, and `more` the
 * last of them that has; `named` and `without` the ids that were added and removed one by one. What fails is told in `failure`,
 * and done again by `retry`. `isInVain`: of what a link names, nothing is shown. `begun` counts pictures, and `revision`
 * how often all of a picture got other places.
 */
export class Store {
  #place;
  #listeners = new Set();
  #state;
  #placing = Promise.resolve();
  #failed = null; // what is to be done again
  #isCutOff = false; // it failed without an answer of the API
  #wait = FIRST_WAIT;
  #timer = null;

  /** `place` gives places as layouts.js does. */
  constructor(place) {
    this.#place = place;
    this.#state = {
      ...derived({ ...NOTHING, filters: EVERYTHING }),
      layout: "force",
      busy: 0,
      live: "Off",
      begun: 0,
      revision: 0,
    };
  }

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = () => this.#state;

  set(changes) {
    const next = { ...this.#state, ...changes };
    const isSame = ["nodes", "filters"].every((name) => next[name] === this.#state[name]);
    this.#state = isSame ? next : derived(next);
    this.#listeners.forEach((listener) => listener());
  }

  /** Begin a new picture: what is still asked for the last one is dropped. */
  reset() {
    clearTimeout(this.#timer);
    this.set({ ...NOTHING, begun: this.#state.begun + 1, revision: this.#state.revision + 1 });
  }

  /**
   * Do something that asks the API: what it throws is told, and can be tried again. It gets a function that says whether its
   * picture is still shown. Without an answer of the API it is tried again by itself, after longer and longer waits.
   */
  async attempt(action) {
    const { begun } = this.#state;
    clearTimeout(this.#timer);
    this.set({ busy: this.#state.busy + 1, failure: "" });
    try {
      this.#failed = null;
      await action(() => begun === this.#state.begun);
      this.#wait = FIRST_WAIT;
    } catch (error) {
      if (begun !== this.#state.begun) return;
      this.#failed = action;
      this.#isCutOff = !(error instanceof Refusal);
      this.set({ failure: error.message });
      if (this.#isCutOff) this.#retryLater();
    } finally {
      this.set({ busy: this.#state.busy - 1 });
    }
  }

  #retryLater() {
    this.#timer = setTimeout(this.retry, this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }

  retry = () => this.#failed && this.attempt(this.#failed);

  /** To be called when the server is there again. */
  retryCutOff() {
    if (this.#state.failure && this.#isCutOff) this.retry();
  }

  /** Add nodes, or take over what is new about those that are there; returns how many were added. */
  add(added, { isNamed = false } = {}) {
    const nodes = new Map(this.#state.nodes);
    const before = nodes.size;
    let left = 0;
    for (const node of added) {
      if (!nodes.has(node.id) && this.#state.without.has(node.id) && !isNamed) continue;
      if (nodes.has(node.id) || nodes.size < MOST_HELD) nodes.set(node.id, node);
      else left += 1;
    }
    const named = isNamed ? new Set([...this.#state.named, ...added.map(({ id }) => id)]) : this.#state.named;
    const without = new Set([...this.#state.without].filter((id) => !nodes.has(id)));
    const notice = left
      ? `${counted(left, "object")} left out: the picture holds ${number.format(MOST_HELD)} at most. Remove some, or begin a new one`
      : this.#state.notice;
    this.set({ nodes, named, without, notice, isFull: left > 0, isInVain: false });
    return nodes.size - before;
  }

  remove = (id) => {
    const { around, places, moved, named, nodes, selected, without } = this.#state;
    const kept = Object.fromEntries(
      Object.entries({ around, places, moved, named, nodes }).map(([name, each]) => {
        const copy = each instanceof Map ? new Map(each) : new Set(each);
        copy.delete(id);
        return [name, copy];
      }),
    );
    this.set({
      ...kept,
      without: new Set(without).add(id),
      selected: selected === id ? null : selected,
      notice: `${nodes.get(id).title} removed`,
    });
  };

  select = (id) => this.set({ selected: id });

  /** Show all, but for what these change. */
  filter = (changes) => this.set({ filters: { ...this.#state.filters, ...changes } });

  /** Put a node where it was dragged. */
  move = (id, { x, y }) => {
    const place = { x: Math.round(x), y: Math.round(y) };
    const moved = new Map(this.#state.moved);
    moved.delete(id); // so that the last one that was moved is the last
    this.set({ places: new Map(this.#state.places).set(id, place), moved: moved.set(id, place) });
  };

  /** Lay everything out anew. */
  arrange = async (layout = this.#state.layout) => {
    this.set({ layout, moved: new Map() });
    await this.layOut(true);
    this.set({ revision: this.#state.revision + 1 });
  };

  /** Give nodes without a place one: after those that are being placed, so that the same steps end in the same picture. */
  layOut(isAnew = false) {
    this.#placing = this.#placing.then(() => this.#placeAll(isAnew));
    return this.#placing;
  }

  async #placeAll(isAnew) {
    const { begun, nodes, edges, layout, places: before, start } = this.#state;
    const ids = [...nodes.keys()];
    if (!isAnew && ids.every((id) => before.has(id))) return;
    const found = await this.#place({
      layout,
      nodes: ids.map((id) => ({ id, kind: nodes.get(id).kind, ...(isAnew ? {} : before.get(id)) })),
      edges: [...edges.values()].map(({ from, to }) => [from, to]),
      center: start,
    });
    if (begun !== this.#state.begun) return;
    const { moved } = this.#state;
    const places = new Map(this.#state.places);
    for (const [id, place] of Object.entries(found)) if (this.#state.nodes.has(id)) places.set(id, moved.get(id) ?? place);
    this.set({ places });
  }
}

/** A state with what follows from its nodes and filters. */
function derived(state) {
  const edges = edgesOf(state.nodes);
  const relations = relationsOf(state.nodes, edges);
  const affected = affectedBy(state.nodes, relations);
  const { kinds, statuses } = state.filters;
  const filters = {
    ...state.filters,
    kinds: kinds?.length === KINDS.length ? null : kinds,
    statuses: statuses?.length === STATUSES.length ? null : statuses,
  };
  return { ...state, filters, edges, relations, affected, shown: shownOf(state.nodes, affected, filters) };
}
