/** The magic numbers: what each does with no configuration. */
import { copyable, toClipboard } from "../copy.js";
import { fill, h } from "../dom.js";
import { stepsInWords } from "./notation.js";

const NUMBERS = "/__admin/numbers";

/** Opens the tab: `{ element, close() }`. */
export function openNumbers(app) {
  const rows = h("tbody");
  const over = new AbortController();
  const asked = () => ({ method: "GET", path: NUMBERS });
  const element = h(
    "section.card.stack", { "aria-labelledby": "numbers-title" },
    h("div.head", {}, h("h2", { id: "numbers-title" }, "Magic numbers"), copyable(app, asked)),
    h(
      "p.soft", {},
      "They behave in their own way whatever the dial plan says. ",
      "Any other number rings for 2 seconds, is answered, and echoes.",
    ),
    h(
      "div.scroll", { tabindex: "0", role: "region", "aria-label": "table of the numbers" },
      h(
        "table.numbers", {},
        h(
          "thead", {},
          h(
            "tr", {},
            ["Number", "What it does", "Steps", ""].map((each) => (each ? h("th", { scope: "col" }, each) : h("td"))),
          ),
        ),
        rows,
      ),
    ),
  );
  app.api.get(NUMBERS, {}, { signal: over.signal }).then(
    ({ numbers }) => fill(rows, numbers.map((each) => row(app, each))),
    (error) => over.signal.aborted || app.notify(error.message, "bad"),
  );
  return { element, close: () => over.abort() };
}

function row(app, { number, about, steps }) {
  const copy = async () => {
    try {
      await toClipboard(number);
      app.notify(`${number} is in the clipboard.`);
    } catch (error) {
      app.notify(error.message, "bad");
    }
  };
  return h(
    "tr", {},
    h("th", { scope: "row" }, h("code", {}, number)),
    h("td", {}, about),
    h("td.soft.mono", {}, steps ? stepsInWords(steps) : ""),
    h(
      "td.acts", {},
      h(
        "button", { type: "button", "aria-label": `Call it: ${number}`, onclick: () => app.go(`try/${number}`) },
        "Call it",
      ),
      h("button.plain", { type: "button", "aria-label": `Copy ${number}`, onclick: copy }, "Copy"),
      copyable(app, () => ({ method: "POST", path: "/pbx/call", body: { phoneNumber: number } }), null),
    ),
  );
}
