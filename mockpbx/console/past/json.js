/** JSON as coloured text. */
import { h } from "../dom.js";
import { visible } from "../visible.js";

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

/** Makes a block of a JSON value, with its names, texts, numbers and words coloured, and nothing unseen. */
export function json(value, label) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const block = h("pre.json", { tabindex: "0", role: "region", "aria-label": label });
  let done = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [all, string, colon, word, number] = match;
    block.append(text.slice(done, match.index));
    done = match.index + all.length;
    if (string) block.append(h(colon ? "span.name" : "span.text", {}, visible(string)), colon ?? "");
    else if (word) block.append(h("span.word", {}, word));
    else block.append(h("span.number", {}, number));
  }
  block.append(text.slice(done));
  return block;
}
