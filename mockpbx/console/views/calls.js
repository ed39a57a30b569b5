/** The calls of the workspace as they happen, and one of them beside the list. */
import { HANDS, called, endedBy, lasted, spell } from "../calls.js";
import { fill, h, icon, say } from "../dom.js";
import { List } from "../list.js";
import { visible } from "../visible.js";
import { Waves } from "../wave.js";
import { openCall } from "./call.js";

const ROW = 58; // px
const ARROWS = { outbound: "M7 17L17 7M9 7h8v8", inbound: "M17 7L7 17M15 17H7V9" };

/** Opens the view: `#/calls`, `#/calls/SESSION`. */
export function open(app, path) {
  return new Calls(app, path);
}

class Calls {
  constructor(app, path) {
    this.app = app;
    this.waves = new Waves();
    this.onlyLive = false;
    this.wanted = "";
    this.arranged = {};
    this.filter = h("input", {
      id: "call-filter", type: "search", placeholder: "Filter", autocomplete: "off", spellcheck: "false",
      "aria-label": "filter by number, session, status or scenario", oninput: () => this.#filterBy(),
    });
    const toggle = () => this.#toggle();
    this.liveOnly = h("button", { type: "button", "aria-pressed": "false", onclick: toggle }, "Live only");
    this.sum = h("p.soft", { role: "status" });
    this.list = new List({
      label: "Calls",
      height: ROW,
      make: () => this.#row(),
      put: (element, call) => this.#put(element, call),
      pick: (call) => app.go(`calls/${encodeURIComponent(call.sessionId)}`),
    });
    this.nothing = h("div.empty.stack", { hidden: true });
    this.beside = h("div.calls-beside");
    this.side = h("div.calls-list", {}, h("div.row", {}, this.filter, this.liveOnly), this.list.element, this.nothing);
    this.split = h("div.calls-split", {}, this.side, this.beside);
    this.problem = h("p.problem", { role: "alert" });
    this.element = h("div.calls", {}, h("div.head", {}, h("h1", {}, "Calls"), this.sum, this.problem), this.split);
    this.rows = new Map(); // element -> its parts
    this.pulse = app.store.pulse(() => this.#heard(), () => this.#beat());
    this.stop = app.store.listen(() => this.#show());
    this.#show();
    this.update(path);
  }

  /** Shows another call beside the list, or none. */
  update([sessionId]) {
    if (sessionId === this.panel?.sessionId) return;
    const within = this.beside.contains(document.activeElement);
    this.panel?.close();
    this.panel = sessionId ? openCall(this.app, sessionId, this) : null;
    fill(this.beside, this.panel?.element);
    this.split.toggleAttribute("data-open", Boolean(sessionId));
    const call = this.app.store.calls.get(sessionId);
    this.list.selected = call ?? null;
    if (call) this.list.show(call);
    // Where the panel stands in place of the list, the keyboard is to be where the eyes are.
    if (sessionId && this.element.isConnected && !this.side.checkVisibility()) this.panel.element.focus();
    else if (within) this.list.element.focus();
  }

  /** Lets everything go. */
  close() {
    this.stop();
    this.pulse.close();
    this.panel?.close();
    this.list.close();
    for (const parts of this.rows.values()) parts.wave.close();
    this.waves.close();
  }

  // --- the list ------------------------------------------------------------------------------------------------------

  #show() {
    const { store } = this.app;
    const same = this.arranged.shape === store.shape && this.arranged.onlyLive === this.onlyLive;
    if (same && !this.wanted) this.list.refresh();
    else this.#arrange();
    say(this.problem, store.problem && `The server refuses this token: ${store.problem}. Sign out, and show another.`);
    const clients = store.clients === 1 ? "1 client" : `${store.clients} clients`;
    say(this.sum, `${store.live} live · ${store.calls.size} known · ${clients}`);
  }

  #arrange() {
    const { store } = this.app;
    const [live, over] = [[], []];
    for (const id of store.order) {
      const call = store.calls.get(id);
      if (fits(call, this.wanted)) (call.live ? live : over).push(call);
    }
    this.arranged = { shape: store.shape, onlyLive: this.onlyLive };
    this.list.selected = store.calls.get(this.panel?.sessionId) ?? null;
    this.list.items = this.onlyLive ? live : live.concat(over);
    this.#tellNothing();
  }

