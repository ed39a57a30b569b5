/** Steps of a scenario, as the JSON Schema describes them. */

/** What values a step begins with where its schema asks for one and names no default. */
const FIRST = {
  wait: "1s",
  fail: "127",
  play: "hello",
  say: '"Halo, siapa ini?"',
  tone: "440",
  call_progress: "ringback",
  press: '"1"',
  expect_clip: "hello",
  expect_tone: "440",
};

/** A step as a line of YAML to begin with: `ring: 2s`, `answer`, `play: hello`. */
export function lineOf(word, schema) {
  const first = FIRST[word];
  if (first) return `${word}: ${first}`;
  const within = bodyOf(schema).within?.default;
  return within === undefined ? word : `${word}: {within: ${spell(within)}}`;
}

/** The fields that a step may have, with their defaults: `{seconds: 2, setup: 0.5}`; empty where it has none. */
export function fieldsOf(schema) {
  const fields = Object.entries(bodyOf(schema));
  const told = fields.map(([name, field]) => `${name}: ${"default" in field ? shown(field.default) : "…"}`);
  return told.length ? `{${told.join(", ")}}` : "";
}

function bodyOf(schema) {
  return (schema.anyOf ?? [schema]).find(({ type }) => type === "object")?.properties ?? {};
}

function shown(value) {
  return value === null ? "–" : String(value);
}

function spell(seconds) {
  return typeof seconds === "number" ? `${seconds}s` : String(seconds);
}
