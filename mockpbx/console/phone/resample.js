/** Band-limited change of the sample rate: a windowed sinc, one short filter for each phase (polyphase). */

/** Attenuation of aliases and images in dB, and the band's edges as parts of the lower rate: 3.3 and 4 kHz at 8 kHz. */
const ATTENUATION = 63;
const PASS = 0.41;
const STOP = 0.5;

/** Converts a stream of samples from one rate to another. Feed it, then take; its delay is constant. */
export class Resampler {
  /** Both rates in Hz, whole numbers. Equal rates are passed on as they are. */
  constructor(from, to) {
    const common = divisor(from, to);
    this.up = to / common;
    this.down = from / common;
    this.bank = bankOf(from, to, this.up);
    this.taps = this.bank[0].length;
    /** Seconds by which what is taken is behind what was fed. */
    this.delay = (this.taps * this.up - 1) / 2 / this.up / from;
    this.kept = new Float32Array(this.taps + 1_024);
    this.end = this.taps - 1; // samples in `kept`; it begins with silence
    this.at = this.taps - 1; // index of the newest sample that the next output needs
    this.phase = 0;
  }

  /** Adds samples. */
  feed(samples) {
    const old = this.at - this.taps + 1; // what no output needs any more
    if (this.end + samples.length > this.kept.length && old > 0) {
      this.kept.copyWithin(0, old, this.end);
      this.at -= old;
      this.end -= old;
    }
    if (this.end + samples.length > this.kept.length) {
      const larger = new Float32Array(2 * (this.end + samples.length));
      larger.set(this.kept.subarray(0, this.end));
      this.kept = larger;
    }
    this.kept.set(samples, this.end);
    this.end += samples.length;
  }

  /** How many samples are to be fed before `count` can be taken. */
  needed(count) {
    const last = this.at + Math.floor((this.phase + (count - 1) * this.down) / this.up);
    return Math.max(0, last + 1 - this.end);
  }

  /** Fills `out` as far as what was fed reaches. Returns how many samples it put there. */
  take(out) {
    let made = 0;
    while (made < out.length && this.at < this.end) {
      const filter = this.bank[this.phase];
      const first = this.at - this.taps + 1;
      let sum = 0;
      for (let k = 0; k < this.taps; k++) sum += filter[k] * this.kept[first + k];
      out[made++] = sum;
      this.phase += this.down;
      this.at += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    return made;
  }
}

/** Filters by phase, the oldest sample's coefficient first; each lets a constant through unchanged. */
function bankOf(from, to, up) {
  if (from === to) return [Float32Array.of(1)];
  const lower = Math.min(from, to);
  const seconds = (ATTENUATION - 8) / (2.285 * 2 * Math.PI * (STOP - PASS) * lower); // Kaiser's estimate of the length
  const taps = Math.ceil(seconds * from);
  const length = taps * up;
  const middle = (length - 1) / 2;
  const cutoff = ((PASS + STOP) / 2) * lower;
  const beta = 0.1102 * (ATTENUATION - 8.7);
  const bank = Array.from({ length: up }, () => new Float32Array(taps));
  for (let i = 0; i < length; i++) {
    const time = (i - middle) / (from * up);
    const window = bessel(beta * Math.sqrt(Math.max(0, 1 - ((i - middle) / (middle + 0.5)) ** 2))) / bessel(beta);
    bank[i % up][taps - 1 - Math.floor(i / up)] = sinc(2 * cutoff * time) * window;
  }
  for (const filter of bank) {
    const sum = filter.reduce((total, each) => total + each, 0);
    for (let k = 0; k < taps; k++) filter[k] /= sum;
  }
  return bank;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The modified Bessel function of order 0, by its series. */
function bessel(x) {
  let sum = 1;
  for (let term = 1, k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}
