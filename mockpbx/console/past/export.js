/** All records that match a query, as a file. */
import { fill, h, say } from "../dom.js";
import { csv, save } from "./csv.js";
import { counted } from "./moments.js";
import { allRows } from "./pages.js";

/** Members of a record in a file, in the contract's order. */
const MEMBERS = [
  "sessionId", "destination", "startTime", "answerTime", "endTime", "duration", "billableSeconds", "disposition",
  "hangupBy", "hangupCauseCode", "hangupCauseText", "createdAt", "updatedAt",
];

/**
 * Makes the button, and beside it how far an export is: `{ elements, offer(possible), close() }`. `query()` is asked for
 * at the press.
 */
export function openExport(app, query) {
  const busy = h("span.row", { hidden: true });
  const button = h("button", { type: "button", onclick: () => run() }, "Export CSV");
  let stop = new AbortController();

  async function run() {
    const { signal } = (stop = new AbortController());
    const told = h("span.soft", { role: "status" }, "fetching …");
    const gauge = h("progress", { max: 1, "aria-label": "export" });
    fill(busy, gauge, told, h("button", { type: "button", onclick: () => stop.abort() }, "Cancel"));
    [busy.hidden, button.hidden] = [false, true];
    const progress = (fetched, total) => {
      gauge.max = Math.max(1, total);
      gauge.value = fetched;
      say(told, `${fetched.toLocaleString("en")} of ${total.toLocaleString("en")}`);
    };
    try {
      const { rows } = await allRows(app.api, query(), { signal, progress, oldest: true });
      save("call-records.csv", [csv(MEMBERS, rows)], "text/csv;charset=utf-8");
      app.notify(`${counted(rows.length, "record")} in call-records.csv`, "good");
    } catch (error) {
      if (!signal.aborted) app.notify(error.message, "bad");
    }
    [busy.hidden, button.hidden] = [true, false];
  }

  return { elements: [busy, button], offer: (possible) => (button.disabled = !possible), close: () => stop.abort() };
}
