/** Scenarios: who is at the other end, and what they do. */
import { HANDSET } from "../calls.js";
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { Editor } from "./editor.js";
import { EXAMPLES } from "./examples.js";
import { namesOf, optionsOf, stepsInWords } from "./notation.js";
import { fieldsOf, lineOf } from "./steps.js";

const CHECK = "/__admin/scenarios/check";
const STEPS = ""; // the choice that stands for the editor's steps
const DRAFT = "mockpbx scenario"; // in this tab's storage: a draft outlives a look at another view

/** Opens the tab: `{ element, close() }`. */
export function openScenarios(app) {
  return new ScenariosTab(app);
}

class ScenariosTab {
  constructor(app) {
    this.app = app;
    this.steps = null; // what the editor's text means
    this.editor = new Editor({
      label: "scenario as YAML",
      check: (text, signal) => app.api.send({ method: "POST", path: CHECK, body: { yaml: text } }, { signal }),
      checked: (value) => this.#judge(value),
      rows: 15,
    });
    this.source = h("select", { id: "scenario-source", onchange: () => this.#explain() });
    this.about = h("p.soft");
    this.personas = h("ul.personas");
    this.palette = h("ul.palette");
    this.live = h("select", { id: "scenario-call" });
    this.element = h(
      "div.columns", {},
      h("div.stack", {}, this.#writing(), this.#using()),
      h(
        "div.stack", {},
        h(
          "section.card.stack", { "aria-labelledby": "personas-title" },
          h("h2", { id: "personas-title" }, "Personas"),
          this.personas,
        ),
        h(
          "section.card.stack", { "aria-labelledby": "steps-title" },
          h(
            "div", {},
            h("h2", { id: "steps-title" }, "Steps"),
            h("p.soft", {}, "Press one to put it behind the line of the cursor."),
          ),
          this.palette,
        ),
      ),
    );
    this.stop = [app.store.listen(() => this.#offerCalls())];
    this.#offerCalls();
    this.editor.value = sessionStorage.getItem(DRAFT) ?? EXAMPLES[0][1];
    this.#begin();
  }

  /** Lets go of everything, but for the draft. */
  close() {
    this.closed = true;
    sessionStorage.setItem(DRAFT, this.editor.value);
    for (const stop of this.stop) stop();
    this.editor.close();
  }

  async #begin() {
    const asked = ["scenarios", "dialplan"].map((each) => ({ method: "GET", path: `/__admin/${each}` }));
    const [known, plan] = await Promise.all(asked.map((request) => this.app.act(request)));
    if (this.closed || !known) return;
    const names = namesOf(known.personas, plan?.plan);
    this.abouts = new Map(names);
    const options = [[STEPS, "the steps above"], ...optionsOf(names)];
    fill(this.source, options.map(([value, text]) => h("option", { value }, text)));
    fill(this.personas, names.map(([name, about]) => this.#persona(name, about)));
    fill(this.palette, known.steps.map((each) => this.#step(each)));
    this.#explain();
  }

  // --- writing -------------------------------------------------------------------------------------------------------

  #writing() {
    const checking = () => ({ method: "POST", path: CHECK, body: { yaml: this.editor.value } });
    const examples = EXAMPLES.map(([name, text]) =>
      h("button.plain", { type: "button", onclick: () => (this.editor.value = text) }, name));
    return h(
      "section.card.stack", { "aria-labelledby": "scenario-title" },
      h(
        "div.head", {},
        h("h2", { id: "scenario-title" }, "A scenario"),
        copyable(this.app, checking, "Copy the check as"),
      ),
      h("div.examples", { role: "group", "aria-label": "examples" }, h("span.soft", {}, "Examples:"), examples),
      this.editor.element,
    );
  }

  #judge(value) {
    this.steps = value?.steps ?? null;
    this.#explain();
  }

  #persona(name, about) {
    const choose = () => {
      this.source.value = name;
      this.#explain();
      this.source.focus();
    };
    return h(
      "li", {},
      h("span.does", {}, h("b", {}, name), h("span.soft", {}, about)),
      h("button", { type: "button", "aria-label": `use ${name}`, onclick: choose }, "Use"),
    );
  }

  #step({ word, about, schema }) {
    const insert = () => this.editor.insertLine(`- ${lineOf(word, schema)}`);
    const fields = fieldsOf(schema);
    return h(
      "li", {},
      h("button.plain", { type: "button", "aria-label": `insert ${word}`, onclick: insert }, h("code", {}, word)),
      h("span.does", {}, h("span", {}, about.replaceAll("`", "")), fields ? h("code.soft", {}, fields) : null),
    );
  }

  // --- putting it to use ---------------------------------------------------------------------------------------------

  /** The scenario that is chosen: a name, or the editor's steps; null where those have a mistake. */
  get chosen() {
    return this.source.value === STEPS ? this.steps : this.source.value;
  }

  #using() {
    const number = h(
      "input", { id: "scenario-number", value: "0896*", required: true, autocomplete: "off", spellcheck: "false" },
    );
    const from = h(
      "input", { id: "scenario-from", value: "081234567890", required: true, inputmode: "tel", autocomplete: "off" },
    );
    const to = h(
      "input", { id: "scenario-to", value: "0215550123", required: true, inputmode: "tel", autocomplete: "off" },
    );
    const text = (input) => input.value.trim();
    const scenario = () => this.chosen ?? [];
    const ways = [
      {
        fields: [["Calls to (* is anything)", number]],
        act: "Use it for these",
        done: () => `Calls to ${text(number)} are taken by it from now on.`,
        request: () => ({
          method: "POST",
          path: "/__admin/dialplan/rules",
          body: { number: text(number), scenario: scenario() },
        }),
      },
      {
        fields: [["From", from], ["To, a number of your bot", to]],
        act: "Let it call my bot",
        done: () => `${text(from)} is calling.`,
        request: () => ({
          method: "POST",
          path: "/__admin/calls",
          body: { from: text(from), to: text(to), scenario: scenario() },
        }),
      },
      {
        fields: [["In the live call", this.live]],
        act: "Let it go on there",
        done: () => "It goes on there.",
        request: () => ({
          method: "POST",
          path: `/__admin/calls/${this.live.value || "SESSION"}/scenario`,
          body: { scenario: scenario() },
        }),
      },
    ];
    this.buttons = [];
    return h(
      "section.card.stack", { "aria-labelledby": "use-title" },
      h("h2", { id: "use-title" }, "Put it to use"),
      h("div.field", {}, h("label", { for: "scenario-source" }, "Who is at the other end"), this.source),
      this.about,
      ways.map((way) => this.#way(way)),
    );
  }

  #way({ fields, act, done, request }) {
    const button = h("button", { type: "submit" }, act);
    this.buttons.push(button);
    const go = async (event) => {
      event.preventDefault();
      const reply = await this.app.act(request());
      if (!reply) return;
      this.app.notify(done(), "good");
      if (reply.sessionId) this.app.go(`calls/${encodeURIComponent(reply.sessionId)}`);
    };
    return h(
      "form.row.line.way", { onsubmit: go },
      fields.map(([label, input]) => h("div.field", {}, h("label", { for: input.id }, label), input)),
      button,
      copyable(this.app, request, null),
    );
  }

  #explain() {
    const { chosen } = this;
    const own = this.source.value === STEPS;
    if (own) say(this.about, chosen ? stepsInWords(chosen) : "The steps above have a mistake.");
    else say(
      this.about,
      chosen === HANDSET ? "Rings in this page until you pick up." : (this.abouts?.get(chosen) ?? ""),
    );
    this.#allow();
  }

  #offerCalls() {
    const { calls, order } = this.app.store;
    const live = order.map((id) => calls.get(id)).filter((call) => call?.live).slice(0, 200);
    const key = live.map(({ sessionId, status }) => sessionId + status).join();
    if (key === this.offered) return;
    this.offered = key;
    const { value } = this.live;
    const options = live.map((call) =>
      h("option", { value: call.sessionId }, `${call.caller ?? call.number} · ${call.status}`));
    fill(this.live, options.length ? options : h("option", { value: "" }, "no call is live"));
    if (live.some(({ sessionId }) => sessionId === value)) this.live.value = value;
    this.#allow();
  }

  #allow() {
    const [rule, ring, perform] = this.buttons ?? [];
    if (!perform) return;
    rule.disabled = ring.disabled = this.chosen === null;
    perform.disabled = this.chosen === null || !this.live.value;
  }
}
