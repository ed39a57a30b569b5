/** What clients of the workspace do that they should not: by rule, with its remedy. */
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { standing } from "../past/judged.js";
import { shortened } from "../past/message.js";
import { counted, timeOf } from "../past/moments.js";
import { visible } from "../visible.js";

const LEVELS = ["error", "warning", "note"];
const REQUEST = { method: "GET", path: "/__admin/findings" };
/** Facts after which there may be others. */
const NEWS = new Set(["CallEnded", "AudioRefused", "EventRefused", "JoinRefused", "WorkspaceReset", "SnapshotTaken"]);
const LEAST = 1_500; // ms between two looks
const COST = 10; // times that a look took pass before the next: judging a thousand calls takes the server a while
const SHOWN = 12; // calls of a rule that are shown at once

/** Opens the view. */
export function open(app) {
  return new Findings(app);
}

class Findings {
  constructor(app) {
    this.app = app;
    this.over = new AbortController();
    this.wanted = new Set(LEVELS);
    this.unfolded = new Set(); // rules of which all calls are shown
    this.pause = LEAST;
    this.groups = [];
    this.untried = [];
    this.#make();
    this.stop = app.store.tap(({ kind }) => NEWS.has(kind) && this.#soon());
    this.#load();
  }

  #make() {
    this.sum = h("p.soft", { role: "status" }, "one moment …");
    this.problem = h("p.problem", { role: "alert" });
    this.body = h("div.stack");
    this.filter = h("div.row.finding-levels", { role: "group", "aria-label": "Levels" });
    this.element = h(
      "div.stack.past", {},
      h("div.head", {}, h("h1", {}, "Findings"), h("div.row", {}, this.filter, copyable(this.app, () => REQUEST))),
      this.sum, this.problem, this.body,
    );
  }

  #soon() {
    this.due ??= setTimeout(() => ((this.due = undefined), this.#load()), this.pause);
  }

  async #load() {
    const began = performance.now();
    try {
      const { findings, untried } = await this.app.api.send(REQUEST, { signal: this.over.signal });
      this.groups = grouped(standing(findings, this.app.store));
      this.untried = untried;
      say(this.problem, "");
      this.#show();
    } catch (error) {
      if (this.over.signal.aborted) return;
      say(this.problem, error.message);
      say(this.sum, "");
    }
    this.pause = Math.max(LEAST, COST * (performance.now() - began));
  }

  #show() {
    const judged = this.app.store.calls.size;
    const found = this.groups.flatMap(({ level, calls }) => calls.map(({ call }) => ({ level, call })));
    const of = (level) => found.filter((each) => each.level === level).length;
    const told = LEVELS.filter(of).map((level) => counted(of(level), level));
    const concerned = new Set(found.map(({ call }) => call).filter(Boolean)).size;
    say(
      this.sum,
      told.length
        ? `${told.join(", ")} in ${concerned} of ${counted(judged, "call")}`
        : `${counted(judged, "call")} judged`,
    );
    this.filter.hidden = !this.groups.length;
    fill(this.filter, LEVELS.map((level) => h(
      "button",
      {
        type: "button",
        "aria-pressed": String(this.wanted.has(level)),
        dataset: { level },
        onclick: () => this.#toggle(level),
      },
      counted(of(level), level),
    )));
    const shown = this.groups.filter(({ level }) => this.wanted.has(level));
    const focused = document.activeElement?.dataset?.key;
    fill(this.body, shown.length ? shown.map((group) => this.#group(group)) : this.#emptiness(judged), this.#missing());
    if (focused) this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #toggle(level) {
    if (!this.wanted.delete(level)) this.wanted.add(level);
    this.#show();
    this.filter.querySelector(`[data-level="${level}"]`).focus();
  }

  #emptiness(judged) {
    if (this.groups.length) return h("p.empty", {}, "No finding of these levels.");
    if (!judged)
      return h(
        "p.empty", {},
        "No call yet. Each call is held against the contract as it goes, ",
        "and what its client should do otherwise stands here.",
      );
    return h(
      "div.card.good-state", {},
      h("h2", {}, "✓ No findings"),
      h(
        "p", {},
        `Your client has kept every rule that ${judged === 1 ? "its call" : "its calls"} could be held against.`,
      ),
    );
  }

  #group(group) {
    const { id, level, section, remedy, calls, count } = group;
    const all = this.unfolded.has(id) || calls.length <= SHOWN;
    const shown = all ? calls : calls.slice(0, SHOWN);
    const more = () => (this.unfolded.add(id), this.#show());
    return h(
      `article.card.stack.finding.${level}`, {},
      h(
        "div.head", {},
        h("h2", {}, h(`span.badge.${level}`, {}, level), ` ${id}`),
        h("span.soft", {}, `${counted(count, "time")} in ${counted(calls.length, "call")}`),
      ),
      h("p.remedy", {}, prose(remedy)),
      h("p.soft", {}, "Contract: ", section),
      h("ul.seen", {}, shown.map((finding) => seen(finding))),
      !all && h(
        "p", {},
        h(
          "button.plain", { type: "button", dataset: { key: id }, onclick: more },
          `Show all ${counted(calls.length, "call")}`,
        ),
      ),
    );
  }

  /** What nobody looked at is not good: which rules, in how many calls, and why. */
  #missing() {
    if (!this.untried.length) return null;
    const byReason = Map.groupBy(this.untried, ({ why }) => why);
    const items = [...byReason].map(([why, each]) => {
      const rules = [...new Set(each.flatMap((one) => one.rules))];
      return h(
        "li", {},
        h(
          "p", {},
          `${why[0].toUpperCase()}${why.slice(1)}. `,
          h(
            "span.soft", {},
            `${counted(rules.length, "rule")} in ${counted(new Set(each.map(({ call }) => call)).size, "call")}:`,
          ),
        ),
        h("p.mono.soft", {}, rules.join(", ")),
      );
    });
    return h("section.card.stack", {}, h("h2", {}, "Not judged"), h("ul.seen", {}, items));
  }

  /** Lets go of everything. */
  close() {
    this.stop();
    this.over.abort();
    clearTimeout(this.due);
  }
}

/** Findings by rule, the worst first, then those that were seen most often. */
function grouped(findings) {
  const groups = [...Map.groupBy(findings, ({ id }) => id).values()].map((calls) => {
    const { id, level, section, remedy } = calls[0];
    return { id, level, section, remedy, calls, count: calls.reduce((sum, each) => sum + each.count, 0) };
  });
  return groups.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || b.count - a.count);
}

/** A sentence in which names of code stand between backticks. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

function seen({ call, what, at }) {
  return h(
    "li", {},
    h("p", {}, prose(visible(what))),
    h(
      "p.soft", {},
      at !== null && `${timeOf(at)} · `,
      call
        ? ["call ", h("a.mono", { href: `#/calls/${encodeURIComponent(call)}`, title: call }, shortened(call))]
        : "in no call",
    ),
  );
}
