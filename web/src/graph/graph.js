/** The state of the page: what the picture holds and shows, and what changes it. */

import { counted, number } from "./counts.js";
import { createTelling, eventOf } from "./events.js";
import { KINDS, linkTo, LONGEST, MOST_AROUND, STATUSES } from "./links.js";
import { listen } from "./live.js";
import { Refusal } from "./loading.js";
import { affectedBy, edgesOf, MOST_HELD, relationsOf, shownOf } from "./picture.js";

const USUAL_AROUND = 100; // objects around one
const EVERYTHING = { kinds: null, statuses: null, isFailingOnly: false };
const NOTHING = {
  nodes: new Map(),
  places: new Map(),
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
  isInVain: false,
};

/**
 * A store for React: `subscribe` and `snapshot`, an object that is never changed.
 *
 * Of a snapshot: `nodes`, `edges`, `relations` and `places` by id, `shown` and `affected` ids; `around` what was expanded, by
 * id how many objects were asked for and whether there are more, and `more` the last of them that has; `named` and `without` the ids that were added and removed
 * one by one. What fails is told in `failure`, and done again by `retry`. `isInVain`: of what a link names, nothing is shown.
 */
export class Graph {
  #loader;
  #place;
  #client;
  #listeners = new Set();
  #state;
  #placing = Promise.resolve();
  #generation = 0; // of the picture: answers for one that was cleared are dropped
  #failed = null;
  #isCutOff = false; // what failed did so without an answer of the API
  #tell = createTelling((notice) => this.#set({ notice }));
  #stopListening = null;

  constructor({ client, loader, place }) {
    this.#client = client;
    this.#loader = loader;
    this.#place = place;
    this.#state = { ...derived({ ...NOTHING, filters: EVERYTHING }), layout: "force", busy: 0, live: "Off", revision: 0 };
  }

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = () => this.#state;

