/** One call record, opened. */
import { copyable } from "../copy.js";
import { fill, h } from "../dom.js";
import { evidenceButton } from "./evidence.js";
import { json } from "./json.js";
import { counted, momentOf } from "./moments.js";
import { answerTo } from "./pages.js";

/** The colour of a badge for each disposition. */
export const TONES = { ANSWERED: "good", "NO ANSWER": "warn", CANCEL: "warn", BUSY: "bad", FAILED: "bad" };

/** Makes the record of a session, which fetches it: `{ element, close() }`. `closed` is what its close button does. */
export function openRecord(app, sessionId, closed) {
  const over = new AbortController();
  const request = { method: "GET", path: `/cdr/${encodeURIComponent(sessionId)}` };
  const body = h("div.stack", {}, h("p.soft", {}, "One moment …"));
  const heading = h("h2", { tabindex: "-1" }, "Record");
  const head = h(
    "div.head", {},
    heading,
    h("button.plain", { type: "button", "aria-label": "Close the record", onclick: closed }, "×"),
  );
  const element = h(
    "section.card.stack.past-detail", { "aria-label": "Record", onkeydown: ({ key }) => key === "Escape" && closed() },
    head, body,
  );

  async function show() {
    try {
      const { data } = await answerTo(app.api, request, over.signal);
      fill(body, ...sections(app, data, request));
    } catch (error) {
      if (over.signal.aborted) return;
      fill(
        body,
        h("p.problem", { role: "alert" }, error.message),
        h("div.row", {}, h("button", { type: "button", onclick: show }, "Try again")),
      );
    }
  }

  show();
  return { element, focus: () => heading.focus(), close: () => over.abort() };
}

function sections(app, record, request) {
  const id = record.sessionId;
  return [
    h(
      "div.row", {},
      h("strong.mono.past-number", {}, record.destination),
      h(`span.badge.${TONES[record.disposition] ?? "note"}`, {}, record.disposition),
    ),
    facts(record),
    h(
      "div.row", {},
      evidenceButton(app, id),
      h("a.button", { href: `#/messages/${encodeURIComponent(id)}` }, "Messages"),
      app.store.calls.has(id) && h("a.button", { href: `#/calls/${encodeURIComponent(id)}` }, "Call"),
      copyable(app, () => request),
    ),
    h("details", {}, h("summary", {}, "As JSON"), json(record, "record as JSON")),
  ];
}

function facts(record) {
  const rows = [
    ["Session", h("span.mono.break", {}, record.sessionId)],
    ["Began", momentOf(record.startTime)],
    ["Answered", record.answerTime ? momentOf(record.answerTime) : "never"],
    ["Ended", momentOf(record.endTime)],
    ["Duration", counted(record.duration, "second")],
    ["Billable", counted(record.billableSeconds, "second")],
    ["Hung up by", record.hangupBy ?? "neither"],
    ["Cause", `${record.hangupCauseCode} · ${record.hangupCauseText}`],
    ["Issued", momentOf(record.createdAt)],
  ];
  return h("dl.past-facts", {}, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
