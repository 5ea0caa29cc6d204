import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from "graphql";

/** What to write first of a type or field that is added to an operation: little, and valid. */

const LABELS = ["name", "displayName", "accountLogin", "targetService", "title", "code", "message", "id"];

/** The code of a field, with the arguments that it requires and, for an object, a first field of it. */
export function fieldCode(field) {
  const needed = field.args.filter(isRequiredArgument).map((arg) => `${arg.name}: ${valueCode(arg.type, arg.name)}`);
  const type = getNamedType(field.type);
  return field.name + (needed.length ? `(${needed.join(", ")})` : "") + (isCompositeType(type) ? ` ${setCode(type)}` : "");
}

/** The code of a selection set of a type. */
export const setCode = (type) => `{\n  ${firstCode(type).replaceAll("\n", "\n  ")}\n}`;

export const fragmentCode = (type) => `... on ${type.name} ${setCode(type)}`;

function firstCode(type) {
  if (isAbstractType(type) && !type.getFields) return "__typename";
  const fields = type.getFields();
  const takesNothing = (field) => !field.args.some(isRequiredArgument);
  if (fields.nodes) return fieldCode(fields.nodes);
  const leaves = Object.values(fields).filter((field) => !isCompositeType(getNamedType(field.type)) && takesNothing(field));
  const leaf = LABELS.map((name) => fields[name]).find((field) => leaves.includes(field)) ?? leaves[0];
  return leaf?.name ?? "__typename";
}

/** The code of a first value of an input type, which an argument or a field of this name takes. */
export function valueCode(type, name = "") {
  if (isNonNullType(type)) return valueCode(type.ofType, name);
  if (isListType(type)) return `[${valueCode(type.ofType, name)}]`;
  if (isEnumType(type)) return type.getValues()[0].name;
  if (isInputObjectType(type)) {
    const needed = Object.values(type.getFields()).filter(isRequiredInputField);
    if (!needed.length) return "{}";
    return `{ ${needed.map((field) => `${field.name}: ${valueCode(field.type, field.name)}`).join(", ")} }`;
  }
  const defaults = { Int: name === "first" || name === "last" ? "10" : "1", Float: "1", Boolean: "true", JSON: "{}" };
  return defaults[getNullableType(type).name] ?? '""';
}
