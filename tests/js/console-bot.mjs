// A bot that joins every call and talks as long as it lasts; each fact that it is told is one line of JSON on stdout.
// Lines on stdin are what it is to do: {"call": number}, {"emit": [event, payload]}, {"say": {sessionId, sound}} with
// pcm16 as base64, {"hear": {sessionId, first, frames}}: which frames of 20 ms it is to tell of, once it has heard them,
// {"count": sessionId}: how many it has heard.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, token] = process.argv.slice(2);
const PACKET = 2_560; // bytes: what the contract recommends
const heard = new Map(); // session -> frames
let asked = []; // what it is to tell of, and has not heard yet

const socket = io(url, {
  transports: ["websocket"],
  reconnection: true,
  reconnectionDelay: 100,
  reconnectionDelayMax: 200,
  auth: { token },
});
const tell = (event, data) => console.log(JSON.stringify({ event, data }));

for (const event of ["connect", "disconnect", "connect_error"]) socket.on(event, (why) => tell(event, String(why ?? "")));
socket.onAny((event, data) => {
  if (event !== "audio") tell(event, data);
  else if (heard.get(data.sessionId)?.push(data.audioData)) tellHeard();
});
socket.on("newSession", ({ sessionId }) => {
  heard.set(sessionId, []);
  socket.emit("joinRoom", { sessionId });
});

function tellHeard() {
  asked = asked.filter(({ sessionId, first, frames }) => {
    const sound = (heard.get(sessionId) ?? []).slice(first, first + frames);
    if (sound.length < frames) return true;
    tell("heard", { sessionId, first, sound: Buffer.concat(sound).toString("base64") });
    return false;
  });
}

const ACTS = {
  async call(phoneNumber) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const reply = await fetch(new URL("/pbx/call", url), { method: "POST", headers, body: JSON.stringify({ phoneNumber }) });
    tell("placed", (await reply.json()).data);
  },
  emit: (event) => void socket.emit(...event),
  say({ sessionId, sound }) {
    const bytes = Buffer.from(sound, "base64");
    for (let at = 0; at < bytes.length; at += PACKET) {
      const message = { audioData: bytes.subarray(at, at + PACKET), sessionId, audioFormat: "pcm16" };
      socket.emit("audio", message, (ack) => ack.success || tell("refused", ack.error));
    }
  },
  count: (sessionId) => tell("count", { sessionId, frames: heard.get(sessionId)?.length ?? 0 }),
  hear(sound) {
    asked.push(sound);
    tellHeard();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  for (const [act, given] of Object.entries(JSON.parse(line))) await ACTS[act](given);
}
socket.disconnect();
