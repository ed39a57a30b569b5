/** The microphone's side, in the audio thread: whatever the device's rate, frames of 160 samples at 8 kHz come out. */
import { Resampler } from "./resample.js";

const FRAME = 160;
const LOUDEST = 32_767;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, 8_000);
    this.taken = new Float32Array(FRAME);
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
    this.open = true;
    this.port.onmessage = () => {
      this.open = false;
    };
  }

  process([[samples]]) {
    if (!samples) return this.open;
    this.resampler.feed(samples);
    for (;;) {
      const room = this.taken.subarray(0, FRAME - this.filled);
      const count = this.resampler.take(room);
      for (let i = 0; i < count; i++) {
        this.frame[this.filled++] = Math.round(Math.max(-1, Math.min(1, room[i])) * LOUDEST);
      }
      if (this.filled < FRAME) return this.open;
      this.port.postMessage(this.frame, [this.frame.buffer]);
      this.frame = new Int16Array(FRAME);
      this.filled = 0;
    }
  }
}

registerProcessor("capture", Capture);
