/** Plays frames of 8 kHz sound as they come. */
import { INSECURE, peak } from "./audio.js";

/** A speaker that is on. */
export class Speaker {
  /** Opens the speaker. Throws an Error whose message is a plain sentence with a way on. */
  static async open(context) {
    if (!context.audioWorklet) throw new Error(INSECURE);
    try {
      await context.audioWorklet.addModule(new URL("playback.js", import.meta.url));
    } catch (error) {
      throw new Error(`The speaker does not start: ${error.message}. Reload the page.`);
    }
    return new Speaker(context);
  }

  constructor(context) {
    /** Peak of the last frame, 0 to 1. */
    this.level = 0;
    this.node = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.connect(context.destination);
  }

  /** Plays an Int16Array of any length. */
  play(frame) {
    this.level = peak(frame);
    this.node.port.postMessage(frame);
  }

  /** Falls silent for good. */
  close() {
    this.node.port.postMessage(null);
    this.node.disconnect();
    this.level = 0;
  }
}
