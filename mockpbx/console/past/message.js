/** One message: as a row, and opened. */
import { copyable, toClipboard } from "../copy.js";
import { h, say } from "../dom.js";
import { isolated, visible } from "../visible.js";
import { json } from "./json.js";
import { bytesOf, counted, preciseTimeOf, momentOf } from "./moments.js";

const LONGEST = 300; // characters of a payload that a row may show
const MS_PER_BYTE = { pcm16: 1 / 16, ulaw: 1 / 8, alaw: 1 / 8 };

/** Makes an empty row. */
export function rowOf() {
  return h(
    "div.message", {},
    h("span.msg-moment.mono"),
    h("span.msg-way"),
    h("span.msg-what.mono"),
    h("span.msg-whose.mono"),
    h("span.msg-gist.mono"),
    h("span.msg-outcome.mono"),
  );
}

/** Shows a message in a row. */
export function putRow(row, message) {
  const [moment, way, what, whose, gist, outcome] = row.children;
  const bad = isBad(message);
  row.dataset.direction = message.direction;
  row.classList.toggle("bad", bad);
  row.classList.toggle("growing", message.number === null);
  say(moment, preciseTimeOf(message.wall));
  say(way, message.direction === "in" ? "→" : "←");
  way.setAttribute("aria-label", message.direction === "in" ? "from the client" : "to the client");
  say(what, titleOf(message));
  say(whose, message.call ? shortened(message.call) : "");
  say(gist, gistOf(message));
  say(outcome, outcomeOf(message));
}

/** The name without query; the session, which has its own place, is shortened. */
function titleOf({ via, name, call }) {
  const title = via === "rest" ? name.replace(/\?.*/, "") : name;
  return visible(call && title.endsWith(`/${call}`) ? `${title.slice(0, -call.length)}…` : title);
}

/** The end of a session id, which tells calls apart (its beginning is the time). */
export function shortened(sessionId) {
  return visible(sessionId.length > 10 ? `…${sessionId.slice(-8)}` : sessionId);
}

/** Whether a message was refused, or a part of it. */
function isBad({ name, status, refused, error }) {
  return name === "exception" || refused > 0 || error !== null || (status !== null && status >= 400);
}

function gistOf(message) {
  const { via, name, payload, error, bytes } = message;
  if (error && !bytes) return visible(error);
  if (bytes || name === "audio") return soundOf(message);
  return via === "rest" && payload === null ? visible(name.replace(/^[^?]*\??/, "")) : short(payload);
}

function soundOf({ count, bytes, formats, refused, error }) {
  const [format] = formats;
  const long =
    formats.length === 1 && MS_PER_BYTE[format] ? ` · ${((bytes * MS_PER_BYTE[format]) / 1_000).toFixed(2)} s` : "";
  const no = refused ? ` · ${refused.toLocaleString("en")} refused: ${visible(error)}` : "";
  const kinds = formats.length ? ` · ${visible(formats.join(", "))}` : "";
  return `× ${count.toLocaleString("en")} · ${bytesOf(bytes)}${long}${kinds}${no}`;
}

/** A payload on one line, without the session that the row shows anyway. */
function short(payload) {
  if (payload === null) return "";
  if (typeof payload !== "object" || Array.isArray(payload)) return visible(JSON.stringify(payload).slice(0, LONGEST));
  const { sessionId: _, ...others } = payload;
  const worded = (value) => (typeof value === "string" ? value : JSON.stringify(value)).slice(0, LONGEST);
  const parts = Object.entries(others).map(([name, value]) => `${isolated(name)} ${isolated(worded(value))}`);
  return parts.join(" · ").slice(0, LONGEST);
}

function outcomeOf({ via, status, ms, reply, name, number }) {
  if (number === null) return "…";
  if (via === "rest") return `${status ?? "no reply"}${ms === null ? "" : ` · ${length(ms)}`}`;
  return reply !== null && name !== "audio" ? "ack" : "";
}

function length(ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString("en")} ms`;
}

/** Makes a message opened. `closed` is what its close button does. */
export function openMessage(app, message, closed) {
  const heading = h("h2", { tabindex: "-1" }, visible(message.name.replace(/\?.*/, "")));
  const ways = message.direction === "in" ? "from the client" : "to the client";
  const element = h(
    "section.card.stack.past-detail", { "aria-label": "Message", onkeydown: ({ key }) => key === "Escape" && closed() },
    h(
      "div.head", {},
      heading,
      h("button.plain", { type: "button", "aria-label": "Close the message", onclick: closed }, "×"),
    ),
    h(
      "div.row", {},
      h(`span.badge.${message.direction}`, {}, ways),
      h("span.badge", {}, message.via === "rest" ? "REST" : "Socket.IO"),
      message.status !== null && h(`span.badge.${message.status >= 400 ? "bad" : "good"}`, {}, message.status),
    ),
    message.error && h(
      "p.problem", {},
      message.refused > 1 ? `${message.refused} refused, the last one: ` : "",
      visible(message.error),
    ),
    facts(message),
    h("div.row", {}, actions(app, message)),
    message.shortened && h("p.soft", {}, "Long parts of this message were not kept: they are shown as …"),
    part("Sent", message.count > 1 ? "the first one" : "", message.payload),
    part(message.via === "rest" ? "Reply" : "Acknowledgment", message.count > 1 ? "the last one" : "", message.reply),
  );
  return { element, focus: () => heading.focus() };
}

function actions(app, message) {
  const copy = async () => {
    try {
      await toClipboard(JSON.stringify(message, null, 2));
      app.notify("The message is in the clipboard, as JSON.");
    } catch (error) {
      app.notify(error.message, "bad");
    }
  };
  return [
    message.call && h("a.button", { href: `#/calls/${encodeURIComponent(message.call)}` }, "Call"),
    h("button", { type: "button", onclick: copy }, "Copy JSON"),
    message.via === "rest" && copyable(app, () => requestOf(message)),
  ];
}

function requestOf({ name, payload }) {
  const [, method, path] = /^(\S+) ([^]*)$/.exec(name) ?? [null, "GET", name];
  return { method, path, ...(payload === null ? {} : { body: payload }) };
}

function messagesOf(sessionId) {
  return `#/messages/${encodeURIComponent(sessionId)}`;
}

function facts(message) {
  const query = message.via === "rest" ? /\?([^]*)$/.exec(message.name)?.[1] : null;
  const several = message.count > 1 || message.bytes > 0;
  const rows = [
    ["When", `${momentOf(message.wall)}.${preciseTimeOf(message.wall).slice(-3)}`],
    ["Virtual time", h("span.mono", {}, message.time)],
    ["Took", message.ms === null ? null : length(message.ms)],
    ["Query", query && h("span.mono.break", {}, visible(query))],
    ["Call", message.call && h("a.mono.break", { href: messagesOf(message.call) }, visible(message.call))],
    ["Socket", message.client && h("span.mono.break", {}, message.client)],
    ["Told to", message.clients === null ? null : counted(message.clients, "client")],
    ["Stands for", several && `${counted(message.count, "message")}, ${bytesOf(message.bytes)} of sound`],
    ["Formats", visible(message.formats.join(", "))],
    ["Acknowledged", message.acks === null ? null : message.acks.toLocaleString("en")],
  ];
  const told = rows.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
  return h(
    "dl.past-facts", {},
    told.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

function part(title, which, value) {
  if (value === null) return null;
  return [h("h3", {}, title, which && h("span.soft", {}, ` (${which})`)), json(value, title)];
}
