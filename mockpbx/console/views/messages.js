/** Every request and event that passed between the workspace's clients and the service. */
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { List } from "../list.js";
import { Feed } from "../past/feed.js";
import { openMessage, putRow, rowOf, shortened } from "../past/message.js";
import { counted } from "../past/moments.js";

const HEIGHT = 30; // px of a row
const EDGE = 600; // px from the top, from where on earlier messages are fetched
const PATIENCE = 300; // ms after the last key

/** Opens the view: `#/messages`, or `#/messages/SESSION` for those of one call. */
export function open(app, path) {
  const view = new Messages(app);
  view.update(path);
  return view;
}

class Messages {
  constructor(app) {
    this.app = app;
    this.wanted = {};
    this.following = true;
    this.feed = new Feed(app.api, () => this.#show());
    this.list = new List({
      label: "Messages",
      height: HEIGHT,
      make: rowOf,
      put: putRow,
      pick: (message) => this.#choose(message),
    });
    this.list.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#make();
  }

  #make() {
    this.total = h("p.soft", { role: "status" });
    this.problem = h("p.problem", { role: "alert" });
    this.empty = h("div.empty", { hidden: true });
    this.place = h("div.past-place");
    this.newest = h("button.newest", { type: "button", hidden: true, onclick: () => this.#toEnd() }, "↓ Newest");
    this.search = h("input", {
      type: "search",
      placeholder: "Search names, payloads, replies, ids",
      "aria-label": "Search messages",
      maxlength: 200,
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.#typed(),
    });
    this.call = h("span.row", { hidden: true });
    const request = () => ({ method: "GET", path: "/__admin/messages", query: { latest: 200, ...this.wanted } });
    this.element = h(
      "div.past.messages", {},
      h("div.head", {}, h("h1", {}, "Messages"), h("div.row", {}, this.total, copyable(this.app, request))),
      h(
        "div.row", {},
        this.search,
        this.#choice("via", "Kind", [["", "All"], ["rest", "REST"], ["socket", "Socket.IO"]]),
        this.#choice("direction", "Direction", [["", "Both ways"], ["in", "→ From client"], ["out", "← To client"]]),
        this.call,
      ),
      this.problem,
      h("div.past-split", {}, h("div.card.message-list", {}, this.empty, this.list.element, this.newest), this.place),
    );
  }

  #choice(name, label, options) {
    const buttons = options.map(([value, title]) => h(
      "button",
      { type: "button", "aria-pressed": String(value === ""), dataset: { value }, onclick: () => choose(value) },
      title,
    ));
    const choose = (value) => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value));
      this.#ask({ [name]: value || undefined });
    };
    return h("div.group", { role: "group", "aria-label": label }, buttons);
  }

  /** Shows the messages of another call, or of all. */
  update([session]) {
    this.call.hidden = !session;
    fill(
      this.call,
      session && [
        h("span.badge.note.mono", { title: session }, `call ${shortened(session)}`),
        h("a.button", { href: "#/messages", "aria-label": "Show the messages of all calls" }, "All calls"),
      ],
    );
    this.#ask({ call: session });
  }

  #ask(change) {
    this.wanted = { ...this.wanted, ...change };
    this.following = true;
    this.#choose(null);
    say(this.total, "one moment …");
    this.feed.ask(this.wanted);
    this.list.items = [];
  }

  #typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask({ q: this.search.value.trim() || undefined }), PATIENCE);
  }

  // --- what came -----------------------------------------------------------------------------------------------------

  #show() {
    const { items, loaded, previous, problem } = this.feed;
    this.empty.hidden = items.length > 0 || !loaded;
    this.list.element.hidden = items.length === 0;
    this.#put(items);
    if (this.following) this.list.toEnd();
    say(this.problem, problem);
    if (loaded) say(this.total, `${counted(items.length, "line")}${previous === null ? "" : ", and earlier ones"}`);
    if (!this.empty.hidden) fill(this.empty, this.#emptiness());
    if (this.opened && this.opened.message.number !== this.opened.number) this.#choose(this.opened.message);
    this.#more();
  }

  /** Other items. At the very top the list would show what came earlier, and ask for still earlier ones at once. */
  #put(items) {
    const top = this.list.element.scrollTop === 0 ? this.list.items[0] : undefined;
    this.list.items = items;
    const index = top ? items.indexOf(top) : 0;
    if (index > 0) this.list.element.scrollTop = index * HEIGHT;
  }

  #emptiness() {
    const { q, via, direction, call } = this.wanted;
    if (q || via || direction) return h("p", {}, "No message that is still kept fits.");
    if (call) return h("p", {}, "Nothing of this call is kept any more.");
    return h(
      "p", {},
      "Nothing has passed yet. Connect a client, or place a ",
      h("a", { href: "#/try" }, "test call"),
      ".",
    );
  }

  #scrolled() {
    this.following = this.list.atEnd;
    this.newest.hidden = this.following;
    this.#more();
  }

  #more() {
    const { scrollTop, clientHeight } = this.list.element;
    if (clientHeight && scrollTop < EDGE) this.feed.back();
  }

  #toEnd() {
    this.following = true;
    this.list.toEnd();
    this.list.element.focus();
  }

  // --- one of them ---------------------------------------------------------------------------------------------------

  #choose(message) {
    const pane = message && openMessage(this.app, message, () => (this.#choose(null), this.list.element.focus()));
    const fresh = message && this.opened?.message !== message;
    this.opened = message && { message, number: message.number };
    this.list.selected = message;
    this.element.classList.toggle("opened", message !== null);
    fill(this.place, pane?.element);
    if (fresh && matchMedia("(max-width: 1080px)").matches) pane.focus();
  }

  /** Lets go of everything. */
  close() {
    clearTimeout(this.timer);
    this.feed.close();
    this.list.close();
  }
}
