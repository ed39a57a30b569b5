// The console's own Socket.IO client, in the place of the official one, in a call and out of it.
import { WebSocket } from "ws";
import { look, noise, numbered, numbers, report, rest, token, until, url } from "./lib.mjs";
import { page } from "./page.mjs";

globalThis.WebSocket = WebSocket; // Node has one of its own from 22 on only
const { SocketIO } = await page("socketio.js");

/** A socket, what it was told, and what passed both ways. */
function client(auth, options) {
  const socket = new SocketIO(url, { auth, delay: 50, ...options });
  const seen = { socket, told: [], passed: [], frames: [] };
  for (const event of ["connect", "connect_error", "disconnect"]) {
    socket.on(event, (value) => {
      seen.told.push({ event, value: value instanceof Error ? `${value.message} ${value.final}` : value });
      look();
    });
  }
  socket.tap(({ direction, name, payload, ack }) => {
    if (name === "audio" && direction === "in" && !ack) seen.frames.push(Buffer.from(payload.audioData));
    else seen.passed.push({ direction, name, ack, payload: plain(payload) });
    look();
  });
  seen.event = (name, wanted = {}) =>
    until(`${name} ${JSON.stringify(wanted)}`, () =>
      seen.passed.find(
        (each) => each.direction === "in" && each.name === name && !each.ack &&
          Object.keys(wanted).every((key) => each.payload[key] === wanted[key]),
      ),
    ).then(({ payload }) => payload);
  return seen;
}

function plain(payload) {
  return JSON.parse(JSON.stringify(payload ?? null, (_, value) => (ArrayBuffer.isView(value) ? value.byteLength : value)));
}

async function refusal(auth) {
  const { socket, told } = client(auth);
  await until("refusal", () => told.length);
  return { told, active: socket.active, connected: socket.connected };
}

const refused = { none: await refusal({}), invalid: await refusal({ token: "invalid-x" }) };

// A port where nobody listens: two attempts more, and it is over.
const nobody = new SocketIO("http://127.0.0.1:9", { auth: { token }, attempts: 2, delay: 5 });
const failures = [];
nobody.on("connect_error", (error) => {
  failures.push(`${error.message} ${error.final}`);
  look();
});
await until("the end of trying", () => !nobody.active);

// A call. What is emitted before the connection leaves with it.
const bot = client({ token });
const early = bot.socket.ask("audio", { sessionId: "nowhere", audioData: numbered(1, 1), audioFormat: "pcm16" });
const early_ack = await early;
bot.socket.on("newSession", ({ sessionId }) => bot.socket.emit("joinRoom", { sessionId }));
const { sessionId } = (await rest("POST", "/pbx/call", { phoneNumber: "089608675796" })).data;
await bot.event("dialStatus", { sessionId, status: "Connected" });

const say = (audioData, audioFormat = "pcm16") => bot.socket.ask("audio", { sessionId, audioData, audioFormat });
const echo = numbered(1, 30);
const acks = [
  await say(echo),
  await say(new Uint8Array(numbered(31, 10))),
  await say(noise(3), "pcm16"),
  await say("text"),
];
bot.socket.emit("checkPoint", { sessionId, name: "a „label“ \u{1f642}" });
bot.socket.emit("dtmf", { sessionId, digit: "7", duration: 100 });
await bot.event("checkPoint");
await bot.event("dtmf");
await until("the echo", () => numbers(bot.frames).includes(40));

// Lost, and back by itself into the call.
const stop = bot.socket.on("connect", () => bot.socket.emit("joinRoom", { sessionId }));
await rest("POST", "/__admin/faults", { fault: "socket_dropped" });
await until("the loss", () => bot.told.some(({ event }) => event === "disconnect"));
await until("the way back", () => bot.passed.filter(({ name, direction }) => name === "roomJoined" && direction === "in").length === 2);
stop();
const unanswered = await bot.socket.ask("audio", { sessionId, audioData: numbered(1, 1), audioFormat: "ulaw" });
bot.socket.emit("hangup", { sessionId });
const record = await bot.event("cdr");

const before = bot.socket.id;
bot.socket.close();
const lost = await bot.socket.ask("audio", {}).catch((error) => error.message);
report({
  refused,
  failures,
  early: early_ack,
  acks,
  unanswered,
  numbers: numbers(bot.frames).filter((number) => number > 0 && number <= 40),
  sizes: [...new Set(bot.frames.map(({ length }) => length))],
  told: bot.told,
  passed: bot.passed,
  record,
  before,
  after: { id: bot.socket.id, active: bot.socket.active, lost },
});
