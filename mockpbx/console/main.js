/** Lets a workspace in, and shows its views. */
import { Api, Refused } from "./api.js";
import { masked } from "./copy.js";
import { fill, h, icon, say } from "./dom.js";
import { askForToken, forget, remembered } from "./gate.js";
import { openPhone } from "./phone/phone.js";
import { Store } from "./store.js";
import { openClock } from "./world/clock.js";

/** Every view: what its address begins with, what it is called, its module, its picture. */
const VIEWS = [
  ["calls", "Calls", "./views/calls.js", "M4 5h16M4 12h16M4 19h10"],
  ["try", "Test call", "./views/try.js", "M5 3l14 9-14 9z"],
  ["world", "World", "./views/world.js", "M12 3a9 9 0 100 18 9 9 0 000-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18"],
  ["records", "Records", "./views/records.js", "M5 3h14v18H5zM9 8h6M9 12h6M9 16h4"],
  ["messages", "Messages", "./views/messages.js", "M4 7h13l-3-3M20 17H7l3 3"],
  ["findings", "Findings", "./views/findings.js", "M12 4l9 16H3zM12 10v4M12 17v.5"],
  ["start", "Get started", "./views/start.js", "M12 3v18M5 10l7-7 7 7"],
];
const FIRST = "calls";

const main = document.getElementById("main");

/** What every view is given. */
class App {
  constructor(api) {
    this.api = api;
    this.store = new Store(api);
    this.phone = null;
  }

  /** Shows another view: `go("calls/ID")`. */
  go(path) {
    location.hash = `#/${path}`;
  }

  /** Tells the user something in passing; what is bad stays until it is closed. */
  notify(text, kind = "note") {
    notify(text, kind);
  }

  /** Sends a request for a control, and tells the user what came of it where that was bad. Returns the data, undefined after a failure. */
  async act(request) {
    try {
      return await this.api.send(request);
    } catch (error) {
      notify(error.message, "bad");
      return undefined;
    }
  }
}

function notify(text, kind) {
  const region = document.getElementById("notices");
  const close = () => notice.remove();
  const notice = h(
    `p.notice.${kind}`, {}, h("span", {}, text), h("button.plain", { type: "button", "aria-label": "close", onclick: close }, "×"),
  );
  region.append(notice);
  while (region.children.length > 4) region.firstChild.remove();
  if (kind !== "bad") setTimeout(close, 6_000);
}

// --- views ------------------------------------------------------------------------------------------------------------

class Router {
  constructor(app) {
    this.app = app;
    this.shown = null; // [name, view]
    this.turn = 0;
    window.addEventListener("hashchange", () => this.show());
  }

  async show() {
    const path = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decoded);
    const [name, title, module] = VIEWS.find(([each]) => each === path[0]) ?? VIEWS.find(([each]) => each === FIRST);
    const rest = path[0] === name ? path.slice(1) : [];
    document.title = `${title} · mockpbx`;
    for (const link of document.querySelectorAll("#nav a")) {
      if (link.dataset.view === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const turn = ++this.turn;
    if (this.shown?.[0] === name && this.shown[1].update) {
      this.shown[1].update(rest);
      return;
    }
    let opened;
    try {
      opened = (await import(module)).open;
    } catch (error) {
      console.error(error);
      if (turn === this.turn) fill(main, h("p.empty", {}, `This view could not be loaded: ${error.message}. Reload the page.`));
      return;
    }
    if (turn !== this.turn) return;
    this.shown?.[1].close();
    const view = opened(this.app, rest);
    this.shown = [name, view];
    fill(main, view.element);
    main.scrollTop = 0;
  }
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function fillNav() {
  const links = VIEWS.map(([name, title, , path]) =>
    h("a", { href: `#/${name}`, dataset: { view: name } }, icon(path), h("span", {}, title), h("output.count", { hidden: true })),
  );
  fill(document.getElementById("nav"), ...links);
}

// --- the frame around them --------------------------------------------------------------------------------------------

function followState(app) {
  const state = document.getElementById("state");
  const words = {
    connecting: "connecting",
    live: "live",
    stale: "catching up",
    lost: "server gone · trying again",
    refused: "token refused · sign out and in again",
  };
  const show = () => {
    state.dataset.state = app.store.state;
    say(state, words[app.store.state] ?? app.store.state);
    const live = document.querySelector('#nav a[data-view="calls"] .count');
    live.hidden = app.store.live === 0;
    say(live, app.store.live);
  };
  app.store.listen(show);
  show();
}

function themes() {
  const root = document.documentElement;
  const kept = localStorage.getItem("mockpbx theme");
  if (kept) root.dataset.theme = kept;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("mockpbx theme", root.dataset.theme);
  });
}

/** Returns the API of a token that the server takes; a server that is gone is waited for by the store. */
async function signedIn() {
  let shown = remembered();
  for (let reason = ""; ; ) {
    const { token, adminToken } = shown ?? (await askForToken(main, reason));
    const api = new Api(token, adminToken);
    try {
      await api.get("/__admin/clock");
      return api;
    } catch (error) {
      if (!(error instanceof Refused)) return api;
      [shown, reason] = [null, error.message];
    }
  }
}

async function start() {
  themes();
  const api = await signedIn();
  const app = new App(api);
  window.addEventListener("pagehide", () => app.phone?.close());
  say(document.getElementById("workspace"), `workspace ${masked(api.token)}`);
  const leave = document.getElementById("leave");
  leave.hidden = false;
  leave.addEventListener("click", forget);
  fillNav();
  for (const id of ["nav", "phone"]) document.getElementById(id).hidden = false;
  followState(app);
  app.phone = openPhone(app, document.getElementById("phone"));
  openClock(app, document.getElementById("clock"));
  const known = await app.store.start();
  if (!location.hash.startsWith("#/")) history.replaceState(null, "", known === 0 ? "#/start" : "#/calls");
  await new Router(app).show();
}

start();
