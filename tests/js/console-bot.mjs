// A bot that joins every call and talks as long as it lasts; each fact that it is told is one line of JSON on stdout.
// Lines on stdin are what it is to do: {"emit": [event, payload]}, {"say": {sessionId, hz, seconds}}, {"hear": sessionId}.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, token] = process.argv.slice(2);
const RATE = 8_000;
const PACKET = 2_560; // bytes: what the contract recommends
const heard = new Map(); // session -> frames

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
  if (event === "audio") heard.get(data.sessionId)?.push(data.audioData);
  else tell(event, data);
});
socket.on("newSession", ({ sessionId }) => {
  heard.set(sessionId, []);
  socket.emit("joinRoom", { sessionId });
});

function tone(hz, seconds) {
  const wave = (_, i) => 9_000 * Math.sin((2 * Math.PI * hz * i) / RATE);
  return Buffer.from(Int16Array.from({ length: seconds * RATE }, wave).buffer);
}

const ACTS = {
  emit: (event) => socket.emit(...event),
  say({ sessionId, hz, seconds }) {
    const sound = tone(hz, seconds);
    for (let at = 0; at < sound.length; at += PACKET) {
      const message = { audioData: sound.subarray(at, at + PACKET), sessionId, audioFormat: "pcm16" };
      socket.emit("audio", message, (ack) => ack.success || tell("refused", ack.error));
    }
  },
  hear(sessionId) {
    tell("heard", Buffer.concat(heard.get(sessionId) ?? []).toString("base64"));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  for (const [act, given] of Object.entries(JSON.parse(line))) ACTS[act](given);
}
socket.disconnect();
