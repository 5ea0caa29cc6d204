/**
 * The browser's storage for GraphiQL's tabs and history, without headers; null if the browser denies it.
 *
 * GraphiQL's history stores the headers of each request even if the option for tabs is off.
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
    setItem: (key, value) => storage.setItem(key, storable(key, value)),
  };
}

// The user's own text is stored as it is; all other values are GraphiQL's JSON.
const USER_TEXT = /:(query|variables)$/;

function storable(key, value) {
  if (key.endsWith(":headers")) return "";
  return USER_TEXT.test(key) ? value : withoutHeaderFields(value);
}

function withoutHeaderFields(value) {
  try {
    return JSON.stringify(JSON.parse(value, (key, part) => (key === "headers" ? undefined : part)));
  } catch {
    return value; // a plain word, not JSON
  }
}
