/** Sounds that a test call sends: made here or read from a file, in the contract's formats at 8 kHz. */

const RATE = 8_000;
const PACKET = 2_560; // bytes: what the contract recommends
const LEVEL = 0.35;
const FADE = RATE / 100; // samples, so that nothing clicks

/** A tone of so many Hz, as an Int16Array. */
export function tone(hz, seconds) {
  return shaped(seconds, (at) => Math.sin(2 * Math.PI * hz * at));
}

/** Three rising notes, as a greeting. */
export function chime() {
  const notes = [523.25, 659.25, 783.99].map((hz, turn) => ({ hz, from: turn * 0.3 }));
  const struck = (hz, since) => (since < 0 ? 0 : Math.sin(2 * Math.PI * hz * since) * Math.exp(-4 * since));
  return shaped(1.5, (at) => notes.reduce((sum, { hz, from }) => sum + struck(hz, at - from), 0) / 1.5);
}

/** A short beep every second, to be interrupted. */
export function beeps(seconds) {
  return shaped(
    seconds,
    (at) => (at % 1 < 0.12 ? Math.sin(2 * Math.PI * 880 * at) * Math.sin((Math.PI * (at % 1)) / 0.12) : 0),
  );
}

function shaped(seconds, wave) {
  const samples = new Int16Array(Math.round(seconds * RATE));
  for (let i = 0; i < samples.length; i += 1) {
    const fade = Math.min(1, i / FADE, (samples.length - 1 - i) / FADE);
    samples[i] = Math.round(32_767 * LEVEL * fade * wave(i / RATE));
  }
  return samples;
}

/** Reads a sound file that the browser knows, as 8 kHz mono. Throws an Error whose message is a plain sentence. */
export async function fromFile(file) {
  const reading = new OfflineAudioContext(1, 1, RATE);
  try {
    const sound = await reading.decodeAudioData(await file.arrayBuffer()); // resampled to the context's rate
    const mixed = new OfflineAudioContext(1, sound.length, RATE);
    const source = new AudioBufferSourceNode(mixed, { buffer: sound });
    source.connect(mixed.destination);
    source.start();
    const samples = (await mixed.startRendering()).getChannelData(0);
    return Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_767))));
  } catch {
    throw new Error(`${file.name} is no sound that this browser can read: choose a WAV, MP3, Ogg or FLAC file.`);
  }
}

/** The formats that samples can be sent in: `audioFormat`, and how samples become its bytes. */
export const FORMATS = {
  pcm16: (samples) => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
  ulaw: (samples) => Uint8Array.from(samples, ulaw),
  alaw: (samples) => Uint8Array.from(samples, alaw),
};

/** Bytes in pieces of at most PACKET; of whole samples, since PACKET is even. */
export function packets(bytes) {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += PACKET) pieces.push(bytes.subarray(at, at + PACKET));
  return pieces;
}

/** ITU-T G.711: sign, three bits of which octave, four of where in it, inverted. */
function ulaw(sample) {
  const biased = Math.min(Math.abs(sample), 32_635) + 132;
  const octave = 24 - Math.clz32(biased);
  return ~((sample < 0 ? 0x80 : 0) | (octave << 4) | ((biased >> (octave + 3)) & 15)) & 255;
}

function alaw(sample) {
  const size = sample < 0 ? ~sample : sample;
  const octave = Math.max(0, 24 - Math.clz32(size));
  return ((sample < 0 ? 0 : 0x80) | (octave << 4) | ((size >> Math.max(4, octave + 3)) & 15)) ^ 0x55;
}
