/** An editor of text that is checked while it is typed: line numbers, indentation, and the mistake at its line. */
import { Refused } from "../api.js";
import { h, say } from "../dom.js";

const PATIENCE = 250; // ms after the last key before the text is checked
const INDENT = "  ";
const HELP = "Tab indents, Shift+Tab takes it back. Escape, then Tab, leaves the editor.";
let made = 0;

/**
 * An editor. `check(text, signal)` resolves to what the text means, or throws Refused with the server's sentence;
 * `checked(value)` is called with that, or with null where the text has a mistake; `apply()` on Ctrl+Enter.
 */
export class Editor {
  constructor({ label, check, checked = () => {}, apply = () => {}, rows = 18 }) {
    Object.assign(this, { check, checked, apply });
    const id = `editor${++made}`;
    this.numbers = h("div.editor-numbers", { "aria-hidden": "true" });
    this.mark = h("div.editor-mark", { "aria-hidden": "true", hidden: true });
    this.text = h("textarea.editor-text", {
      id,
      rows,
      wrap: "off",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      "aria-label": label,
      "aria-describedby": `${id}-problem ${id}-help`,
      oninput: () => this.#changed(),
      onscroll: () => this.#scrolled(),
      onkeydown: (event) => this.#key(event),
      onblur: () => (this.leaving = false),
    });
    this.problem = h("p.editor-problem", { id: `${id}-problem`, role: "status" });
    this.element = h(
      "div.editor", {},
      h("div.editor-frame", {}, this.mark, this.numbers, this.text),
      this.problem,
      h("p.soft.editor-help", { id: `${id}-help` }, HELP),
    );
    this.leaving = false; // whether the next Tab leaves
    this.line = null;
    this.closed = false;
    this.#number();
  }

  get value() {
    return this.text.value;
  }

  /** Another text, which is checked at once. */
  set value(text) {
    this.text.value = text;
    this.#changed(0);
  }

  /** Puts text on lines of its own behind the line of the cursor, as typing would. */
  insertLine(text) {
    const { value, selectionEnd } = this.text;
    const end = value.indexOf("\n", selectionEnd);
    const at = end < 0 ? value.length : end;
    this.text.focus();
    this.text.setSelectionRange(at, at);
    const start = value.lastIndexOf("\n", at - 1) + 1;
    const blank = value.slice(start, at).trim() === "";
    if (blank) this.text.setSelectionRange(start, at);
    this.#type(`${blank ? "" : "\n"}${text}`);
  }

  /** Lets go of everything. */
  close() {
    this.closed = true;
    clearTimeout(this.due);
    this.asked?.abort();
  }

  // --- checking ------------------------------------------------------------------------------------------------------

  #changed(patience = PATIENCE) {
    this.#number();
    this.asked?.abort();
    clearTimeout(this.due);
    if (this.closed) return;
    this.due = setTimeout(() => this.#ask(), patience);
  }

  async #ask() {
    const asked = (this.asked = new AbortController());
    try {
      const value = await this.check(this.value, asked.signal);
      if (asked.signal.aborted) return;
      this.#show(null, "");
      this.checked(value);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.#show(error instanceof Refused ? lineOf(error.message) : null, error.message);
      this.checked(null);
    }
  }

  #show(line, sentence) {
    this.line = line;
    this.element.classList.toggle("wrong", sentence !== "");
    this.text.setAttribute("aria-invalid", String(sentence !== ""));
    say(this.problem, sentence || "No mistake found.");
    this.mark.hidden = line === null;
    this.#scrolled();
  }

  // --- what is seen beside the text ----------------------------------------------------------------------------------

  #number() {
    const lines = this.value.split("\n").length;
    if (lines === this.lines) return;
    this.lines = lines;
    say(this.numbers, Array.from({ length: lines }, (_, index) => index + 1).join("\n"));
  }

  #scrolled() {
    this.numbers.style.transform = `translateY(${-this.text.scrollTop}px)`;
    const height = parseFloat(getComputedStyle(this.text).lineHeight);
    if (this.line === null) return;
    this.mark.style.transform = `translateY(${(this.line - 1) * height - this.text.scrollTop}px)`;
  }

  // --- keys ----------------------------------------------------------------------------------------------------------

  #key(event) {
    const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
    if (key === "Escape") {
      this.leaving = true;
    } else if (key === "Enter" && (ctrlKey || metaKey)) {
      event.preventDefault();
      this.apply();
    } else if (ctrlKey || metaKey || altKey || event.isComposing || key === "Shift") {
      return;
    } else if (key === "Tab" && !this.leaving) {
      event.preventDefault();
      this.#indent(shiftKey);
    } else if (key === "Enter") {
      event.preventDefault();
      this.#breakLine();
    } else if (key !== "Tab") {
      this.leaving = false;
    }
  }

  #breakLine() {
    const { value, selectionStart } = this.text;
    const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
    const [indent] = /^ */.exec(line);
    this.#type(`\n${indent}${line.trimEnd().endsWith(":") ? INDENT : ""}`);
  }

  #indent(back) {
    const { value, selectionStart, selectionEnd } = this.text;
    if (selectionStart === selectionEnd && !back) return this.#type(INDENT);
    const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
    const found = value.indexOf("\n", Math.max(selectionStart, selectionEnd - 1));
    const end = found < 0 ? value.length : found;
    const lines = value.slice(start, end).split("\n");
    const other = lines.map((line) => (back ? line.replace(/^ {1,2}/, "") : line && INDENT + line)).join("\n");
    if (other === value.slice(start, end)) return;
    this.text.setSelectionRange(start, end);
    this.#type(other);
    if (selectionStart !== selectionEnd) this.text.setSelectionRange(start, start + other.length);
    else this.text.setSelectionRange(...Array(2).fill(Math.max(start, selectionStart + other.length - (end - start))));
  }

  /** Types text over what is selected, so that the browser's undo takes it back. */
  #type(text) {
    const typed = text === "" ? document.execCommand("delete") : document.execCommand("insertText", false, text);
    if (typed) return;
    this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, "end");
    this.#changed();
  }
}

function lineOf(sentence) {
  const found = /\bline (\d+)/.exec(sentence);
  return found && Number(found[1]);
}
