/** What has happened in one call, line by line, as it happens. */
import { h, say } from "../dom.js";
import { told } from "../facts.js";
import { List } from "../list.js";

const ROW = 28; // px
const PAGE = 1_000; // entries of one question
const MOST = 5_000; // lines; the evidence page has all
const FOLLOWED = "CallPlaced";

/** The timeline of a call: its journal so far, and what comes. Lines that say the same as the one before are folded. */
export class Timeline {
  constructor(app, sessionId) {
    Object.assign(this, { app, sessionId });
    this.over = new AbortController();
    this.rows = new Map();
    this.problem = h("p.problem");
    this.list = new List({
      label: "What has happened",
      height: ROW,
      make: () => this.#row(),
      put: (element, line) => this.#put(element, line),
      pick: (line) => this.#open(line),
    });
    this.whole = h("p.call-whole", { role: "status" });
    this.element = h(
      "div.stack.tight", { onkeydown: ({ key }) => key === "Escape" && this.#open(null) },
      h("h3", {}, "Timeline"), this.problem, this.list.element, this.whole,
    );
    this.#begin();
    this.stop = app.store.tap((entry) => this.#tapped(entry));
  }

  /** The request that gets what is shown here. */
  request() {
    return { method: "GET", path: "/__admin/journal", query: { call: this.sessionId, limit: PAGE } };
  }

  /** Lets everything go. */
  close() {
    this.over.abort();
    this.stop();
    clearTimeout(this.due);
    this.list.close();
  }

  #begin() {
    this.lines = [];
    this.#open(null);
    this.read = 0; // the number of the last entry that was taken
    this.waiting = []; // entries that came while older ones were asked for
    this.#load();
  }

  async #load() {
    const { signal } = this.over;
    try {
      for (let after; ; ) {
        const request = this.request();
        const page = await this.app.api.get(request.path, { ...request.query, after }, { signal });
        for (const entry of page.entries) this.#take(entry);
        this.#soon();
        if (page.entries.length < PAGE) break;
        after = page.next;
      }
    } catch (error) {
      if (!signal.aborted) say(this.problem, error.message);
    }
    const [waiting] = [this.waiting, (this.waiting = null)];
    for (const entry of waiting ?? []) this.#take(entry);
    this.#soon();
  }

  #tapped(entry) {
    if (entry.kind === "SnapshotTaken") {
      if (!this.waiting) this.#begin();
    } else if (entry.call === this.sessionId) {
      if (this.waiting) this.waiting.push(entry);
      else {
        this.#take(entry);
        this.#soon();
      }
    }
  }

  #take(entry) {
    if (entry.number <= this.read) return;
    this.read = entry.number;
    if (entry.kind === FOLLOWED) this.placedAt = entry.at;
    const fact = told(entry.kind, entry.data, this.app.store.calls.get(this.sessionId));
    const last = this.lines.at(-1);
    if (last && last.kind === entry.kind && last.text === fact.text) {
      last.count += 1;
      last.at = entry.at;
      return;
    }
    this.lines.push({ ...fact, kind: entry.kind, at: entry.at, count: 1 });
    if (this.lines.length > MOST) this.lines.splice(0, this.lines.length - MOST);
  }

  /** Shows them soon: entries come in bursts. */
  #soon() {
    this.due ??= setTimeout(() => {
      this.due = undefined;
      const follows = this.list.atEnd;
      this.list.items = this.lines.slice();
      this.list.element.style.setProperty("--lines", this.lines.length);
      if (follows) this.list.toEnd();
    }, 50);
  }

  /** Shows a line whole, which its row may have no room for; once more closes it. */
  #open(line) {
    const opened = line === this.list.chosen ? null : line;
    this.list.selected = opened;
    say(this.whole, opened ? `${this.#since(opened)} s · ${opened.side} · ${opened.text}` : "");
  }

  #since(line) {
    // Rows are shown until there are new lines: for a moment, none of those may have come.
    const begun = this.placedAt ?? this.lines.at(0)?.at ?? line.at;
    return ((line.at - begun) / 1_000).toFixed(3);
  }

  #row() {
    const parts = {
      at: h("span.mono.soft.fact-at"),
      side: h("span.fact-side"),
      text: h("span.fact-text"),
      count: h("span.badge"),
    };
    const element = h("div.call-fact", {}, parts.at, parts.side, parts.text, parts.count);
    this.rows.set(element, parts);
    return element;
  }

  #put(element, line) {
    const parts = this.rows.get(element);
    say(parts.at, this.#since(line));
    if (element.dataset.side !== line.side) element.dataset.side = line.side;
    if (element.dataset.tone !== line.tone) element.dataset.tone = line.tone;
    say(parts.side, line.side);
    say(parts.text, line.text);
    parts.text.title = line.text;
    parts.count.hidden = line.count === 1;
    say(parts.count, `× ${line.count}`);
  }
}
