/** The workspace's time: how it passes, and what it is now. */

const CLOCK = "/__admin/clock";
/** Wall ms between two looks at a clock: one that runs by itself only drifts, others move when somebody steps them. */
const LOOKS = { real: 20_000, other: 1_000 };
/** Journal entries after which the clock may be another one. */
const TURNS = new Set(["ClockSet", "WorkspaceReset", "SnapshotTaken"]);
const PRECISE = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});
const PLAIN = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** Requests of the clock, as values. */
export const setting = (mode) => ({ method: "PUT", path: CLOCK, body: { mode } });
export const stepping = (ms) => ({ method: "POST", path: `${CLOCK}/advance`, body: { ms } });

/** A moment of day in local time, with its milliseconds where they are of use: `14:03:27.120`. */
export function timeOfDay(ms, precise = false) {
  return (precise ? PRECISE : PLAIN).format(ms);
}

/** Follows the clock of the workspace. `state` is what the control API says of it, null until it has. */
export class Time {
  constructor(app) {
    this.app = app;
    this.state = null;
    this.stepped = false; // whether a step is under way
    this.before = "real"; // the mode to go back to after a pause
    this.listeners = new Set();
    this.over = new AbortController();
    this.stopTap = app.store.tap((entry) => TURNS.has(entry.kind) && this.look());
    document.addEventListener("visibilitychange", () => document.hidden || this.look(), { signal: this.over.signal });
    this.look();
  }

  /** Virtual ms now; null where nobody knows yet. */
  get now() {
    if (!this.state) return null;
    const { nowMs, rate, mode } = this.state;
    return Math.floor(nowMs + (mode === "auto" ? 0 : rate) * (performance.now() - this.since));
  }

  /** Whether it stands still until it is stepped. */
  get still() {
    return this.state?.mode === "manual";
  }

  /** Calls `fn` whenever the state is another one. Returns what stops it. */
  listen(fn) {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  /** Lets time pass in another way. */
  async set(mode) {
    if (this.state && !this.still) this.before = this.state.mode;
    const state = await this.app.act(setting(mode));
    if (state) this.#take(state);
    else this.#tell();
  }

  /** Stops it, or lets it go on as before. */
  turn() {
    return this.set(this.still ? this.before : "manual");
  }

  /** Steps it by so many ms; null: to the next deadline. */
  async step(ms) {
    if (this.stepped) return;
    this.stepped = true;
    this.#tell();
    const far = ms ?? (await this.#untilNext());
    if (far !== null) await this.app.act(stepping(far));
    this.stepped = false;
    await this.look();
    this.#tell();
  }

  /** Asks how it stands. */
  async look() {
    clearTimeout(this.due);
    try {
      this.#take(await this.app.api.get(CLOCK, {}, { signal: this.over.signal }));
    } catch {
      // A server that is gone is told of at the top of the page.
    }
    clearTimeout(this.due);
    if (this.over.signal.aborted || document.hidden) return;
    this.due = setTimeout(() => this.look(), this.state?.mode === "real" ? LOOKS.real : LOOKS.other);
  }

  /** Lets go of everything. */
  close() {
    this.over.abort();
    this.stopTap();
    clearTimeout(this.due);
    this.listeners.clear();
  }

  async #untilNext() {
    await this.look();
    const until = this.state?.untilNextMs ?? null;
    if (until === null) this.app.notify("Nothing is due: no call is live, and no timer runs.");
    return until;
  }

  #take(state) {
    const before = this.state;
    this.state = state;
    this.since = performance.now();
    if (JSON.stringify(before) !== JSON.stringify(state)) this.#tell();
  }

  #tell() {
    for (const fn of this.listeners) fn();
  }
}
