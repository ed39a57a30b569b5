/** "Copy as": a request of the page as curl, Python or JavaScript that runs as it is. */
import { pathOf } from "./api.js";
import { fill, h, icon, say } from "./dom.js";

const KEPT = "mockpbx copy as";
const WIDTH = 72; // characters; what is longer goes on lines of its own

/** Every language that a request is offered in: its word, its name, and who writes it. */
const LANGUAGES = [
  ["curl", "curl", asCurl],
  ["python", "Python", asPython],
  ["javascript", "JavaScript", asJavaScript],
];

/**
 * Returns a request as code of a language ("curl", "python" or "javascript"): `{ shown, copied }`, the former with
 * masked tokens. Python needs nothing but its standard library, JavaScript runs in Node 18 or later and in the page's
 * own console.
 */
export function snippet(language, request, app) {
  const [, , write] = LANGUAGES.find(([word]) => word === language) ?? LANGUAGES[0];
  const { token, adminToken } = app.api;
  const of = (first, second) =>
    write({
      method: request.method ?? "GET",
      url: new URL(app.api.base + pathOf(request)).href,
      headers: {
        Authorization: `Bearer ${first}`,
        ...(adminToken ? { "X-Admin-Token": second } : {}),
        ...(request.body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: request.body === undefined ? undefined : JSON.parse(JSON.stringify(request.body)),
      file: /[^/]+\.wav$/.exec(request.path)?.[0],
    });
  return { shown: of(masked(token), adminToken && masked(adminToken)), copied: of(token, adminToken) };
}

/** A token as it may be shown. */
export function masked(token) {
  return token.length <= 2 ? "•••" : `${token.slice(0, Math.min(3, token.length - 2))}•••`;
}

/** Puts text into the clipboard. Throws an Error with a sentence where the browser does not let us. */
export async function toClipboard(copied, place = document.body) {
  try {
    await navigator.clipboard.writeText(copied);
    return;
  } catch {
    // Not there on http pages of another host, or not allowed: the old way may still work.
  }
  const holder = h("textarea.unseen", { value: copied, "aria-hidden": "true", tabindex: "-1" });
  const before = document.activeElement;
  place.append(holder);
  holder.select();
  const done = document.execCommand("copy");
  holder.remove();
  before?.focus();
  if (!done) throw new Error("The browser does not let this page copy. Open it at localhost or over https.");
}

/**
 * A small button that shows a request as code, to be copied: `copyable(app, () => request)`. The request is asked for
 * when it is opened. Without a label (null) it is an icon, for rows of many.
 */
export function copyable(app, request, label = "Copy as") {
  const panel = h("div.copy-panel", { popover: "auto", role: "group", "aria-label": "this request as code" });
  const told = {
    type: "button",
    title: "this request as curl, Python or JavaScript",
    "aria-label": label === null ? "Copy as" : null,
  };
  const button = h("button.plain.copy", told, label ?? icon("M8 7l-5 5 5 5M16 7l5 5-5 5", 16));
  button.popoverTargetElement = panel; // so that a press on the button of an open panel closes it
  panel.addEventListener("beforetoggle", (event) => {
    if (event.newState === "open") fill(panel, ...choices(app, request(), panel));
  });
  panel.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return fill(panel);
    put(panel, button);
    const moved = new AbortController();
    const gone = ({ target }) => panel.contains(target) || panel.hidePopover();
    addEventListener("scroll", gone, { capture: true, passive: true, signal: moved.signal });
    addEventListener("resize", () => put(panel, button), { signal: moved.signal });
    panel.addEventListener("beforetoggle", () => moved.abort(), { once: true });
  });
  return h("span.copyable", {}, button, panel);
}

function choices(app, request, panel) {
  let language = localStorage.getItem(KEPT) ?? LANGUAGES[0][0];
  const code = h("pre", { tabindex: "0", "aria-label": "code" });
  const told = h("span.soft", { role: "status" });
  const show = (chosen) => {
    localStorage.setItem(KEPT, (language = chosen));
    for (const each of tabs) each.setAttribute("aria-pressed", String(each.dataset.language === chosen));
    say(code, snippet(chosen, request, app).shown);
    say(told, "");
  };
  const tabs = LANGUAGES.map(([word, name]) => h(
    "button", { type: "button", dataset: { language: word }, "aria-pressed": "false", onclick: () => show(word) },
    name,
  ));
  const copy = async () => {
    try {
      await toClipboard(snippet(language, request, app).copied, panel);
      say(told, "copied, with your token");
    } catch (error) {
      say(told, error.message);
    }
  };
  show(LANGUAGES.some(([word]) => word === language) ? language : LANGUAGES[0][0]);
  const languages = h("div.group", { role: "group", "aria-label": "language" }, tabs);
  const act = h("button.primary", { type: "button", onclick: copy }, "Copy");
  return [h("div.row", {}, languages, act, told), code];
}

