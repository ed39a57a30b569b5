/** Being the client: a test call without any bot. */
import { spell } from "../calls.js";
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { Controls } from "./controls.js";
import { counted } from "./ladder.js";
import { magicNumbers } from "./numbers.js";
import { recordOf } from "./record.js";

const NUMBER = "089608675796"; // the contract's own example: an ordinary one, which echoes
const TICK = 250; // ms

/** The panel beside the ladder: a number, then a call and what to do in it. */
export class Outbound {
  constructor(app, client, number) {
    this.app = app;
    this.client = client;
    this.number = h("input", {
      id: "try-number",
      type: "tel",
      value: number ?? client.call?.number ?? NUMBER,
      autocomplete: "off",
      required: true,
      spellcheck: "false",
    });
    this.place = h("button.primary", { type: "submit" }, "Place call");
    this.problem = h("p.problem", { role: "alert" });
    this.others = h("p.soft.try-small");
    this.magic = magicNumbers(app, (picked) => this.choose(picked));
    const form = h(
      "form.card.stack.tight", { onsubmit: (event) => this.#submit(event) },
      h(
        "div.field", {},
        h("label", { for: "try-number" }, "Number to call"),
        h("div.row.try-dial", {}, this.number, this.place),
      ),
      this.problem,
      h("div.row", {}, this.magic.element, copyable(app, () => this.#request())),
      this.others,
    );
    this.controls = new Controls(app, client);
    this.who = h("h2.mono");
    this.status = h("span.badge");
    this.time = h("output", { "aria-label": "duration" });
    this.link = h("a", {}, "Look inside");
    this.record = h("div", { hidden: true });
    this.call = h(
      "section.card.stack.tight", { "aria-label": "The call", hidden: true },
      h("div.head", {}, h("div.row", {}, this.who, this.status), this.time),
      h("div.row", {}, ...this.controls.hangUps, this.link),
      this.record,
    );
    this.element = h("div.stack", {}, form, this.call, this.controls.element);
    this.stops = [client.listen(() => this.show()), app.store.listen(() => this.#showOthers())];
    this.timer = setInterval(() => this.#tick(), TICK);
    this.shown = null;
    this.show();
  }

  /** Puts a number into the form. */
  choose(number) {
    this.number.value = number;
    say(this.problem, "");
    this.magic.element.open = false;
    this.place.focus();
  }

  close() {
    for (const stop of this.stops) stop();
    clearInterval(this.timer);
    this.magic.close();
    this.controls.close();
  }

  #request() {
    return { method: "POST", path: "/pbx/call", body: { phoneNumber: this.number.value.trim() } };
  }

  async #submit(event) {
    event.preventDefault();
    say(this.problem, "");
    const heard = this.controls.wanted.hear ? this.client.hear() : null; // in the click, or the browser keeps it silent
    heard?.catch((error) => say(this.problem, error.message));
    try {
      await this.client.place(this.number.value.trim());
    } catch (error) {
      say(this.problem, error.message);
      this.client.stopHearing();
    }
  }

  show() {
    const { call, live, placing } = this.client;
    this.place.disabled = live;
    say(this.place, placing ? "Placing…" : "Place call");
    this.call.hidden = !call;
    this.controls.show();
    this.#showOthers();
    if (!call) return;
    say(this.who, call.number);
    say(this.status, call.status);
    this.status.className = `badge ${call.status}`;
    this.link.href = `#/calls/${encodeURIComponent(call.sessionId)}`;
    this.#tick();
    this.record.hidden = !call.record;
    if (this.shown !== call.record) fill(this.record, call.record && recordOf(this.app, call.record));
    this.shown = call.record;
  }

  #showOthers() {
    const others = this.app.store.clients - (this.client.connected ? 1 : 0);
    say(
      this.others,
      others > 0
        ? `${counted(others, "other client")} of this workspace ${others === 1 ? "is" : "are"} told of the call, too.`
        : "",
    );
  }

  #tick() {
    const { call } = this.client;
    if (!call) return;
    const end = call.endedAt ?? performance.now();
    say(this.time, call.answeredAt === null ? "" : spell(end - call.answeredAt));
  }
}
