/** The panel of the call that this page holds: who it is, how loud both sides are, keys, and what may be done. */
import { lasted, spell } from "../calls.js";
import { copyable } from "../copy.js";
import { fill, h, icon, say } from "../dom.js";
import { isolated, visible } from "../visible.js";
import { Instead } from "./instead.js";
import { Keypad } from "./keypad.js";

const FALLS = 0.85; // of a level's height stays from one picture to the next
const MOST_DIGITS = 24;
const MUTE = "M12 3a3 3 0 00-3 3v5a3 3 0 006 0V6a3 3 0 00-3-3zM5 11a7 7 0 0014 0M12 18v3";
const HANG_UP = "M3 14c5-5 13-5 18 0l-3 3-4-2v-3c-1-.5-3-.5-4 0v3l-4 2z";

/** What a line's state means, and the ways on: the words of `WAYS`. */
const STATES = {
  lost: ["The server is gone. The call may go on there; trying again.", []],
  taken: ["Another page took this call over.", ["take", "leave"]],
};
const REFUSALS = { held: ["take", "leave"], clock: ["clock", "leave"], token: ["leave"], admin: ["leave"] };

/** The panel of one session. */
export class Held {
  /** `leave()` puts the handset down and shows the idle phone. */
  constructor(app, session, leave) {
    this.app = app;
    this.session = session;
    this.leave = leave;
    this.drawn = { callee: 0, client: 0 };
    this.build();
    this.update();
    this.draw();
  }

  /** Shows the session as it stands. */
  update() {
    const { session } = this;
    const { call, last, line } = session;
    if (session.over) session.close();
    const status = call?.live ? call.status : session.over ? "Ended" : "";
    say(this.number, visible(last?.number ?? ""));
    say(this.who, whoIs(last));
    this.badge.className = `badge ${status}`;
    say(this.badge, status);
    this.badge.hidden = !status;
    this.tick();
    say(this.voice, session.over ? "" : voiceOf(session));
    this.showTrouble();
    const connected = line.state === "ready" && call?.status === "Connected";
    this.answer.hidden = !session.answerable;
    const answers = session.answerable || session.answering;
    this.talk.hidden = line.state !== "ready" || line.talking || answers || this.triesAgain;
    this.talk.disabled = session.asking;
    this.mute.hidden = !session.microphone || session.over;
    this.mute.setAttribute("aria-pressed", String(session.muted));
    this.levels.hidden = !connected;
    this.keys.hidden = this.instead.element.hidden = !connected;
    if (!connected) this.keypad.release();
    this.acts.hidden = this.voice.hidden = session.over;
    say(this.hangUp.lastChild, session.answerable ? "Decline" : "Hang up");
    this.down.hidden = session.over;
    if (session.over && !this.ended) this.showEnd();
    this.more.hidden = !call;
  }

  /** Takes a key of the keyboard, where keys can be pressed. Returns whether it was one. */
  type(event) {
    return !this.keys.hidden && this.keypad.type(event);
  }

