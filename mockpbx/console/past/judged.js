/** Which findings stand: a call that goes on is not blamed for what only its end can settle. */

/** Rules that every call breaks until it is over. */
const UNTIL_ITS_END = new Set(["call-left-open"]);

/** The findings, each with its `call`, without those that a call which is live as the store knows may still put right. */
export function standing(findings, store) {
  return findings.filter(({ id, call }) => !UNTIL_ITS_END.has(id) || !store.calls.get(call)?.live);
}
