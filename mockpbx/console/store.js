/** What the page knows of its workspace: calls, reduced from a snapshot and the journal's entries behind it. */
import { CHANGES, callOf, placed } from "./calls.js";
import { Pulses } from "./pulses.js";
import { Patience, follow, isToken } from "./stream.js";
import { Refused } from "./api.js";

const MOST = 1_000; // calls: as many as the server keeps
const FRAME = 20; // ms
const LATEST = 250; // ms after which listeners hear of changes in a tab that draws nothing

/** The calls of a workspace as they stand, its time and its clients; kept up to date until it is stopped. */
export class Store {
  constructor(api) {
    this.api = api;
    this.state = "connecting";
    this.problem = ""; // the sentence with which the token was refused
    this.calls = new Map(); // in the order in which they were placed
    this.live = 0;
    this.clients = 0;
    this.shape = 0; // another number once calls have come, ended or gone
    this.pulses = new Pulses(api, (pulse) => this.#beat(pulse));
    this.listeners = new Set();
    this.tappers = new Set();
    this.over = new AbortController();
    this.clock = { at: Date.now(), since: performance.now(), rate: 1 };
    this.ended = new Set(); // session ids, the one that ended first in front
    this.newest = { shape: -1, order: [] };
    this.causes = new Map(); // their texts, as far as records have shown them
  }

  /** Takes a snapshot and follows from there. Returns how many calls are known; throws Refused where the token is. */
  async start() {
    const next = await this.#snapshot();
    this.#follow(next);
    return this.calls.size;
  }

  /** Lets go of everything. */
  stop() {
    this.over.abort();
    this.pulses.stop();
    this.listeners.clear();
    this.tappers.clear();
  }

  /** The session ids, the newest call first. */
  get order() {
    const { shape } = this;
    if (this.newest.shape !== shape) this.newest = { shape, order: [...this.calls.keys()].reverse() };
    return this.newest.order;
  }

  /** Virtual ms since 1970, as far as is known. */
  get now() {
    return this.clock.at + (performance.now() - this.clock.since) * this.clock.rate;
  }

  /** Calls `fn` after something has changed, once an animation frame at most. Returns what stops it. */
  listen(fn) {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  /**
   * Calls `fn` with every journal entry as it comes. After a fresh snapshot, behind which entries may be missing, there
   * is one of the kind `SnapshotTaken` without number. Returns what stops it.
   */
  tap(fn) {
    this.tappers.add(fn);
    return () => this.tappers.delete(fn);
  }

  /** Asks for the sound of the calls that `ids` returns (see `pulses.js`): `{ of(id), close() }`. */
  pulse(ids, beat) {
    return this.pulses.ask(ids, beat);
  }

  // --- from the server -----------------------------------------------------------------------------------------------

  async #snapshot() {
    const patience = new Patience();
    const { signal } = this.over;
    while (!signal.aborted) {
      try {
        const { calls, next } = await this.api.get("/__admin/calls", { limit: MOST }, { signal });
        await this.#askClock();
        this.#fill(calls);
        return next;
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof Refused && isToken(error)) throw error;
        this.#say("lost");
      }
      await patience.wait(signal);
    }
    return null;
  }

  async #follow(next) {
    const { signal } = this.over;
    const hands = { told: (entries) => this.#take(entries), state: (word) => this.#say(word), signal };
    try {
      for (let after = next; !signal.aborted; after = await this.#snapshot()) {
        if (after !== next) this.#hand({ number: null, at: this.now, call: null, kind: "SnapshotTaken", data: {} });
        await follow(this.api, after, hands);
        if (!signal.aborted) this.#say("stale");
      }
    } catch (error) {
      this.problem = error.message;
      this.#say("refused");
    }
  }

  async #askClock() {
    const { nowMs, rate, mode } = await this.api.get("/__admin/clock", {}, { signal: this.over.signal });
    // An auto clock leaps: its time is what pulses and entries say.
    this.#setClock(nowMs, mode === "auto" ? 0 : rate);
  }

  #setClock(at, rate = this.clock.rate) {
    this.clock = { at, since: performance.now(), rate };
  }

  #beat({ now, clients, calls }) {
    this.#setClock(now);
    for (const [id, { frames }] of Object.entries(calls)) {
      const call = this.calls.get(id);
      // A snapshot does not say when a live call was answered.
      if (call?.live && call.answeredAt === null && frames) call.answeredAt = now - frames * FRAME;
    }
    if (clients === this.clients) return;
    this.clients = clients;
    this.#changed();
  }

  #say(state) {
    if (state === this.state) return;
    this.state = state;
    this.pulses.pause(state !== "live");
    this.#changed();
  }

  // --- to calls ------------------------------------------------------------------------------------------------------

  #fill(summaries) {
    const known = this.calls;
    this.calls = new Map();
    this.ended.clear();
    this.live = 0;
    this.shape += 1;
    for (const summary of [...summaries].reverse()) {
      this.#keep(callOf(summary, known.get(summary.sessionId)));
      this.#read(summary.record);
    }
    this.#changed();
  }

  #take(entries) {
    for (const entry of entries) {
      this.#reduce(entry);
      this.#hand(entry);
    }
    this.#changed();
  }

  #reduce(entry) {
    if (entry.at > this.now) this.#setClock(entry.at);
    // A server that is gone is the stream's business.
    if (entry.kind === "ClockSet") this.#askClock().catch(() => {});
    if (entry.kind === "CallPlaced") {
      if (!this.calls.has(entry.call)) this.#keep(placed(entry));
      return;
    }
    const call = this.calls.get(entry.call);
    const change = CHANGES[entry.kind];
    if (!call || !change) return;
    const live = call.live;
    change(call, entry.data, entry.at, entry.kind);
    if (live && !call.live) this.#end(call);
  }

  #keep(call) {
    this.calls.set(call.sessionId, call);
    this.shape += 1;
    if (call.live) this.live += 1;
    else this.ended.add(call.sessionId);
    this.#bound();
  }

  #end(call) {
    this.live -= 1;
    this.shape += 1;
    this.ended.add(call.sessionId);
    this.#bound();
    this.#learn(call);
  }

  /** Asks for the text of a cause that comes for the first time: the journal tells its number only. */
  async #learn({ sessionId, record }) {
    if (this.causes.has(record.cause)) return;
    this.causes.set(record.cause, "");
    try {
      const path = `/__admin/calls/${encodeURIComponent(sessionId)}`;
      this.#read((await this.api.get(path, {}, { signal: this.over.signal })).record);
      this.#changed();
    } catch {
      this.causes.delete(record.cause);
    }
  }

  #read(record) {
    if (record) this.causes.set(record.hangupCauseCode, record.hangupCauseText);
  }

  #bound() {
    for (const oldest of this.ended) {
      if (this.calls.size <= MOST) return;
      this.ended.delete(oldest);
      this.calls.delete(oldest);
    }
  }

  // --- to listeners --------------------------------------------------------------------------------------------------

  #hand(entry) {
    for (const fn of this.tappers) fn(entry);
  }

  #changed() {
    if (this.due) return;
    const tell = () => {
      cancelAnimationFrame(this.due.frame);
      clearTimeout(this.due.timer);
      this.due = null;
      for (const fn of this.listeners) fn();
    };
    // A hidden tab draws no frames, and is to ring all the same.
    this.due = { frame: requestAnimationFrame(tell), timer: setTimeout(tell, LATEST) };
  }
}
