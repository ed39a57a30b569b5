/** Evens out when sound arrives: a little of it waits, so that what comes late is still in time. Samples at 8 kHz. */

const MS = 8;
const FRAME = 20 * MS;
const FIRST = 40 * MS;
const LEAST = 40 * MS;
const MOST = 200 * MS;
/** More than this waits only where nobody took any: what is older is of no use by then. */
const TOO_LATE = 400 * MS;
const MARGIN = 10 * MS;
const STEP = 10 * MS; // by which less is made to wait
const JOIN = 5 * MS; // of a cross-fade, where sound is cut
const FADE = 20 * MS; // of the echo that covers a gap
const SECOND = 1_000 * MS;
/** Seconds without a gap after which less is made to wait. */
const CALM = 8;

/** Takes sound as it comes and gives it out as it is needed. */
export class JitterBuffer {
  constructor() {
    this.frames = []; // Float32Arrays
    this.done = 0; // samples of the first of them that were given out
    this.waiting = 0;
    this.target = FIRST; // samples that wait before sound begins
    this.gaps = 0;
    this.dropped = 0; // samples that came too late
    this.covered = 0; // samples of silence or echo where there was no sound
    this.sounding = false;
    this.past = new Float32Array(FADE); // what was heard last, the newest at `newest`
    this.newest = 0;
    this.gap = FADE; // samples into the gap: it begins with nothing to cover
    this.join = null; // what fades out under new sound: { sound, at }
    this.second = { left: SECOND, least: Infinity };
    this.calm = { seconds: 0, least: Infinity };
  }

  /** Adds sound of any length. */
  push(sound) {
    this.frames.push(sound);
    this.waiting += sound.length;
    if (this.waiting > TOO_LATE) this.cut(this.waiting - this.target);
  }

  /** Fills `out`: with sound, or with what covers its absence. */
  pull(out) {
    let at = 0;
    if (!this.sounding && this.waiting >= this.target) this.begin();
    if (this.sounding) at = this.give(out);
    if (at < out.length) this.cover(out, at);
    if (this.sounding) this.watch(out.length);
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  begin() {
    const under = new Float32Array(JOIN);
    this.coverWith(under, 0);
    this.join = { sound: under, at: 0 };
    this.sounding = true;
    this.drop(this.waiting - this.target);
    this.second = { left: SECOND, least: Infinity };
  }

  give(out) {
    const count = Math.min(out.length, this.waiting);
    this.copy(out, count);
    this.skip(count);
    if (this.join) this.fadeIn(out, count);
    for (let i = 0; i < count; i++) this.remember(out[i]);
    if (count < out.length) {
      this.sounding = false;
      this.gap = 0;
      this.gaps += 1;
      this.target = Math.min(MOST, this.target + FRAME);
      this.calm = { seconds: 0, least: Infinity };
    }
    return count;
  }

  /** Plays what was heard last backwards, ever quieter: no click, and no hole for the ear to fall into. */
  cover(out, from) {
    this.coverWith(out, from);
    this.covered += out.length - from;
    this.gap = Math.min(FADE, this.gap + out.length - from);
  }

  coverWith(out, from) {
    for (let i = from; i < out.length; i++) {
      const into = this.gap + i - from;
      out[i] = into < FADE ? this.past[(this.newest - into + FADE) % FADE] * (1 - into / FADE) : 0;
    }
  }

  fadeIn(out, count) {
    const { sound } = this.join;
    for (let i = 0; i < count && this.join; i++) {
      const share = this.join.at / sound.length;
      out[i] = out[i] * share + sound[this.join.at++] * (1 - share);
      if (this.join.at === sound.length) this.join = null;
    }
  }

  /** After each second less waits where more does than is meant to, after calm ones where less would have done. */
  watch(count) {
    this.second.least = Math.min(this.second.least, this.waiting);
    this.second.left -= count;
    if (this.second.left > 0) return;
    const { least } = this.second;
    this.second = { left: SECOND, least: Infinity };
    const spare = least - (this.target - FRAME); // of frames that are punctual, that much is there when the next one comes
    if (spare > MARGIN) this.cut(spare);
    this.calm = { seconds: this.calm.seconds + 1, least: Math.min(this.calm.least, least) };
    if (this.calm.seconds < CALM) return;
    const less = Math.min(STEP, this.calm.least - MARGIN, this.target - LEAST);
    this.calm = { seconds: 0, least: Infinity };
    if (less <= 0) return;
    this.target -= less;
    this.cut(less);
  }

  cut(count) {
    if (!this.sounding) return this.drop(count);
    const under = new Float32Array(Math.min(JOIN, this.waiting));
    this.copy(under, under.length);
    this.drop(count);
    this.join = { sound: under, at: 0 };
  }

  drop(count) {
    if (count <= 0) return;
    this.dropped += count;
    this.skip(count);
  }

  copy(out, count) {
    for (let at = 0, frame = 0, done = this.done; at < count; frame++, done = 0) {
      const piece = this.frames[frame].subarray(done, done + count - at);
      out.set(piece, at);
      at += piece.length;
    }
  }

  skip(count) {
    this.waiting -= count;
    this.done += count;
    while (this.frames.length && this.done >= this.frames[0].length) this.done -= this.frames.shift().length;
  }

  remember(sample) {
    this.newest = (this.newest + 1) % FADE;
    this.past[this.newest] = sample;
  }
}
