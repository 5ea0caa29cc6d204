/** Subscriptions, as event streams that are read with fetch: an EventSource could send no credential. */

import { eventsOf } from "./event-stream.js";

const RETRY = 1000; // milliseconds, after which a lost stream is opened again
const MOST_RESULTS = 100; // kept of one subscription, the newest; older ones are only counted

/**
 * What GraphiQL subscribes to: a stream, which is opened again after its last event when it is lost.
 *
 * `open` gets the id of that event, or null, and an AbortSignal; it gives a response. One that is no stream is given to
 * `refusal`, which gives the result to show. `onChange` gets the `Received` of this subscription.
 */
export function subscription({ open, refusal, onChange }) {
  return {
    subscribe(observer) {
      const aborting = new AbortController();
      const received = new Received((self) => {
        if (self.count) observer.next(self);
        onChange(self);
      });
      received.enter("Connecting");
      listen(open, received, aborting.signal)
        .then(async (refused) => {
          if (refused) observer.next(await refusal(refused));
          observer.complete();
        })
        .catch((error) => aborting.signal.aborted || observer.error(error));
      return {
        unsubscribe() {
          received.enter("Stopped");
          aborting.abort();
        },
      };
    },
  };
}

/** The results of a subscription, the newest first, and its state. */
class Received {
  count = 0;
  results = [];
  state = "";
  #draw;
  #frame = null;

  constructor(draw) {
    this.#draw = draw;
  }

  /** What comes within one frame is drawn at once. */
  add(result) {
    this.count += 1;
    this.results = [result, ...this.results].slice(0, MOST_RESULTS);
    this.#frame ??= requestAnimationFrame(() => this.enter(this.state));
  }

  enter(state) {
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    this.state = state;
    this.#draw(this);
  }

  /** As GraphiQL shows it: it takes a list for the parts of one result. */
  toJSON() {
    return this.results;
  }

  /** All in one result, with a list in place of each root field's value, of which tables are made. */
  get joined() {
    const data = {};
    for (const result of this.results) {
      for (const [name, value] of Object.entries(result.data ?? {})) (data[name] ??= []).push(value);
    }
    return { data, errors: this.results.flatMap(({ errors }) => errors ?? []) };
  }
}

/** Listen until the stream is complete; a response that is no stream is returned. */
async function listen(open, received, signal) {
  for (let lastId = null; ; ) {
    const response = await opened(open, lastId, signal);
    if (response && !isStream(response)) return response;
    if (response) received.enter("Listening");
    for await (const event of response ? eventsOf(response.body) : []) {
      signal.throwIfAborted();
      lastId = event.id ?? lastId;
      if (event.name === "next") received.add(JSON.parse(event.data));
      if (event.name === "complete") return received.enter("Ended");
    }
    signal.throwIfAborted();
    received.enter("Reconnecting");
    await new Promise((again) => setTimeout(again, RETRY));
    signal.throwIfAborted();
  }
}

/** A response; null if the server, which was there before, cannot be reached. */
async function opened(open, lastId, signal) {
  try {
    return await open(lastId, signal);
  } catch (error) {
    if (lastId === null || signal.aborted) throw error;
    return null;
  }
}

const isStream = (response) => response.headers.get("content-type")?.startsWith("text/event-stream");
