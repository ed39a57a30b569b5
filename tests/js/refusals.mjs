// Everything that a client may send wrongly, and a call that goes on.
import { Client, numbered, numbers, report } from "./lib.mjs";

const client = new Client().joining();
const acks = {};
const good = numbered(1, 2);

const sessionId = await client.dial("089608675796");
await client.told("dialStatus", { sessionId, status: "Ringing" });
acks.beforeConnected = await client.audio(sessionId, good);
await client.told("dialStatus", { sessionId, status: "Connected" });

acks.odd = await client.audio(sessionId, Buffer.alloc(321));
acks.empty = await client.audio(sessionId, Buffer.alloc(0));
acks.noData = await client.say({ sessionId, audioFormat: "pcm16" });
acks.wrongFormat = await client.audio(sessionId, good, "opus");
acks.noFormat = await client.say({ sessionId, audioData: good });
acks.text = await client.audio(sessionId, good.toString("base64"));
acks.list = await client.audio(sessionId, [...good]);
acks.notMp3 = await client.audio(sessionId, Buffer.alloc(4000, "RIFF"), "mp3");
acks.noSession = await client.say({ audioData: good, audioFormat: "pcm16" });
acks.unknownSession = await client.audio("0198355b-f324-718b-95a4-625c43c654bc", good);
acks.textForAll = await client.say("hello");
acks.nothing = await client.say();

const exceptions = [];
for (const [event, ...payload] of [
  ["dtmf", { sessionId, digit: "x", duration: 200 }],
  ["dtmf", { sessionId, digit: "12", duration: 200 }],
  ["dtmf", { sessionId, digit: 1, duration: 200 }],
  ["dtmf", { sessionId, duration: 200 }],
  ["dtmf", { sessionId, digit: "1", duration: 0 }],
  ["dtmf", { sessionId, digit: "1", duration: "200" }],
  ["dtmf", { sessionId: "nowhere", digit: "1", duration: 200 }],
  ["checkPoint", { sessionId }],
  ["checkPoint", { sessionId, name: 1 }],
  ["checkPoint", { sessionId: "nowhere", name: "x" }],
  ["interruption", { sessionId: "nowhere" }],
  ["interruption", {}],
  ["interruption"],
  ["hangup", { sessionId: "nowhere" }],
  ["hangup", sessionId],
]) {
  const before = client.log.length;
  client.socket.emit(event, ...payload, () => client.acks++);
  await client.settled();
  exceptions.push(client.log.slice(before).map((told) => [told.event, told.data]));
}

// Events that the service does not know, the document's own playAudio and a client's cdr among them.
const before = client.log.length;
for (const event of ["playAudio", "cdr", "dialStatus", "newSession", "exception", "message", "__proto__", ""]) {
  client.emit(event, { sessionId });
}
await client.settled();
const toUnknown = client.log.slice(before);

// The call goes on, whatever kind of binary the sound comes as.
acks.buffer = await client.audio(sessionId, numbered(1, 2));
acks.uint8Array = await client.audio(sessionId, new Uint8Array(numbered(3, 2)));
acks.arrayBuffer = await client.audio(sessionId, new Uint8Array(numbered(5, 2)).buffer);
client.checkPoint(sessionId, "well");
const { at } = await client.told("checkPoint", { name: "well" });
await client.heard(at + 1);
const heard = numbers(client.frames).filter((number) => number !== 0);

client.emit("interruption", { sessionId });
client.emit("dtmf", { sessionId, digit: "1" });
client.emit("hangup", { sessionId });
acks.ended = await client.audio(sessionId, good);
const { data: record } = await client.told("cdr");
acks.recorded = await client.audio(sessionId, good);
report({ acks, exceptions, toUnknown, heard, record, otherAcks: client.acks });
