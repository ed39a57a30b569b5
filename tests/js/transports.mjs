// One call heard over a websocket, over polling, and by clients that change over while it runs.
import { Client, numbered, numbers, report, until } from "./lib.mjs";

const BOTH = ["polling", "websocket"];

class Listener extends Client {
  constructor(options) {
    super(options);
    this.over = { polling: 0, websocket: 0 };
    this.socket.on("audio", () => this.over[this.transport]++);
  }

  get transport() {
    return this.socket.io.engine.transport.name;
  }
}

const caller = new Listener();
const poller = new Listener({ transports: ["polling"] });
await until("the poller", () => poller.socket.connected);
poller.joining();
const sessionId = await caller.call();
await poller.told("dialStatus", { status: "Connected" });
const acks = [await caller.audio(sessionId, numbered(1, 1500))]; // half a minute
poller.emit("dtmf", { sessionId, digit: "9", duration: 100 });
await poller.settled();
poller.checkPoint(sessionId, "all");

// The client's defaults: polling first, a websocket as soon as that works. This one joins while that is going on.
const changing = new Listener({ transports: BOTH });
changing.socket.on("connect", () => changing.join(sessionId));

// The same, told to change over only when frames have been coming for a while.
const late = new Listener({ transports: BOTH, upgrade: false });
late.socket.on("connect", () => late.join(sessionId));
await late.heard(100);
late.socket.io.engine._probe("websocket");

const listeners = { caller, poller, changing, late };
for (const listener of Object.values(listeners)) await listener.told("checkPoint", { name: "all" });
for (const listener of Object.values(listeners)) acks.push(await listener.audio(sessionId, numbered(1, 1)));
poller.emit("hangup", { sessionId });
for (const listener of Object.values(listeners)) await listener.told("cdr");

const heard = {};
for (const [name, listener] of Object.entries(listeners)) {
  const { at } = listener.log.find(({ event }) => event === "checkPoint");
  heard[name] = {
    transport: listener.transport,
    over: listener.over,
    numbers: numbers(listener.frames.slice(0, at)).filter((number) => number !== 0),
    flow: listener.log.map(({ event, data }) => data.status ?? event),
    payloads: [...listener.payloads],
  };
}
report({ heard, acks });
