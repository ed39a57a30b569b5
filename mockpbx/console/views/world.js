/** The world around the client: what numbers do, what goes wrong, how time passes. */
import { fill, h } from "../dom.js";
import { openFaults } from "../world/faults.js";
import { openNumbers } from "../world/numbers.js";
import { openPlan } from "../world/plan.js";
import { openScenarios } from "../world/scenarios.js";
import { openSettings } from "../world/settings.js";

/** Every tab: its address, its name, and what opens it: `(app, path) => { element, close() }`. */
const TABS = [
  ["plan", "Dial plan", openPlan],
  ["scenarios", "Scenarios", openScenarios],
  ["faults", "Faults", openFaults],
  ["clock", "Clock & settings", openSettings],
  ["numbers", "Magic numbers", openNumbers],
];

/** Opens the view on the tab that the path names. */
export function open(app, path) {
  const place = h("div.world-place");
  const links = TABS.map(([name, title]) => h("a", { href: `#/world/${name}`, dataset: { tab: name } }, title));
  const element = h(
    "div.world.stack", {},
    h("h1", {}, "World"),
    h("nav.tabs", { "aria-label": "World" }, links),
    place,
  );
  let shown = null; // [name, tab]
  const show = (asked) => {
    const [name, , opened] = TABS.find(([each]) => each === asked[0]) ?? TABS[0];
    for (const link of links) {
      if (link.dataset.tab === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    requestAnimationFrame(() =>
      links.find((link) => link.dataset.tab === name).scrollIntoView({ block: "nearest", inline: "nearest" }));
    if (shown?.[0] === name) return;
    shown?.[1].close();
    shown = [name, opened(app, asked.slice(1))];
    fill(place, shown[1].element);
  };
  show(path);
  return { element, update: show, close: () => shown[1].close() };
}
