/** Lets a workspace in, and shows its views. */
import { Unreachable } from "./api.js";
import { masked } from "./copy.js";
import { fill, h, icon, say } from "./dom.js";
import { forget, signIn, takeToken } from "./gate.js";
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

  /** Sends a request for a control, and tells the user where it failed. Returns the data, undefined after a failure. */
  async act(request) {
    try {
      return await this.api.send(request);
    } catch (error) {
      notify(error.message, "bad", error instanceof Unreachable ? "gone" : "");
      return undefined;
    }
  }
}

/** Shows a notice, in place of one that says the same. One whose `why` is `gone` goes when the server is back. */
function notify(text, kind, why = "") {
  const region = document.getElementById("notices");
  for (const other of [...region.children]) if (other.dataset.text === text) other.remove();
  const close = () => notice.remove();
  const button = h("button.plain", { type: "button", "aria-label": "close", onclick: close }, "×");
  const notice = h(`p.notice.${kind}`, { dataset: { text, why } }, h("span", {}, text), button);
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
    this.failed = false;
    // Another link to the console may be opened in this tab, with a token of its own.
    window.addEventListener("hashchange", () => (takeToken() ? location.reload() : this.show()));
  }

  /** The server is there: what could not be loaded is tried again, what may be wanted later is loaded now. */
  load() {
    if (this.failed) this.show();
    for (const [, , module] of VIEWS) import(module).catch(() => {}); // tried again when it is shown
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
    } catch {
      opened = notLoaded;
    }
    if (turn !== this.turn) return;
    this.failed = opened === notLoaded;
    this.shown?.[1].close();
    const view = opened(this.app, rest);
    this.shown = [name, view];
    fill(main, view.element);
    main.scrollTop = 0;
  }
}

function notLoaded() {
  const close = () => {};
  const sentence = "This view is not here yet, and the server does not answer. It comes once the server is back.";
  return { element: h("p.empty", {}, sentence), close };
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
    h(
      "a",
      { href: `#/${name}`, title, dataset: { view: name } },
      icon(path),
      h("span", {}, title),
      h("output.count", { hidden: true }),
    ),
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
    const slow = app.store.state === "live" && app.api.overdue > 0;
    state.dataset.state = slow ? "lost" : app.store.state;
    say(state, slow ? "no answer yet" : words[app.store.state]);
    if (app.store.state === "live") document.querySelectorAll('[data-why="gone"]').forEach((notice) => notice.remove());
    const live = document.querySelector('#nav a[data-view="calls"] .count');
    live.hidden = app.store.live === 0;
    say(live, app.store.live);
  };
  app.store.listen(show);
  app.api.doubted = show;
  show();
}

/** Calls back each time that the server has come back. */
function onReturn(app, back) {
  let before = app.store.state;
  app.store.listen(() => {
    if (app.store.state !== before && app.store.state === "live") back();
    before = app.store.state;
  });
}

function themes() {
  const root = document.documentElement;
  const kept = localStorage.getItem("mockpbx theme");
  if (kept) root.dataset.theme = kept;
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    localStorage.setItem("mockpbx theme", root.dataset.theme);
  });
}

async function start() {
  themes();
  const api = await signIn(main);
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
  const router = new Router(app);
  await router.show();
  router.load();
  onReturn(app, () => router.load());
}

start();
