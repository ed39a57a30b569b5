/** Which numbers ring in this page: rules of the dial plan that name the persona `handset`. */
import { HANDSET } from "../calls.js";
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";

const PLAN = "/__admin/dialplan";
const FIRST = "0896*";

/** The rules that ring here, and a form for another. */
export class Routes {
  constructor(app) {
    this.app = app;
    this.all = []; // rules of the dial plan, the one that is looked at first in front
    this.told = h("p.soft.help", { role: "status" });
    this.pattern = h("input", {
      id: "rings-here", name: "number", value: FIRST, required: true, autocomplete: "off", spellcheck: "false", size: 10,
      "aria-describedby": "rings-here-help",
      oninput: () => say(this.told, ""),
    });
    this.rules = h("ul.rules", { "aria-label": "numbers that ring here" });
    const rule = () => ({ method: "POST", path: `${PLAN}/rules`, body: { number: this.pattern.value.trim(), scenario: HANDSET } });
    const add = async (event) => {
      event.preventDefault();
      await this.read(); // what another server or another hand has made of it meanwhile
      const number = this.pattern.value.trim();
      const there = this.all.find((each) => each.number === number)?.scenario === HANDSET;
      say(this.told, there ? `Calls to ${number} ring here already.` : "");
      if (!there) this.show(await app.act(rule()));
    };
    this.element = h(
      "details.routes", { open: !matchMedia("(max-width: 760px)").matches },
      h("summary", {}, "Numbers that ring here"),
      h(
        "form", { onsubmit: add },
        h("label", { for: "rings-here" }, "Calls to"), this.pattern,
        h("button", { type: "submit" }, "Ring here"),
      ),
      this.told,
      this.rules,
      h(
        "p.soft.help", { id: "rings-here-help" },
        "* stands for any digits. Or pick up any live call: its scenario talks until you do.",
      ),
      copyable(app, rule, "Rule as code"),
    );
    this.stop = app.store.tap(({ kind }) => {
      if (["DialplanSet", "WorkspaceReset", "SnapshotTaken"].includes(kind)) this.read();
    });
    this.read();
  }

  close() {
    this.stop();
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  async read() {
    try {
      this.show(await this.app.api.get(PLAN));
    } catch {
      // A server that is gone is told of at the top of the page; a snapshot follows when it is back.
    }
  }

  show(reply) {
    if (!reply) return;
    this.all = reply.plan.rules ?? [];
    fill(this.rules, this.all.filter(({ scenario }) => scenario === HANDSET).map((rule) => this.row(rule)));
  }

  row(rule) {
    const remove = h(
      "button.plain", { type: "button", "aria-label": `calls to ${rule.number} do not ring here any more`, onclick: () => this.remove(rule) }, "×",
    );
    return h("li", {}, h("span.mono", {}, rule.number), remove);
  }

  async remove(rule) {
    const { app } = this;
    try {
      const { plan } = await app.api.get(PLAN);
      const gone = plan.rules.findIndex((each) => JSON.stringify(each) === JSON.stringify(rule));
      const body = { ...plan, rules: plan.rules.filter((_, index) => index !== gone) };
      this.show(await app.api.send({ method: "PUT", path: PLAN, body }));
      this.pattern.focus();
    } catch (error) {
      app.notify(error.message, "bad");
    }
  }
}
