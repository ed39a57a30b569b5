/** One call: how it stands, how it sounds, what has happened in it, what was measured, and what can be done. */
import { HANDS, callOf, called, endedBy, lasted, spell } from "../calls.js";
import { copyable, toClipboard } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { momentOf, timeOf } from "../past/moments.js";
import { visible } from "../visible.js";
import { Figures } from "./figures.js";
import { Timeline } from "./timeline.js";

const NO_SOUND = new Set(["Created", "Dialing", "Ringing", "Busy"]);

/** Opens the panel of a call: `{ element, sessionId, beat(), close() }`. `view` lends its waves and its pulses. */
export function openCall(app, sessionId, view) {
  return new Panel(app, sessionId, view);
}

class Panel {
  constructor(app, sessionId, view) {
    Object.assign(this, { app, sessionId, view });
    this.over = new AbortController();
    this.path = `/__admin/calls/${encodeURIComponent(sessionId)}`;
    this.known = null; // what the server says of a call that is not in the store
    this.parts = {};
    this.element = h("section.card.stack.call-panel", { "aria-label": "Call", tabindex: "-1" });
    this.timeline = new Timeline(app, sessionId);
    this.figures = new Figures(app, sessionId);
    this.wave = view.waves.add(() => view.pulse.of(sessionId), "tall");
    this.#build();
    this.stop = app.store.listen(() => this.#show());
    if (this.call) this.#show();
    else this.#ask();
  }

  get call() {
    return this.app.store.calls.get(this.sessionId) ?? this.known;
  }

  /** Time has passed, and sound has come. */
  beat() {
    const { call, parts } = this;
    if (!call) return;
    say(parts.time, spell(lasted(call, this.app.store.now)));
    const sound = this.view.pulse.of(this.sessionId);
    say(parts.queue, sound ? `${Math.round(sound.queueMs)} ms queued` : "");
  }

  /** Lets everything go. */
  close() {
    this.over.abort();
    this.stop();
    this.timeline.close();
    this.figures.close();
    this.view.waves.remove(this.wave);
    this.wave.close();
    if (this.sound) URL.revokeObjectURL(this.sound);
    this.element.remove();
  }

  /** Asks for a call that the store does not know: it may be an old one, or gone with a reset. */
  async #ask() {
    this.parts.actions.inert = true;
    try {
      this.known = callOf(await this.app.api.get(this.path, {}, { signal: this.over.signal }));
      this.#show();
    } catch (error) {
      if (!this.over.signal.aborted) this.#gone(error.message);
    }
  }

  #gone(sentence) {
    this.away = true;
    fill(
      this.element,
      h("div.head", {}, h("h2", {}, "Call"), this.#back()),
      h("p.problem", {}, sentence),
      h("p.soft", {}, "Its record may be kept: ", h("a", { href: "#/records" }, "look at the records"), "."),
    );
  }

