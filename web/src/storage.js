/**
 * The browser's storage as GraphiQL may use it: tabs and history, but never a header; null where the
 * browser refuses to keep anything.
 *
 * GraphiQL's history keeps the headers of each request even where tabs are told not to.
 */
export function withoutHeaders() {
  let storage;
  try {
    storage = window.localStorage;
  } catch {
    return null;
  }
  return {
    get length() {
      return storage.length;
    },
    clear: () => storage.clear(),
    getItem: (key) => storage.getItem(key),
    removeItem: (key) => storage.removeItem(key),
    setItem: (key, value) => storage.setItem(key, kept(key, value)),
  };
}

// What somebody wrote stays as it is; all else is GraphiQL's own.
const WRITTEN = /:(query|variables)$/;

function kept(key, value) {
  if (key.endsWith(":headers")) return "";
  return WRITTEN.test(key) ? value : cleaned(value);
}

function cleaned(value) {
  try {
    return JSON.stringify(JSON.parse(value, (key, part) => (key === "headers" ? undefined : part)));
  } catch {
    return value; // a word: no JSON
  }
}
