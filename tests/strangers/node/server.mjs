// The outgoing call service as somebody who has only read its document would write it: node:http, Socket.IO, memory.
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import { BREACHES, breach, wrong } from "./breaches.mjs";
import { Call, normalised } from "./call.mjs";
import { warmUp } from "./sound.mjs";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    token: { type: "string", default: "dev", multiple: false }, // several, separated by commas
    ring: { type: "string", default: "1" }, // seconds
    "record-delay": { type: "string", default: "1" }, // seconds
    callee: { type: "string", default: "echo" }, // echo, silent, music
    "echo-delay": { type: "string", default: "0" }, // milliseconds
    ulaw: { type: "boolean", default: false }, // the echo goes through u-law
    noise: { type: "string", default: "0" }, // peak of the line's noise, in samples
    "dial-delay": { type: "string", default: "1" }, // seconds after the request at which it dials anyhow
    "dial-by-clock": { type: "boolean", default: false }, // nobody has to join, and nobody hastens it
    "announce-delay": { type: "string", default: "0" }, // seconds from the reply to newSession
    hiccup: { type: "string", default: "0" }, // milliseconds that the process hangs, a second into each call
    "websocket-only": { type: "boolean", default: false },
    "busy-number": { type: "string" },
    "no-answer-number": { type: "string" },
    "no-answer-after": { type: "string", default: "4" }, // seconds
    "callee-hangup-number": { type: "string" },
    talk: { type: "string", default: "3" }, // seconds until that callee hangs up
    ms: { type: "boolean", default: false }, // times with milliseconds
    "asterisk-texts": { type: "boolean", default: false },
    ids: { type: "string", default: "v4" }, // v4, v7, sequential
    breach: { type: "string" },
    breaches: { type: "boolean", default: false }, // list them as JSON
  },
});

if (flags.breaches) {
  console.log(JSON.stringify(BREACHES));
  process.exit(0);
}
breach(flags.breach);

const tokens = flags.token.split(",");
const seconds = (text) => Number(text) * 1000;
const options = {
  ring: seconds(flags.ring),
  noAnswerAfter: seconds(flags["no-answer-after"]),
  talk: seconds(flags.talk),
  callee: flags.callee,
  echoDelay: Number(flags["echo-delay"]),
  ulaw: flags.ulaw,
  noise: Number(flags.noise),
  hiccup: Number(flags.hiccup),
  dialDelay: seconds(flags["dial-delay"]),
  busyNumber: flags["busy-number"],
  noAnswerNumber: flags["no-answer-number"],
  calleeHangupNumber: flags["callee-hangup-number"],
  asteriskTexts: flags["asterisk-texts"],
};

const calls = new Map(); // by session id, the ended ones too
const records = []; // oldest first

// --- ids and times

let counted = 0;

function newId(number) {
  if (wrong("session-id-by-number")) return `bb4ad603-d3d9-4729-929c-${number.slice(1).padStart(12, "0").slice(-12)}`;
  if (flags.ids === "sequential") return String((counted += 1)).padStart(8, "0");
  return flags.ids === "v7" ? uuid7() : randomUUID();
}

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function shownTime(time) {
  if (time === null) return null;
  if (wrong("times-without-zone")) return new Date(time).toISOString().slice(0, 19).replace("T", " ");
  return new Date(flags.ms ? time : Math.floor(time / 1000) * 1000).toISOString();
}

function shownRecord({ token, id, createdAt, updatedAt, ...record }, dated = true) {
  return {
    ...record,
    startTime: shownTime(record.startTime),
    answerTime: shownTime(record.answerTime),
    endTime: shownTime(record.endTime),
    ...(dated && { createdAt: shownTime(createdAt), updatedAt: shownTime(updatedAt) }),
  };
}

// --- calls

function tell(call, event, payload) {
  if (wrong("room-for-everybody")) io.emit(event, payload);
  else io.to(`call ${call.id}`).emit(event, payload);
}

function ended(call) {
  setTimeout(() => {
    const now = Date.now();
    const record = { ...call.record(), id: records.length + 1, token: call.token, createdAt: now, updatedAt: now };
    records.push(record);
    tell(call, "cdr", shownRecord(record, false));
  }, seconds(flags["record-delay"]));
}

/** The live call of a session, where this token may use it. */
function liveCall(id, token) {
  const call = typeof id === "string" ? calls.get(id) : undefined;
  return call?.live && call.token === token ? call : undefined;
}

// --- REST

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const success = (data) => ({ status: 200, errors: "", data });
const isText = (value) => typeof value === "string" && value !== "";

function tokenOf(request) {
  const [, token] = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (token === undefined) throw new Refusal(401, "Authentication token is required");
  if (!tokens.includes(token)) throw new Refusal(401, "Authentication token is invalid");
  return token;
}

