// Calls to magic numbers, all at once.
import { Client, args, report, rest } from "./lib.mjs";

const client = new Client().joining();
const sessions = {};
for (const number of args) sessions[number] = await client.dial(number);

const calls = {};
for (const [number, sessionId] of Object.entries(sessions)) {
  const { data: record } = await client.told("cdr", { sessionId });
  const own = client.log.filter((entry) => entry.data.sessionId === sessionId);
  calls[number] = {
    flow: own.map(({ event, data }) => (event === "dialStatus" ? data.status : event)),
    record,
    detail: (await rest("GET", `/cdr/${sessionId}`)).data,
  };
}
report({ calls, refused: await rest("POST", "/pbx/call", { phoneNumber: "08000000500" }), frames: client.frames.length });
