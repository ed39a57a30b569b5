/**
 * A Socket.IO client of our own: protocol 5 on Engine.IO 4, over a websocket, default namespace. It keeps to what the
 * official one does where a server could tell: handshake, attachments, acknowledgments, heartbeat, reconnection.
 */

const [OPEN, CLOSE, PING, PONG, MESSAGE] = ["0", "1", "2", "3", "4"]; // of Engine.IO
const [CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK] = [0, 1, 2, 3, 4, 5, 6];
const HEAD = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?/; // type, attachments, namespace, number of an acknowledgment
const OPEN_LIMIT = 20_000; // ms from opening to the handshake
const SPREAD = 0.5; // of a delay, so that many clients do not come back at once

/**
 * A socket that connects at once and comes back by itself. `on` and `tap` hear of it; what is emitted while it is on
 * the way leaves when it is there. The token goes into the first packet, never into the address.
 */
export class SocketIO {
  #listeners = new Map();
  #taps = new Set();
  #waiting = new Map(); // acknowledgments by their number
  #unsent = [];
  #timer; // of the next attempt
  #asked = 0;
  #failures = 0;
  #link = null;

  constructor(url, { auth = {}, attempts = Infinity, delay = 1_000, delayMax = 5_000 } = {}) {
    this.url = `${url.replace(/^http/, "ws").replace(/\/$/, "")}/socket.io/?EIO=4&transport=websocket`;
    this.auth = auth;
    this.retries = { attempts, delay, delayMax };
    this.id = null;
    this.active = false; // connected, or on the way there
    this.connect();
  }

  get connected() {
    return this.id !== null;
  }

  /** Opens a socket that was closed, refused, or has given up. */
  connect() {
    if (this.active) return;
    this.active = true;
    this.#failures = 0;
    this.#open();
  }

  /** Says goodbye and stays away. */
  close() {
    if (this.connected) this.#link.send([`${MESSAGE}${DISCONNECT}`]);
    this.active = false;
    this.#lost("io client disconnect");
  }

  /**
   * Calls a listener for an event; returns what stops that. Beside the server's events: `connect`, `connect_error`
   * (Error; one with `final` is the server's refusal, or the last attempt), `disconnect` (reason).
   */
  on(event, listener) {
    const all = this.#listeners.get(event) ?? this.#listeners.set(event, new Set()).get(event);
    all.add(listener);
    return () => all.delete(listener);
  }

  /** Calls `listener({ direction: "in"|"out", name, payload, ack })` for each event, and with `ack` for its answer. */
  tap(listener) {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  /** Sends an event. Binary is an ArrayBuffer or a view of one, anywhere in the payload. */
  emit(event, ...payload) {
    this.#send({ type: EVENT, data: [event, ...payload] });
  }

  /** Sends an event and resolves with its acknowledgment. Rejects when the connection is lost before it comes. */
  ask(event, ...payload) {
    const number = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { event, resolve, reject });
      this.#send({ type: EVENT, number, data: [event, ...payload] });
    });
  }

  #send(packet) {
    if (this.connected) {
      this.#show("out", packet.data);
      this.#link.send(encoded(packet));
    } else if (this.active) this.#unsent.push(packet);
    else this.#giveUpAsking();
  }

  // --- the connection ------------------------------------------------------------------------------------------------

  #open() {
    const link = (this.#link = new Link(this.url, {
      open: () => link.send([`${MESSAGE}${CONNECT}${JSON.stringify(this.auth)}`]),
      packet: (packet) => this.#take(packet),
      close: (reason) => link === this.#link && this.#lost(reason),
    }));
  }

  #lost(reason) {
    const was = this.connected;
    this.id = null;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    if (!this.active) this.#unsent = [];
    this.#giveUpAsking();
    if (was) this.#tell("disconnect", reason);
    if (this.active) this.#comeBack(was);
  }

  #giveUpAsking() {
    const kept = new Set(this.#unsent.map((packet) => packet.number));
    for (const [number, { event, reject }] of this.#waiting) {
      if (kept.has(number)) continue;
      this.#waiting.delete(number);
      reject(new Error(`The connection was lost before ${event} was acknowledged`));
    }
  }

  #comeBack(was) {
    const { attempts, delay, delayMax } = this.retries;
    const final = this.#failures >= attempts;
    if (final) this.active = false;
    if (!was) this.#tell("connect_error", Object.assign(new Error("The server does not answer"), { final }));
    if (!this.active) return;
    const ms = Math.min(delayMax, delay * 2 ** this.#failures++ * (1 - SPREAD + 2 * SPREAD * Math.random()));
    this.#timer = setTimeout(() => this.#open(), ms);
  }

  #take({ type, number, data }) {
    if (type === CONNECT) {
      this.#failures = 0;
      this.id = data?.sid ?? "";
      for (const packet of this.#unsent.splice(0)) this.#send(packet);
      this.#tell("connect", this.id);
    } else if (type === EVENT) {
      if (!Array.isArray(data)) return;
      this.#show("in", data);
      this.#tell(...data);
    } else if (type === ACK) {
      const asked = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (!asked) return;
      this.#show("in", [asked.event, data?.[0]], true);
      asked.resolve(data?.[0]);
    } else if (type === DISCONNECT) {
      this.active = false;
      this.#lost("io server disconnect");
    } else if (type === CONNECT_ERROR) {
      this.active = false;
      this.#lost("refused");
      const error = new Error(data?.message ?? "refused");
      this.#tell("connect_error", Object.assign(error, { data: data?.data, final: true }));
    }
  }

  #tell(event, ...payload) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...payload);
  }

  #show(direction, [name, payload], ack = false) {
    for (const tap of [...this.#taps]) tap({ direction, name, payload, ack });
  }
}

