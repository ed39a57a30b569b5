/** The clock of the workspace: compactly in the top bar, and whole in its tab. */
import { copyable } from "../copy.js";
import { fill, h, icon, say } from "../dom.js";
import { Time, setting, stepping, timeOfDay } from "./time.js";

/** How time may pass: the mode, its name, and which bots it is for. */
const MODES = [
  ["real", "Real", "As on the wall. For any bot, and the only one for people who talk."],
  [
    "20x",
    "20x",
    "Twenty times as fast. " +
      "For bots that pace their sound by a clock of their own and may be hurried: their 20 ms are 400 here.",
  ],
  [
    "auto",
    "Auto",
    "Jumps to what is due next as soon as every client has had its say. " +
      "For bots that only react to events and sound: a call of ten minutes takes seconds. " +
      "Not for those that think in wall time, as a language model or a setTimeout does.",
  ],
  ["manual", "Manual", "Stands still until it is stepped. For looking at every moment."],
];
const STEPS = [[20, "+20 ms"], [1_000, "+1 s"], [10_000, "+10 s"], [null, "to the next deadline"]];
const PAUSE = "M8 5v14M16 5v14";
const RESUME = "M7 5l12 7-12 7z";
const SHOWN_EVERY = 100; // ms; a clock that is read, not watched

/** Shows the workspace's time in the top bar, and lets it be paused, stepped and set. Returns `{ close() }`. */
export function openClock(app, element) {
  const time = (app.time ??= new Time(app));
  const now = h(
    "output.clock-now", { title: "the workspace's time", "aria-label": "time of the workspace", "aria-live": "off" },
  );
  const mode = h("select", { "aria-label": "how time passes", onchange: () => time.set(mode.value) });
  const turn = h("button.plain", { type: "button", onclick: () => time.turn() });
  const steps = h("span.group.clock-steps", { role: "group", "aria-label": "step the clock", hidden: true });
  const buttons = STEPS.map(([ms, name]) => h(
    "button", { type: "button", "aria-label": `step ${name}`, title: `step ${name}`, onclick: () => time.step(ms) },
    ms ? name : "⇥",
  ));
  const show = () => {
    offer(mode, time);
    steps.hidden = !time.still;
    for (const each of buttons) each.disabled = time.stepped;
    turn.disabled = !time.state;
    turn.title = time.still ? `resume: ${time.before}` : "pause: time stands still until it is stepped";
    turn.setAttribute("aria-label", time.still ? "let time go on" : "pause time");
    fill(turn, icon(time.still ? RESUME : PAUSE, 16));
    tick();
  };
  const tick = () => say(now, time.now === null ? "" : timeOfDay(time.now, time.still));
  fill(element, now, mode, turn, fill(steps, buttons));
  const stop = time.listen(show);
  const ticking = setInterval(() => document.hidden || tick(), SHOWN_EVERY);
  show();
  return {
    close() {
      stop();
      clearInterval(ticking);
      fill(element);
    },
  };
}

function offer(select, time) {
  const mode = time.state?.mode ?? "";
  const known = MODES.map(([name]) => name);
  const names = !mode || known.includes(mode) ? known : [mode, ...known];
  if (String([...select.options].map(({ value }) => value)) !== String(names)) {
    fill(select, names.map((name) => h("option", { value: name }, name)));
  }
  select.value = mode;
  select.disabled = !mode;
}

/** The whole clock: `{ element, close() }`. */
export function openWholeClock(app) {
  const time = (app.time ??= new Time(app));
  const now = h("output.clock-face", { "aria-label": "time of the workspace", "aria-live": "off" });
  const day = h("span.soft");
  const due = h("p.soft");
  const choices = MODES.map(([mode, name, about]) => choice(time, mode, name, about));
  const rate = h(
    "input", { id: "clock-rate", size: 7, placeholder: "5x", autocomplete: "off", spellcheck: "false", required: true },
  );
  const other = h(
    "form.row", { onsubmit: (event) => (event.preventDefault(), time.set(rate.value.trim())) },
    h("label", { for: "clock-rate" }, "Any other rate"),
    rate,
    h("button", { type: "submit" }, "Set"),
    copyable(app, () => setting(rate.value.trim() || "5x"), null),
  );
  const steps = STEPS.map(([ms, name]) =>
    h("button", { type: "button", onclick: () => time.step(ms) }, ms ? name : "Next deadline"));
  const stepped = h(
    "div.row", { role: "group", "aria-label": "step the clock" },
    steps,
    copyable(app, () => stepping(time.state?.untilNextMs ?? 1_000), null),
  );
  const why = h("p.soft", {}, "Only a manual clock is stepped.");
  const show = () => {
    for (const { input, mode } of choices) input.checked = time.state?.mode === mode;
    for (const each of steps) each.disabled = !time.still || time.stepped;
    why.hidden = time.still;
    say(due, dueNext(time));
    tick();
  };
  const tick = () => {
    if (time.now === null) return;
    say(now, timeOfDay(time.now, time.still || time.state.mode === "auto"));
    say(day, new Date(time.now).toLocaleDateString(undefined, { dateStyle: "full" }));
  };
  const stop = time.listen(show);
  const ticking = setInterval(() => document.hidden || tick(), SHOWN_EVERY);
  show();
  const element = h(
    "section.card.stack", { "aria-labelledby": "clock-title" },
    h(
      "div.head", {},
      h("h2", { id: "clock-title" }, "Clock"),
      copyable(app, () => setting(time.state?.mode ?? "real")),
    ),
    h("div", {}, now, " ", day, due),
    h(
      "fieldset.modes", {},
      h("legend", {}, "How time passes: ringing, sound, checkpoints, digits and records all obey it"),
      choices.map((each) => each.element),
    ),
    other, stepped, why,
  );
  return {
    element,
    close() {
      stop();
      clearInterval(ticking);
    },
  };
}

function choice(time, mode, name, about) {
  const input = h("input", { type: "radio", name: "clock-mode", id: `clock-${mode}`, onchange: () => time.set(mode) });
  const element = h(
    "div.mode", {},
    input,
    h("label", { for: `clock-${mode}` }, h("b", {}, name), h("span", {}, about)),
  );
  return { input, mode, element };
}

function dueNext({ state }) {
  if (!state) return "";
  if (state.untilNextMs === null) return "Nothing is due.";
  const { nowMs, untilNextMs } = state;
  return `Next: at ${timeOfDay(nowMs + untilNextMs, true)}, in ${untilNextMs.toLocaleString("en")} ms.`;
}
