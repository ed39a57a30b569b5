/** The journal's facts in a few words: who did it, what it was, and how it is to be taken. */
import { isolated } from "./visible.js";

/** A length of samples at 8 kHz. */
function length(samples) {
  const ms = samples / 8;
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

/** A step or an expectation, which stand as a scenario file has them: `"answer"`, `{ ring: 3 }`. */
function step(notation) {
  if (typeof notation === "string") return notation.replaceAll("_", " ");
  const [[word, value]] = Object.entries(notation);
  const parts = typeof value === "object" ? Object.entries(value).map(([name, each]) => `${name} ${each}`) : [value];
  const given = isolated(parts.join(", "));
  return `${word.replaceAll("_", " ")} ${given}`;
}

/** Each kind that is told: who did it (client, callee, service), what happened, and its tone (good, warn, bad). */
const TELLS = {
  CallPlaced: ["client", ({ direction, number, scenario }) => `${direction} call to ${number}, scenario ${scenario}`],
  SessionAnnounced: ["service", () => "newSession"],
  RoomJoined: ["client", () => "joined the room"],
  JoinRefused: ["client", () => "joins too late: the call is over", "bad"],
  RoomEmptied: ["client", ({ goodbye }) => (goodbye ? "left the room" : "the connection is lost"), "warn"],
  ClientReturned: ["client", () => "connected again"],
  ClientCutOff: ["service", ({ why }) => `a client was cut off, it did not read: ${why}`, "bad"],
  DialStatusChanged: ["service", ({ status }) => status, "note"],
  CalleeSpoke: ["callee", ({ sound }) => `carries ${step(sound)}`],
  CalleeSoundEnded: ["callee", () => "has said it"],
  CalleePressed: ["callee", ({ digit, duration }) => `pushes the key ${digit} for ${duration} ms`],
  CalleeListens: ["callee", ({ expectation }) => `waits: ${step(expectation)}`],
  ExpectationMet: ["callee", ({ expectation, what }) => `got ${what || step(expectation)}`, "good"],
  ExpectationMissed: ["callee", ({ expectation }) => `waited in vain: ${step(expectation)}`, "warn"],
  ScenarioFinished: ["callee", () => "the scenario is over"],
  ScenarioFailed: ["callee", (fact) => `the scenario failed at step ${fact.step}: ${fact.reason}`, "bad"],
  ScenarioStopped: ["callee", (fact) => `the scenario stopped at step ${fact.step}: ${fact.reason}`],
  TakenOver: ["callee", ({ scenario }) => `${scenario} takes over`, "note"],
  HandsetPickedUp: ["callee", ({ takenOver }) => PICKED_UP[takenOver ? "again" : "first"], "note"],
  HandsetVoiced: ["callee", ({ talking }) => (talking ? "the person speaks" : "something else speaks instead"), "note"],
  HandsetPutDown: ["callee", ({ why }) => PUT_DOWN[why] ?? "the handset was put down"],
  PlayoutStarted: ["client", () => "begins to be heard"],
  PlayoutDrained: ["client", ({ played }) => `all heard after ${length(played)}: the queue is empty`],
  Underrun: ["client", ({ padding }) => `underrun: ${length(padding)} of silence amid the sound`, "warn"],
  CheckpointQueued: ["client", ({ name, ahead }) => `checkpoint ${name} queued behind ${length(ahead)}`],
  CheckpointReached: ["service", ({ name }) => `checkpoint ${name} reached`, "good"],
  CheckpointCleared: ["service", ({ name }) => `checkpoint ${name} cleared`, "warn"],
  PlayoutInterrupted: ["client", ({ cleared }) => `interruption: ${length(cleared)} cleared`, "warn"],
  DigitQueued: ["client", ({ digit, duration }) => `presses ${digit} for ${duration} ms`],
  DigitHeard: ["callee", ({ digit }) => `hears the digit ${digit}`, "note"],
  DigitReceived: ["callee", ({ digit, inBand }) => `pressed ${digit}${inBand ? ", heard in band" : ""}`, "note"],
  SoundHeard: ["callee", ({ what }) => `hears ${what || "what was listened for"}`, "good"],
  AudioRefused: ["client", ({ reason, size }) => `audio refused (${size} bytes): ${reason}`, "bad"],
  EventRefused: ["client", ({ event, reason }) => `${event} refused: ${reason}`, "bad"],
  FaultStruck: ["service", ({ fault, what }) => `fault ${fault} struck ${what}`, "bad"],
  MediaSlipped: ["service", ({ ms }) => `the emulator was held up for ${ms} ms`, "warn"],
  MediaStopped: ["service", settled],
  CallEnded: ["service", ended, "note"],
  RecordIssued: ["service", () => "cdr: the record was issued"],
  CallMeasured: ["service", () => "voice was measured"],
  RecordLost: ["service", ({ reason }) => `the record was not stored, no cdr is sent: ${reason}`, "bad"],
  RecordsDelayed: ["service", ({ reason }) => `the database takes no records, they wait: ${reason}`, "bad"],
  RecordsRecovered: ["service", ({ seconds }) => `the database takes records again after ${seconds} s`, "good"],
  DatabaseReopened: [
    "service",
    ({ writtenAgain }) => `the database was ${writtenAgain ? "deleted, and is written again" : "replaced"}`,
    "warn",
  ],
  ClientsDelayed: ["service", () => "no handle is left for new clients, they wait", "bad"],
  ClientsRecovered: ["service", ({ seconds }) => `new clients get in again after ${seconds} s`, "good"],
  MachineClockSet: ["service", ({ ms }) => `the machine's clock was set by ${ms / 1_000} s`, "warn"],
};

const PICKED_UP = { first: "a person picked the handset up", again: "a person took the handset over" };
const PUT_DOWN = {
  gone: "the person with the handset is gone",
  taken: "another page took the handset",
  ended: "the handset was put down with the call",
  clock: "the handset was put down: the clock is not real",
};

function settled({ audio, keys }) {
  const [heard, cleared, never] = ["played", "cleared", "discarded"].map((part) => length(audio[part] + keys[part]));
  return `of the client's sound ${heard} were heard, ${cleared} cleared, ${never} never heard`;
}

function ended({ record }) {
  return `ended: ${record.disposition}, cause ${record.cause}, hung up by ${record.hangupBy ?? "nobody"}`;
}

/** Tells a fact: `{ side, text, tone }`. A kind that is unknown here is told by its name. */
export function told(kind, data, { direction } = {}) {
  const [side, tell, tone = ""] = TELLS[kind] ?? ["service", () => kind];
  const other = direction === "inbound" && kind === "CallPlaced" ? "callee" : side;
  return { side: other, text: tell(shown(data)), tone };
}

/** What clients wrote in a fact is text of theirs among words of ours. */
function shown(data) {
  const safe = (value) => (typeof value === "string" ? isolated(value) : value);
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, safe(value)]));
}
