/** What may speak in the person's place: a clip, words, a tone, or a persona that goes on. */
import { HANDSET } from "../calls.js";
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";

/** Packaged clips that suit a callee, at hand in the list; the server knows more. */
const CLIPS = [
  "hello", "who-is-this", "how-long", "go-on", "uh-huh", "wait-a-moment", "wrong-number", "goodbye", "please-hold", "menu", "voicemail",
];

/** Every kind of sound: its word, its name, its control, the request's route and body. */
const KINDS = [
  ["clip", "Clip", clip, "play", (value) => ({ clip: value })],
  ["words", "Words", words, "say", (value) => ({ words: value })],
  ["tone", "Tone", tone, "play", (value) => ({ tone: { hertz: Number(value), seconds: 2 } })],
];

/** Controls of a call that let something else speak. */
export class Instead {
  constructor(app, session) {
    this.session = session;
    this.kind = KINDS[0];
    this.input = null;
    this.place = h("span.field");
    this.tabs = KINDS.map((kind) =>
      h("button", { type: "button", onclick: () => this.choose(kind) }, kind[1]),
    );
    this.personas = h("select", { id: "phone-persona" });
    const play = async (event) => {
      event.preventDefault();
      await app.act(this.request());
    };
    const goOn = (event) => {
      event.preventDefault();
      session.perform(this.personas.value);
    };
    const persona = () => session.request("scenario", { scenario: this.personas.value });
    this.element = h(
      "details.instead", {},
      h("summary", {}, "Let something else speak"),
      h(
        "form.stack", { onsubmit: play },
        h("div.head", {}, h("div.group", { role: "group", "aria-label": "kind of sound" }, this.tabs), copyable(app, () => this.request())),
        h("div.speak", {}, this.place, h("button", { type: "submit" }, "Play")),
      ),
      h(
        "form.stack", { onsubmit: goOn },
        h("div.head", {}, h("label", { for: "phone-persona" }, "Let a persona go on"), copyable(app, persona)),
        h("div.speak", {}, this.personas, h("button", { type: "submit" }, "Go on")),
      ),
    );
    this.choose(this.kind);
    this.fillPersonas(app);
  }

  request() {
    const [, , , action, body] = this.kind;
    return this.session.request(action, body(this.input.value.trim()));
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  choose(kind) {
    this.kind = kind;
    this.tabs.forEach((tab, index) => tab.setAttribute("aria-pressed", String(KINDS[index] === kind)));
    const parts = kind[2]();
    this.input = parts[0];
    fill(this.place, parts);
  }

  async fillPersonas(app) {
    try {
      const { personas } = await app.api.get("/__admin/scenarios");
      fill(
        this.personas,
        personas.filter(({ name }) => name !== HANDSET).map(({ name, about }) => h("option", { value: name, title: about }, name)),
      );
    } catch (error) {
      say(this.personas, error.message);
    }
  }
}

function clip() {
  const input = h("input", { "aria-label": "clip", list: "phone-clips", value: CLIPS[0], required: true, autocomplete: "off", spellcheck: "false" });
  return [input, h("datalist", { id: "phone-clips" }, CLIPS.map((name) => h("option", { value: name })))];
}

function words() {
  return [h("input", { "aria-label": "words", placeholder: "Halo, siapa ini?", required: true, autocomplete: "off" })];
}

function tone() {
  return [h("input", { "aria-label": "tone in Hz, for 2 s", type: "number", min: 50, max: 3_900, value: 440, required: true })];
}
