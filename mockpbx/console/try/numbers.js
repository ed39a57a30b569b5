/** The magic numbers at hand. */
import { fill, h } from "../dom.js";

/** Returns an element that lists them; `pick(number)` is called with the one that is clicked. */
export function magicNumbers(app, pick) {
  const list = h("ul.try-numbers", {}, h("li.soft", {}, "Asking the server…"));
  const asked = new AbortController();
  const show = ({ numbers }) => fill(list, ...sorted(numbers).map((each) => h("li", {}, choice(each, pick))));
  app.api.get("/__admin/numbers", {}, { signal: asked.signal }).then(show, (error) => {
    if (!asked.signal.aborted) fill(list, h("li.problem", {}, error.message));
  });
  const element = h("details.try-magic", {}, h("summary", {}, "Magic numbers"), list);
  return { element, close: () => asked.abort() };
}

/** Those that answer first, then those whose call ends with a cause. */
function sorted(numbers) {
  const ends = ({ cause }) => (cause === null || cause === undefined ? 0 : 1);
  return [...numbers].sort((one, other) => ends(one) - ends(other));
}

function choice({ number, about }, pick) {
  return h(
    "button.plain", { type: "button", onclick: () => pick(number) },
    h("span.mono", {}, number),
    h("span.soft", {}, about),
  );
}
