/** The phone: calls that ring, the one that is held, and which numbers ring here. */
import { HANDSET } from "../calls.js";
import { fill, h, icon, say } from "../dom.js";
import { isolated, visible } from "../visible.js";
import { Held, whoIs } from "./held.js";
import { keep, kept } from "./kept.js";
import { Ringer } from "./ringer.js";
import { Routes } from "./routes.js";
import { Session } from "./session.js";

const BELL = "M6 16V11a6 6 0 0112 0v5l2 2H4zM10 21h4";
const SILENT_BELL = `${BELL}M3 3l18 18`;

/** Opens the phone in its place: `pickUp(sessionId)` takes any live call, `held` is the one in hand, or null. */
export function openPhone(app, element) {
  return new Phone(app, element);
}

class Phone {
  constructor(app, element) {
    this.app = app;
    this.element = element;
    this.panel = null; // of the call that is held
    this.cards = new Map(); // of the calls that ring, by their sessions
    this.ringer = new Ringer();
    this.routes = new Routes(app);
    this.bell = h("button.plain.bell", { type: "button", onclick: () => this.toggleBell() });
    this.told = h("p.unseen", { role: "status" });
    this.hint = h("p.soft.help", { hidden: true }, "Click anywhere in the page to hear it ring.");
    this.list = h("div.ringing");
    this.before = h("div.before", { role: "status" }); // the call that this tab held before it was loaded again
    this.offered = null;
    this.place = h("div.place");
    this.idle = h("p.soft.idle", {}, "Nothing rings.");
    element.append(
      h("div.head", {}, h("h2", {}, "Phone"), this.bell),
      this.told, this.list, this.hint, this.before, this.place, this.idle, this.routes.element,
    );
    this.over = new AbortController();
    for (const kind of ["keydown", "keyup"]) {
      element.addEventListener(kind, (event) => this.type(event), { signal: this.over.signal });
    }
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => this.update(), { signal: this.over.signal });
    this.stop = app.store.listen(() => this.update());
    this.showBell();
    this.update();
  }

  /** The session in this page's hand, null where there is none. */
  get held() {
    return this.panel && !this.panel.session.over ? this.panel.session.sessionId : null;
  }

  /** Picks up a live call, of whatever scenario, and listens; one from here to the bot has nobody else who would talk. */
  pickUp(sessionId) {
    if (this.held === sessionId) return;
    this.letGo();
    this.hold(sessionId);
    const { session } = this.panel;
    if (session.call?.direction === "inbound" && session.call.scenario === HANDSET) session.talk();
  }

  /** Lets everything go: the line, the microphone, the ring. The page that is loaded next may pick the call up again. */
  close() {
    this.letGo();
    this.ringer.stop();
    this.routes.close();
    this.stop();
    this.over.abort();
    this.element.replaceChildren();
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  hold(sessionId) {
    const session = new Session(this.app, sessionId, () => this.update());
    this.panel = new Held(this.app, session, () => this.leave());
    this.place.append(this.panel.element);
    this.panel.element.focus();
    this.update();
  }

  update() {
    const calls = this.ringing();
    for (const [sessionId, card] of this.cards) {
      if (calls.some((call) => call.sessionId === sessionId)) continue;
      card.remove();
      this.cards.delete(sessionId);
    }
    for (const call of calls) {
      if (this.cards.has(call.sessionId)) continue;
      const card = this.card(call);
      this.cards.set(call.sessionId, card);
      this.list.append(card);
    }
    this.panel?.update();
    this.remember(calls);
    this.ring(calls);
    this.idle.hidden = calls.length > 0 || this.panel !== null || this.offered !== null;
    this.routes.element.hidden = this.panel !== null;
  }

  /** The calls that ring here, the first one first. */
  ringing() {
    const found = [];
    let live = this.app.store.live;
    for (const sessionId of this.app.store.order) {
      if (live === 0) break; // the others have ended
      const call = this.app.store.calls.get(sessionId);
      if (!call.live) continue;
      live -= 1;
      const rings = call.status === "Ringing" && call.scenario === HANDSET && call.direction === "outbound";
      if (rings && sessionId !== this.held) found.unshift(call);
    }
    return found;
  }

  ring(calls) {
    const numbers = calls.map(({ number }) => number);
    const text = numbers.length === 1 ? `${isolated(numbers[0])} rings` : `${numbers.length} calls ring`;
    if (numbers.length) this.ringer.ring(text);
    else this.ringer.stop();
    say(this.told, numbers.length ? text : "");
    this.hint.hidden = !this.ringer.waits;
    this.element.classList.toggle("rings", numbers.length > 0);
  }

  card(call) {
    const { app } = this;
    const hangUp = (body) => () => app.act({ method: "POST", path: `/__admin/calls/${encodeURIComponent(call.sessionId)}/hangup`, body });
    return h(
      "section.card.rings-card", { "aria-label": `${isolated(call.number)} rings` },
      h("p.number", {}, visible(call.number)),
      h("p.soft", {}, whoIs(call)),
      h(
        "div.acts", {},
        h("button.answer", { type: "button", onclick: () => this.answer(call) }, "Answer"),
        h("button", { type: "button", onclick: hangUp({ cause: 17 }) }, "Busy"),
        h("button.hang-up", { type: "button", onclick: hangUp({}) }, h("span", {}, "Decline")),
      ),
    );
  }

  // --- through a reload ---------------------------------------------------------------------------------------------

  /** Remembers the call in hand; without one, offers what was in hand before a reload. What rings has a card anyway. */
  remember(ringing) {
    if (this.panel) {
      const { line, sessionId, over } = this.panel.session;
      keep(over ? null : { sessionId, talked: line.talked });
      this.offer(null);
    } else if (this.app.store.state === "live") {
      const call = this.app.store.calls.get(kept()?.sessionId);
      if (!call?.live) keep(null);
      this.offer(call?.live && !call.handset && !ringing.includes(call) ? call : null);
    }
  }

  offer(call) {
    const sessionId = call?.sessionId ?? null;
    if (sessionId === this.offered) return;
    this.offered = sessionId;
    const again = () => {
      const { talked } = kept();
      this.pickUp(sessionId);
      if (talked) this.panel.session.talk();
    };
    const parts = () => [
      h("p", {}, "You held ", h("bdi.number", {}, visible(call.number)), ". The call goes on without you."),
      h(
        "div.acts", {},
        h("button.answer", { type: "button", onclick: again }, "Pick it up again"),
        h("button", { type: "button", onclick: () => this.leave() }, "Leave it"),
      ),
    ];
    fill(this.before, call ? parts() : []);
  }

  // --- in hand ------------------------------------------------------------------------------------------------------

  /** Answers a call that rings; one that is in hand is put down before, and goes on. */
  answer(call) {
    this.pickUp(call.sessionId);
    this.panel.session.answer();
  }

  /** Puts down what is in hand for good; the call goes on. */
  leave() {
    const focused = this.place.contains(document.activeElement) || this.before.contains(document.activeElement);
    keep(null);
    this.letGo();
    this.update();
    if (focused) this.bell.focus();
  }

  letGo() {
    this.panel?.close();
    this.panel?.element.remove();
    this.panel = null;
  }

  type(event) {
    if (!this.panel || event.target.closest("input, select, textarea")) return;
    if (this.panel.type(event)) event.preventDefault();
  }

  toggleBell() {
    this.ringer.muted = !this.ringer.muted;
    this.showBell();
    this.update();
  }

  showBell() {
    const { muted } = this.ringer;
    this.bell.replaceChildren(icon(muted ? SILENT_BELL : BELL));
    this.bell.setAttribute("aria-label", "ring aloud");
    this.bell.setAttribute("aria-pressed", String(!muted));
    this.bell.title = muted ? "calls ring in silence" : "calls ring aloud";
  }
}
