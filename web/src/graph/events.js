/** What others change, in words: as the status line tells it. */

import { counted } from "./counts.js";

const PAUSE = 3000; // milliseconds between two notices: they are read out
const BECAME = {
  ACTIVE: "became active",
  INACTIVE: "became inactive",
  SUSPENDED: "was suspended",
  FAILED: "failed",
  DISCONNECTED: "was disconnected",
  DELETED: "was deleted",
};

/** A change of an object, as it was and as it is: undefined if it was not shown, null if it is gone. */
export function eventOf(before, now) {
  if (!before) return `${now.title} added`;
  if (!now) return `${before.title} removed`;
  return `${now.title} ${(now.status !== before.status && BECAME[now.status]) || "changed"}`;
}

/**
 * A function that takes events, the newest last, and says the newest and how many more there were.
 *
 * It says the first at once, and what comes within PAUSE of a notice at its end. `stop` of it drops what is not said yet;
 * `later` calls a function after some milliseconds.
 */
export function createTelling(say, later = setTimeout) {
  let newest = "";
  let count = 0;
  let isPausing = false;

  function flush() {
    isPausing = count > 0;
    if (!isPausing) return;
    say(count > 1 ? `${newest}, and ${counted(count - 1, "other change")}` : newest);
    count = 0;
    later(flush, PAUSE);
  }

  function tell(events) {
    if (!events.length) return;
    newest = events.at(-1);
    count += events.length;
    if (!isPausing) flush();
  }

  tell.stop = () => (count = 0);
  return tell;
}
