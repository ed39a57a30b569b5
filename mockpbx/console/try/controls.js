/** What a client can do in its call: hear, speak, mark, interrupt, press keys, hang up. */
import { copyable } from "../copy.js";
import { h, say } from "../dom.js";
import { FORMATS, beeps, chime, fromFile, tone } from "./sounds.js";

const KEYS = [..."123456789*0#"];
/** The sounds at hand: what each is called, and how it is made. */
const SOUNDS = [
  ["Chime", "three notes, 1.5 s", chime],
  ["Tone", "440 Hz, 2 s", () => tone(440, 2)],
  ["Beeps", "one a second, 30 s: something to interrupt", () => beeps(30)],
];

/** The controls of a client's call; `hangUps` are to be shown beside the call itself. */
export class Controls {
  constructor(app, client) {
    this.app = app;
    this.client = client;
    this.wanted = { hear: true };
    this.marks = 0;
    this.problem = h("p.problem", { role: "alert" });
    this.hangUps = this.#hangUps();
    this.inCall = []; // what needs a call
    this.element = h("div.stack", {}, this.#sound(), this.#signals());
    this.frame = 0;
    this.show();
  }

  close() {
    cancelAnimationFrame(this.frame);
  }

  /** Follows the client. */
  show() {
    const { client } = this;
    const can = client.call !== null && client.live;
    this.element.hidden = !can;
    for (const control of this.inCall) control.disabled = !can;
    for (const control of this.hangUps) control.hidden = !can;
    this.hear.setAttribute("aria-pressed", String(client.speaker !== null));
    this.speak.setAttribute("aria-pressed", String(client.microphone !== null));
    this.levels.hidden = !client.speaker && !client.microphone;
    if (!this.levels.hidden) this.frame ||= requestAnimationFrame(() => this.#beat());
  }

  // --- hanging up ----------------------------------------------------------------------------------------------------

  #hangUps() {
    const { client } = this;
    const byRest = () => client.hangUpByRest().catch((error) => this.app.notify(error.message, "bad"));
    return [
      h("button.danger", { type: "button", onclick: () => client.hangUp() }, "Hang up"),
      h(
        "button", { type: "button", title: "POST /pbx/hangup instead of the event", onclick: byRest },
        "Hang up by REST",
      ),
      copyable(this.app, () => client.hangUpRequest()),
    ];
  }

  // --- sound ---------------------------------------------------------------------------------------------------------

  #sound() {
    const { client } = this;
    const toggle = (text, act) => h("button", { type: "button", "aria-pressed": "false", onclick: act }, text);
    this.hear = toggle("Hear the callee", () => this.#toggleHearing());
    this.speak = toggle("Microphone", () => this.#toggleMicrophone());
    this.heard = h("meter", { "aria-label": "level of the callee", max: "1" });
    this.said = h("meter", { "aria-label": "level of the microphone", max: "1" });
    this.levels = h(
      "div.try-levels", { hidden: true },
      h("span.soft", {}, "callee"),
      this.heard,
      h("span.soft", {}, "you"),
      this.said,
    );
    this.format = h("select", { id: "try-format" }, Object.keys(FORMATS).map((name) => h("option", {}, name)));
    this.file = h("input", {
      id: "try-file",
      type: "file",
      accept: "audio/*",
      class: "unseen",
      tabindex: "-1",
      "aria-hidden": "true",
      onchange: () => this.#sendFile(),
    });
    const sounds = SOUNDS.map(([name, about, make]) =>
      h("button", { type: "button", title: about, onclick: () => client.say(make(), this.format.value) }, name));
    const choose = h(
      "button",
      { type: "button", title: "WAV, MP3, Ogg, FLAC; an MP3 goes as it is", onclick: () => this.file.click() },
      "File…",
    );
    this.inCall.push(this.speak, ...sounds, choose);
    return h(
      "section.card.stack.tight", { "aria-label": "Sound" },
      h("h2", {}, "Sound"),
      h("div.row", {}, this.hear, this.speak),
      this.levels, this.problem,
      h("div.row", {}, sounds, choose, this.file),
      h(
        "div.row", {},
        h("label", { for: "try-format" }, "sent as"),
        this.format,
        h("span.soft.try-small", {}, "in messages of 2,560 bytes"),
      ),
    );
  }

  async #toggleHearing() {
    const { client } = this;
    this.wanted.hear = !client.speaker;
    if (client.speaker) client.stopHearing();
    else await this.#tried(() => client.hear());
  }

  async #toggleMicrophone() {
    const { client } = this;
    if (client.microphone) client.fallSilent();
    else await this.#tried(() => client.speak());
  }

  async #sendFile() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    await this.#tried(async () => {
      if (/\.mp3$/i.test(file.name)) this.client.send(new Uint8Array(await file.arrayBuffer()), "mp3");
      else this.client.say(await fromFile(file), this.format.value);
    });
  }

  async #tried(act) {
    say(this.problem, "");
    try {
      await act();
    } catch (error) {
      say(this.problem, error.message);
    }
  }

  #beat() {
    const { client } = this;
    this.frame = 0;
    this.heard.value = client.speaker?.level ?? 0;
    this.said.value = client.microphone?.level ?? 0;
    if (client.speaker || client.microphone) this.frame = requestAnimationFrame(() => this.#beat());
  }

  // --- signals -------------------------------------------------------------------------------------------------------

  #signals() {
    const { client } = this;
    this.name = h("input", { id: "try-mark", placeholder: "mark 1", autocomplete: "off", spellcheck: "false" });
    const mark = h("button", { type: "submit" }, "Send checkpoint");
    const interrupt = h(
      "button", { type: "button", title: "stops what plays and clears the queue", onclick: () => client.interrupt() },
      "Interrupt",
    );
    this.duration = h("input", { id: "try-duration", type: "number", value: "200", min: "1", step: "10" });
    const keys = KEYS.map((key) => h(
      "button.try-key",
      { type: "button", "aria-label": `send ${key}`, onclick: () => client.dtmf(key, Number(this.duration.value)) },
      key,
    ));
    this.inCall.push(this.name, mark, interrupt, this.duration, ...keys);
    const checkPoint = (event) => {
      event.preventDefault();
      this.marks += 1;
      client.checkPoint(this.name.value || `mark ${this.marks}`);
      this.name.placeholder = `mark ${this.marks + 1}`;
      this.name.value = "";
    };
    return h(
      "section.card.stack.tight", { "aria-label": "Signals" },
      h("h2", {}, "Signals"),
      h(
        "form.field", { onsubmit: checkPoint },
        h("label", { for: "try-mark" }, "Checkpoint"),
        h("div.row", {}, this.name, mark, interrupt),
      ),
      h(
        "div.try-digits", {},
        h("div.try-keys", { role: "group", "aria-label": "digits" }, keys),
        h("div.field", {}, h("label", { for: "try-duration" }, "each for, ms"), this.duration),
      ),
    );
  }
}
