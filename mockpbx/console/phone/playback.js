/** The speaker's side, in the audio thread: frames at 8 kHz come in, now and then late, and go out at the device's rate. */
import { JitterBuffer } from "./jitter.js";
import { Resampler } from "./resample.js";

const LOUDEST = 32_768;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(8_000, sampleRate);
    this.jitter = new JitterBuffer();
    this.pulled = new Float32Array(0);
    this.open = true;
    this.port.onmessage = ({ data }) => {
      if (data === null) this.open = false;
      else this.jitter.push(Float32Array.from(data, (sample) => sample / LOUDEST));
    };
  }

  process(_inputs, [[out]]) {
    const needed = this.resampler.needed(out.length);
    if (this.pulled.length < needed) this.pulled = new Float32Array(needed);
    const sound = this.pulled.subarray(0, needed);
    this.jitter.pull(sound);
    this.resampler.feed(sound);
    this.resampler.take(out);
    return this.open;
  }
}

registerProcessor("playback", Playback);
