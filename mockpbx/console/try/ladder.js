/** A conversation as a ladder between client and server; each message opens to its payload. */
import { fill, h, say } from "../dom.js";
import { textOf } from "./conversation.js";

const NEAR = 40; // px from the end within which the ladder follows it
const RATES = { pcm16: 16_000, ulaw: 8_000, alaw: 8_000 }; // bytes a second

/** Shows a conversation as it grows. */
export class Ladder {
  constructor(conversation) {
    this.rows = new Map(); // message -> its parts
    this.due = new Set();
    this.frame = 0;
    this.list = h("ol.ladder-rows");
    this.empty = h(
      "p.empty", {},
      "Place a call: every request, reply and event appears here, as client and server say it.",
    );
    this.scroll = h(
      "div.ladder-scroll", { tabindex: "0", role: "group", "aria-label": "messages in the order of time" },
      this.empty, this.list,
    );
    this.element = h(
      "section.ladder.card", { "aria-label": "Conversation" },
      h("div.ladder-ends", { "aria-hidden": "true" }, h("span"), h("b", {}, "Client, this page"), h("b", {}, "Server")),
      this.scroll,
    );
    for (const message of conversation.messages) this.due.add(message);
    this.stop = conversation.listen((message) => this.#changed(message));
    this.conversation = conversation;
    this.#draw();
  }

  close() {
    this.stop();
    cancelAnimationFrame(this.frame);
  }

  #changed(message) {
    if (message === null) {
      this.rows.clear();
      this.due.clear();
      fill(this.list);
    } else this.due.add(message);
    this.frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.frame = 0;
    const { scroll } = this;
    const follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
    for (const message of this.due) this.#put(message);
    this.due.clear();
    this.#trim();
    this.empty.hidden = this.rows.size > 0;
    if (follows) scroll.scrollTop = scroll.scrollHeight;
  }

  #put(message) {
    let row = this.rows.get(message);
    if (!row) {
      row = this.#row(message);
      this.rows.set(message, row);
      this.list.append(row.element);
    }
    say(row.short, message.run ? wordsOf(message) : message.short);
    row.element.classList.toggle("rung-bad", message.bad);
  }

  #row(message) {
    const short = h("span.rung-words");
    const head = [
      h("span.rung-at.mono", {}, moment(message.at)),
      h(
        "span.rung-says", { dataset: { way: message.direction, via: message.via } },
        h("span.unseen", {}, WHO[message.via][message.direction]),
        h("span.rung-what", {}, h("b", {}, message.name), " ", short),
        message.via === "note" ? null : h("span.rung-arrow", { "aria-hidden": "true" }),
      ),
    ];
    if (message.payload === undefined || message.payload === null) {
      return { element: h("li.rung", {}, h("div.rung-head", {}, head)), short };
    }
    const payload = h("pre", { tabindex: "0", "aria-label": "payload" });
    const details = h("details", {}, h("summary.rung-head", {}, head), payload);
    details.addEventListener("toggle", () => say(payload, details.open ? textOf(message.payload) : ""));
    return { element: h("li.rung", {}, details), short };
  }

  #trim() {
    const [oldest] = this.conversation.messages;
    for (const [message, { element }] of this.rows) {
      if (!oldest || message.number >= oldest.number) return;
      this.rows.delete(message);
      element.remove();
    }
  }
}

const WHO = {
  rest: { out: "request: ", in: "reply: " },
  socket: { out: "client: ", in: "server: " },
  note: { out: "", in: "" },
};

/** A run in a few words: `123 frames · 2.46 s`. */
function wordsOf({ direction, run, short: format }) {
  const rate = RATES[format];
  const words = [
    direction === "in" ? counted(run.count, "frame") : counted(run.count, "message"),
    rate ? `${(run.bytes / rate).toFixed(2)} s` : `${run.bytes.toLocaleString("en")} bytes`,
    format,
  ];
  if (direction === "out") words.push(`${run.taken} accepted`);
  if (run.refused) words.push(`${run.refused} refused: ${run.error}`);
  return words.join(" · ");
}

/** A number of things: `1 frame`, `2 frames`. */
export function counted(count, thing) {
  return `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
}

function moment(ms) {
  const seconds = (ms / 1_000) % 60;
  return `${Math.floor(ms / 60_000)}:${seconds.toFixed(3).padStart(6, "0")}`;
}
