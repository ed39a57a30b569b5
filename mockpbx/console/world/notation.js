/** Dial plans and scenarios as JSON has them, in words. */
import { HANDSET } from "../calls.js";

const MOST_STEPS = 8;

/** What a rule does, in words. */
export function ruleInWords({ scenario, sequence, repeat, weights }) {
  if (sequence) {
    const behind = repeat ? ", again and again" : "; the last goes on";
    return `one after the other: ${sequence.map(named).join(", ")}${behind}`;
  }
  if (weights) {
    const all = Object.values(weights).reduce((sum, each) => sum + each, 0);
    const shares = Object.entries(weights).map(([name, weight]) =>
      `${named(name)} ${Math.round((100 * weight) / all)} %`);
    return `drawn: ${shares.join(", ")}`;
  }
  return named(scenario);
}

/** Steps in a line: `ring 2s, answer, play hello`. */
export function stepsInWords(steps) {
  const words = steps.slice(0, MOST_STEPS).map(stepInWords);
  return words.join(", ") + (steps.length > MOST_STEPS ? `, … (${steps.length} steps)` : "");
}

function stepInWords(step) {
  if (typeof step === "string") return step;
  const [[word, value]] = Object.entries(step);
  if (value === null || typeof value !== "object") return `${word} ${value ?? ""}`.trim();
  return `${word} ${Object.entries(value).map(([key, each]) => `${key} ${each}`).join(" ")}`;
}

function named(scenario) {
  if (Array.isArray(scenario)) return stepsInWords(scenario);
  return scenario === HANDSET ? "rings in this page" : scenario;
}

/** The names that rules may use, `[name, about]` each: the personas, the one for people in front, then the plan's own. */
export function namesOf(personas, plan) {
  const own = Object.entries(plan?.scenarios ?? {}).map(([name, steps]) => [name, stepsInWords(steps)]);
  const front = [...personas].sort((one, other) => (other.name === HANDSET) - (one.name === HANDSET));
  return [...front.map(({ name, about }) => [name, about]), ...own];
}

/** The options of a select of scenarios, `[value, text]` each. */
export function optionsOf(names) {
  return names.map(([name]) => [name, named(name)]);
}
