/** The sixteen keys of a phone. A key is down for as long as it is held. */
import { h } from "../dom.js";

const ROWS = [697, 770, 852, 941]; // Hz of the tone pair: a row's and a column's
const COLUMNS = [1_209, 1_336, 1_477, 1_633];
const KEYS = ["123A", "456B", "789C", "*0#D"];
const NAMES = { "*": "star", "#": "hash" };
/** Seconds: a key counts as held for at least this long, the contract's own length where it was only clicked, and no longer. */
const SHORTEST = 0.08;
const CLICK = 0.2;
const LONGEST = 30;
const VOLUME = 0.05;

/** A keypad. `press(key, seconds)` is called as a key comes up; `context()` returns what its tones go through, or null. */
export class Keypad {
  constructor({ press, context }) {
    this.press = press;
    this.context = context;
    this.down = null; // { key, since, tones }
    this.keys = new Map();
    this.element = h("div.keypad", { role: "group", "aria-label": "keypad" }, [...KEYS.join("")].map((key) => this.button(key)));
  }

  /** Takes a key of the keyboard. Returns whether it is one of the phone's. */
  type(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : "";
    if (!this.keys.has(key) || event.ctrlKey || event.altKey || event.metaKey) return false;
    if (event.type === "keydown" && !event.repeat) this.hold(key);
    if (event.type === "keyup" && this.down?.key === key) this.release();
    return true;
  }

  /** Lets go of a key that is down. */
  release() {
    if (!this.down) return;
    const { key, since, tones } = this.down;
    this.down = null;
    this.keys.get(key).classList.remove("down");
    for (const tone of tones) tone.stop();
    const seconds = Math.min(LONGEST, Math.max(SHORTEST, (performance.now() - since) / 1_000));
    this.press(key, Math.round(seconds * 1_000) / 1_000);
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  button(key) {
    const grab = (event) => {
      if (event.button !== 0) return;
      event.target.setPointerCapture(event.pointerId); // it comes up wherever the pointer is by then
      this.hold(key);
    };
    const element = h(
      "button",
      {
        type: "button",
        "aria-label": NAMES[key],
        onpointerdown: grab,
        onpointerup: () => this.release(),
        onpointercancel: () => this.release(),
        oncontextmenu: (event) => event.preventDefault(),
        // Without a pointer: by Enter, or by whatever a screen reader does.
        onclick: (event) => event.detail === 0 && this.press(key, CLICK),
      },
      key,
    );
    this.keys.set(key, element);
    return element;
  }

  hold(key) {
    this.release();
    this.keys.get(key).classList.add("down");
    this.down = { key, since: performance.now(), tones: this.sound(key) };
  }

  /** Lets whoever presses hear it, too. */
  sound(key) {
    const context = this.context();
    if (!context || context.state !== "running") return [];
    const row = KEYS.findIndex((keys) => keys.includes(key));
    const gain = new GainNode(context, { gain: VOLUME });
    gain.connect(context.destination);
    const tones = [ROWS[row], COLUMNS[KEYS[row].indexOf(key)]].map((frequency) => new OscillatorNode(context, { frequency }));
    for (const tone of tones) {
      tone.connect(gain);
      tone.start();
    }
    tones[0].onended = () => gain.disconnect();
    return tones;
  }
}
