/** Faults: what goes wrong, as switches, as forms, and as they stand. */
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { fieldOf, words } from "./forms.js";

const FAULTS = "/__admin/faults";
const TURNS = new Set(["FaultStruck", "WorkspaceReset", "SnapshotTaken"]);
const SOON = 300; // ms in which strikes come together
const EVERY = 2_000; // ms; strikes on frames are told of at a call's end only

/** What is wanted most, one switch each. */
const COMMON = [
  ["Jitter", "frames as late as on live calls", { fault: "jitter" }],
  ["Lost frames", "5 % of what the callee says never arrives", { fault: "frame_lost", probability: 0.05 }],
  [
    "Calls refused",
    "POST /pbx/call answers 503",
    { fault: "http_error", path: "/pbx/call", method: "POST", status: 503 },
  ],
  ["Slow replies", "every request takes 2 s longer", { fault: "http_delay", seconds: 2 }],
  ["Sockets refused", "nobody can connect", { fault: "connect_refused" }],
  ["Sockets gone silent", "those connected now stay open, and nothing passes", { fault: "half_open" }],
  ["Lost acks", "no audio is acknowledged", { fault: "ack_lost" }],
  ["Lost checkpoints", "the event checkPoint never leaves", { fault: "event_lost", event: "checkPoint" }],
  ["Records twice", "the event cdr leaves twice", { fault: "event_twice", event: "cdr" }],
];
const CUT = { fault: "socket_dropped", times: 1 };
/** When a fault strikes: the fields that all have, in this order. */
const WHEN = ["number", "call", "times", "for", "after", "after_connected", "skip", "probability"];
const HELD = new Set(["fault", ...WHEN]);

/** Opens the tab: `{ element, close() }`. */
export function openFaults(app) {
  return new FaultsTab(app);
}