async function bodyOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= 1e6) chunks.push(chunk);
  }
  if (length > 1e6) throw new Refusal(413, "The body is too large");
  let body;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
  } catch {
    throw new Refusal(400, "The body is not valid JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Refusal(400, "The body must be a JSON object");
  }
  return body;
}

async function placeCall(token, { phoneNumber }) {
  if (typeof phoneNumber !== "string" || !/^\+?[0-9]{8,15}$/.test(phoneNumber)) {
    throw new Refusal(400, "Invalid phone number format");
  }
  const call = new Call(newId(phoneNumber), phoneNumber, token, options, tell, ended);
  calls.set(call.id, call);
  await call.mp3.ready;
  const announce = () => io.to(`token ${token}`).emit("newSession", { sessionId: call.id, type: "outbound" });
  setTimeout(announce, seconds(flags["announce-delay"]));
  if (wrong("new-session-twice")) setTimeout(announce, 500);
  const number = wrong("number-normalised") ? normalised(phoneNumber) : phoneNumber;
  return success({ phoneNumber: number, sessionId: call.id });
}

function hangUp(token, { sessionId }) {
  if (!isText(sessionId)) throw new Refusal(400, "sessionId is required");
  const call = liveCall(sessionId, token);
  if (!call) throw new Refusal(404, "No active call has this sessionId");
  call.hangUp(!wrong("rest-hangup-unannounced"));
  return success({ sessionId });
}

const COMPARISONS = {
  $eq: (difference) => difference === 0,
  $gt: (difference) => difference > 0,
  $gte: (difference) => difference >= 0,
  $lt: (difference) => (wrong("lt-as-lte") ? difference <= 0 : difference < 0),
  $lte: (difference) => difference <= 0,
};

const FILTERS = {
  destination: { $eq: (a, b) => a === b, $contains: (a, b) => a.includes(b) },
  duration: COMPARISONS,
  billableSeconds: COMPARISONS,
};

/** Returns the test of one filter.<field> parameter; what is not supported keeps every record. */
function filterOf(field, text) {
  const [, operator = "$eq", value] = /^(?:(\$\w+):)?(.*)$/s.exec(text);
  const test = FILTERS[field]?.[operator];
  if (!test) return () => true;
  if (field === "destination") return (record) => test(record.destination, value);
  if (value.trim() === "" || Number.isNaN(Number(value))) {
    throw new Refusal(400, `filter.${field} must be compared with a number`);
  }
  if (wrong("numbers-compared-as-text")) return (record) => test(String(record[field]).localeCompare(value));
  return (record) => test(record[field] - Number(value));
}

/** Returns a whole number of the query: what it is by default, where it is missing or too small. */
function numberOf(query, name, byDefault) {
  const text = query.get(name);
  if (text === null || text === "") return byDefault;
  const number = Number.parseInt(text, 10);
  if (Number.isNaN(number)) throw new Refusal(400, `${name} must be a number`);
  return number < 1 ? byDefault : number;
}

function listRecords(token, query) {
  const page = numberOf(query, "page", 1);
  const limit = Math.min(numberOf(query, "limit", 100), 100);
  const filters = [...query].filter(([key]) => key.startsWith("filter."));
  const passes = filters.map(([key, text]) => filterOf(key.slice("filter.".length), text));
  const cut = (rows) => rows.slice((page - 1) * limit, page * limit);
  const filtered = (rows) => rows.filter((record) => passes.every((pass) => pass(record)));
  const mine = records.filter((record) => record.token === token).reverse();
  const found = wrong("filter-after-page") ? mine : filtered(mine);
  const pages = found.length / limit;
  const filter = {};
  for (const [key, text] of filters) {
    const field = key.slice("filter.".length);
    filter[field] = field in filter ? [filter[field], text].flat() : text;
  }
  return {
    data: (wrong("filter-after-page") ? filtered(cut(mine)) : cut(found)).map((record) => shownRecord(record)),
    meta: {
      itemsPerPage: limit,
      totalItems: found.length,
      currentPage: page,
      totalPages: wrong("total-pages-off-by-one") ? Math.floor(pages) + 1 : Math.ceil(pages),
      sortBy: [["id", "DESC"]],
      ...(filters.length && { filter }),
    },
  };
}

/** Splits a query as somebody does who does not know that it is encoded. */
const undecoded = (search) =>
  new URLSearchParams(
    search
      .slice(1)
      .split("&")
      .filter(Boolean)
      .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
  );

function oneRecord(token, sessionId) {
  const record = records.findLast((one) => one.token === token && one.sessionId === sessionId);
  if (!record) throw new Refusal(404, "Call record not found");
  return success(shownRecord(record));
}

