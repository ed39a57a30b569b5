// Samples are Int16Array, 8 kHz, mono, everywhere inside.
import { MPEGDecoder } from "mpg123-decoder";
import { wrong } from "./breaches.mjs";

export const RATE = 8000;
export const FRAME = 160; // samples of 20 ms

const table = (decode) => Int16Array.from({ length: 256 }, (_, code) => decode(code));

const ULAW = table((code) => {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return bits & 0x80 ? -magnitude : magnitude;
});

const ALAW = table((code) => {
  const bits = code ^ 0x55;
  const segment = (bits >> 4) & 7;
  const mantissa = (bits & 0x0f) << 4;
  const magnitude = segment === 0 ? mantissa + 8 : (mantissa + 0x108) << (segment - 1);
  return bits & 0x80 ? magnitude : -magnitude;
});

export const clamp = (value) => Math.max(-32768, Math.min(32767, Math.round(value)));

export const fromUlaw = (bytes) => Int16Array.from(bytes, (code) => (wrong("ulaw-as-alaw") ? ALAW : ULAW)[code]);
export const fromAlaw = (bytes) => Int16Array.from(bytes, (code) => ALAW[code]);

export function fromPcm(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int16Array.from({ length: bytes.byteLength >> 1 }, (_, i) => view.getInt16(2 * i, true));
}

export function toPcm(samples) {
  const bytes = Buffer.alloc(samples.length * 2);
  samples.forEach((sample, i) => bytes.writeInt16LE(sample, 2 * i));
  return bytes;
}

/** What a line with u-law in it makes of a sample. */
export function throughUlaw(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), 32635) + 0x84;
  const exponent = Math.max(0, 24 - Math.clz32(magnitude));
  return ULAW[~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff];
}

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = ["123A", "456B", "789C", "*0#D"];

/** The tone of a key. */
export function keyTone(digit, milliseconds) {
  const row = KEYS.findIndex((keys) => keys.includes(digit));
  const column = KEYS[row].indexOf(digit);
  const step = (2 * Math.PI) / RATE;
  return Int16Array.from({ length: Math.round((milliseconds * RATE) / 1000) }, (_, n) =>
    clamp(6000 * (Math.sin(step * ROWS[row] * n) + Math.sin(step * COLUMNS[column] * n))),
  );
}

/** Music on hold: three notes, over and over. */
export function* music() {
  const notes = [262, 330, 392, 330];
  for (let n = 0; ; n += 1) {
    const pitch = notes[Math.floor(n / (RATE * 0.4)) % notes.length];
    yield clamp(5000 * Math.sin((2 * Math.PI * pitch * n) / RATE) + 2500 * Math.sin((Math.PI * pitch * n) / RATE));
  }
}

/** From any rate to 8 kHz, piece by piece. */
class Resampler {
  static TAPS = 16; // zero crossings on either side
  static FINE = 64; // entries of the kernel's table for a sample of the input

  constructor(from) {
    this.from = from;
    this.step = from / RATE;
    this.cutoff = Math.min(1, RATE / from) * 0.92;
    this.reach = Math.ceil(Resampler.TAPS / this.cutoff);
    this.kernel = Float32Array.from({ length: this.reach * Resampler.FINE + 1 }, (_, i) => {
      const x = i / Resampler.FINE;
      const angle = Math.PI * x * this.cutoff;
      const sinc = x === 0 ? 1 : Math.sin(angle) / angle;
      return this.cutoff * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / this.reach));
    });
    this.kept = new Float32Array(this.reach); // silence before the beginning
    this.position = this.reach; // of the next sample, in what is kept
  }

  push(samples) {
    if (this.from === RATE) return samples;
    const input = new Float32Array(this.kept.length + samples.length);
    input.set(this.kept);
    input.set(samples, this.kept.length);
    const output = [];
    for (; this.position + this.reach < input.length; this.position += this.step) output.push(this.at(input));
    const done = Math.max(0, Math.floor(this.position) - this.reach);
    this.kept = input.slice(done);
    this.position -= done;
    return output;
  }

  at(input) {
    let sum = 0;
    for (let i = Math.max(0, Math.ceil(this.position - this.reach)); i <= this.position + this.reach; i += 1) {
      sum += input[i] * this.kernel[Math.round(Math.abs(i - this.position) * Resampler.FINE)];
    }
    return sum;
  }
}

/** The MP3 of one call, in whatever pieces it comes. */
export class Mp3 {
  constructor() {
    this.decoder = new MPEGDecoder({ enableGapless: false });
    this.ready = this.decoder.ready;
    this.resampler = undefined;
    this.begun = false;
  }

  /** Returns the samples that these bytes complete. Throws where they are no MP3. */
  decode(bytes) {
    if (!this.begun && !looksLikeMp3(bytes)) throw new Error("audioData is not MP3");
    this.begun = true;
    if (wrong("mp3-by-message")) bytes = wholeFrames(bytes);
    const { channelData, samplesDecoded, sampleRate, errors } = this.decoder.decode(bytes);
    if (samplesDecoded === 0) {
      if (errors.length) throw new Error("audioData is not MP3");
      return new Int16Array(0);
    }
    const [left, right = left] = channelData;
    const mono = left.subarray(0, samplesDecoded).map((sample, i) => (sample + right[i]) / 2);
    const rate = wrong("mp3-not-resampled") ? RATE : sampleRate;
    if (this.resampler?.from !== rate) this.resampler = new Resampler(rate);
    return Int16Array.from(this.resampler.push(mono), (sample) => clamp(sample * 32767));
  }

  async free() {
    await this.ready;
    this.decoder.free();
  }
}

/** Decodes some seconds of nothing: what runs for the first time is slow, and no call should feel it. */
export async function warmUp() {
  const frame = Buffer.alloc(144);
  frame.set([0xff, 0xf3, 0x44, 0xc4]); // 24 kHz, 48 kbit/s, mono: silence of 24 ms
  const mp3 = new Mp3();
  await mp3.ready;
  for (let i = 0; i < 20; i += 1) mp3.decode(Buffer.concat(Array(50).fill(frame)));
  await mp3.free();
}

/** Returns what of an MP3 a decoder gives sound for that knows nothing of the messages before and behind. */
function wholeFrames(bytes) {
  let first;
  let end = 0;
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = frameLength(bytes.subarray(at, at + 4));
    if (length !== undefined && at + length > bytes.length) break;
    if (length !== undefined) {
      first ??= at;
      end = at + length;
    }
    at += length ?? 1;
  }
  return bytes.subarray(first ?? 0, end);
}

/** Returns the length in bytes of the frame of layer III that a header begins. */
function frameLength([sync, version, rate]) {
  if (sync !== 0xff || (version & 0xe6) !== 0xe2) return undefined;
  const one = (version & 0x18) === 0x18; // MPEG 1; else 2 or 2.5
  const bits = (one ? KBITS_1 : KBITS_2)[rate >> 4];
  const hertz = [44100, 48000, 32000][(rate >> 2) & 3] / (one ? 1 : version & 0x10 ? 2 : 4);
  if (!bits || !hertz) return undefined;
  return Math.floor(((one ? 144 : 72) * bits * 1000) / hertz) + ((rate >> 1) & 1);
}

const KBITS_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBITS_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/** An MP3 begins with a tag or with a frame. */
function looksLikeMp3(bytes) {
  if (bytes.length < 3 || bytes.toString("latin1", 0, 3) === "ID3") return true;
  const [sync, version, rate] = bytes;
  return sync === 0xff && (version & 0xe0) === 0xe0 && (version & 0x06) !== 0 && (rate & 0xf0) !== 0xf0;
}