class FaultsTab {
  constructor(app) {
    this.app = app;
    this.schemas = new Map(); // word -> schema
    this.acted = 0; // how often a switch was thrown: what was asked before that shows the switch as it was
    this.set = h("ul.faults-set", { "aria-label": "faults that are set" });
    this.switches = COMMON.map((each) => this.#switch(...each));
    this.cards = h("div.cards");
    const clear = () => ({ method: "DELETE", path: FAULTS });
    this.clear = h("button", { type: "button", onclick: async () => this.#show(await app.act(clear())) }, "Remove all");
    const cut = () => ({ method: "POST", path: FAULTS, body: CUT });
    const cutting = async () => {
      if (!(await app.act(cut()))) return;
      app.notify("Every socket was cut, once.");
      this.load();
    };
    this.element = h(
      "div.stack", {},
      h(
        "div.columns", {},
        h(
          "section.card.stack", { "aria-labelledby": "common-title" },
          h("h2", { id: "common-title" }, "At a switch"),
          h("ul.switches", {}, this.switches.map(({ element }) => element)),
          h(
            "div.row", {},
            h("button", { type: "button", onclick: cutting }, "Cut every socket now"),
            copyable(app, cut),
          ),
        ),
        h(
          "section.card.stack", { "aria-labelledby": "set-title" },
          h(
            "div.head", {},
            h("h2", { id: "set-title" }, "What is set"),
            h("span.row", {}, this.clear, copyable(app, clear)),
          ),
          this.set,
        ),
      ),
      h(
        "section.stack", { "aria-labelledby": "all-title" },
        h("h2", { id: "all-title" }, "Everything that may go wrong"),
        this.cards,
      ),
    );
    this.stop = app.store.tap(({ kind }) => TURNS.has(kind) && this.#soon(SOON));
    this.#begin();
  }

  /** Lets go of everything. */
  close() {
    this.closed = true;
    this.stop();
    clearTimeout(this.due);
  }

  /** Shows the faults that stand now. */
  async load() {
    clearTimeout(this.due);
    const { acted } = this;
    try {
      const reply = await this.app.api.get(FAULTS);
      if (acted === this.acted) this.#show(reply);
      else await this.load();
    } catch {
      this.#soon(EVERY); // a server that is gone is told of at the top of the page
    }
  }

  async #begin() {
    const reply = await this.app.act({ method: "GET", path: `${FAULTS}/catalogue` });
    if (this.closed || !reply) return;
    this.schemas = new Map(reply.faults.map(({ word, parameters }) => [word, parameters]));
    fill(this.cards, reply.faults.map((each) => this.#card(each)));
    this.load();
  }

  #soon(ms) {
    if (this.closed) return;
    clearTimeout(this.due);
    this.due = setTimeout(() => (document.hidden ? this.#soon(EVERY) : this.load()), ms);
  }

  #show(reply) {
    if (!reply || this.closed) return;
    this.faults = reply.faults;
    this.clear.disabled = this.faults.length === 0;
    const none = h("li.empty", {}, "Nothing goes wrong on purpose.");
    const rows = this.faults.map((each) => this.#row(each));
    const keys = String(rows.map(({ key }) => key));
    if (keys !== this.keys) fill(this.set, rows.length ? rows.map(({ element }) => element) : none);
    this.keys = keys;
    for (const each of this.switches) each.show();
    if (this.faults.length) this.#soon(EVERY);
  }

  #row(fault) {
    const { id, struck, exhausted } = fault;
    const removing = () => ({ method: "DELETE", path: `${FAULTS}/${id}` });
    const element = h(
      "li", {},
      h("code", {}, fault.fault),
      h("span.does", {}, inWords(fault, this.schemas.get(fault.fault)) || "always"),
      h(
        `span.badge${exhausted ? "" : struck ? ".warn" : ".note"}`, {},
        exhausted ? `over · struck ${struck}×` : `struck ${struck}×`,
      ),
      h(
        "span.acts", {},
        copyable(this.app, removing, null),
        h(
          "button.plain",
          {
            type: "button",
            "aria-label": `remove ${fault.fault}, fault ${id}`,
            onclick: async () => this.#show(await this.app.act(removing())),
          },
          "Remove",
        ),
      ),
    );
    return { element, key: JSON.stringify(fault) };
  }

  // --- switches ------------------------------------------------------------------------------------------------------

  #switch(name, about, body) {
    const id = `fault-${body.fault}-${body.event ?? ""}`;
    const input = h("input", { type: "checkbox", role: "switch", id, "aria-describedby": `${id}-about` });
    const standing = () =>
      this.faults?.filter((each) => !each.exhausted && alike(each, body, this.schemas.get(body.fault))) ?? [];
    const adding = () => ({ method: "POST", path: FAULTS, body });
    let acting = false;
    const throwIt = async () => {
      this.acted += 1;
      if (input.checked) await this.app.act(adding());
      else for (const { id: each } of standing()) await this.app.act({ method: "DELETE", path: `${FAULTS}/${each}` });
      await this.load();
    };
    input.addEventListener("change", async () => {
      if (acting) return; // whoever threw it first looks again where it was left
      acting = true;
      for (let left = null; left !== input.checked; ) {
        left = input.checked;
        await throwIt();
      }
      acting = false;
      show();
    });
    const element = h(
      "li", {},
      input,
      h("span.does", {}, h("label", { for: id }, name), h("span.soft", { id: `${id}-about` }, about)),
      copyable(this.app, adding, null),
    );
    const show = () => {
      if (!acting) input.checked = standing().length > 0;
    };
    return { element, show };
  }

  // --- the catalogue -------------------------------------------------------------------------------------------------

  #card({ word, about, parameters }) {
    const required = new Set(parameters.required);
    const fields = new Map();
    const field = (name) => {
      const schema = parameters.properties[name];
      const label = schema.description && WHEN.includes(name) ? schema.description : words(name);
      fields.set(name, fieldOf(name, schema, { required: required.has(name), label }));
      return fields.get(name).element;
    };
    const own = Object.keys(parameters.properties).filter((name) => !HELD.has(name)).map(field);
    const when = WHEN.filter((name) => name in parameters.properties).map(field);
    const problem = h("p.problem", { role: "alert" });
    const adding = () => {
      const told = [...fields].map(([name, each]) => [name, each.read()]).filter(([, value]) => value !== undefined);
      return { method: "POST", path: FAULTS, body: { fault: word, ...Object.fromEntries(told) } };
    };
    const add = async (event) => {
      event.preventDefault();
      say(problem, "");
      try {
        await this.app.api.send(adding());
        this.app.notify(`${word} is set.`, "good");
        this.load();
      } catch (error) {
        say(problem, error.message);
      }
    };
    return h(
      "form.card.fault", { onsubmit: add, "aria-label": word },
      h("h3", {}, h("code", {}, word)),
      h("p", {}, about),
      own.length ? h("div.fields", {}, own) : null,
      h("details", {}, h("summary", {}, "When, and how often"), h("div.fields", {}, when)),
      problem,
      h("div.row", {}, h("button", { type: "submit", "aria-label": `set ${word}` }, "Set"), copyable(this.app, adding)),
    );
  }
}

/** Whether a fault that stands is what a body asks for: in every field, defaults left out or not. */
function alike(standing, body, schema) {
  return Object.entries(schema?.properties ?? {}).every(([name, { default: first }]) =>
    (standing[name] ?? first ?? null) === (body[name] ?? first ?? null));
}

/** A fault's fields in words, without those that are as they would be anyway. */
function inWords(fault, schema) {
  const { id: _id, fault: _word, struck: _struck, exhausted: _exhausted, ...fields } = fault;
  const told = Object.entries(fields).filter(([name, value]) =>
    value !== null && value !== schema?.properties[name]?.default);
  return told.map(([name, value]) => `${words(name)} ${value}${LENGTHS.has(name) ? " s" : ""}`).join(", ");
}

const LENGTHS = new Set(["seconds", "for", "after", "after_connected"]);
