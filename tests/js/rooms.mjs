// Who is told what: two sockets of one token, and a stranger with another.
import { Client, numbered, report, token, until } from "./lib.mjs";

const member = new Client();
const onlooker = new Client();
const stranger = new Client({ auth: { token: `${token}-of-another` } });
const everyone = [member, onlooker, stranger];
await until("all connections", () => everyone.every(({ socket }) => socket.connected));

const sessionId = await member.call();
stranger.join(sessionId);
const strangersAck = await stranger.audio(sessionId, numbered(1, 5));
stranger.emit("hangup", { sessionId });
stranger.emit("interruption", { sessionId });
await stranger.settled();

// The onlooker may speak without having joined; who joined hears the echo.
const onlookersAck = await onlooker.audio(sessionId, numbered(7, 5));
onlooker.checkPoint(sessionId, "of the onlooker");
await member.told("checkPoint", { name: "of the onlooker" });

const refused = [];
for (const payload of [{ sessionId: "nowhere" }, { sessionId: 7 }, { sessionId: null }, {}, "text", null, undefined]) {
  const before = onlooker.log.length;
  onlooker.emit("joinRoom", payload);
  await onlooker.settled();
  refused.push(onlooker.log.slice(before).map(({ event, data }) => ({ event, ...data })));
}

const record = await member.finish(sessionId);
onlooker.join(sessionId);
await onlooker.settled();
await stranger.settled();
report({
  sessionId,
  record,
  refused,
  strangersAck,
  onlookersAck,
  logs: everyone.map(({ log }) => log),
  frames: everyone.map(({ frames }) => frames.length),
  others: [...new Set(everyone.map(({ socket }) => socket.id))].length,
});
