/** The record at the end of a call. */
import { copyable } from "../copy.js";
import { h } from "../dom.js";

/** Returns a record, as the `cdr` event told it, as an element. */
export function recordOf(app, record) {
  const rows = Object.entries(record).filter(([name]) => name !== "sessionId");
  return h(
    "section.try-record", { "aria-label": "Call record" },
    h(
      "div.head", {},
      h("h3", {}, "Call record"),
      copyable(app, () => ({ method: "GET", path: `/cdr/${encodeURIComponent(record.sessionId)}` })),
    ),
    h(
      "dl.try-figures", {},
      rows.map(([name, value]) =>
        h("div", {}, h("dt", {}, name), h("dd.mono", {}, value === null ? "null" : String(value)))),
    ),
  );
}
