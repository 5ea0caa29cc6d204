/** Links to this page that carry an operation, and the command that sends one. */

const LONGEST = 30_000; // characters of a link; servers and proxies refuse longer addresses
const NAMES = ["query", "variables", "operationName"];

/** The operation that the page's address carries, or null. */
export function linkedOperation() {
  const params = new URLSearchParams(window.location.search);
  const [query, variables, operationName] = NAMES.map((name) => params.get(name) ?? "");
  return query.trim() ? { query, variables, operationName } : null;
}

/** Take the operation out of the address: from here on it lives in its tab, which may be edited. */
export function forgetLinkedOperation() {
  window.history.replaceState(null, "", window.location.pathname);
}

/** A link that opens this operation in GraphiQL's page, by default this one; null if it is too long for one. */
export function linkTo(operation, page = `${window.location.origin}${window.location.pathname}`) {
  const params = new URLSearchParams(NAMES.map((name) => [name, operation[name] ?? ""]).filter(([, text]) => text));
  const link = `${page}?${params}`;
  return link.length <= LONGEST ? link : null;
}

/**
 * The curl command that sends this operation, for a POSIX shell.
 *
 * `variables` is JSON, as it was written; a stream is shown as it comes. Credentials stay out: the shell's variable KEY stands for them.
 */
export function curlCommand(url, { query, variables, operationName, headers = {}, isAuthorized, isStream }) {
  const members = [`"query": ${JSON.stringify(query)}`];
  if (variables) members.push(`"variables": ${variables}`);
  if (operationName) members.push(`"operationName": ${JSON.stringify(operationName)}`);
  const isCredential = ([name]) => name.toLowerCase() === "authorization";
  const lines = [`curl ${isStream ? "-N " : ""}${quoted(url)}`, `-H ${quoted("content-type: application/json")}`];
  for (const header of Object.entries(headers)) {
    if (!isCredential(header)) lines.push(`-H ${quoted(header.join(": "))}`);
  }
  if (isAuthorized || Object.entries(headers).some(isCredential)) {
    lines.push('-H "authorization: Bearer $KEY"');
  }
  lines.push(`--data-binary ${quoted(typeable(`{${members.join(", ")}}`))}`);
  return lines.join(" \\\n  ");
}

/**
 * JSON whose characters do nothing in a terminal that they are pasted into.
 *
 * JSON allows DEL, which would delete the quotes before it, so that the rest of a stranger's query were run.
 * Tabs, which complete, can only stand between its parts.
 */
const typeable = (json) =>
  json
    .replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)
    .replaceAll("\t", "  ");

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Put a text on the clipboard, also where the page came over plain HTTP, which browsers do not trust with it. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  const shown = document.activeElement;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  shown?.focus();
  if (!isCopied) throw new Error("the browser does not let this page copy");
}