function put(panel, button) {
  const at = button.getBoundingClientRect();
  const below = at.bottom + 6 + panel.offsetHeight <= innerHeight;
  panel.style.left = `${Math.max(8, Math.min(at.left, innerWidth - panel.offsetWidth - 8))}px`;
  panel.style.top = `${Math.max(8, below ? at.bottom + 6 : at.top - 6 - panel.offsetHeight)}px`;
}

// --- the languages ---------------------------------------------------------------------------------------------------

function asCurl({ method, url, headers, body, file }) {
  const lines = [`curl -sS${/[[\]{}]/.test(url) ? "g" : ""} ${method === "GET" ? "" : `-X ${method} `}${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) lines.push(`--data-raw ${quoted(literal(body, JSON_WORDS))}`);
  if (file) lines.push(`-o ${quoted(file)}`);
  return lines.join(" \\\n  ");
}

function asPython({ method, url, headers, body, file }) {
  const data = body === undefined ? [] : [`    data=json.dumps(${literal(body, PYTHON_WORDS, "    ")}).encode(),`];
  return [
    ...(body === undefined ? [] : ["import json"]),
    "import urllib.error",
    "import urllib.request",
    "",
    "request = urllib.request.Request(",
    `    ${text(url)},`,
    `    method=${text(method)},`,
    `    headers=${literal(headers, PYTHON_WORDS, "    ")},`,
    ...data,
    ")",
    "try:",
    "    reply = urllib.request.urlopen(request)",
    "except urllib.error.HTTPError as refused:",
    "    reply = refused",
    "with reply:",
    ...(file ? [`    open(${text(file)}, "wb").write(reply.read())`] : ["    print(reply.read().decode())"]),
  ].join("\n");
}

function asJavaScript({ method, url, headers, body, file }) {
  const data = body === undefined ? [] : [`  body: JSON.stringify(${literal(body, JAVASCRIPT_WORDS, "  ")}),`];
  return [
    `fetch(${text(url)}, {`,
    `  method: ${text(method)},`,
    `  headers: ${literal(headers, JAVASCRIPT_WORDS, "  ")},`,
    ...data,
    "})",
    `  .then((reply) => reply.${file ? "blob" : "text"}())`,
    `  .then((${file ? "sound" : "text"}) => console.log(${file ? "sound" : "text"}));`,
  ].join("\n");
}

const JSON_WORDS = { words: { true: "true", false: "false", null: "null" }, indent: "  ", comma: "", key: text };
const PYTHON_WORDS = { words: { true: "True", false: "False", null: "None" }, indent: "    ", comma: ",", key: text };
/** In an object literal of JavaScript, `"__proto__": …` would be no key. */
const JAVASCRIPT_WORDS = {
  ...JSON_WORDS,
  comma: ",",
  key: (name) => (name === "__proto__" ? `[${text(name)}]` : text(name)),
};

/** A JSON value as a literal; what is short stays on one line. */
function literal(value, words, indent = "") {
  if (typeof value === "string") return text(value);
  if (value === null || typeof value !== "object") return words.words[value] ?? String(value);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const items = (inner) =>
    Array.isArray(value)
      ? value.map((each) => literal(each, words, inner))
      : Object.entries(value).map(([name, each]) => `${words.key(name)}: ${literal(each, words, inner)}`);
  const short = `${open}${items(indent).join(", ")}${close}`;
  if (short.length + indent.length <= WIDTH && !short.includes("\n")) return short;
  const inner = indent + words.indent;
  return `${open}\n${inner}${items(inner).join(`,\n${inner}`)}${words.comma}\n${indent}${close}`;
}

/** A string as JSON, Python and JavaScript read it, with what cannot be seen escaped: nothing is pasted unseen. */
function text(value) {
  const unseen = /[\u007f-\u00a0\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff0-\uffff]/g;
  return JSON.stringify(value).replace(unseen, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A word of a POSIX shell. */
export function quoted(value) {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
