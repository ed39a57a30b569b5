/** A call in this page's hand: its line, the speaker, and the microphone once one talks. */
import { newContext, peak } from "./audio.js";
import { Line } from "./line.js";
import { Microphone } from "./microphone.js";
import { Speaker } from "./speaker.js";

/** Holds one call from its pick-up to its end. Make it in a click, so that the browser lets it sound. */
export class Session {
  /** `changed()` is called whenever there is something else to show. */
  constructor(app, sessionId, changed) {
    this.app = app;
    this.sessionId = sessionId;
    this.changed = changed;
    this.path = `/__admin/calls/${encodeURIComponent(sessionId)}`;
    this.microphone = null;
    this.speaker = null;
    this.asking = false; // the browser asks the user for the microphone
    this.toAnswer = ""; // "wanted", then "sent"
    this.muted = false;
    /** Why there is no sound in or out, as sentences; empty where there is. */
    this.problems = { microphone: "", speaker: "" };
    this.finished = false; // nothing is open any more
    this.clientLevel = 0;
    this.pulse = app.store.pulse(() => (this.over ? [] : [sessionId]));
    this.context = newContext();
    this.line = new Line(app.api, sessionId, { heard: (frame) => this.hear(frame), changed: () => this.follow() });
    this.openSpeaker();
    this.line.connect();
  }

  /** The call as the store knows it, undefined where it does not. */
  get call() {
    return this.app.store.calls.get(this.sessionId);
  }

  /** The call, or what was known of it before it vanished with a reset or another server. */
  get last() {
    return (this.lastKnown = this.call ?? this.lastKnown);
  }

  get over() {
    return this.line.state === "ended" || this.call?.live === false;
  }

  /** Whether the callee's phone, or the client, is still to be answered. */
  get unanswered() {
    return ["Created", "Dialing", "Ringing"].includes(this.call?.status);
  }

  get answering() {
    return this.toAnswer !== "" && this.unanswered;
  }

  /** Whether it is this end that is to answer: an inbound call is the client's to answer. */
  get answerable() {
    return this.unanswered && this.call.direction === "outbound" && this.line.state === "ready" && !this.answering;
  }

  /** Levels of both sides, 0 to 1: what the callee says, and what the client does. */
  get levels() {
    const said = this.pulse.of(this.sessionId)?.callee.at(-1) ?? 0;
    return { callee: this.line.talking ? (this.microphone?.level ?? 0) : said / 255, client: this.clientLevel };
  }

  /** Talks in place of the scenario, once there is a microphone. */
  async talk() {
    if (await this.openMicrophone()) this.line.talk();
  }

  /** Answers, and talks where there is a microphone; waits for the user to allow one. */
  async answer() {
    this.toAnswer = "wanted";
    await this.talk();
    this.goOn();
  }

  /** Answers now, whatever becomes of the microphone. */
  answerSilently() {
    this.goOn();
  }

  mute(muted) {
    this.muted = muted;
    if (this.microphone) this.microphone.muted = muted;
    this.changed();
  }

  /** Takes the call from the page that holds it, and goes on with what was begun. */
  takeOver() {
    this.line.connect(true);
  }

  /** The requests of this call's controls. */
  request(action, body = {}) {
    return { method: "POST", path: `${this.path}/${action}`, body };
  }

  /** Lets another scenario go on; from then on it speaks until one talks again. */
  async perform(name) {
    const done = await this.app.act(this.request("scenario", { scenario: name }));
    if (!done) return;
    this.line.talked = false;
    this.closeMicrophone();
    this.changed(); // the line may have told of the scenario before the reply came
  }

  /** Lets everything go; a call that is live goes on without it. */
  close() {
    if (this.line.state !== "ended") this.line.close();
    this.release();
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  async openSpeaker() {
    try {
      const speaker = await Speaker.open(this.context);
      if (this.finished) return;
      this.speaker = speaker;
      if (this.context.state === "suspended") this.context.resume();
    } catch (error) {
      if (this.finished) return;
      this.problems.speaker = error.message;
    }
    this.changed();
  }

  /** Returns whether there is a microphone. */
  async openMicrophone() {
    if (this.microphone) return true;
    if (this.asking) return false;
    this.asking = true;
    this.problems.microphone = "";
    this.changed();
    try {
      const microphone = await Microphone.open(this.context, (frame) => this.line.say(frame), () => this.lose());
      if (this.finished) microphone.close();
      else this.microphone = Object.assign(microphone, { muted: this.muted });
    } catch (error) {
      if (!this.finished) this.problems.microphone = error.message;
    }
    this.asking = false;
    this.changed();
    return this.microphone !== null;
  }

  hear(frame) {
    this.clientLevel = peak(frame);
    this.speaker?.play(frame);
  }

  closeMicrophone() {
    this.microphone?.close();
    this.microphone = null;
  }

  lose() {
    this.closeMicrophone();
    this.problems.microphone = "The microphone is gone. Plug one in and talk again, or let clips or words speak for you.";
    this.changed();
  }

  /** Something came over the line. */
  follow() {
    const { state, talking } = this.line;
    if (state !== "ready") this.clientLevel = 0;
    if (state === "ended") this.release();
    if (state === "taken" || state === "refused") this.closeMicrophone();
    // Whoever takes a call over from a page that talked talks from there on.
    if (state === "ready" && talking && !this.microphone && !this.problems.microphone) this.openMicrophone();
    if (!this.asking) this.goOn();
    this.changed();
  }

  /** Answers, if that is to be done and can be. */
  async goOn() {
    if (this.toAnswer !== "wanted" || this.line.state !== "ready") return;
    this.toAnswer = "sent";
    const done = !this.unanswered || (await this.app.act(this.request("answer")));
    if (!done) this.toAnswer = "";
    this.changed();
  }

  release() {
    if (this.finished) return;
    this.finished = true;
    this.pulse.close();
    this.closeMicrophone();
    this.speaker?.close();
    this.speaker = null;
    this.clientLevel = 0;
    this.context.close();
  }
}
