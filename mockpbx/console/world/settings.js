/** The clock, every switch of the workspace, and the way back. */
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { openWholeClock } from "./clock.js";
import { fieldOf } from "./forms.js";

const SETTINGS = "/__admin/settings";
const TURNS = new Set(["SettingsChanged", "WorkspaceReset", "SnapshotTaken"]);
/** What only the server's start decides, or what the clock shows. */
const FIXED = new Map([
  ["phone_pattern", "given at the server's start"],
  ["clock_start", "given at the server's start"],
  ["clock", "set by the clock"],
]);
/** The switches by topic; one that is new is shown at the end. */
const TOPICS = [
  [
    "Calls",
    [
      "callee", "announce_delay", "dial_delay", "ring_limit", "call_limit", "hangup_when_left", "inbound_answer",
      "first_call",
    ],
  ],
  [
    "Sound and events",
    ["audio_before_answer", "playout_limit", "interruption_fires_checkpoints", "exceptions", "audio_lead"],
  ],
  ["Records", ["record_delay", "cause_text", "cancel_is_no_answer", "page_limit", "page_limit_max", "page_links"]],
  ["Requests", ["success_status", "idempotent_hangup", "session_id_version", "phone_pattern"]],
  ["Time and memory", ["clock", "clock_start", "grace", "journal_limit", "journal_age", "recording_limit"]],
];

/** Opens the tab: `{ element, close() }`. */
export function openSettings(app) {
  const clock = openWholeClock(app);
  const switches = new Switches(app);
  const element = h(
    "div.columns", {},
    h("div.stack", {}, clock.element, resetting(app), switches.server),
    switches.element,
  );
  return {
    element,
    close() {
      clock.close();
      switches.close();
    },
  };
}

class Switches {
  constructor(app) {
    this.app = app;
    this.rows = new Map(); // name -> row
    this.place = h("div.stack");
    this.facts = h("dl.facts");
    this.element = h(
      "section.card.stack", { "aria-labelledby": "switches-title" },
      h(
        "div.head", {},
        h("h2", { id: "switches-title" }, "Settings of the workspace"),
        copyable(app, () => ({ method: "GET", path: SETTINGS })),
      ),
      h("p.soft", {}, "Each holds from the moment that it is changed. A reset turns all of them back."),
      this.place,
    );
    this.server = h(
      "section.card.stack", { "aria-labelledby": "server-title" },
      h("h2", { id: "server-title" }, "Settings of the server"),
      h("p.soft", {}, "Given at its start; to read only."),
      this.facts,
    );
    this.stop = app.store.tap(({ kind }) => TURNS.has(kind) && this.load());
    this.#begin();
  }

  /** Lets go of everything. */
  close() {
    this.closed = true;
    this.stop();
  }

  /** Shows the values that hold now. */
  async load() {
    try {
      this.#show(await this.app.api.get(SETTINGS));
    } catch {
      // A server that is gone is told of at the top of the page.
    }
  }

  async #begin() {
    try {
      const { components } = await this.app.api.get("/__admin/control.json");
      this.schemas = components.schemas.WorkspaceSettings.properties;
    } catch (error) {
      if (!this.closed) this.app.notify(error.message, "bad");
      return;
    }
    await this.load();
  }

  #show(reply) {
    if (!reply || this.closed || !this.schemas) return;
    if (!this.rows.size) this.#fill(reply);
    for (const [name, row] of this.rows) row.show(reply.settings[name]);
  }

  #fill({ settings, server }) {
    const listed = new Set(TOPICS.flatMap(([, names]) => names));
    const others = Object.keys(settings).filter((name) => !listed.has(name));
    const topics = others.length ? [...TOPICS, ["Other", others]] : TOPICS;
    fill(this.place, topics.map(([topic, names]) => h(
      "div.topic", {},
      h("h3", {}, topic),
      names.filter((name) => name in settings).map((name) => this.#row(name, settings[name])),
    )));
    fill(this.facts, Object.entries(server).map(([name, value]) =>
      [h("dt", {}, name), h("dd.mono", {}, value === null ? "–" : String(value))]));
  }

  #row(name, { description, default: first }) {
    const id = `about-${name}`;
    const nullable = Boolean(this.schemas[name].anyOf);
    const fixed = FIXED.get(name);
    const given = { required: !nullable, label: name, described: id }; // an empty field is no value
    const field = fieldOf(name, { ...this.schemas[name], default: undefined }, given);
    const badge = h("span.badge.note", { hidden: true }, "changed");
    const problem = h("p.problem", { role: "alert" });
    const turning = (value) => ({ method: "PATCH", path: SETTINGS, body: { [name]: value } });
    const asked = () => field.read() ?? null;
    const turn = async (value) => {
      say(problem, "");
      try {
        this.#show(await this.app.api.send(turning(value)));
      } catch (error) {
        say(problem, error.message);
      }
    };
    const back = fixed
      ? null
      : h(
        "button.plain",
        { type: "button", "aria-label": `${name}: default ${spelled(first)}`, onclick: () => turn(first) },
        `default ${spelled(first)}`,
      );
    field.input.disabled = Boolean(fixed);
    field.input.addEventListener("change", () => turn(asked()));
    this.rows.set(name, {
      show: ({ value, changed }) => {
        const typed = document.activeElement === field.input && field.input.type !== "checkbox";
        if (!typed || !problem.textContent) field.put(value);
        badge.hidden = !changed;
        if (back) back.hidden = JSON.stringify(value) === JSON.stringify(first);
      },
    });
    return h(
      "div.setting", {},
      h(
        "div", {},
        h("div.row", {}, field.label, badge),
        h("p.soft", { id }, description.replaceAll("`", ""), fixed ? ` (${fixed})` : ""),
      ),
      h("div.value", {}, field.input, back),
      fixed ? h("span") : copyable(this.app, () => turning(asked()), null),
      problem,
    );
  }
}

function spelled(value) {
  return value === null ? "none" : String(value);
}

// --- the way back ----------------------------------------------------------------------------------------------------

function resetting(app) {
  const reset = () => ({ method: "POST", path: "/__admin/reset" });
  const dialog = h("dialog.confirm", { "aria-labelledby": "reset-sure" });
  const live = h("p");
  const open = () => {
    say(
      live,
      app.store.live ? `Calls that are live now, and break with cause 127: ${app.store.live}.` : "No call is live.",
    );
    dialog.showModal();
  };
  const go = async () => {
    dialog.close();
    const done = await app.act(reset());
    if (!done) return;
    const { callsEnded, recordsRemoved } = done;
    app.notify(
      `The workspace is as at its start. Calls ended: ${callsEnded}; records removed: ${recordsRemoved}.`,
      "good",
    );
  };
  fill(
    dialog,
    h("h2", { id: "reset-sure" }, "Reset the workspace?"),
    live,
    h("p", {}, "Settings, clock, dial plan and faults go back to the start, and the journal begins anew."),
    h("p", {}, "Records that were issued since the server started are removed."),
    h(
      "div.row", {},
      h("button.danger", { type: "button", onclick: go }, "Reset"),
      h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Keep it"),
    ),
  );
  return h(
    "section.card.stack", { "aria-labelledby": "reset-title" },
    h("h2", { id: "reset-title" }, "Start over"),
    h("p.soft", {}, "Goes back to how the workspace was when it started."),
    h(
      "div.row", {},
      h("button.danger", { type: "button", onclick: open }, "Reset the workspace…"),
      copyable(app, reset),
    ),
    dialog,
  );
}