/** One websocket: packets of Engine.IO, its heartbeat, and Socket.IO's packets put together again. */
class Link {
  #timer;
  #awaiting = null; // the packet whose attachments are still to come
  #limit = OPEN_LIMIT;

  constructor(url, { open, packet, close }) {
    this.closed = false;
    this.told = { open, packet, close };
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => this.#read(data);
    this.socket.onclose = () => this.#end("transport close");
    this.socket.onerror = () => {}; // a close follows
    this.#await("timeout");
  }

  send(messages) {
    if (this.socket.readyState === 1) for (const message of messages) this.socket.send(message);
  }

  close() {
    this.closed = true;
    clearTimeout(this.#timer);
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
  }

  #end(reason) {
    if (this.closed) return;
    this.close();
    this.told.close(reason);
  }

  #await(reason) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(reason), this.#limit);
  }

  #read(message) {
    try {
      if (typeof message !== "string") this.#attach(message);
      else if (message[0] === MESSAGE) this.#whole(decoded(message.slice(1)));
      else if (message[0] === PING) this.#beat(message.slice(1));
      else if (message[0] === OPEN) this.#begin(parsed(message.slice(1)));
      else if (message[0] === CLOSE) this.#end("transport close");
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#end("parse error");
    }
  }

  #begin({ pingInterval, pingTimeout }) {
    this.#limit = pingInterval + pingTimeout;
    this.#await("ping timeout");
    this.told.open();
  }

  #beat(probe) {
    this.send([PONG + probe]);
    this.#await("ping timeout");
  }

  #whole(packet) {
    if (this.#awaiting) throw new Malformed();
    if (packet.attachments) this.#awaiting = { packet, buffers: [] };
    else this.told.packet(packet);
  }

  #attach(buffer) {
    if (!this.#awaiting) throw new Malformed();
    const { packet, buffers } = this.#awaiting;
    if (buffers.push(buffer) < packet.attachments) return;
    this.#awaiting = null;
    this.told.packet({ ...packet, data: filled(packet.data, buffers) });
  }
}

// --- packets ---------------------------------------------------------------------------------------------------------

class Malformed extends Error {}

/** A packet as websocket messages: its text, then its attachments. */
function encoded({ type, number, data }) {
  const buffers = [];
  const text = JSON.stringify(emptied(data, buffers));
  const head = buffers.length ? `${type + BINARY_EVENT - EVENT}${buffers.length}-` : type;
  return [`${MESSAGE}${head}${number ?? ""}${text}`, ...buffers];
}

function decoded(text) {
  const head = HEAD.exec(text);
  if (!head || (head[3] ?? "/") !== "/") throw new Malformed();
  const rest = text.slice(head[0].length);
  const type = Number(head[1]);
  const binary = type === BINARY_EVENT || type === BINARY_ACK;
  return {
    type: binary ? type - BINARY_EVENT + EVENT : type,
    attachments: binary ? Number(head[2]) : 0,
    number: head[4] === undefined ? undefined : Number(head[4]),
    data: rest ? parsed(rest) : undefined,
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Malformed();
  }
}

function emptied(value, buffers) {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return { _placeholder: true, num: buffers.push(value) - 1 };
  }
  if (typeof value.toJSON === "function") return value;
  if (Array.isArray(value)) return value.map((each) => emptied(each, buffers));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, emptied(each, buffers)]));
}

function filled(value, buffers) {
  if (value === null || typeof value !== "object") return value;
  if (value._placeholder === true) {
    if (!(value.num in buffers)) throw new Malformed();
    return buffers[value.num];
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, buffers));
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, buffers)]));
}