async function answer(request) {
  const url = new URL(request.url, "http://localhost");
  const path = url.pathname.replace(/(.)\/$/, "$1");
  const [, detail] = /^\/cdr\/([^/]+)$/.exec(path) ?? [];
  const route = `${request.method} ${detail === undefined ? path : "/cdr/:id"}`;
  const token = wrong("records-open") && path.startsWith("/cdr") ? tokens[0] : tokenOf(request);
  switch (route) {
    case "POST /pbx/call":
      return placeCall(token, await bodyOf(request));
    case "POST /pbx/hangup":
      return hangUp(token, await bodyOf(request));
    case "GET /cdr":
      return listRecords(token, wrong("encoded-operator-unknown") ? undecoded(url.search) : url.searchParams);
    case "GET /cdr/:id":
      return oneRecord(token, decodeURIComponent(detail));
    default:
      throw new Refusal(404, "Resource not found");
  }
}

const http = createServer(async (request, response) => {
  let status = request.method === "POST" && wrong("created-201") ? 201 : 200;
  let body;
  try {
    body = await answer(request);
  } catch (thrown) {
    const error = thrown instanceof URIError ? new Refusal(400, "Malformed path") : thrown;
    if (!(error instanceof Refusal)) console.error(error);
    body =
      error instanceof Refusal
        ? { status: error.status, errors: error.message, data: null }
        : { status: 500, errors: "Internal Server Error", data: null };
    if (!wrong("status-in-body-only")) status = body.status;
  }
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(body));
});

// --- Socket.IO

const transports = flags["websocket-only"] ? ["websocket"] : ["polling", "websocket"];
const io = new Server(http, { cors: { origin: "*" }, transports });

io.use((socket, next) => {
  const given = socket.handshake.auth?.token;
  const token = typeof given === "string" ? given.replace(/^Bearer\s+/i, "") : undefined;
  if (!token) return next(new Error("Authentication token is required"));
  if (!tokens.includes(token)) return next(new Error("Authentication token is invalid"));
  socket.data.token = token;
  return next();
});

io.on("connection", (socket) => {
  const { token } = socket.data;
  socket.join(`token ${token}`);

  const complain = (message) => socket.emit("exception", { status: "error", message });

  /** Handles an event that is about a live call; complains where there is none. */
  const onCall = (event, act) => {
    socket.on(event, (payload) => {
      const call = liveCall(payload?.sessionId, token);
      if (!call) return complain(`${event}: no active call has this sessionId`);
      return act(call, payload);
    });
  };

  socket.on("joinRoom", (payload) => {
    const sessionId = payload?.sessionId ?? null;
    const call = liveCall(sessionId, token);
    if (!call) {
      if (!wrong("failed-join-unanswered")) socket.emit("roomJoined", { sessionId, status: "failed" });
      return;
    }
    if (wrong("rejoin-fails") && socket.rooms.has(`call ${call.id}`)) {
      socket.emit("roomJoined", { sessionId, status: "failed" });
      return;
    }
    socket.join(`call ${call.id}`);
    socket.emit("roomJoined", { sessionId, status: "success" });
    if (!flags["dial-by-clock"]) setTimeout(() => call.dial(), 50);
  });

  socket.on("audio", (payload, ack) => {
    const call = liveCall(payload?.sessionId, token);
    const error = call ? call.play(payload.audioData, payload.audioFormat) : "No active call has this sessionId";
    if (call?.state === "connected" && error !== null && wrong("bad-audio-ends-call")) call.hangUp();
    if (typeof ack !== "function" || (wrong("no-ack-for-mp3") && payload?.audioFormat === "mp3")) return;
    if (wrong("ack-without-error") && error === null) ack({ success: true });
    else if (wrong("ack-in-words")) ack({ success: error === null ? "true" : "false", error });
    else ack({ success: error === null, error });
  });

  onCall("checkPoint", (call, { name }) => {
    if (!isText(name)) complain("checkPoint: name is required");
    else call.mark(name);
  });

  onCall("dtmf", (call, { digit, duration = 200 }) => {
    const key = typeof digit === "string" ? digit.toUpperCase() : "";
    if (!/^[0-9*#A-D]$/.test(key)) complain("dtmf: digit must be one of 0-9, *, #, A-D");
    else if (Number.isFinite(duration) && duration >= 1 && duration <= 5000) call.key(key, duration);
    else complain("dtmf: duration is not valid");
  });

  onCall("interruption", (call) => call.interrupt());
  onCall("hangup", (call) => call.hangUp());
});

process.on("SIGTERM", () => process.exit(0));
await warmUp();
http.listen(Number(flags.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));
