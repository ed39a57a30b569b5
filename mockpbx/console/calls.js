/** Calls as values, and what each fact of the journal changes in them. */
import { told } from "./facts.js";
import { isolated } from "./visible.js";

/** The persona of a call that a person picks up. */
export const HANDSET = "handset";
/** What the journal calls the scenario of a call in which somebody steps in through the control API. */
const BY_HAND = "by hand";

/** Makes a call of the summary that the control API gives; what only its entries told is kept from `before`. */
export function callOf(summary, before) {
  const { record } = summary;
  return {
    ...fresh(),
    ...before,
    ...summary,
    placedAt: Date.parse(summary.placedAt),
    answeredAt: before?.answeredAt ?? momentOf(record?.answerTime),
    endedAt: before?.endedAt ?? momentOf(record?.endTime),
    record: record && {
      disposition: record.disposition,
      hangupBy: record.hangupBy,
      cause: record.hangupCauseCode,
      duration: record.duration,
      billableSeconds: record.billableSeconds,
    },
  };
}

/** Makes a call of the entry that tells of its beginning. */
export function placed({ call, at, data }) {
  const { number, direction, caller, scenario } = data;
  return { ...fresh(), sessionId: call, number, direction, caller, scenario, placedAt: at };
}

function fresh() {
  return {
    status: "Created",
    live: true,
    joined: false,
    answeredAt: null,
    endedAt: null,
    record: null,
    failure: null,
    performing: true, // its scenario goes on, or is to begin
    sounding: false, // a sound of it goes on, as an echo does when nothing else is left to do
    handset: null, // in a person's hand: "held", or "talking" where the client hears the person
    counts: { digits: 0, checkpoints: 0, interruptions: 0, refused: 0, underruns: 0, faults: 0 },
    last: "",
    tone: "",
  };
}

/** What a fact changes in its call: by its kind, `(call, data, at, kind)`. */
export const CHANGES = {
  RoomJoined: noted((call) => (call.joined = true)),
  RoomEmptied: noted(),
  ClientReturned: noted(),
  DialStatusChanged(call, { status }, at) {
    call.status = status;
    if (status === "Connected") call.answeredAt = at;
  },
  TakenOver: noted((call, { scenario }) => {
    Object.assign(call, { scenario, performing: scenario !== BY_HAND });
  }),
  HandsetPickedUp: noted((call) => (call.handset = "held")),
  HandsetVoiced: noted((call, { talking }) => {
    call.handset = talking ? "talking" : "held";
    if (talking) call.sounding = false;
  }),
  HandsetPutDown: noted((call) => (call.handset = null)),
  CalleeSpoke: (call, { sound }) => (call.sounding = sound !== "silence"),
  CalleeSoundEnded: (call) => (call.sounding = false),
  ScenarioFailed: noted((call, { step, reason }) => (call.failure = `step ${step}: ${reason}`)),
  ScenarioFinished: noted((call) => (call.performing = false)),
  ScenarioStopped: (call) => (call.performing = false),
  ExpectationMet: noted(),
  ExpectationMissed: noted(),
  CheckpointReached: noted((call) => (call.counts.checkpoints += 1)),
  CheckpointCleared: noted(),
  DigitReceived: noted((call) => (call.counts.digits += 1)),
  DigitHeard: noted((call) => (call.counts.digits += 1)),
  PlayoutInterrupted: noted((call) => (call.counts.interruptions += 1)),
  AudioRefused: noted((call) => (call.counts.refused += 1)),
  EventRefused: noted((call) => (call.counts.refused += 1)),
  Underrun: (call) => (call.counts.underruns += 1),
  FaultStruck: noted((call) => (call.counts.faults += 1)),
  MediaSlipped: noted(),
  RecordLost: noted(),
  CallEnded(call, { record }, at) {
    const { answeredAt } = record;
    Object.assign(call, { status: "Ended", live: false, handset: null, endedAt: at, answeredAt });
    call.record = {
      disposition: record.disposition,
      hangupBy: record.hangupBy,
      cause: record.cause,
      duration: Math.floor((record.endedAt - record.startedAt) / 1_000),
      billableSeconds: answeredAt === null ? 0 : Math.floor((record.endedAt - answeredAt) / 1_000),
    };
  },
};

/** A change after which the fact is what happened last in its call. */
function noted(change = () => {}) {
  return (call, data, at, kind) => {
    change(call, data, at);
    const { text, tone } = told(kind, data, call);
    Object.assign(call, { last: text, tone });
  };
}

function momentOf(iso) {
  return iso ? Date.parse(iso) : null;
}

// --- in words --------------------------------------------------------------------------------------------------------

/** Virtual ms that a call has lasted: since its answer where it was answered, since it was placed otherwise. */
export function lasted(call, now) {
  const { record } = call;
  if (record) return 1_000 * (call.answeredAt === null ? record.duration : record.billableSeconds);
  return Math.max(0, now - (call.answeredAt ?? call.placedAt));
}

/** What a call's `handset` means. */
export const HANDS = { held: "a person listens", talking: "a person talks" };

/** A length as a phone shows it: `0:07`, `12:34`, `1:02:03`. */
export function spell(ms) {
  const seconds = Math.floor(ms / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value) => String(value).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Who is called, and by whom where somebody calls in. */
export function called({ direction, caller, number }) {
  return direction === "inbound" && caller ? `${isolated(caller)} → ${isolated(number)}` : isolated(number);
}

/** Who ended a call: `the client`, `the callee`, `the caller`, `nobody`. */
export function endedBy({ direction, record }) {
  if (!record.hangupBy) return "nobody";
  const client = direction === "outbound" ? "CALLER" : "CALLEE";
  return record.hangupBy === client ? "the client" : direction === "outbound" ? "the callee" : "the caller";
}
