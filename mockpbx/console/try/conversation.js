/** What client and server said to each other, in order, with sound folded into runs. */

const MOST = 600; // messages; the oldest go

/** What each event says in a few words. */
const SHORT = {
  newSession: ({ type }) => type,
  roomJoined: ({ status }) => status,
  dialStatus: ({ status }) => status,
  dtmf: ({ digit, duration }) => (duration === undefined ? digit : `${digit}, ${duration} ms`),
  checkPoint: ({ name }) => name,
  exception: ({ message }) => message,
  cdr: ({ disposition, hangupCauseText }) => [disposition, hangupCauseText].filter(Boolean).join(" · "),
};

/**
 * A list of messages `{ number, at: ms since the start, direction: "out"|"in", via: "rest"|"socket"|"note", name,
 * short, payload, bad, run }`. Folded sound has the payload of its first message, and a `run` `{ count, bytes, taken, refused,
 * error, last: ms }`.
 */
export class Conversation {
  constructor(now = () => performance.now()) {
    this.now = now;
    this.listeners = new Set();
    this.clear();
  }

  /** Begins anew. */
  clear() {
    this.started = this.now();
    this.messages = [];
    this.count = 0;
    this.open = { in: null, out: null };
    this.tell(null);
  }

  /**
   * Calls `fn(message)` after a message was added or has grown, `fn(null)` after all were forgotten. Returns what
   * stops it.
   */
  listen(fn) {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  /** Adds a message of the socket. */
  event(direction, name, payload) {
    const short = SHORT[name]?.(payload ?? {}) ?? "";
    return this.add({ direction, via: "socket", name, short: String(short ?? ""), payload, bad: name === "exception" });
  }

  /** Adds a request, or a reply. */
  rest(direction, name, short, payload, bad = false) {
    return this.add({ direction, via: "rest", name, short, payload, bad });
  }

  /** Adds what neither of them said: a connection lost, or found again. */
  note(name, bad = false) {
    return this.add({ direction: "in", via: "note", name, short: "", payload: undefined, bad });
  }

  /** Adds sound: to the run of its direction, where one is open. Returns the run's message. */
  sound(direction, payload) {
    const { audioData, audioFormat } = payload;
    const open = this.open[direction] ?? this.add(
      { direction, via: "socket", name: "audio", short: audioFormat, payload, run: emptyRun() },
      false,
    );
    this.open[direction] = open;
    open.run.count += 1;
    open.run.bytes += audioData.byteLength;
    open.run.last = this.elapsed;
    this.tell(open);
    return open;
  }

  /** Says how the server acknowledged a message of a run. */
  acknowledge(message, { success, error }) {
    if (success) message.run.taken += 1;
    else {
      message.run.refused += 1;
      message.run.error = error;
      message.bad = true;
    }
    this.tell(message);
  }

  get elapsed() {
    return this.now() - this.started;
  }

  add(message, ends = true) {
    if (ends) this.open = { in: null, out: null };
    const added = { number: (this.count += 1), at: this.elapsed, bad: false, ...message };
    this.messages.push(added);
    if (this.messages.length > MOST) this.messages.shift();
    this.tell(added);
    return added;
  }

  tell(message) {
    for (const fn of this.listeners) fn(message);
  }
}

function emptyRun() {
  return { count: 0, bytes: 0, taken: 0, refused: 0, error: null, last: 0 };
}

/** A payload as text; binary is told by its size. */
export function textOf(payload) {
  const isBinary = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  return JSON.stringify(payload, (_, value) => (isBinary(value) ? `${value.byteLength} bytes` : value), 2) ?? "";
}
