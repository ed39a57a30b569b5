/** The journal's stream: server-sent events read by fetch, since an EventSource cannot show a token. */
import { Refused } from "./api.js";
import { pause } from "./pause.js";

const SILENT = 40_000; // ms without a byte: the server's heartbeat comes every 15 s, so nobody is there any more
const SUSPECT = 20_000; // ms without a byte that make a page which has just woken up try anew
const LOOK = 5_000; // ms between two looks
const PAUSES = [500, 1_000, 2_000, 5_000]; // ms before each further try

/** Pauses between tries, longer each time; over at once when the network or the tab comes back. */
export class Patience {
  constructor() {
    this.tries = 0;
  }

  /** What was tried has worked. */
  rest() {
    this.tries = 0;
  }

  /** Waits before the next try. */
  async wait(signal) {
    const over = new AbortController();
    const done = () => over.abort();
    onReturn(done, over.signal);
    await pause(PAUSES[Math.min(this.tries++, PAUSES.length - 1)], AbortSignal.any([signal, over.signal]));
    done();
  }
}

/**
 * Follows the journal behind a position, through every loss of the connection, and hands on entries in batches.
 * `told(entries)` gets them, `state("live" | "stale" | "lost")` how the connection is. Returns once the position is
 * worth nothing any more (another journal began, entries are gone) or `signal` says stop. Throws Refused where the
 * token is.
 */
export async function follow(api, after, { told, state, signal }) {
  const patience = new Patience();
  const reading = { after, told };
  while (!signal.aborted) {
    const connection = watched(signal);
    try {
      const request = { method: "GET", path: "/__admin/journal/stream", query: { after: reading.after } };
      const headers = { "Last-Event-ID": reading.after };
      const reply = await api.open(request, { signal: connection.signal, headers, endless: true });
      state("live");
      for await (const text of chunks(reply, connection)) {
        patience.rest();
        if (!read(reading, text)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status < 500) {
        if (isToken(error)) throw error;
        return; // such as a position that this server cannot read: begin anew
      }
      state("lost");
    } finally {
      connection.close();
    }
    reading.rest = ""; // half an event is told whole by the next connection
    if (patience.tries === 0) state("stale");
    await patience.wait(signal);
  }
}

/** Whether it is the token that was refused. */
export function isToken(error) {
  return error.status === 401 || error.status === 403;
}

/** Reads on. Returns whether the position still holds. */
function read(reading, text) {
  const blocks = ((reading.rest ?? "") + text).split("\n\n");
  reading.rest = blocks.pop();
  const entries = [];
  let holds = true;
  for (const block of blocks) {
    const { id, event, data } = fieldsOf(block);
    holds = event !== "truncated" && (!id || journalOf(id) === journalOf(reading.after));
    if (!holds) break;
    if (data) entries.push(JSON.parse(data));
    if (id) reading.after = id;
  }
  if (entries.length) reading.told(entries);
  return holds;
}

function fieldsOf(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
  }
  return fields;
}

/** Which journal a position belongs to. */
function journalOf(position) {
  return position.split("-")[0];
}

async function* chunks(reply, connection) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    connection.heard();
    yield value;
  }
}

/** A connection that is given up once it has been silent for too long, as after a laptop's sleep. */
function watched(outer) {
  const given = new AbortController();
  let last = Date.now(); // of the wall: other clocks may stand still while the machine sleeps
  const look = (limit) => Date.now() - last > limit && given.abort();
  const timer = setInterval(look, LOOK, SILENT);
  onReturn(() => look(SUSPECT), given.signal);
  return {
    signal: AbortSignal.any([outer, given.signal]),
    heard() {
      last = Date.now();
    },
    close() {
      clearInterval(timer);
      given.abort();
    },
  };
}

/** Calls back when the network or the tab has come back. */
function onReturn(back, signal) {
  addEventListener("online", back, { signal });
  document.addEventListener("visibilitychange", () => document.hidden || back(), { signal });
}
