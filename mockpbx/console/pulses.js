/** Pulses: how the sound of calls that somebody looks at moves, asked for while anybody looks. */

const BEAT = 200; // ms between two questions while calls are looked at
const REST = 2_000; // ms while none is: clients and the time are of interest still
const MOST = 300; // calls in a question
export const FRAMES = 500; // frames of 20 ms that a stretch holds

/** The last ten seconds of one call's sound: one number a frame, from the frame `from` on. */
export class Stretch {
  constructor() {
    this.from = 1;
    this.frames = 0; // since the answer
    this.queueMs = 0;
    this.callee = [];
    this.client = [];
    this.queue = [];
    this.at = 0; // when the last of it came, on the page's clock
    this.span = BEAT; // between its last two comings
    this.before = 0; // where a drawing was then
  }

  /** The number of frames up to the last that is known. */
  get end() {
    return this.from + this.callee.length - 1;
  }

  /** Takes what a pulse says. */
  take(pulse, now) {
    this.before = this.head(now);
    this.span = Math.min(Math.max(now - this.at, BEAT / 2), REST);
    this.at = now;
    this.frames = pulse.frames;
    this.queueMs = pulse.queueMs;
    const jump = pulse.from !== this.end + 1 && pulse.callee.length > 0;
    if (jump) this.from = pulse.from;
    for (const side of ["callee", "client", "queue"]) {
      if (jump) this[side] = [];
      this[side].push(...pulse[side]);
    }
    const over = this.callee.length - FRAMES;
    if (over > 0) {
      for (const side of ["callee", "client", "queue"]) this[side].splice(0, over);
      this.from += over;
    }
    this.before = jump ? this.end : Math.max(this.before, this.from - 1);
  }

  /** The frame that a drawing has reached, a fraction: it moves evenly from one pulse to the next, one pulse behind. */
  head(now) {
    const share = Math.min(1, (now - this.at) / this.span);
    return this.before + (this.end - this.before) * share;
  }
}

/** Asks the server for pulses, five times a second while calls are looked at, and never while the tab is hidden. */
export class Pulses {
  /** `told({ now, clients })` hears what a pulse says of the workspace. */
  constructor(api, told) {
    this.api = api;
    this.told = told;
    this.askers = new Set();
    this.stretches = new Map();
    this.over = new AbortController();
    this.timer = null;
    this.paused = true;
    this.asking = false;
    const { signal } = this.over;
    document.addEventListener("visibilitychange", () => document.hidden || this.soon(), { signal });
  }

  /** Asks nothing for the time being, or again: the store knows whether somebody is there to answer. */
  pause(paused) {
    this.paused = paused;
    this.soon();
  }

  /** Asks for the calls that `ids` returns, again and again; `beat` is called after each answer. */
  ask(ids, beat = () => {}) {
    const asker = { ids, beat };
    this.askers.add(asker);
    this.soon();
    return { of: (id) => this.stretches.get(id), close: () => this.askers.delete(asker) };
  }

  /** Ends for good. */
  stop() {
    clearTimeout(this.timer);
    this.over.abort();
  }

  /** Asks at once, unless a question is on its way. */
  soon() {
    if (this.asking || this.over.signal.aborted) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#round(), 0);
  }

  async #round() {
    if (document.hidden || this.paused || this.asking) return;
    this.asking = true;
    const began = performance.now();
    const wanted = new Set([...this.askers].flatMap(({ ids }) => ids()).slice(0, MOST));
    let pause = wanted.size ? BEAT : REST;
    try {
      await this.#question(wanted);
    } catch {
      pause = REST; // the stream tells that the server is gone
    }
    this.asking = false;
    if (this.over.signal.aborted) return;
    this.timer = setTimeout(() => this.#round(), Math.max(20, pause - (performance.now() - began)));
  }

  async #question(wanted) {
    for (const id of this.stretches.keys()) if (!wanted.has(id)) this.stretches.delete(id);
    const calls = Object.fromEntries([...wanted].map((id) => [id, this.stretches.get(id)?.end ?? 0]));
    const request = { method: "POST", path: "/__admin/calls/pulse", body: { calls } };
    const pulse = await this.api.send(request, { signal: this.over.signal });
    const now = performance.now();
    for (const [id, one] of Object.entries(pulse.calls)) {
      if (!this.stretches.has(id)) this.stretches.set(id, new Stretch());
      this.stretches.get(id).take(one, now);
    }
    this.told(pulse);
    for (const { beat } of this.askers) beat();
  }
}
