/** The filters of records as a form: one line each, as many as one likes. */
import { fill, h } from "../dom.js";
import { FIELDS, OPERATORS } from "./query.js";

const PATIENCE = 350; // ms after the last key

/** Makes the form: `{ element, show(filters), close() }`. `changed(filters)` hears what is wanted, once typing pauses. */
export function filterForm(changed) {
  const lines = h("div.filter-lines");
  const add = h("button.plain", { type: "button", onclick: () => append() }, "+ Filter");
  const clear = h("button.plain", { type: "button", onclick: () => (show([]), tell()) }, "Clear");
  const element = h(
    "form.filters", { role: "search", "aria-label": "Filter records", onsubmit: submit },
    lines,
    h("div.row", {}, add, clear),
  );
  let [filters, timer] = [[], 0];

  function show(wanted) {
    filters = wanted.length
      ? wanted.map((each) => ({ ...each }))
      : [{ field: "destination", operator: "$contains", value: "", either: false }];
    draw();
  }

  function draw() {
    fill(lines, filters.map((filter, index) => line(filter, index)));
    clear.hidden = !filters.some(({ value }) => value);
  }

  function append() {
    filters.push({ field: "duration", operator: "$gte", value: "", either: false });
    draw();
    lines.lastElementChild.querySelector("input").focus();
  }

  function tell() {
    clearTimeout(timer);
    clear.hidden = !filters.some(({ value }) => value);
    changed(filters.map((each) => ({ ...each })));
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(tell, PATIENCE);
  }

  function submit(event) {
    event.preventDefault();
    tell();
  }

  function line(filter, index) {
    const { operators, unit } = FIELDS[filter.field];
    const nth = `filter ${index + 1}`;
    const again = filters.slice(0, index).some(({ field }) => field === filter.field);
    if (!again) filter.either = false;
    const pick = (name, options, value, chosen) => h(
      "select", { "aria-label": `${name} of ${nth}`, onchange: ({ target }) => (chosen(target.value), draw(), tell()) },
      options.map(([word, title]) => h("option", { value: word, selected: word === value }, title)),
    );
    return h(
      "div.filter", {},
      again && pick(
        "Joint",
        [["and", "and"], ["or", "or"]],
        filter.either ? "or" : "and",
        (value) => (filter.either = value === "or"),
      ),
      pick(
        "Field",
        Object.entries(FIELDS).map(([word, { title }]) => [word, title]),
        filter.field,
        (value) => {
          Object.assign(filter, {
            field: value,
            operator: FIELDS[value].operators[0],
            value: unit === FIELDS[value].unit ? filter.value : "",
          });
        },
      ),
      pick(
        "Operator",
        operators.map((word) => [word, OPERATORS[word]]),
        filter.operator,
        (value) => (filter.operator = value),
      ),
      h("input", {
        "aria-label": `Value of ${nth}`,
        value: filter.value,
        placeholder: unit ? "seconds" : "0812",
        inputmode: unit ? "decimal" : "tel",
        autocomplete: "off",
        spellcheck: "false",
        oninput: ({ target }) => ((filter.value = target.value), soon()),
      }),
      filters.length > 1 && h(
        "button.plain",
        { type: "button", "aria-label": `Remove ${nth}`, onclick: () => (filters.splice(index, 1), draw(), tell()) },
        "×",
      ),
    );
  }

  return { element, show, close: () => clearTimeout(timer) };
}
