/** Links to the graph page: what its address carries after the #, as docs/graph-page.md tells. */

export const KINDS = ["ACTOR", "CONTEXT", "INSTALLATION", "CONNECTION", "SERVICE"];
export const STATUSES = ["ACTIVE", "INACTIVE", "SUSPENDED", "FAILED", "DISCONNECTED", "DELETED"];
export const LAYOUTS = ["force", "columns", "rings"];
export const MOST_NODES = 500; // named one by one by a link
export const MOST_EXPANDED = 300;
export const MOST_MOVED = 200;
export const DEEPEST = 3;
export const MOST_AROUND = 1000; // objects of one neighborhood
export const LONGEST = 30_000; // characters of a link: what is longer gets cut on its way

const MOVED = /^(.{1,1000})~(-?\d{1,6})~(-?\d{1,6})$/s; // an object, and x and y of its place

// Each part of a link, by its name in a view: how many items it may have, and which.
const anything = (item) => item.length <= 1000;
const oneOf = (values) => (item) => values.includes(item);
const PARTS = {
  start: { most: 1, isValid: anything },
  depth: { most: 1, isValid: (item) => /^\d$/.test(item) && item >= 1 && item <= DEEPEST },
  nodes: { most: MOST_NODES, isValid: anything },
  expand: { most: MOST_EXPANDED, isValid: anything },
  most: { most: 1, isValid: (item) => /^\d{1,4}$/.test(item) && item >= 1 && item <= MOST_AROUND },
  without: { most: MOST_EXPANDED, isValid: anything },
  moved: { most: MOST_MOVED, isValid: (item) => MOVED.test(item) },
  path: { most: 2, least: 2, isValid: anything },
  select: { most: 1, isValid: anything },
  kinds: { most: KINDS.length, isValid: oneOf(KINDS) },
  statuses: { most: STATUSES.length, isValid: oneOf(STATUSES) },
  only: { most: 1, isValid: oneOf(["failing"]) },
  layout: { most: 1, isValid: oneOf(LAYOUTS) },
  at: { most: 3, isValid: (item) => /^-?\d{1,6}(\.\d{1,4})?$/.test(item) },
};

/** An item of `moved`, which says that an object lies at a place, and what such an item says. */
export const movedTo = (name, { x, y }) => `${name}~${x}~${y}`;
export function placeOf(item) {
  const [, name, x, y] = MOVED.exec(item);
  return [name, { x: Number(x), y: Number(y) }];
}

/** The page's address, beside that of the page that calls. */
export const graphPage = () => new URL("graph", window.location.href.replace(/[?#].*/, "")).href;

/**
 * A link to a view: an object with a list of strings for each part that it has.
 *
 * Null if the link would be too long, or if a part has more items than it may have.
 */
export function linkTo(view, page = graphPage()) {
  const parts = Object.keys(PARTS).filter((name) => view[name]?.length);
  if (parts.some((name) => view[name].length > PARTS[name].most)) return null;
  const written = parts.map((name) => `${name}=${view[name].map(encodeURIComponent).join(",")}`);
  const link = written.length ? `${page}#${written.join("&")}` : page;
  return link.length <= LONGEST ? link : null;
}

/**
 * The view that a fragment carries, and `ignored`: what of it is none of the format, in the words of the link.
 *
 * `isTooLong` says that it has more characters than a link may have: its items are read as far as they fit in whole.
 */
export function viewOf(fragment) {
  const view = {};
  const ignored = [];
  const text = fragment.replace(/^#/, "");
  const isTooLong = text.length > LONGEST;
  const read = isTooLong ? text.slice(0, LONGEST + 1).replace(/[,&][^,&]*$/, "") : text;
  for (const part of read.split("&").filter(Boolean)) {
    const [, name, value] = /^([^=]*)=?(.*)$/s.exec(part);
    const items = value.split(",").map(decoded).filter(Boolean);
    const { most = 0, least = 1, isValid } = Object.hasOwn(PARTS, name) ? PARTS[name] : {};
    const valid = items.filter((item) => isValid?.(item)).slice(0, most);
    if (valid.length >= least) view[name] = valid;
    if (valid.length && valid.length < least) ignored.push(`${name} (needs ${least} objects)`);
    else if (valid.length < items.length || !most) ignored.push(name);
  }
  return { view, ignored, isTooLong };
}

function decoded(item) {
  try {
    return decodeURIComponent(item);
  } catch {
    return item;
  }
}
