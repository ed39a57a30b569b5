/** Fields of a form, made of a JSON Schema. */
import { h } from "../dom.js";

let made = 0;

/**
 * A field for a property: `{ element, label, input, read(), put(value) }`; `element` holds label and input, `read()` is
 * undefined where it was left empty.
 * `described` is the id of what describes it.
 */
export function fieldOf(name, schema, { required = false, label = words(name), value, described } = {}) {
  const kinds = (schema.anyOf ?? [schema]).filter(({ type }) => type !== "null");
  const id = `field${++made}`;
  const given = { id, name, required, "aria-describedby": described, autocomplete: "off", spellcheck: "false" };
  const [input, read] = control(kinds, schema, given, required);
  const put = (each) => {
    if (input.type === "checkbox") input.checked = Boolean(each);
    else input.value = each === null || each === undefined ? "" : String(each);
  };
  put(value ?? (required && input.tagName === "SELECT" ? input.options[0].value : undefined));
  const text = h("label", { for: id }, label);
  const element = input.type === "checkbox" ? h("div.field.check", {}, input, text) : h("div.field", {}, text, input);
  return { element, label: text, input, read, put };
}

/** A word of the wire as people read it: `after_connected` is `after connected`. */
export function words(name) {
  return name.replaceAll("_", " ");
}

function control(kinds, schema, given, required) {
  const [kind] = kinds;
  if (kind.enum) return choice(kind, given, required);
  if (kind.type === "boolean") {
    const input = h("input", { ...given, type: "checkbox", required: false });
    return [input, () => input.checked];
  }
  const number = kind.type === "number" || kind.type === "integer";
  const duration = number && kinds.length > 1;
  const input = h("input", {
    ...given,
    type: number && !duration ? "number" : "text",
    inputmode: number && !duration ? "decimal" : null,
    min: kind.minimum,
    max: kind.maximum,
    step: number && !duration ? (kind.type === "integer" ? 1 : "any") : null,
    placeholder: placeholder(schema, duration),
  });
  return [input, () => valueOf(input.value.trim(), number)];
}

function choice(kind, given, required) {
  const empty = required ? [] : [h("option", { value: "" }, "–")];
  const input = h("select", given, empty, kind.enum.map((each) => h("option", { value: String(each) }, String(each))));
  return [input, () => kind.enum.find((each) => String(each) === input.value)];
}

function placeholder({ default: first }, duration) {
  if (duration) return first ? String(first) : "such as 2s";
  return first === null || first === undefined ? null : String(first);
}

/** A number where it is to be one and looks like it; text such as 2s stays text, which the server reads or refuses. */
function valueOf(text, number) {
  if (text === "") return undefined;
  return number && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
