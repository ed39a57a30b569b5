// Events sent in one go are handled in the order sent.
import { readFileSync } from "node:fs";
import { Client, args, isSilent, numbered, numbers, report, silence } from "./lib.mjs";

const mp3 = readFileSync(args[0]);
const client = new Client();
const sessionId = await client.call();
const answered = [];
const audio = (name, data, format) => client.audio(sessionId, data, format).then((ack) => answered.push([name, ack.success]));

// An interruption in between: MP3 takes time to decode, and must be cleared none the less.
audio("mp3", Buffer.concat(Array(20).fill(mp3)), "mp3");
client.checkPoint(sessionId, "cleared");
client.emit("interruption", { sessionId });
audio("first", Buffer.concat([silence(100), numbered(1, 10)])); // the silence is time for all that follows
client.checkPoint(sessionId, "first");
audio("second", numbered(11, 10));
client.checkPoint(sessionId, "second");
client.checkPoint(sessionId, "second again");
client.emit("dtmf", { sessionId, digit: "A", duration: 100 });
client.checkPoint(sessionId, "keyed");
await client.told("checkPoint", { name: "keyed" });
await client.heard(client.frames.length + 20);

const loud = numbers(client.frames.filter((frame) => !isSilent(frame)));
const log = client.log.filter(({ event }) => ["checkPoint", "dtmf"].includes(event));
const heard = numbers(client.frames);
await client.finish(sessionId);
report({ answered, loud, log, heard });
