/** The dial plan: which number does what. */
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { Editor } from "./editor.js";
import { namesOf, optionsOf, ruleInWords } from "./notation.js";

const PLAN = "/__admin/dialplan";
const TURNS = new Set(["DialplanSet", "WorkspaceReset", "SnapshotTaken"]);

/** Opens the tab: `{ element, close() }`. */
export function openPlan(app) {
  return new PlanTab(app);
}

class PlanTab {
  constructor(app) {
    this.app = app;
    this.plan = { rules: [] };
    this.kept = null; // the text of the plan that holds
    this.meant = null; // what the editor's text means
    this.overtaken = false; // whether the plan became another one under a text that is not applied
    this.rules = h("ol.rules-list");
    this.editor = new Editor({
      label: "dial plan as YAML",
      check: (text, signal) =>
        app.api.send({ method: "POST", path: `${PLAN}/check`, body: { yaml: text } }, { signal }),
      checked: (value) => this.#judge(value),
      apply: () => this.apply(),
    });
    this.applied = h("button.primary", { type: "button", disabled: true, onclick: () => this.apply() }, "Apply");
    this.told = h("span.soft", { role: "status" });
    const first = () => ({ method: "DELETE", path: PLAN });
    this.element = h(
      "div.columns", {},
      h("div.stack", {}, this.#adder(), this.#list()),
      h(
        "section.card.stack", { "aria-labelledby": "plan-title" },
        h("div.head", {}, h("h2", { id: "plan-title" }, "The plan"), this.told),
        this.editor.element,
        h(
          "div.row", {},
          this.applied,
          h("button", { type: "button", onclick: () => this.#discard() }, "Discard changes"),
          h(
            "button", { type: "button", onclick: async () => this.#take(await app.act(first()), true) },
            "Back to the first plan",
          ),
          copyable(app, () => this.#putting()),
          copyable(app, first, "Copy going back as"),
        ),
      ),
    );
    this.stop = app.store.tap(({ kind }) => TURNS.has(kind) && this.load());
    this.#begin();
  }

  /** Lets go of everything. */
  close() {
    this.stop();
    this.editor.close();
  }

  /** Lets the editor's text hold. */
  async apply() {
    if (!this.meant) return;
    const taken = await this.app.act(this.#putting());
    if (!taken) return;
    const text = this.editor.value;
    this.#take(taken);
    this.kept = text; // as it was written, comments too
    this.overtaken = false;
    this.#judge({ plan: taken.plan });
    this.app.notify("The dial plan holds for calls from now on.", "good");
  }

  /** Shows the plan that holds; text that was changed and not applied stays. */
  async load() {
    try {
      this.#take(await this.app.api.get(PLAN));
    } catch {
      // A server that is gone is told of at the top of the page.
    }
  }

  async #begin() {
    await this.load();
    const scenarios = await this.app.act({ method: "GET", path: "/__admin/scenarios" });
    this.personas = scenarios?.personas ?? [];
    this.#offer();
  }

  #take(reply, force = false) {
    if (!reply) return;
    const changed = this.kept !== null && this.editor.value !== this.kept;
    const same = JSON.stringify(this.plan) === JSON.stringify(reply.plan) && this.kept !== null;
    this.plan = reply.plan;
    fill(this.rules, (this.plan.rules ?? []).map((rule, index) => this.#row(rule, index)));
    if (!this.plan.rules.length) {
      fill(this.rules, h("li.empty", {}, "No rules: ordinary numbers are answered, and echo."));
    }
    if (this.personas) this.#offer();
    if (same && !force) return;
    this.kept = reply.yaml;
    this.overtaken = changed && !force;
    if (!this.overtaken) this.editor.value = reply.yaml;
    else this.#judge(this.meant && { plan: this.meant });
  }

  #discard() {
    this.overtaken = false;
    this.editor.value = this.kept ?? "";
  }

  #judge(value) {
    this.meant = value?.plan ?? null;
    const changed = this.editor.value !== this.kept;
    this.applied.disabled = !this.meant || !changed;
    const more = [
      this.overtaken ? "Another hand has changed the plan meanwhile: discard to see it." : "",
      /(^|\s)#/m.test(this.editor.value) ? "The server keeps no comments." : "",
    ];
    say(this.told, changed ? ["not applied yet.", ...more].join(" ").trim() : "as it holds now");
  }

  #putting() {
    return { method: "PUT", path: PLAN, body: this.meant ?? this.plan };
  }

  // --- the rules in words --------------------------------------------------------------------------------------------

  #list() {
    return h(
      "section.card.stack", { "aria-labelledby": "rules-title" },
      h(
        "div", {},
        h("h2", { id: "rules-title" }, "Rules"),
        h("p.soft", {}, "The first that fits decides. Magic numbers go before all of them."),
      ),
      this.rules,
    );
  }

  #row(rule, index) {
    const without = () => ({
      method: "PUT",
      path: PLAN,
      body: { ...this.plan, rules: this.plan.rules.filter((_, each) => each !== index) },
    });
    const remove = async () => this.#take(await this.app.act(without()));
    return h(
      "li", {},
      h("code", {}, rule.number),
      h("span.does", {}, ruleInWords(rule)),
      h(
        "span.acts", {},
        copyable(this.app, without, null),
        h(
          "button.plain", { type: "button", "aria-label": `remove rule ${index + 1}, ${rule.number}`, onclick: remove },
          "Remove",
        ),
      ),
    );
  }

  // --- another rule --------------------------------------------------------------------------------------------------

  #adder() {
    this.pattern = h(
      "input", { id: "rule-number", required: true, placeholder: "0896*", autocomplete: "off", spellcheck: "false" },
    );
    this.choice = h("select", { id: "rule-scenario", onchange: () => this.#explain() });
    this.about = h("p.soft");
    const rule = () => ({
      method: "POST",
      path: `${PLAN}/rules`,
      body: { number: this.pattern.value.trim() || "0896*", scenario: this.choice.value },
    });
    const add = async (event) => {
      event.preventDefault();
      const reply = await this.app.act(rule());
      this.#take(reply);
      if (reply) this.app.notify(`Calls to ${rule().body.number}: ${ruleInWords(rule().body)}.`, "good");
    };
    return h(
      "form.card.stack", { onsubmit: add, "aria-labelledby": "add-title" },
      h("h2", { id: "add-title" }, "Add a rule"),
      h(
        "div.row.line", {},
        h("div.field", {}, h("label", { for: "rule-number" }, "Calls to (* is anything)"), this.pattern),
        h("div.field", {}, h("label", { for: "rule-scenario" }, "are taken by"), this.choice),
        h("button.primary", { type: "submit" }, "Add in front"),
        copyable(this.app, rule),
      ),
      this.about,
    );
  }

  #offer() {
    const names = namesOf(this.personas, this.plan);
    const chosen = this.choice.value;
    this.abouts = new Map(names);
    fill(this.choice, optionsOf(names).map(([value, text]) => h("option", { value }, text)));
    this.choice.value = this.abouts.has(chosen) ? chosen : names[0][0];
    this.#explain();
  }

  #explain() {
    say(this.about, this.abouts.get(this.choice.value) ?? "");
  }
}
