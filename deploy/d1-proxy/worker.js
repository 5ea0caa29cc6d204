// An authenticated HTTP endpoint for a registry in Cloudflare D1, through which `chittygraph serve` uses it.
//
// POST any path, with the header `Authorization: Bearer TOKEN` and a body of JSON:
//
//     {"session": "first-primary", "seconds": 5, "statements": [["SELECT ?1 AS given", ["text"]]]}
//
// All statements run in one transaction. `session` is "first-primary", "first-unconstrained", or the bookmark
// of an earlier answer. The answer holds the rows of each statement, as arrays:
//
//     {"results": [[["text"]]], "bookmark": "…", "meta": {"size_after": 4096, …}}
//
// D1 hands rows to Workers as objects. So the columns of a statement need names that differ and that are not
// whole numbers: these would come first. A BLOB is answered as {"blob": "hexadecimal digits"}.
//
// Errors are {"error": {"code": …, "message": …}}. After one of status 4xx or 503, nothing is stored: SQL says
// that a statement failed. After COLUMNS, everything is; after UNKNOWN and TIMEOUT, it may be, now or later.

const MAX_BODY_BYTES = 16_000_000;
const MAX_STATEMENTS = 1_000; // as many queries as one call of a Worker may make
const MAX_SECONDS = 30; // as long as D1 lets a query take
const MIN_TOKEN_LENGTH = 16;

// Errors of D1 for a statement that failed, and for a query that it has not begun.
const STATEMENT_FAILED = /SQLITE_[A-Z]+|Wrong number of parameter|No SQL statements/;
const NOT_BEGUN = /overloaded|Cannot resolve D1 DB/i;

class Problem extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }
}

export default {
  async fetch(request, env) {
    try {
      await authenticate(request, env.TOKEN);
      return Response.json(await run(env.REGISTRY, await read(request)));
    } catch (error) {
      const problem =
        error instanceof Problem ? error : new Problem(500, "UNKNOWN", String(error.message));
      const { status, code, message, headers } = problem;
      return Response.json({ error: { code, message } }, { status, headers });
    }
  },
};

async function authenticate(request, token) {
  if (typeof token !== "string" || token.length < MIN_TOKEN_LENGTH) {
    const message = `set the secret TOKEN of this Worker to at least ${MIN_TOKEN_LENGTH} characters`;
    throw new Problem(503, "NOT_CONFIGURED", message);
  }
  const given = request.headers.get("Authorization") ?? "";
  // Hashes have one length, which comparing in constant time needs.
  const [expected, actual] = await Promise.all([digest(`Bearer ${token}`), digest(given)]);
  if (!crypto.subtle.timingSafeEqual(expected, actual)) {
    const headers = { "WWW-Authenticate": "Bearer" };
    throw new Problem(401, "UNAUTHORIZED", "the bearer token is missing or wrong", headers);
  }
}

function digest(text) {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

async function read(request) {
  if (request.method !== "POST") {
    const message = `send a batch of statements with POST, not ${request.method}`;
    throw new Problem(405, "METHOD_NOT_ALLOWED", message, { Allow: "POST" });
  }
  let batch;
  try {
    batch = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await body(request)));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw invalid("the body is not JSON in UTF-8");
  }
  return checked(batch);
}

async function body(request) {
  const tooLarge = new Problem(413, "TOO_LARGE", `the body has more than ${MAX_BODY_BYTES} bytes`);
  if (Number(request.headers.get("Content-Length")) > MAX_BODY_BYTES) throw tooLarge;
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

function checked(batch) {
  if (batch === null || typeof batch !== "object" || Array.isArray(batch)) {
    throw invalid("the body is not an object of JSON");
  }
  const { session, seconds = MAX_SECONDS, statements } = batch;
  if (typeof session !== "string" || session.trim() === "") {
    throw invalid('session is not "first-primary", "first-unconstrained" or a bookmark');
  }
  if (typeof seconds !== "number" || !(seconds > 0)) {
    throw invalid("seconds is not a number above 0");
  }
  if (!Array.isArray(statements) || statements.length === 0) {
    throw invalid("statements is not a list of at least one statement");
  }
  if (statements.length > MAX_STATEMENTS) {
    throw new Problem(413, "TOO_LARGE", `there are more than ${MAX_STATEMENTS} statements`);
  }
  statements.forEach((statement, index) => {
    const [sql, values, ...more] = Array.isArray(statement) ? statement : [];
    if (typeof sql !== "string" || !Array.isArray(values) || more.length > 0) {
      throw invalid(`statement ${index + 1} is not a list of SQL and a list of values`);
    }
    if (!values.every(isValue)) {
      throw invalid(`statement ${index + 1} has a value that is no text, no number and not null`);
    }
  });
  return { session, seconds: Math.min(seconds, MAX_SECONDS), statements };
}

function isValue(value) {
  return value === null || typeof value === "string" || typeof value === "number";
}

function invalid(message) {
  return new Problem(400, "INVALID", message);
}

async function run(registry, { session: wanted, seconds, statements }) {
  const session = registry.withSession(wanted);
  const prepared = statements.map(([sql, values]) => session.prepare(sql).bind(...values));
  const results = await within(seconds, session.batch(prepared)).catch(explain);
  return {
    results: results.map((result) => result.results.map(asArray)),
    bookmark: session.getBookmark(),
    meta: total(results.map((result) => result.meta)),
  };
}

async function within(seconds, work) {
  let timer;
  const timeout = new Promise((_, reject) => {
    const problem = new Problem(504, "TIMEOUT", `D1 has not answered within ${seconds} seconds`);
    timer = setTimeout(reject, seconds * 1_000, problem);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function explain(error) {
  if (error instanceof Problem) throw error;
  const message = String(error.message).replace(/^D1_ERROR: /, "");
  if (STATEMENT_FAILED.test(message)) throw new Problem(422, "SQL", message);
  if (NOT_BEGUN.test(message)) throw new Problem(503, "UNAVAILABLE", message);
  throw new Problem(500, "UNKNOWN", message);
}

function asArray(row) {
  const names = Object.keys(row);
  if (names.length > 1 && /^\d+$/.test(names[0])) {
    throw new Problem(500, "COLUMNS", `name the column ${names[0]} of the result: AS some_name`);
  }
  return names.map((name) => asValue(row[name]));
}

function asValue(value) {
  if (!Array.isArray(value)) return value; // of a BLOB, D1 gives the list of its bytes
  return { blob: value.map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}

function total(metas) {
  const sum = (name) => metas.reduce((all, meta) => all + (meta[name] ?? 0), 0);
  const last = metas[metas.length - 1];
  return {
    size_after: last.size_after,
    duration: sum("duration"), // milliseconds
    rows_read: sum("rows_read"),
    rows_written: sum("rows_written"),
    served_by_primary: last.served_by_primary ?? true,
    served_by_region: last.served_by_region ?? null,
  };
}
