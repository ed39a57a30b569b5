// What the client programs share: the document's settings, a client that notes what it is told, and waiting for facts.
import { io } from "socket.io-client";

export const [url, token, ...args] = process.argv.slice(2);

// Contract, "Connection Setup".
export const SOCKET_CONFIG = {
  transports: ["websocket"],
  reconnection: true,
  reconnectionAttempts: 5,
  reconnectionDelay: 1000,
  auth: { token },
};

export const FRAME = 320; // bytes of 20 ms

// --- waiting for facts -----------------------------------------------------------------------------------------------

const LIMIT = 30_000;
const waiting = new Set();
const notes = [];

setTimeout(() => giveUp(`nothing after ${LIMIT} ms`), LIMIT).unref();

function giveUp(reason) {
  const facts = [...new Set([...waiting].map((one) => one.what))].join(", ");
  const told = notes.map(({ log, frames }) => ({ log, frames: frames.length }));
  console.error(`${reason}; waited for: ${facts}; told so far: ${JSON.stringify(told)}`);
  process.exit(1);
}

/** Resolves with the first truthy value of `fact`, looked at again whenever something has happened. */
export function until(what, fact) {
  return new Promise((resolve) => {
    waiting.add({ what, fact, resolve });
    look();
  });
}

/** Something has happened. */
export function look() {
  for (const one of waiting) {
    const value = one.fact();
    if (value) {
      waiting.delete(one);
      one.resolve(value);
    }
  }
}

/** Prints what was seen as one line of JSON, hangs up every socket, and lets the program end. */
export function report(seen) {
  console.log(JSON.stringify(seen));
  for (const { socket } of notes) socket.disconnect();
}

// --- what a socket is told -------------------------------------------------------------------------------------------

/** Notes every event: `frames` the audio, `log` the others, `at` being the number of frames that came before. */
export function note(socket) {
  const noted = { socket, log: [], frames: [], payloads: new Set() };
  notes.push(noted);
  socket.on("connect", look);
  socket.on("disconnect", (reason) => {
    if (reason.startsWith("transport") || reason.startsWith("io server")) giveUp(`lost the connection: ${reason}`);
  });
  socket.onAny((event, data) => {
    if (event === "audio") {
      noted.frames.push(data.audioData);
      noted.payloads.add(kind(data));
    } else {
      noted.log.push({ event, data, at: noted.frames.length });
    }
    look();
  });
  return noted;
}

function kind({ audioData, audioFormat, sessionId, ...others }) {
  const type = Buffer.isBuffer(audioData) ? "Buffer" : typeof audioData;
  return [type, audioData.length, audioFormat, typeof sessionId, ...Object.keys(others)].join(" ");
}

// --- REST ------------------------------------------------------------------------------------------------------------

export async function rest(method, path, body, headers = { Authorization: `Bearer ${token}` }) {
  const response = await fetch(url + path, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  return { code: response.status, ...(await response.json()) };
}

// --- a client --------------------------------------------------------------------------------------------------------

/** A socket with the document's settings; `options` change them. `acks` counts the answers to other events than audio. */
export class Client {
  constructor(options = {}) {
    this.socket = io(url, { ...SOCKET_CONFIG, ...options });
    this.acks = 0;
    Object.assign(this, note(this.socket));
  }

  /** Joins every session that is announced, as the document's example does. */
  joining() {
    this.socket.on("newSession", ({ sessionId }) => this.join(sessionId));
    return this;
  }

  /** Calls a number and returns the session at once. */
  async dial(phoneNumber) {
    await until("connection", () => this.socket.connected);
    return (await rest("POST", "/pbx/call", { phoneNumber })).data.sessionId;
  }

  /** Calls a number, joins, and returns the session when it is answered. */
  async call(phoneNumber = "089608675796") {
    const sessionId = await this.joining().dial(phoneNumber);
    await this.told("dialStatus", { sessionId, status: "Connected" });
    return sessionId;
  }

  join(sessionId) {
    this.emit("joinRoom", { sessionId });
  }

  /** Emits with a callback, which should never be called. */
  emit(event, payload) {
    this.socket.emit(event, payload, () => this.acks++);
  }

  /** Resolves with the acknowledgment. */
  audio(sessionId, audioData, audioFormat = "pcm16") {
    return this.say({ sessionId, audioData, audioFormat });
  }

  /** Resolves with the acknowledgment of any `audio` payload. */
  async say(...payload) {
    let ack;
    this.socket.emit("audio", ...payload, (answer) => {
      ack = answer;
      look();
    });
    return until("acknowledgment", () => ack);
  }

  checkPoint(sessionId, name) {
    this.emit("checkPoint", { sessionId, name });
  }

  /** Resolves when the server has handled everything that was sent before, its answers included. */
  async settled() {
    await this.say({});
  }

  /** Resolves with the first noted event of that name whose data has these members. */
  told(event, wanted = {}) {
    const fits = (entry) => entry.event === event && Object.keys(wanted).every((key) => entry.data[key] === wanted[key]);
    return until(`${event} ${JSON.stringify(wanted)}`, () => this.log.find(fits));
  }

  /** Resolves when so many frames have come in all. */
  heard(count) {
    return until(`${count} frames`, () => this.frames.length >= count);
  }

  /** Hangs up and resolves with the record. */
  async finish(sessionId) {
    this.emit("hangup", { sessionId });
    return (await this.told("cdr", { sessionId })).data;
  }
}

// --- sound -----------------------------------------------------------------------------------------------------------

/** Frames that each hold their own number in every sample: from `first` on, `count` of them. */
export function numbered(first, count) {
  const samples = Int16Array.from({ length: (count * FRAME) / 2 }, (_, i) => first + Math.floor(i / (FRAME / 2)));
  return Buffer.from(samples.buffer);
}

/** The numbers that frames of `numbered` hold, null for a frame that is not of one number. */
export function numbers(frames) {
  return frames.map((frame) => {
    const value = frame.readInt16LE(0);
    return frame.equals(numbered(value, 1)) ? value : null;
  });
}

/** Bytes that do not repeat themselves, the same ones every time. */
export function noise(length) {
  let state = 1;
  return Buffer.from(Array.from({ length }, () => (state = (state * 48_271) % 2_147_483_647) >> 8));
}

export const silence = (count) => Buffer.alloc(count * FRAME);
export const isSilent = (frame) => frame.every((byte) => byte === 0);
