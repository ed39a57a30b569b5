/** Getting started: where to point a client, programs that run as they are, and what has worked so far. */
import { masked, toClipboard } from "../copy.js";
import { fill, h, icon, say } from "../dom.js";
import { program, PROGRAMS } from "../past/snippets.js";

const KEPT = "mockpbx program";

/** What is to happen, in this order, and what shows that it has. */
const STEPS = [
  [
    "A client connects",
    "Socket.IO at this address, with the token in its handshake",
    ({ clients }, calls) => clients > 0 || calls.some(({ joined }) => joined),
  ],
  ["It places a call", "POST /pbx/call", (_, calls) => calls.length > 0],
  ["It joins", "joinRoom, when newSession comes", (_, calls) => calls.some(({ joined }) => joined)],
  ["The callee answers", "dialStatus Connected: sound goes both ways", (_, calls) => calls.some(isAnswered)],
  ["The call ends with its record", "hangup, and then cdr", (_, calls) => calls.some(({ record }) => record)],
];

/** Opens the view. */
export function open(app) {
  return new Start(app);
}

class Start {
  constructor(app) {
    this.app = app;
    this.done = STEPS.map(() => false);
    this.#make();
    this.stop = app.store.listen(() => this.#light());
    this.#light();
    this.#choose(localStorage.getItem(KEPT) ?? PROGRAMS[0][0]);
  }

  #make() {
    const { base, token } = this.app.api;
    this.steps = STEPS.map(([title, how]) => h(
      "li", {},
      h("span.lamp", { "aria-hidden": "true" }),
      h("div", {}, h("strong", {}, title), h("span.unseen"), h("p.soft", {}, how)),
    ));
    this.told = h("p", { role: "status" });
    this.tabs = PROGRAMS.map(([word, title]) => h(
      "button", { type: "button", dataset: { word }, "aria-pressed": "false", onclick: () => this.#choose(word) },
      title,
    ));
    this.needs = h("p.soft");
    this.code = h("pre", { tabindex: "0", role: "region", "aria-label": "program" });
    this.element = h(
      "div.stack.past.start", {},
      h("h1", {}, "Get started"),
      h(
        "p.lead", {},
        "Point your client at this server instead of the service. ",
        "Everything else stays as it is: no phone rings, nothing is billed.",
      ),
      h(
        "div.start-columns", {},
        h(
          "div.stack", {},
          h(
            "section.card.stack", {},
            h("h2", {}, "Where"),
            h(
              "dl.past-facts", {},
              h("dt", {}, "URL"),
              h("dd.row", {}, h("code.break", {}, base), this.#copy("URL", () => base)),
              h("dt", {}, "Token"),
              h("dd.row", {}, h("code", {}, masked(token)), this.#copy("token", () => token)),
            ),
            h(
              "p.soft", {},
              "The token names this workspace: its calls, its records, its clock. Another token is another workspace.",
            ),
          ),
          h("section.card.stack", {}, h("h2", {}, "So far"), h("ol.steps", {}, this.steps), this.told),
        ),
        h(
          "section.card.stack", {},
          h(
            "div.head", {},
            h("h2", {}, "A whole call"),
            h(
              "div.row", {},
              h("div.group", { role: "group", "aria-label": "language" }, this.tabs),
              h("button.primary", { type: "button", onclick: () => this.#copyProgram() }, "Copy"),
            ),
          ),
          h(
            "p", {},
            "Places a call, joins it, hears the callee, plays a tone, waits until it was heard, and hangs up.",
          ),
          this.needs, this.code,
        ),
      ),
      this.#next(),
    );
  }

  #copy(what, text) {
    return h(
      "button.plain",
      {
        type: "button",
        "aria-label": `Copy the ${what}`,
        onclick: () => this.#toClipboard(text(), `The ${what} is in the clipboard.`),
      },
      "Copy",
    );
  }

  #next() {
    const ways = [
      [
        "#/calls", "Pick up the phone yourself",
        "In the panel “Phone”, say which numbers ring here. Then let your bot call one, answer, and talk to it.",
        "M5 4h4l2 5-2.5 1.5a11 11 0 005 5L15 13l5 2v4a2 2 0 01-2 2A16 16 0 013 6a2 2 0 012-2",
      ],
      [
        "#/try", "Try it without a bot",
        "Be the client from this page: place a call, see every event, hear the callee.", "M5 3l14 9-14 9z",
      ],
      [
        "#/world", "Say what numbers do",
        "Dial plan, scenarios, faults, the clock, and magic numbers for every way a call may end.",
        "M12 3a9 9 0 100 18 9 9 0 000-18zM3 12h18",
      ],
      [
        "/__admin/reference", "Read the contract", "REST, events and causes on one page; also as OpenAPI and AsyncAPI.",
        "M5 3h11l3 3v15H5zM9 9h6M9 13h6M9 17h4",
      ],
    ];
    return h(
      "section.stack", {},
      h("h2", {}, "Next"),
      h(
        "ul.ways", {},
        ways.map(([href, title, about, path]) => h(
          "li", {},
          h(
            "a.card", { href, ...(href.startsWith("/") ? { target: "_blank", rel: "noopener" } : {}) },
            icon(path),
            h("strong", {}, title),
            h("span.soft", {}, about),
          ),
        )),
      ),
      h(
        "p.soft", {},
        "For programs: ",
        [["openapi.json", "OpenAPI"], ["asyncapi.json", "AsyncAPI"], ["control.json", "the control API"]].map(
          ([file, title], index) =>
            [index ? " · " : "", h("a", { href: `/__admin/${file}`, target: "_blank", rel: "noopener" }, title)],
        ),
      ),
    );
  }

  // --- what has happened ---------------------------------------------------------------------------------------------

  #light() {
    const { store } = this.app;
    const calls = [...store.calls.values()];
    STEPS.forEach(([, , has], index) => (this.done[index] ||= has(store, calls)));
    const now = this.done.indexOf(false);
    this.steps.forEach((step, index) => {
      step.dataset.state = this.done[index] ? "done" : index === now ? "now" : "later";
      say(step.querySelector(".unseen"), this.done[index] ? " (done)" : "");
    });
    say(
      this.told,
      now < 0 ? "That was a whole call. Your client is set up." : now ? "" : "Waiting for the first client …",
    );
  }

  // --- programs ------------------------------------------------------------------------------------------------------

  #choose(language) {
    const { base, token } = this.app.api;
    this.language = PROGRAMS.some(([word]) => word === language) ? language : PROGRAMS[0][0];
    localStorage.setItem(KEPT, this.language);
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset.word === this.language));
    const { needs, run, code } = program(this.language, base, masked(token));
    fill(this.needs, "Needs ", h("code", {}, needs), ", run by ", h("code", {}, run));
    say(this.code, code);
    this.code.scrollTop = 0;
  }

  #copyProgram() {
    const { base, token } = this.app.api;
    this.#toClipboard(
      program(this.language, base, token).code,
      "The program is in the clipboard, with your token in it.",
    );
  }

  async #toClipboard(text, done) {
    try {
      await toClipboard(text);
      this.app.notify(done, "good");
    } catch (error) {
      this.app.notify(error.message, "bad");
    }
  }

  /** Lets go of everything. */
  close() {
    this.stop();
  }
}

function isAnswered({ answeredAt, status }) {
  return answeredAt !== null || status === "Connected";
}
