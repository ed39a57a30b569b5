/** What microphone and speaker share. */

/** Where a page may not use sound, and what to do about it. */
export const INSECURE =
  "Browsers give sound and the microphone only to pages at localhost or over https. Open the console at http://localhost, " +
  "for instance through ssh -L, or put https in front of it.";

/** Makes what sound goes through; call it in a click, or the browser keeps it silent. */
export function newContext() {
  return new AudioContext({ latencyHint: "interactive" });
}

/** The highest of a frame's samples, 0 to 1. */
export function peak(frame) {
  let most = 0;
  for (const sample of frame) if (Math.abs(sample) > most) most = Math.abs(sample);
  return most / 32_768;
}
