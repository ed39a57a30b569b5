/** The call that this tab holds, remembered through a reload, behind which only a click lets a page sound again. */

const KEPT = "mockpbx held";

/** What was held, `{ sessionId, talked }`, or null. */
export function kept() {
  return JSON.parse(sessionStorage.getItem(KEPT));
}

/** Remembers a call, and whether the person spoke; null forgets it. */
export function keep(held) {
  const text = JSON.stringify(held);
  if (held === null) sessionStorage.removeItem(KEPT);
  else if (sessionStorage.getItem(KEPT) !== text) sessionStorage.setItem(KEPT, text);
}
