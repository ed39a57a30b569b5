/** What tells that a phone rings, wherever one looks: a ring, and the document's title. */
import { newContext } from "./audio.js";

const KEPT = "mockpbx ringer";
const EVERY = 3_200; // ms
const NOTES = [659, 880, 1_109, 880, 659, 880, 1_109]; // Hz
const NOTE = 0.13; // seconds from one to the next
const FADED = 0.34; // seconds until one is gone
const LOUD = 0.16;
const SIGN = "☎ ";

/** The ringer of the page. */
export class Ringer {
  constructor() {
    this.text = null;
    this.title = "";
  }

  /** Whether it rings in silence; kept for the next visit. */
  get muted() {
    return localStorage.getItem(KEPT) === "off";
  }

  set muted(muted) {
    if (muted) localStorage.setItem(KEPT, "off");
    else localStorage.removeItem(KEPT);
    this.sound();
  }

  /** Whether the browser wants a click in the page before it lets it ring. */
  get waits() {
    return this.text !== null && !this.muted && !allowed();
  }

  /** Rings until it is told otherwise; `text` stands in the title. */
  ring(text) {
    const first = this.text === null;
    this.text = text;
    this.showTitle();
    if (!first) return;
    this.clock = setInterval(() => this.showTitle(), 1_000);
    this.listening = new AbortController();
    for (const kind of ["pointerdown", "keydown"]) {
      addEventListener(kind, () => this.sound(), { signal: this.listening.signal });
    }
    this.sound();
  }

  stop() {
    if (this.text === null) return;
    this.text = null;
    clearInterval(this.clock);
    this.listening.abort();
    this.sound();
    if (document.title.startsWith(SIGN)) document.title = this.title;
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  /** A view that is opened meanwhile sets the title, too: it comes back when nothing rings any more. */
  showTitle() {
    if (!document.title.startsWith(SIGN)) this.title = document.title;
    document.title = `${SIGN}${this.text}`;
  }

  sound() {
    const wanted = this.text !== null && !this.muted && allowed();
    if (wanted === Boolean(this.context)) return;
    if (wanted) {
      this.context = newContext();
      this.rounds = setInterval(() => this.round(), EVERY);
      this.round();
    } else {
      clearInterval(this.rounds);
      this.context.close();
      this.context = null;
    }
  }

  round() {
    const { context } = this;
    NOTES.forEach((hertz, index) => {
      const at = context.currentTime + 0.05 + index * NOTE;
      const gain = new GainNode(context, { gain: 0 });
      const tone = new OscillatorNode(context, { type: "triangle", frequency: hertz });
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(LOUD, at + 0.008);
      gain.gain.exponentialRampToValueAtTime(0.0005, at + FADED);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + FADED);
    });
  }
}

/** Browsers let a page sound once somebody has touched it. */
function allowed() {
  return navigator.userActivation?.hasBeenActive ?? true;
}