  close() {
    cancelAnimationFrame(this.picture);
    this.stop();
    this.asked?.abort();
    this.session.close();
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  build() {
    const { app, session } = this;
    const hangUp = () => app.act(session.request("hangup"));
    this.number = h("h3.number", { id: "phone-number" });
    this.who = h("p.soft");
    this.badge = h("span.badge");
    this.time = h("output.time", { "aria-label": "duration" });
    this.voice = h("p.voice", { role: "status" });
    this.digits = h("p.digits", { hidden: true }, "Bot pressed ", h("span.mono"));
    this.stop = app.store.tap((entry) => this.note(entry));
    this.trouble = h("div.trouble", { role: "alert" });
    this.bars = { callee: h("span.bar"), client: h("span.bar") };
    this.levels = h(
      "div.levels", { "aria-hidden": "true" },
      h("p.callee", {}, h("span", {}, "Here"), h("span.track", {}, this.bars.callee)),
      h("p.client", {}, h("span", {}, "Bot"), h("span.track", {}, this.bars.client)),
    );
    this.keypad = new Keypad({ press: (keys, seconds) => this.press(keys, seconds), context: () => session.context });
    const how = "Hold a key for as long as you like, or type it: its tone goes out when it comes up.";
    this.keys = h("div", {}, this.keypad.element, h("p.soft.help", {}, how));
    this.answer = h("button.answer", { type: "button", onclick: () => session.answer() }, "Answer");
    this.talk = h("button.answer", { type: "button", onclick: () => session.talk() }, "Talk");
    this.mute = h("button.mute", { type: "button", onclick: () => session.mute(!session.muted) }, icon(MUTE), "Mute");
    this.hangUp = h("button.hang-up", { type: "button", onclick: hangUp }, icon(HANG_UP), h("span", {}, "Hang up"));
    this.acts = h("div.acts", {}, this.answer, this.talk, this.mute, this.hangUp);
    this.down = h(
      "p.soft.help", {},
      h("button.plain", { type: "button", onclick: this.leave, title: "the call goes on without you" }, "Put the handset down"),
      copyable(app, () => session.request("hangup"), "Hang up as code"),
    );
    this.instead = new Instead(app, session);
    this.more = h("a", { href: `#/calls/${encodeURIComponent(session.sessionId)}` }, "Look at the call");
    this.end = h("div.end");
    this.element = h(
      "section.held", { "aria-labelledby": "phone-number", tabindex: "-1" },
      this.number, this.who,
      h("p.row.figures", {}, this.badge, this.time),
      this.trouble, this.levels, this.voice, this.digits,
      this.acts,
      this.keys, this.instead.element, this.end, this.down,
    );
  }

  /** The keys that the bot pressed, the last of them. */
  note({ kind, call, data }) {
    if (kind !== "DigitHeard" || call !== this.session.sessionId) return;
    const shown = this.digits.lastChild;
    say(shown, (shown.textContent + data.digit).slice(-MOST_DIGITS));
    this.digits.hidden = false;
  }

  press(keys, seconds) {
    this.app.act(this.session.request("press", { keys, seconds }));
  }

  draw() {
    this.picture = requestAnimationFrame(() => this.draw());
    this.tick();
    if (this.levels.hidden) return;
    for (const [side, level] of Object.entries(this.session.levels)) {
      const drawn = Math.max(heightOf(level), this.drawn[side] * FALLS);
      if (Math.abs(drawn - this.drawn[side]) < 0.002) continue;
      this.drawn[side] = drawn;
      this.bars[side].style.clipPath = `inset(0 ${(100 - 100 * drawn).toFixed(1)}% 0 0)`;
    }
  }

  tick() {
    const { call } = this.session;
    say(this.time, call && call.answeredAt !== null ? spell(lasted(call, this.app.store.now)) : "");
  }

  /** What is in the way, each with a way on. Told once, not at every change. */
  showTrouble() {
    const { session } = this;
    const troubles = session.over ? [] : [this.lineTrouble(), this.microphoneTrouble(), [session.problems.speaker, []]];
    const shown = troubles.filter((each) => each?.[0]);
    const key = JSON.stringify(shown);
    if (key === this.troubled) return;
    this.troubled = key;
    fill(
      this.trouble,
      shown.map(([text, ways]) => h("div.notice-in", {}, h("p", {}, text), h("p.row", {}, ways.map((way) => this.way(way))))),
    );
  }

  lineTrouble() {
    const { line } = this.session;
    if (line.state === "refused") return [line.refusal.message, REFUSALS[line.refusal.reason] ?? ["again", "leave"]];
    return STATES[line.state];
  }

  microphoneTrouble() {
    const { session } = this;
    if (session.asking) return ["The browser asks whether it may use the microphone.", session.answering ? ["silently"] : []];
    return [session.problems.microphone, this.triesAgain ? ["microphone"] : []];
  }

  /** Whether talking begins with another try for the microphone: that is one button then, not two. */
  get triesAgain() {
    const { session } = this;
    return session.problems.microphone !== "" && !session.microphone && !session.answering && !session.answerable;
  }

  way(name) {
    const { app, session } = this;
    const realTime = async () => {
      if (await app.act({ method: "PUT", path: "/__admin/clock", body: { mode: "real" } })) session.line.connect();
    };
    const [label, act] = {
      take: ["Take it over", () => session.takeOver()],
      leave: ["Leave it", this.leave],
      again: ["Try again", () => session.line.connect()],
      clock: ["Set the clock to real time", realTime],
      silently: ["Answer without it", () => session.answerSilently()],
      microphone: ["Try the microphone again", () => session.talk()],
    }[name];
    return h("button", { type: "button", onclick: act }, label);
  }

  /** How it ended; the journal tells the cause's number, the call its text. */
  async showEnd() {
    this.ended = true;
    cancelAnimationFrame(this.picture);
    const { session, app } = this;
    const cause = h("p.cause");
    const done = h("button.primary", { type: "button", onclick: this.leave }, "Done");
    fill(this.end, cause, h("p.row", {}, done, this.more));
    if (this.element.contains(document.activeElement)) done.focus();
    this.asked = new AbortController();
    try {
      const { record } = await app.api.get(session.path, {}, { signal: this.asked.signal });
      if (record) say(cause, `${record.hangupCauseText} (${record.hangupCauseCode}) · ${record.disposition}`);
    } catch {
      say(cause, session.line.refusal?.message ?? "The call has ended.");
    }
  }
}

function voiceOf({ line, last: call, unanswered, microphone, muted }) {
  if (line.state === "connecting") return "Connecting";
  if (line.state !== "ready") return "";
  if (unanswered) return call.direction === "inbound" ? "Your bot has not answered yet." : "It rings.";
  if (!line.talking && line.talked) return "Something speaks in your place; then it is you again.";
  if (!line.talking) return `You listen. ${call?.performing || call?.sounding ? "The scenario" : "Nobody"} speaks.`;
  if (!microphone) return "You are silent: there is no microphone.";
  return muted ? "You are muted." : "You talk.";
}

/** Who is at the two ends, in a few words. */
export function whoIs(call) {
  if (!call) return "";
  return call.direction === "inbound" ? `called by ${isolated(call.caller)}, that is you` : "called by your bot";
}

/** A level from 0 to 1 as a part of the bar: 60 dB of it. */
function heightOf(level) {
  return level <= 0.001 ? 0 : 1 + Math.log10(level) / 3;
}
