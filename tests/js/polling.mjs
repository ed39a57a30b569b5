// Much at once over polling: the client puts all that waits into one request.
import { Client, args, numbered, numbers, report, silence } from "./lib.mjs";

const [messages, frames] = args.map(Number);

const client = new Client({ transports: ["polling"] });
const sessionId = await client.call();
const acks = [client.audio(sessionId, silence(100))];
for (let i = 0; i < messages; i++) acks.push(client.audio(sessionId, numbered(1 + i * frames, frames)));
client.checkPoint(sessionId, "all");
await client.told("checkPoint", { name: "all" });
await client.heard(client.frames.length + 1);
const heard = numbers(client.frames).filter((number) => number !== 0);
await client.finish(sessionId);
report({ heard, acks: await Promise.all(acks) });
