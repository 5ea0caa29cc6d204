let isClosed = false;

/** Store nothing more until the page is loaded again. */
export function close() {
  isClosed = true;
}

/**
 * The browser's storage for tabs, history and layout, without headers; null if the browser denies it.
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
    setItem: (key, value) => isClosed || storage.setItem(key, storable(key, value)),
  };
}

/** The operation that was selected in the tab that the stored tabs show; empty if nothing tells. */
export function storedOperationName(storage) {
  try {
    const { tabs, activeTabIndex } = JSON.parse(storage.getItem("graphiql:tabState"));
    return tabs[activeTabIndex].operationName ?? "";
  } catch {
    return ""; // nothing is stored, or nothing may be
  }
}

// The user's own text is stored as it is; all other values are GraphiQL's JSON.
const USER_TEXT = /:(query|variables)$/;

function storable(key, value) {
  if (key.endsWith(":headers")) return "";
  return USER_TEXT.test(key) ? value : withoutHeaderFields(value);
}

// Null and not left out: GraphiQL throws tabs without the field away.
function withoutHeaderFields(value) {
  try {
    return JSON.stringify(JSON.parse(value, (key, part) => (key === "headers" ? null : part)));
  } catch {
    return value; // a plain word, not JSON
  }
}
