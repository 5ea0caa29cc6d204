/**
 * The browser's storage as GraphiQL may use it: tabs and history, but never a header.
 *
 * GraphiQL's history keeps the headers of each request even where tabs are told not to.
 */
export function withoutHeaders(storage) {
  return {
    get length() {
      return storage.length;
    },
    clear: () => storage.clear(),
    getItem: (key) => storage.getItem(key),
    removeItem: (key) => storage.removeItem(key),
    setItem: (key, value) => storage.setItem(key, key.endsWith(":headers") ? "" : cleaned(value)),
  };
}

function cleaned(value) {
  try {
    return JSON.stringify(JSON.parse(value, (key, part) => (key === "headers" ? undefined : part)));
  } catch {
    return value; // a query or a word: no JSON
  }
}
