/** The objects of a result that the graph page can show, and a link to them. */

import { withSelection } from "./edits.js";
import { linkTo, MOST_NODES } from "./graph/links.js";

// The field that names an object of each type, beside `id`; links name an object by its type and that field's value.
const KEYS = {
  Actor: "chittyId",
  Context: "chittyId",
  Installation: "installationId",
  Connection: "connectionId",
  Service: "name",
};
// How the ids of each type begin: base64url of `Actor:`, as far as the key does not change it.
const BEGINNINGS = Object.keys(KEYS).map((type) => [
  type,
  btoa(`${type}:`).slice(0, Math.floor(((type.length + 1) * 4) / 3)),
]);
const LONGEST_ID = 1000; // characters
const NONE = [];
const MOST_SETS = 1000; // of one object: fragments of an invalid document may spread each other

/**
 * What a result tells of objects: `found` names each once, as links do, in the order of the result, and `unnamed` are
 * the selection sets of objects that are in it without anything that names them.
 *
 * Ids are found wherever they are. Keys and selection sets take the schema and the document that the result answers.
 */
export function objectsOf(data, { schema, document, operationName } = {}) {
  const found = new Set();
  const unnamed = new Map();
  const definitions = document?.definitions ?? [];
  const operations = definitions.filter(({ kind }) => kind === "OperationDefinition");
  const operation = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  const fragments = new Map(
    definitions.filter(({ kind }) => kind === "FragmentDefinition").map((each) => [each.name.value, each]),
  );
  const root = operation && schema?.getRootType(operation.operation);
  const cache = new Map(); // the fields of selection sets, which many objects have in common

  walk(data, root, operation ? [operation.selectionSet] : NONE);
  return { found: [...found], unnamed: operation?.operation === "query" ? [...unnamed] : [] };

  function walk(value, type, sets) {
    if (typeof value === "string") {
      const name = namedById(value);
      if (name) found.add(name);
    } else if (Array.isArray(value)) {
      for (const item of value) walk(item, type, sets);
    } else if (value !== null && typeof value === "object") {
      object(value, type, sets);
    }
  }

  function object(value, declared, sets) {
    const own = schema?.getType(String(value.__typename));
    const type = isObject(own) ? own : declared;
    const fields = fieldsOf(type, sets);
    const key = [...fields].find(([, { name }]) => name === KEYS[type?.name])?.[0];
    if (key && value[key] != null) found.add(`${type.name.toLowerCase()}:${value[key]}`);
    if (!key && sets.length && canBeShown(type) && !Object.values(value).some(isId)) {
      unnamed.set(sets[0], isAbstract(declared) && declared.name !== "Node" ? "... on Node { id }" : "id");
    }
    for (const [name, part] of Object.entries(value)) {
      const field = fields.get(name);
      walk(part, field?.type, field?.sets ?? NONE);
    }
  }

  /** By the name in the result: the field's own name, its named type, and what is selected of it. */
  function fieldsOf(type, sets) {
    const known = cache.get(sets) ?? new Map();
    cache.set(sets, known);
    if (!known.has(type)) known.set(type, collected(type, sets));
    return known.get(type);
  }

  function collected(type, sets) {
    const fields = new Map();
    const open = sets.map((set) => [set, type]);
    for (let at = 0; at < open.length; at += 1) {
      const [{ selections }, parent] = open[at];
      for (const selection of selections) {
        if (selection.kind === "Field") {
          add(fields, selection, parent);
          continue;
        }
        const within = selection.kind === "FragmentSpread" ? fragments.get(selection.name.value) : selection;
        const condition = within?.typeCondition ? schema?.getType(within.typeCondition.name.value) : parent;
        const isOther = isObject(type) && isObject(condition) && condition !== type;
        if (within && !isOther && open.length < MOST_SETS) open.push([within.selectionSet, condition]);
      }
    }
    return fields;
  }

  function canBeShown(type) {
    if (isAbstract(type)) return schema.getPossibleTypes(type).some(({ name }) => name in KEYS);
    return isObject(type) && type.name in KEYS;
  }
}

function add(fields, { alias, name: { value: name }, selectionSet }, parent) {
  const key = alias?.value ?? name;
  const definition = parent?.getFields?.()[name];
  const field = fields.get(key) ?? { name, sets: [], type: definition && namedType(definition.type) };
  if (selectionSet) field.sets.push(selectionSet);
  fields.set(key, field);
}

const namedType = (type) => (type.ofType ? namedType(type.ofType) : type);
const isObject = (type) => type?.[Symbol.toStringTag] === "GraphQLObjectType";
const isAbstract = (type) => ["GraphQLInterfaceType", "GraphQLUnionType"].includes(type?.[Symbol.toStringTag]);
const isId = (value) => typeof value === "string" && namedById(value) !== null;

/** What an `id` names, as links name it, or null; a key that would make the link longer stays in the id. */
function namedById(text) {
  if (text.length > LONGEST_ID) return null;
  const type = BEGINNINGS.find(([, beginning]) => text.startsWith(beginning))?.[0];
  const key = type && decoded(text)?.slice(type.length + 1);
  if (!key) return null;
  const name = `${type.toLowerCase()}:${key}`;
  return encodeURIComponent(name).length <= text.length ? name : text;
}

function decoded(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    const id = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return /^(Actor|Context|Installation|Connection|Service):./su.test(id) ? id : null;
  } catch {
    return null;
  }
}

/** A link that shows as many of these objects as it can have, the first of them: its address and their number. */
export function graphLink(names, page) {
  for (let count = Math.min(names.length, MOST_NODES); count > 0; count = Math.floor(count * 0.95)) {
    const address = linkTo({ nodes: names.slice(0, count) }, page);
    if (address) return { address, count };
  }
  return null;
}

/** The edits that select the ids of objects, the last in the text first, so that the others stay in their place. */
export const selectingIds = (text, unnamed) =>
  unnamed.map(([set, code]) => withSelection(text, set, code)).sort((one, other) => other.start - one.start);
