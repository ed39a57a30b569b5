/** Calls made from the page: as the client, without any bot, and as somebody who calls the bot. */
import { fill, h } from "../dom.js";
import { TestClient } from "../try/client.js";
import { Inbound } from "../try/inbound.js";
import { Ladder } from "../try/ladder.js";
import { Outbound } from "../try/outbound.js";

const INBOUND = "inbound"; // an address: #/try/inbound; any other is a number to call
const ABOUT = {
  out: "This page is the client: it places a call, joins it and speaks the contract, without any bot.",
  in: "Somebody calls your bot: it is told of an inbound session, joins, and talks to whom you choose.",
};

/** The client of each app that has a call, so that it goes on while another view is shown. */
const clients = new WeakMap();

/** Opens the view: `#/try`, `#/try/NUMBER`, `#/try/inbound`. */
export function open(app, path) {
  return new Try(app, path);
}

class Try {
  constructor(app, path) {
    this.app = app;
    this.tabs = [["out", "#/try", "Be the client"], ["in", `#/try/${INBOUND}`, "Call your bot"]].map(
      ([side, href, text]) => h("a.try-tab", { href, dataset: { side } }, text),
    );
    this.about = h("p.soft");
    this.place = h("div");
    this.element = h(
      "div.try", {},
      h("div.head", {}, h("h1", {}, "Test call"), h("nav.try-tabs", { "aria-label": "Which side" }, this.tabs)),
      this.about, this.place,
    );
    this.parts = [];
    this.update(path);
  }

  /** Shows the other side, or another number. */
  update([first]) {
    const side = first === INBOUND ? "in" : "out";
    if (side !== this.side) this.#open(side, first);
    else if (side === "out" && first) this.parts[0].choose(first);
  }

  /** Lets everything go, but for a client whose call is live: that one falls silent, and goes when its call does. */
  close() {
    this.#closeParts();
  }

  #open(side, number) {
    this.#closeParts();
    this.side = side;
    for (const tab of this.tabs) {
      if (tab.dataset.side === side) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    this.about.textContent = ABOUT[side];
    if (side === "in") {
      this.parts = [new Inbound(this.app)];
      fill(this.place, this.parts[0].element);
      return;
    }
    this.client = clientOf(this.app);
    this.parts = [new Outbound(this.app, this.client, number), new Ladder(this.client.conversation)];
    fill(this.place, h("div.try-split", {}, this.parts.map(({ element }) => element)));
  }

  #closeParts() {
    for (const part of this.parts) part.close();
    this.parts = [];
    if (this.client) letGo(this.app, this.client);
    this.client = null;
  }
}

function clientOf(app) {
  const kept = clients.get(app);
  kept?.stop();
  const client = kept?.client ?? new TestClient(app);
  clients.delete(app);
  return client;
}

/** Silences a client that nobody sees; one without a live call is closed, now or when its call ends. */
function letGo(app, client) {
  client.stopHearing();
  client.fallSilent();
  const over = () => {
    if (client.live) return;
    clients.get(app)?.stop();
    client.close();
  };
  clients.set(app, { client, stop: client.listen(over) });
  over();
}
