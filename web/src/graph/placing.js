import LayoutWorker from "./layouts/worker.js?worker";

/** Lays nodes out in a worker: a function that takes what layouts.js takes, and gives the places by id. */
export function createPlacing() {
  const worker = new LayoutWorker();
  const waiting = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, places } }) => {
    waiting.get(id)(places);
    waiting.delete(id);
  };
  return (asked) =>
    new Promise((resolve) => {
      waiting.set(++count, resolve);
      worker.postMessage({ id: count, ...asked });
    });
}
