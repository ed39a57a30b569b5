// Hanging up by event: twice, and before the answer.
import { Client, report, rest } from "./lib.mjs";

const client = new Client();
const sessionId = await client.call();
client.emit("hangup", { sessionId });
client.emit("hangup", { sessionId });
await client.told("cdr", { sessionId });
client.emit("hangup", { sessionId });
await client.settled();
const byRest = await rest("POST", "/pbx/hangup", { sessionId });

const early = await client.dial("089608675797");
await client.told("dialStatus", { sessionId: early, status: "Ringing" });
await client.finish(early);
await client.settled();
report({ sessionId, early, log: client.log, acks: client.acks, byRest });
