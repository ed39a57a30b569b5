// A bot that joins, listens and does nothing else: `node patient.mjs URL TOKEN NUMBER`.
import { io } from "socket.io-client";
import { SOCKET_CONFIG, args, token, url } from "./lib.mjs";

const socket = io(url, SOCKET_CONFIG);
let frames = 0;
let began;
socket.on("newSession", ({ sessionId }) => socket.emit("joinRoom", { sessionId }));
socket.on("audio", () => (frames += 1));
socket.on("cdr", (record) => {
  console.log(JSON.stringify({ frames, record, wall: performance.now() - began }));
  socket.disconnect();
});
socket.on("connect", async () => {
  began = performance.now();
  await fetch(`${url}/pbx/call`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ phoneNumber: args[0] }),
  });
});