  #back() {
    const cross = h("span", { "aria-hidden": "true" }, "×");
    return h("a.call-back", { href: "#/calls", "aria-label": "close this call" }, cross);
  }

  // --- what is shown -------------------------------------------------------------------------------------------------

  #build() {
    this.told = null;
    const parts = (this.parts = {
      number: h("h2.call-number"),
      status: h("span.badge"),
      time: h("span.mono.call-length"),
      queue: h("span.soft.mono"),
      facts: h("dl.call-facts"),
      failure: h("p.problem"),
      actions: this.#actions(),
      player: h("div.call-player"),
    });
    const copy = h("button.plain", { type: "button", onclick: () => this.#copySession() }, "Copy id");
    parts.sound = h("figure.call-wave", {}, this.wave.element, h("figcaption.row", {}, legend(), parts.queue));
    fill(
      this.element,
      h("div.stack.tight", {},
        h("div.head.call-head", {}, h("div.row", {}, parts.number, parts.status, parts.time), this.#back()),
        h("div.row.call-session-row", {}, h("code.call-session", {}, this.sessionId), copy)),
      parts.actions,
      parts.player,
      parts.failure,
      parts.sound,
      parts.facts,
      this.timeline.element,
      this.figures.element,
      this.#asCode(),
    );
  }

  #show() {
    const { call } = this;
    if (!call) {
      if (this.shown) this.#ask();
      this.shown = false;
      return;
    }
    if (this.away) this.#build();
    this.away = false;
    this.shown = true;
    const { parts } = this;
    parts.actions.inert = false;
    say(parts.number, called(call));
    parts.status.className = `badge ${call.status}`;
    say(parts.status, call.status);
    say(parts.failure, call.failure ? `The scenario failed at ${visible(call.failure)}` : "");
    const inHand = this.app.phone?.held === this.sessionId;
    say(parts.actions.pick, inHand ? "In your hand" : "Pick up");
    parts.actions.pick.disabled = inHand || !call.live;
    parts.actions.hang.disabled = !call.live;
    parts.actions.listen.disabled = call.live ? NO_SOUND.has(call.status) : call.answeredAt === null;
    parts.sound.hidden = !this.view.pulse.of(this.sessionId) && (NO_SOUND.has(call.status) || !call.live);
    this.#facts(call);
    if (call.record && !this.ended) {
      this.ended = true;
      this.figures.ended();
    }
    this.beat();
  }

  #facts(call) {
    const { counts, record } = call;
    const lines = {
      scenario: visible(call.scenario),
      placed: clock(call.placedAt),
      answered: call.answeredAt === null ? null : `after ${((call.answeredAt - call.placedAt) / 1_000).toFixed(1)} s`,
      client: call.live ? (call.joined ? "has joined" : "has not joined yet") : null,
      handset: HANDS[call.handset],
      ended: record && `${record.disposition}, by ${endedBy(call)}`,
      cause: record && `${record.cause} ${this.app.store.causes.get(record.cause) ?? ""}`,
      length: record && `${record.duration} s, ${record.billableSeconds} s billable`,
      seen: seen(counts),
    };
    const key = JSON.stringify(lines);
    if (key === this.told) return;
    this.told = key;
    const pairs = Object.entries(lines).filter(([, value]) => value);
    fill(this.parts.facts, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  }

  // --- what can be done ----------------------------------------------------------------------------------------------

  #actions() {
    const button = (tag, name, onclick) => h(tag, { type: "button", onclick }, name);
    const pick = button("button.primary", "Pick up", () => {
      this.app.phone?.pickUp(this.sessionId);
      this.#show();
    });
    const hang = button("button.danger", "Hang up", () => this.app.act(this.#request("POST", "/hangup", {})));
    const listen = button("button", "Recording", () => this.#listen());
    const evidence = button("button", "Evidence", () => this.#evidence());
    return Object.assign(h("div.row", {}, pick, hang, listen, evidence), { pick, hang, listen });
  }

  #asCode() {
    const of = (name, method, rest, body) => copyable(this.app, () => this.#request(method, rest, body), name);
    return h(
      "div.stack.tight", {}, h("h3", {}, "Copy as code"),
      h("div.row.call-codes", {},
        of("Show", "GET", ""), of("Hang up", "POST", "/hangup", {}), of("Recording", "GET", "/recording.wav"),
        of("Evidence", "POST", "/evidence", {}), of("Metrics", "GET", "/metrics"), of("Findings", "GET", "/findings"),
        copyable(this.app, () => this.timeline.request(), "Journal")),
    );
  }

  #request(method, rest, body) {
    return { method, path: this.path + rest, ...(body === undefined ? {} : { body }) };
  }

  async #copySession() {
    try {
      await toClipboard(this.sessionId, this.element);
      this.app.notify("The session id is in the clipboard.");
    } catch (error) {
      this.app.notify(error.message, "bad");
    }
  }

  /** Opens the evidence page in a tab, which has to be opened in the click, before there is an address for it. */
  async #evidence() {
    const tab = window.open("", "_blank");
    if (tab) tab.opener = null; // the page of a call's evidence is none of its business
    const opened = await this.app.act(this.#request("POST", "/evidence", {}));
    if (!opened) tab?.close();
    else if (tab) tab.location.replace(this.app.api.base + opened.path);
    else this.app.notify("The browser did not let this page open a tab: allow pop-ups for it, then try again.", "bad");
  }

  async #listen() {
    const { player, actions: { listen } } = this.parts;
    listen.disabled = true;
    try {
      const reply = await this.app.api.open(this.#request("GET", "/recording.wav"), { signal: this.over.signal });
      const blob = await reply.blob();
      if (this.over.signal.aborted) return;
      if (this.sound) URL.revokeObjectURL(this.sound);
      this.sound = URL.createObjectURL(blob);
      const now = this.call?.live ? ", up to now" : "";
      const cut = reply.headers.get("X-Recording-Truncated") === "true" ? "; frames are missing at its end" : "";
      fill(player,
        h("audio", { controls: true, src: this.sound, "aria-label": "recording, callee left, client right" }),
        h("p.soft", {}, `Callee left, client right${now}${cut}.`));
    } catch (error) {
      if (!this.over.signal.aborted) this.app.notify(error.message, "bad");
    } finally {
      listen.disabled = false;
    }
  }
}

function legend() {
  const parts = { callee: "callee", client: "client", "call-queue": "queue" };
  return h("span.row.call-legend", {}, Object.entries(parts).map(([shade, name]) => h(`span.${shade}`, {}, name)));
}

/** A virtual moment on the reader's clock. */
function clock(ms) {
  return new Date(ms).toDateString() === new Date().toDateString() ? timeOf(ms) : momentOf(ms);
}

const SEEN = {
  checkpoints: ["checkpoint", "checkpoints"],
  digits: ["digit", "digits"],
  interruptions: ["interruption", "interruptions"],
  refused: ["refusal", "refusals"],
  underruns: ["underrun", "underruns"],
  faults: ["fault", "faults"],
};

function seen(counts) {
  const some = Object.entries(SEEN).filter(([name]) => counts[name]);
  return some.map(([name, [one, many]]) => `${counts[name]} ${counts[name] === 1 ? one : many}`).join(", ");
}
