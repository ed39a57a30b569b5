/** Text that clients wrote, fit to stand among ours: nothing in it is unseen, and none of it turns our words round. */

// Controls (of bidirectional text, too), what has no width, line separators, halves of characters.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const [ISOLATE, END] = ["\u2068", "\u2069"];

/** Shows what cannot be seen as `\u{…}`. */
export function visible(text) {
  return text.replace(UNSEEN, (each) => `\\u{${each.codePointAt(0).toString(16)}}`);
}

/** The same, to stand amid a sentence: what is written from right to left keeps its direction to itself. */
export function isolated(text) {
  const shown = visible(text);
  return FROM_THE_RIGHT.test(shown) ? ISOLATE + shown + END : shown;
}
