/** Being the caller: an inbound call to the bot. */
import { HANDSET, endedBy } from "../calls.js";
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { counted } from "./ladder.js";

const [FROM, TO] = ["081234567890", "02150001234"];

/** A form that rings the bot, and how that call is doing. */
export class Inbound {
  constructor(app) {
    this.app = app;
    this.call = null; // session id
    this.picks = false; // whether this page takes the call once the bot is there
    this.asked = new AbortController();
    const number = (id, value) =>
      h("input", { id, type: "tel", value, autocomplete: "off", required: true, spellcheck: "false" });
    this.from = number("ring-from", FROM);
    this.to = number("ring-to", TO);
    this.scenario = h("select", { id: "ring-scenario", onchange: () => this.#describe() });
    this.about = h("p.soft.try-small");
    this.ring = h("button.primary", { type: "submit" }, "Call the bot");
    this.problem = h("p.problem", { role: "alert" });
    this.listeners = h("p.try-small");
    const field = (input, label) => h("div.field", {}, h("label", { for: input.id }, label), input);
    const form = h(
      "form.card.stack.tight", { onsubmit: (event) => this.#submit(event) },
      h("div.try-pair", {}, field(this.from, "From, the caller"), field(this.to, "To, the bot's number")),
      field(this.scenario, "The caller"),
      this.about, this.problem,
      h("div.row", {}, this.ring, copyable(app, () => this.#request())),
      this.listeners,
    );
    this.state = h("p.try-state", { role: "status" });
    this.acts = h("div.row");
    this.card = h("section.card.stack.tight", { "aria-label": "The call", hidden: true }, this.state, this.acts);
    this.element = h("div.stack.try-form", {}, form, this.card);
    this.#fillScenarios([]);
    this.scenario.value = HANDSET;
    this.#describe();
    app.api.get("/__admin/scenarios", {}, { signal: this.asked.signal }).then(
      ({ personas }) => this.#fillScenarios(personas),
      (error) => this.asked.signal.aborted || say(this.problem, error.message),
    );
    this.stop = app.store.listen(() => this.#show());
    this.#show();
  }

  close() {
    this.stop();
    this.asked.abort();
  }

  #fillScenarios(personas) {
    this.abouts = new Map([
      [HANDSET, "You talk: once the bot has joined, the phone beside this view picks the call up."],
      ["", "The rule of the dial plan that fits the caller's number says who calls, as it does for calls out."],
      ...personas.filter(({ name }) => name !== HANDSET).map(({ name, about }) => [name, about]),
    ]);
    const named = { [HANDSET]: "I talk myself", "": "whoever the dial plan names" };
    const { value } = this.scenario;
    fill(this.scenario, ...[...this.abouts.keys()].map((name) => h("option", { value: name }, named[name] ?? name)));
    this.scenario.value = value;
    this.#describe();
  }

  #describe() {
    say(this.about, this.abouts.get(this.scenario.value));
  }

  #request() {
    const body = { from: this.from.value.trim(), to: this.to.value.trim(), scenario: this.scenario.value || null };
    return { method: "POST", path: "/__admin/calls", body };
  }

  async #submit(event) {
    event.preventDefault();
    say(this.problem, "");
    this.ring.disabled = true;
    try {
      const request = this.#request();
      const { sessionId } = await this.app.api.send(request);
      this.picks = request.body.scenario === HANDSET;
      this.call = sessionId;
    } catch (error) {
      say(this.problem, error.message);
    }
    this.ring.disabled = false;
    this.shown = null;
    this.#show();
  }

  #show() {
    const { clients } = this.app.store;
    say(
      this.listeners,
      clients
        ? `${counted(clients, "client")} of this workspace will be told of it.`
        : "No client is connected: start your bot first, or nobody joins the call.",
    );
    this.listeners.classList.toggle("try-warned", clients === 0);
    const call = this.app.store.calls.get(this.call);
    this.card.hidden = this.call === null;
    const stage = stageOf(call);
    if (this.picks && stage === "Connected") {
      this.picks = false;
      this.app.phone.answer(call);
    }
    if (this.call === null || stage === this.shown) return;
    this.shown = stage;
    say(this.state, WORDS[stage](call));
    fill(this.acts, ...this.#acts(stage));
  }

  #acts(stage) {
    const path = `/__admin/calls/${encodeURIComponent(this.call)}`;
    const hangUp = { method: "POST", path: `${path}/hangup`, body: {} };
    const link = h("a", { href: `#/calls/${encodeURIComponent(this.call)}` }, "Look inside");
    if (stage === "Ended") return [link];
    const over = h(
      "button.danger", { type: "button", onclick: () => this.app.act(hangUp) },
      stage === "Connected" ? "Hang up" : "Give up",
    );
    const pick = h(
      "button", { type: "button", onclick: () => this.app.phone.answer(this.app.store.calls.get(this.call)) },
      "Talk myself",
    );
    return [over, stage === "Connected" ? pick : null, copyable(this.app, () => hangUp), link].filter(Boolean);
  }
}

/** How far a call is: "Announced", "Ringing", "Connected", "Ended". */
function stageOf(call) {
  if (!call) return "Announced";
  if (!call.live) return "Ended";
  return call.status === "Connected" ? "Connected" : "Ringing";
}

const WORDS = {
  Announced: () => "The call is announced.",
  Ringing: () => "It rings. The bot answers by joining the room of this session.",
  Connected: () => "The bot has answered.",
  Ended: (call) =>
    `Over${call.record ? `: ${call.record.disposition}, cause ${call.record.cause}; ended by ${endedBy(call)}` : ""}.`,
};
