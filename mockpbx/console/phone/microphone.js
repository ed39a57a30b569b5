/** The microphone, as frames of 20 ms at 8 kHz. */
import { INSECURE, peak } from "./audio.js";

const FRAME = 160;
const WISHES = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

/** What the browser's errors mean, and how to go on. */
const SENTENCES = {
  NotAllowedError:
    "The browser does not let this page use the microphone. Allow it by the symbol beside the address, then try again. " +
    "Until then you can listen, press keys, and let clips or words speak for you.",
  NotFoundError:
    "There is no microphone. Plug one in and try again, or listen, and let clips or words speak for you.",
  NotReadableError:
    "The microphone does not start: another program may be using it, or the system forbids it. Try again, or let clips or " +
    "words speak for you.",
};

/** A microphone that is on. */
export class Microphone {
  /**
   * Asks for the microphone and hands out its frames, an Int16Array of 160 each. `lost` is called when the device is gone.
   * Throws an Error whose message is a plain sentence with a way on.
   */
  static async open(context, heard, lost = () => {}) {
    if (!navigator.mediaDevices || !context.audioWorklet) throw new Error(INSECURE);
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: WISHES });
    } catch (error) {
      throw new Error(SENTENCES[error.name] ?? `The microphone does not start: ${error.message}.`);
    }
    try {
      await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
      return new Microphone(context, stream, heard, lost);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw new Error(`The microphone's sound does not reach this page: ${error.message}. Reload the page.`);
    }
  }

  constructor(context, stream, heard, lost) {
    this.stream = stream;
    /** Peak of the last frame, 0 to 1; nothing while muted. */
    this.level = 0;
    this.silenced = false;
    this.source = context.createMediaStreamSource(stream);
    this.node = new AudioWorkletNode(context, "capture", { channelCount: 1, channelCountMode: "explicit" });
    this.node.port.onmessage = ({ data }) => {
      const frame = this.silenced ? new Int16Array(FRAME) : data;
      this.level = peak(frame);
      heard(frame);
    };
    // Its output is silence: browsers let nothing run that leads nowhere.
    this.source.connect(this.node).connect(context.destination);
    stream.getAudioTracks()[0].addEventListener("ended", lost);
  }

  get muted() {
    return this.silenced;
  }

  set muted(muted) {
    this.silenced = muted;
    for (const track of this.stream.getTracks()) track.enabled = !muted;
  }

  /** Switches the microphone off. */
  close() {
    for (const track of this.stream.getTracks()) track.stop(); // says no `ended`: only devices do
    this.node.port.onmessage = null;
    this.node.port.postMessage(null);
    this.source.disconnect();
    this.node.disconnect();
    this.level = 0;
  }
}
