/** Subscriptions as event streams, which are read with `fetch`: an EventSource cannot send a credential. */

const RETRY = 1_000; // milliseconds until a lost stream is asked for again
const LINES = /\r\n|\r|\n/;

/**
 * The results of a subscription, as GraphiQL iterates over them until it calls `return`.
 *
 * `open` takes the id of the last event, empty at first, and a signal; it returns a response, which may be no
 * stream: `read` makes a result of that. A stream that ends without `complete` is opened again.
 */
export function subscription(open, read) {
  const stop = new AbortController();
  const results = received(open, read, stop.signal);
  return {
    next: () => results.next(),
    return: () => {
      stop.abort();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* received(open, read, signal) {
  const last = { id: "" };
  let hasBegun = false;
  while (!signal.aborted) {
    try {
      const response = await open(last.id, signal);
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
        yield await read(response);
        return;
      }
      hasBegun = true;
      for await (const { name, data } of events(response.body, last)) {
        if (name === "complete") return;
        yield JSON.parse(data);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!hasBegun) throw error;
    }
    await new Promise((again) => setTimeout(again, RETRY));
  }
}

/** The events of a stream; `last` is told the id of each, also of one without data. */
async function* events(body, last) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const event = parsed(text.slice(0, end), last);
      if (event.name) yield event;
    }
  }
}

function parsed(block, last) {
  const event = { name: "", data: "" };
  for (const line of block.split(LINES)) {
    const [, field, value] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
    if (field === "event") event.name = value;
    if (field === "data") event.data += value;
    if (field === "id") last.id = value;
  }
  return event;
}