  #set(changes) {
    const next = { ...this.#state, ...changes };
    const isSame = ["nodes", "filters"].every((name) => next[name] === this.#state[name]);
    this.#state = isSame ? next : derived(next);
    this.#listeners.forEach((listener) => listener());
  }

  /** Do something that asks the API: what it throws is told, and can be tried again. */
  async #attempt(action) {
    const generation = this.#generation;
    this.#set({ busy: this.#state.busy + 1, failure: "" });
    try {
      this.#failed = null;
      await action(() => generation === this.#generation);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#failed = action;
      this.#isCutOff = !(error instanceof Refusal);
      this.#set({ failure: error.message });
    } finally {
      this.#set({ busy: this.#state.busy - 1 });
    }
  }

  retry = () => this.#failed && this.#attempt(this.#failed);

  /** Begin a new picture. */
  clear = () => {
    this.#generation += 1;
    this.#tell.stop();
    this.#set({ ...NOTHING, revision: this.#state.revision + 1 });
    this.#stopListening?.();
  };

  /** Show what lies around an object, as the start of a picture if there is none. */
  show = (node, depth = 1) =>
    this.#attempt(async (isWanted) => {
      const isStart = !this.#state.nodes.size;
      await this.#around(node, isStart ? depth : 1, USUAL_AROUND, isWanted);
      if (!isWanted()) return;
      if (isStart) this.#set({ start: node.id, depth });
      this.#set({ selected: node.id });
    });

  startAt = (node, depth) => {
    this.clear();
    return this.show(node, depth);
  };

  expand = (id) => {
    const node = this.#state.nodes.get(id);
    const before = this.#state.around.get(id);
    const most = before ? Math.min(before.most * 2, MOST_AROUND) : USUAL_AROUND;
    const depth = id === this.#state.start ? this.#state.depth : 1;
    return this.#attempt((isWanted) => this.#around(node, depth, most, isWanted));
  };

  /** All that fails, as far as the list of it goes, with what hangs on it. */
  showFailing = (nodes) =>
    this.#attempt(async (isWanted) => {
      const names = new Set(nodes.flatMap(({ relations }) => relations.flatMap(({ from, to }) => [from, to])));
      const others = await this.#loader.nodes([...names].filter((id) => id && !nodes.some((node) => node.id === id)));
      const services = [...new Set(nodes.map(({ service }) => service))].map((name) => `service:${name}`);
      const found = [...(await this.#loader.named(services)).values()];
      if (!isWanted()) return;
      this.#add([...nodes, ...others, ...found], { isNamed: true });
      await this.#layOut();
    });

  async #around(node, depth, most, isWanted) {
    const found = await this.#loader.around(node.id, depth, most);
    if (!isWanted()) return;
    if (!found) {
      this.#set({ notice: `${node.title ?? "The object"} does not exist, or you may not see it` });
      return;
    }
    const count = this.#add(found.nodes);
    const around = new Map(this.#state.around).set(node.id, { most, isTruncated: found.isTruncated });
    const { title } = this.#state.nodes.get(node.id) ?? node;
    const more = found.isTruncated ? `. More lies around ${title} than the ${number.format(most)} nearest and newest` : "";
    const last = found.isTruncated && most < MOST_AROUND ? node.id : null;
    this.#set({ around, more: last, ...(this.#state.isFull ? {} : { notice: `${counted(count, "object")} added${more}` }) });
    await this.#layOut();
  }

  /** Add nodes, or take over what is new about those that are there; returns how many were added. */
  #add(added, { isNamed = false } = {}) {
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
    this.#set({ nodes, named, without, notice, isFull: left > 0, isInVain: false });
    this.#listen();
    return nodes.size - before;
  }

  remove = (id) => {
    const nodes = new Map(this.#state.nodes);
    const { title } = nodes.get(id);
    nodes.delete(id);
    const [around, places, named] = [this.#state.around, this.#state.places, this.#state.named].map((each) => {
      const copy = each instanceof Map ? new Map(each) : new Set(each);
      copy.delete(id);
      return copy;
    });
    const without = new Set(this.#state.without).add(id);
    const selected = this.#state.selected === id ? null : this.#state.selected;
    this.#set({ nodes, around, places, named, without, selected, notice: `${title} removed` });
  };

  select = (id) => this.#set({ selected: id });

  /** Show all, but for what these change. */
  filter = (changes) => this.#set({ filters: { ...this.#state.filters, ...changes } });

  /** Lay everything out anew. */
  arrange = async (layout = this.#state.layout) => {
    this.#set({ layout });
    await this.#layOut(true);
    this.#set({ revision: this.#state.revision + 1 });
  };

  move = (id, place) => this.#set({ places: new Map(this.#state.places).set(id, place) });

  /** Give nodes without a place one: after those that are being placed, so that the same steps end in the same picture. */
  #layOut(isAnew = false) {
    this.#placing = this.#placing.then(() => this.#placeAll(isAnew));
    return this.#placing;
  }

  async #placeAll(isAnew) {
    const { nodes, edges, layout, places: before, start } = this.#state;
    const ids = [...nodes.keys()];
    if (!isAnew && ids.every((id) => before.has(id))) return;
    const generation = this.#generation;
    const found = await this.#place({
      layout,
      nodes: ids.map((id) => ({ id, kind: nodes.get(id).kind, ...(isAnew ? {} : before.get(id)) })),
      edges: [...edges.values()].map(({ from, to }) => [from, to]),
      center: start,
    });
    if (generation !== this.#generation) return;
    const places = new Map(this.#state.places);
    for (const [id, place] of Object.entries(found)) if (this.#state.nodes.has(id)) places.set(id, place);
    this.#set({ places });
  }

  /** Begin to choose the ends of a path, or stop it with null. */
  choosePathFrom = (id) => this.#set({ pathFrom: id, notice: "" });

  closePath = () => this.#set({ path: null });

  findPath = (from, to) =>
    this.#attempt(async (isWanted) => {
      const edges = await this.#loader.path(from, to);
      if (!isWanted()) return;
      if (!edges?.length) {
        const notice = edges ? "Both ends are the same object" : "No path that you may see links the two";
        this.#set({ path: null, pathFrom: null, notice });
        return;
      }
      const ids = edges.reduce((way, edge) => [...way, edge.from === way.at(-1) ? edge.to : edge.from], [from]);
      const unknown = ids.filter((id) => !this.#state.nodes.has(id));
      const nodes = await this.#loader.nodes(unknown);
      if (!isWanted()) return;
      this.#add(nodes, { isNamed: true });
      await this.#layOut();
      const path = { ids, edges: edges.map((edge) => ({ ...edge, id: `${edge.from} ${edge.relation} ${edge.to}` })) };
      this.#set({ path, pathFrom: null, notice: `A path of ${counted(edges.length, "step")}` });
    });

  /** Show the view that a link carries, in place of what is shown. */
  restore = (view, { ignored = [], isTooLong = false } = {}) => {
    this.clear();
    const { kinds = null, statuses = null, only, layout = ["force"] } = view;
    this.#set({ filters: { kinds, statuses, isFailingOnly: Boolean(only) }, layout: layout[0] });
    return this.#attempt(async (isWanted) => {
      const { start = [], nodes = [], expand = [], path = [], select = [], without = [], depth = ["1"], most } = view;
      const names = [...new Set([...start, ...nodes, ...expand, ...path, ...select, ...without])];
      const found = await this.#loader.named(names);
      if (!isWanted()) return;
      const known = (some) => some.map((name) => found.get(name)).filter(Boolean);
      const around = Number(most?.[0] ?? USUAL_AROUND);
      this.#set({ without: new Set(known(without).map(({ id }) => id)), depth: Number(depth[0]) });
      for (const node of known(start)) {
        this.#set({ start: node.id });
        await this.#around(node, Number(depth[0]), around, isWanted);
      }
      if (nodes.length) this.#add(known(nodes), { isNamed: true });
      await this.#layOut();
      for (const node of known(expand)) if (isWanted()) await this.#around(node, 1, around, isWanted);
      const ends = known(path);
      if (ends.length === 2 && isWanted()) await this.findPath(ends[0].id, ends[1].id);
      if (!isWanted()) return;
      const [selected] = known(select);
      if (selected && this.#state.nodes.has(selected.id)) this.#set({ selected: selected.id });
      const missing = names.length - found.size;
      const notices = [
        missing === 1 && "1 object of the link does not exist, or you may not see it",
        missing > 1 && `${number.format(missing)} objects of the link do not exist, or you may not see them`,
        isTooLong && `The link is longer than ${number.format(LONGEST)} characters: what lies beyond is left out`,
        ignored.length && `Parts of the link that are unknown or wrong: ${ignored.join(", ").slice(0, 100)}`,
      ].filter(Boolean);
      if (notices.length) this.#set({ notice: notices.join(". "), isInVain: !this.#state.nodes.size });
    });
  };

  /** The view as links carry it; `at` is what of the picture is in the middle. */
  view(at = []) {
    const { start, depth, around, named, without, path, selected, filters, layout } = this.#state;
    const most = Math.max(USUAL_AROUND, ...[...around.values()].map((each) => each.most));
    return {
      start: start ? [start] : [],
      depth: start && depth > 1 ? [String(depth)] : [],
      nodes: [...named],
      expand: [...around.keys()].filter((id) => id !== start),
      most: most > USUAL_AROUND ? [String(most)] : [],
      without: [...without],
      path: path ? [path.ids[0], path.ids.at(-1)] : [],
      select: selected ? [selected] : [],
      kinds: filters.kinds ?? [],
      statuses: filters.statuses ?? [],
      only: filters.isFailingOnly ? ["failing"] : [],
      layout: layout === "force" ? [] : [layout],
      at,
    };
  }

  link = (at) => linkTo(this.view(at));

  /** Follow changes, if the server tells them. */
  #listen() {
    if (this.#stopListening || this.#state.live !== "Off") return;
    const stop = listen(this.#client, {
      onRefusal: (reason) => this.#set({ live: "Refused", notice: `Changes are not shown as they come: ${reason}` }),
      onChanges: (changes) => this.#follow(changes),
      onGap: () => this.#refresh(),
    });
    this.#stopListening = () => {
      stop();
      this.#stopListening = null;
      this.#set({ live: "Off" });
    };
  }

  /** Told by the client how the subscription goes: once the server is back, what it did not answer is asked again. */
  heard = (live) => {
    if (!this.#stopListening) return;
    const isBack = live === "Listening" && this.#state.live === "Reconnecting";
    this.#set({ live });
    if (isBack && this.#state.failure && this.#isCutOff) this.retry();
  };

  /** What changed is shown if it is in the picture, or beside what was expanded. */
  #follow(changes) {
    const nodes = new Map(this.#state.nodes);
    const events = [];
    for (const { id, node } of changes) {
      const before = nodes.get(id);
      if (before && node) nodes.set(id, node);
      else if (before) nodes.delete(id);
      else if (node && this.#belongs(node, nodes) && nodes.size < MOST_HELD) nodes.set(id, node);
      if (before || nodes.has(id)) events.push(eventOf(before, node));
    }
    this.#set({ nodes, selected: nodes.has(this.#state.selected) ? this.#state.selected : null });
    this.#tell(events);
    this.#layOut();
  }

  #belongs(node, nodes) {
    const { around, without } = this.#state;
    if (without.has(node.id) || node.status === "DELETED" || node.status === "DISCONNECTED") return false;
    const ends = node.relations.flatMap(({ from, to }) => [from, to]);
    return [...around.keys()].some((id) => ends.includes(id) || nodes.get(id)?.title === node.service);
  }

  /** Read again what is held, since changes were missed. */
  #refresh() {
    return this.#attempt(async (isWanted) => {
      const found = await this.#loader.nodes([...this.#state.nodes.keys()]);
      if (!isWanted()) return;
      this.#set({ nodes: new Map(found.map((node) => [node.id, node])) });
    });
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
