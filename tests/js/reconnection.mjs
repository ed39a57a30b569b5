// A client that loses its connection in a call, and finds back by itself.
import { Client, look, numbered, numbers, report, until } from "./lib.mjs";

const client = new Client();
const { socket } = client;
const ids = [];
let lost;

socket.on("disconnect", (reason) => look((lost = reason)));

const sessionId = await client.call();
ids.push(socket.id);
client.audio(sessionId, numbered(1, 3000)); // a minute, so that it goes on playing in the meantime
client.checkPoint(sessionId, "the minute");
await until("sound", () => numbers(client.frames).includes(50));

socket.on("connect", () => {
  ids.push(socket.id);
  look();
});
socket.io.engine.close();
await until("the loss", () => lost);
const before = client.frames.length;
await until("the reconnection", () => ids.length === 2);
await client.settled();
const unjoined = client.frames.length - before;

client.join(sessionId);
await client.told("roomJoined", { sessionId, status: "success" });
await client.heard(before + unjoined + 100);
const heard = numbers(client.frames);
const ack = await client.audio(sessionId, numbered(1, 1));
client.emit("interruption", { sessionId });
client.checkPoint(sessionId, "back");
await client.told("checkPoint", { name: "back" });
const record = await client.finish(sessionId);
report({
  sessionId,
  ids,
  lost,
  unjoined,
  last: heard[before - 1],
  next: heard.slice(before, before + 100),
  ack,
  log: client.log,
  record,
});