  #tellNothing() {
    const none = this.list.items.length === 0;
    this.list.element.hidden = none;
    this.nothing.hidden = !none;
    if (!none) return;
    if (this.app.store.calls.size) {
      fill(this.nothing, h("p", {}, this.onlyLive && !this.wanted ? "No call is live." : "No call fits."));
      return;
    }
    fill(
      this.nothing,
      h("p", {}, "No calls yet. Let your bot place one, or be the client yourself."),
      h("p.row.call-centre", {}, h("a", { href: "#/start" }, "Get started"), h("a", { href: "#/try" }, "Test call")),
    );
  }

  #filterBy() {
    this.wanted = this.filter.value.trim().toLowerCase();
    this.#arrange();
  }

  #toggle() {
    this.onlyLive = !this.onlyLive;
    this.liveOnly.setAttribute("aria-pressed", String(this.onlyLive));
    this.#show();
  }

  /** The sessions whose sound is to be seen: rows in view, and the call beside them. */
  #heard() {
    const ids = this.list.visible().filter(sounds).map((call) => call.sessionId);
    const beside = this.panel && this.app.store.calls.get(this.panel.sessionId);
    return beside && sounds(beside) ? [...ids, beside.sessionId] : ids;
  }

  #beat() {
    this.list.refresh();
    this.panel?.beat();
    this.waves.wake();
  }

  #row() {
    const parts = {
      status: h("span.badge"),
      arrow: h("span.call-arrow"),
      number: h("span.call-number"),
      scenario: h("span.soft.call-scenario"),
      time: h("span.mono.call-length"),
      queue: h("span.soft.call-queue"),
      last: h("span.call-last"),
      how: h("span.call-how"),
    };
    const element = h(
      "div.call-row", {},
      h("div.call-status", {}, parts.status),
      h("div.call-who", {}, h("div.call-line", {}, parts.arrow, parts.number), parts.scenario),
      h("div.call-time", {}, parts.time, parts.queue),
      h("div.call-sound", {}, parts.how),
      parts.last,
    );
    const sound = () => (parts.call && sounds(parts.call) ? this.pulse.of(parts.call.sessionId) : undefined);
    parts.wave = this.waves.add(sound);
    parts.how.before(parts.wave.element);
    this.rows.set(element, parts);
    return element;
  }

  #put(element, call) {
    const parts = this.rows.get(element);
    if (parts.call !== call) {
      parts.call = call;
      fill(parts.arrow, icon(ARROWS[call.direction], 14), h("span.unseen", {}, call.direction));
      say(parts.number, called(call));
      parts.number.title = call.sessionId;
      this.waves.wake();
    }
    element.classList.toggle("over", !call.live);
    const badge = `badge ${call.status}`;
    if (parts.status.className !== badge) parts.status.className = badge;
    say(parts.status, call.status);
    const scenario = visible(call.scenario);
    say(parts.scenario, call.handset ? `${scenario} · ${HANDS[call.handset]}` : scenario);
    say(parts.time, spell(lasted(call, this.app.store.now)));
    const sounding = sounds(call);
    parts.wave.element.hidden = !sounding;
    parts.how.hidden = sounding;
    if (!sounding) say(parts.how, ending(call, this.app.store.causes));
    if (parts.how.title !== parts.how.textContent) parts.how.title = parts.how.textContent;
    say(parts.queue, sounding ? queued(this.pulse.of(call.sessionId)) : "");
    const { last } = call;
    if (parts.last.dataset.tone !== call.tone) parts.last.dataset.tone = call.tone;
    say(parts.last, last);
    if (parts.last.title !== last) parts.last.title = last;
  }
}

function sounds(call) {
  return call.live && call.status === "Connected";
}

function ending(call, causes) {
  const { record } = call;
  if (!record) return call.joined ? "" : "nobody has joined yet";
  const why = call.failure ? `scenario failed at ${visible(call.failure)}` : causes.get(record.cause) || `cause ${record.cause}`;
  return `${record.disposition} · ${why} · by ${endedBy(call)}`;
}

function queued(sound) {
  return sound?.queueMs >= 1 ? `${(sound.queueMs / 1_000).toFixed(1)} s queued` : "";
}

function fits(call, wanted) {
  if (!wanted) return true;
  return [call.number, call.caller, call.sessionId, call.status, call.scenario, call.record?.disposition].some(
    (text) => text && text.toLowerCase().includes(wanted),
  );
}
