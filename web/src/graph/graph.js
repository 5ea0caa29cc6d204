/** What a user does with the picture. */

import { counted, number } from "./counts.js";
import { Following } from "./following.js";
import { linkTo, MOST_AROUND, placeOf } from "./links.js";
import { Store } from "./store.js";
import { toldOf, USUAL_AROUND, USUAL_DEPTH, viewFrom } from "./views.js";

const AT_ONCE = 5; // requests

/** The store of the page with what asks the API for more. */
export class Graph extends Store {
  #loader;
  #following;

  constructor({ client, loader, place }) {
    super(place);
    this.#loader = loader;
    this.#following = new Following({ client, loader, store: this });
  }

  heard = (live) => this.#following.heard(live);

  /** Begin a new picture. */
  clear = () => {
    this.#following.stop();
    this.reset();
  };

  #add(nodes, options) {
    const count = this.add(nodes, options);
    this.#following.start();
    return count;
  }

  /** Show what lies around an object, as the start of a picture if there is none. */
  show = (node, depth = USUAL_DEPTH) =>
    this.attempt(async (isWanted) => {
      const isStart = !this.snapshot().nodes.size;
      await this.#around(node, isStart ? depth : 1, USUAL_AROUND, isWanted);
      if (!isWanted()) return;
      if (isStart) this.set({ start: node.id, depth });
      this.set({ selected: node.id });
    });

  startAt = (node, depth) => {
    this.clear();
    return this.show(node, depth);
  };

  expand = (id) => {
    const { around, depth, nodes, start } = this.snapshot();
    const node = nodes.get(id);
    const before = around.get(id);
    const most = before ? Math.min(before.most * 2, MOST_AROUND) : USUAL_AROUND;
    return this.attempt((isWanted) => this.#around(node, id === start ? depth : 1, most, isWanted));
  };

  /** All that fails, as far as the list of it goes, with what hangs on it. */
  showFailing = (nodes) =>
    this.attempt(async (isWanted) => {
      const names = new Set(nodes.flatMap(({ relations }) => relations.flatMap(({ from, to }) => [from, to])));
      const others = await this.#loader.nodes([...names].filter((id) => id && !nodes.some((node) => node.id === id)));
      const services = [...new Set(nodes.map(({ service }) => service))].map((name) => `service:${name}`);
      const found = [...(await this.#loader.named(services)).values()];
      if (!isWanted()) return;
      this.#add([...nodes, ...others, ...found], { isNamed: true });
      await this.layOut();
    });

  async #around(node, depth, most, isWanted) {
    const found = await this.#loader.around(node.id, depth, most);
    if (isWanted()) await this.#take(node, most, found);
  }

  /** Expand nodes one after the other, as somebody did; the API is asked for some at once. */
  async #expandAll(nodes, most, isWanted) {
    for (let at = 0; at < nodes.length; at += AT_ONCE) {
      const some = nodes.slice(at, at + AT_ONCE);
      const found = await Promise.all(some.map(({ id }) => this.#loader.around(id, 1, most)));
      for (const [index, node] of some.entries()) if (isWanted()) await this.#take(node, most, found[index]);
      if (!isWanted()) return;
    }
  }

  /** Add what was found around a node. */
  async #take(node, most, found) {
    if (!found) {
      this.set({ notice: `${node.title ?? "The object"} does not exist, or you may not see it` });
      return;
    }
    const count = this.#add(found.nodes);
    const { around: before, isFull, nodes } = this.snapshot();
    const around = new Map(before).set(node.id, { most, isTruncated: found.isTruncated });
    const { title } = nodes.get(node.id) ?? node;
    const more = found.isTruncated ? `. More lies around ${title} than the ${number.format(most)} nearest and newest` : "";
    const last = found.isTruncated && most < MOST_AROUND ? node.id : null;
    this.set({ around, more: last, ...(isFull ? {} : { notice: `${counted(count, "object")} added${more}` }) });
    await this.layOut();
  }

  /** Begin to choose the ends of a path, or stop it with null. */
  choosePathFrom = (id) => this.set({ pathFrom: id, notice: "" });

  closePath = () => this.set({ path: null });

  findPath = (from, to) =>
    this.attempt(async (isWanted) => {
      const edges = await this.#loader.path(from, to);
      if (!isWanted()) return;
      if (!edges?.length) {
        const notice = edges ? "Both ends are the same object" : "No path that you may see links the two";
        this.set({ path: null, pathFrom: null, notice });
        return;
      }
      const ids = edges.reduce((way, edge) => [...way, edge.from === way.at(-1) ? edge.to : edge.from], [from]);
      const unknown = ids.filter((id) => !this.snapshot().nodes.has(id));
      const nodes = await this.#loader.nodes(unknown);
      if (!isWanted()) return;
      this.#add(nodes, { isNamed: true });
      await this.layOut();
      const path = { ids, edges: edges.map((edge) => ({ ...edge, id: `${edge.from} ${edge.relation} ${edge.to}` })) };
      this.set({ path, pathFrom: null, notice: `A path of ${counted(edges.length, "step")}` });
    });

  /** Show the view that a link carries, in place of what is shown; `told` is what viewOf of links.js says of the link. */
  restore = (view, told = {}) => {
    this.clear();
    const { kinds = null, statuses = null, only, layout = ["force"], depth = ["1"], most } = view;
    this.set({ filters: { kinds, statuses, isFailingOnly: Boolean(only) }, layout: layout[0], depth: Number(depth[0]) });
    return this.attempt(async (isWanted) => {
      const { start = [], nodes = [], expand = [], moved = [], path = [], select = [], without = [] } = view;
      const places = new Map(moved.map(placeOf));
      const names = [...new Set([...start, ...nodes, ...expand, ...places.keys(), ...path, ...select, ...without])];
      const found = await this.#loader.named(names);
      if (!isWanted()) return;
      const known = (some) => some.map((name) => found.get(name)).filter(Boolean);
      const around = Number(most?.[0] ?? USUAL_AROUND);
      this.set({
        moved: new Map([...places].filter(([name]) => found.has(name)).map(([name, place]) => [found.get(name).id, place])),
        without: new Set(known(without).map(({ id }) => id)),
      });
      for (const node of known(start)) {
        this.set({ start: node.id });
        await this.#around(node, Number(depth[0]), around, isWanted);
      }
      if (nodes.length) this.#add(known(nodes), { isNamed: true });
      await this.layOut();
      await this.#expandAll(known(expand), around, isWanted);
      const ends = known(path);
      if (ends.length === 2 && isWanted()) await this.findPath(ends[0].id, ends[1].id);
      if (!isWanted()) return;
      const [selected] = known(select);
      if (selected && this.snapshot().nodes.has(selected.id)) this.set({ selected: selected.id });
      const notice = toldOf({ missing: names.length - found.size, ...told });
      if (notice) this.set({ notice, isInVain: !this.snapshot().nodes.size });
    });
  };

  link = (at) => linkTo(viewFrom(this.snapshot(), at));
}
