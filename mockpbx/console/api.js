/** Requests to the contract's API and to the control API, as values that can be sent, and shown as code. */

/**
 * A request as a value. `query` is an object or a list of pairs, `body` is sent as JSON.
 * @typedef {{ method: string, path: string, query?: object|Array, body?: unknown }} Request
 */

/** The server said no; the message is its own sentence. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer. Is mockpbx still running? The page goes on by itself once it is back.");
  }
}

const LIMIT = 60_000; // ms that a reply may take
const DOUBT = 5_000; // ms after which one wonders

/** Talks to the server that the page came from, with the token of one workspace. */
export class Api {
  constructor(token, adminToken = null) {
    this.token = token;
    this.adminToken = adminToken;
    this.base = location.origin;
    this.overdue = 0; // requests that have waited for longer than DOUBT
    this.doubted = () => {}; // hears when that changes
  }

  /** The headers that every request shows. */
  get headers() {
    const headers = { Authorization: `Bearer ${this.token}` };
    return this.adminToken ? { ...headers, "X-Admin-Token": this.adminToken } : headers;
  }

  /**
   * Sends a request. Returns its data: what is in the envelope, or the whole reply where there is none.
   * Throws Refused or Unreachable.
   */
  async send(request, { signal } = {}) {
    const reply = await this.open(request, { signal });
    const body = await reply.json();
    return "errors" in body ? body.data : body;
  }

  /** Shorthand of `send` for what is only read. */
  get(path, query, options) {
    return this.send({ method: "GET", path, query }, options);
  }

  /**
   * Sends a request and returns the response itself, for streams, sound and files. Throws Refused or Unreachable.
   * Without `endless` the whole reply is to come within LIMIT, and what the request itself asks to wait.
   */
  async open(request, { signal, headers, endless = false } = {}) {
    const has = request.body !== undefined;
    const waits = endless ? Infinity : 1_000 * (queryOf(request).get("wait") ?? 0);
    const limit = endless ? [] : [AbortSignal.timeout(LIMIT + waits)];
    const settled = this.#watch(waits);
    let reply;
    try {
      reply = await fetch(this.base + pathOf(request), {
        method: request.method,
        headers: { ...this.headers, ...(has ? { "Content-Type": "application/json" } : {}), ...headers },
        body: has ? JSON.stringify(request.body) : undefined,
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.any([...limit, ...(signal ? [signal] : [])]),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Unreachable();
    } finally {
      settled();
    }
    if (!reply.ok) throw new Refused(reply.status, await sentenceOf(reply));
    return reply;
  }

  /** Counts a request as overdue from DOUBT on. Returns what is to be called once it is settled. */
  #watch(waits) {
    if (waits === Infinity) return () => {};
    let late = 0;
    const timer = setTimeout(() => this.#count((late = 1)), DOUBT + waits);
    return () => {
      clearTimeout(timer);
      if (late) this.#count(-1);
    };
  }

  #count(more) {
    this.overdue += more;
    this.doubted();
  }
}

/** The path of a request with its query. */
export function pathOf(request) {
  const query = queryOf(request);
  return query.size ? `${request.path}?${query}` : request.path;
}

function queryOf({ query }) {
  const pairs = Array.isArray(query) ? query : Object.entries(query ?? {});
  return new URLSearchParams(pairs.filter(([, value]) => value !== undefined && value !== null && value !== ""));
}

async function sentenceOf(reply) {
  try {
    const body = await reply.json();
    const sentence = [body.errors ?? body.message].flat().filter(Boolean).join("; ");
    return sentence || `${reply.status} ${reply.statusText}`;
  } catch {
    return `${reply.status} ${reply.statusText}`;
  }
}
