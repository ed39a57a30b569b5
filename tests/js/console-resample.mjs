// The page's own change of the sample rate, measured: what it lets through, what it keeps out, how late it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { Resampler } = await page("phone/resample.js");

const TELEPHONE = 8_000;
const DEVICES = [16_000, 22_050, 44_100, 48_000, 96_000];
const PASSED = [60, 300, 1_000, 2_000, 3_000, 3_300, 3_400];

const sine = (hertz, rate, seconds) => Float32Array.from({ length: rate * seconds }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate));
const decibels = (ratio) => 20 * Math.log10(ratio);

/** A fifth of a second of a sine, converted in pieces of `block` samples. */
function converted(hertz, from, to, block = 128) {
  const resampler = new Resampler(from, to);
  const sound = sine(hertz, from, 0.2);
  const out = new Float32Array(to);
  let made = 0;
  for (let at = 0; at < sound.length; at += block) {
    resampler.feed(sound.subarray(at, at + block));
    made += resampler.take(out.subarray(made));
  }
  return out.subarray(made >> 2, made - (made >> 2)); // without the beginning and the end
}

/** The amplitude of a sine in a sound, and that of all the rest. */
function parted(sound, hertz, rate) {
  let [cc, ss, cs, yc, ys, yy] = [0, 0, 0, 0, 0, 0];
  sound.forEach((y, i) => {
    const [c, s] = [Math.cos((2 * Math.PI * hertz * i) / rate), Math.sin((2 * Math.PI * hertz * i) / rate)];
    [cc, ss, cs, yc, ys, yy] = [cc + c * c, ss + s * s, cs + c * s, yc + y * c, ys + y * s, yy + y * y];
  });
  const all = cc * ss - cs * cs;
  const [a, b] = [(yc * ss - ys * cs) / all, (ys * cc - yc * cs) / all];
  const rest = yy - (a * a * cc + b * b * ss + 2 * a * b * cs);
  return { tone: Math.hypot(a, b), rest: Math.sqrt((2 * Math.max(0, rest)) / sound.length) };
}

for (const device of DEVICES) {
  test(`from ${device} Hz the telephone band comes through within 1 dB`, () => {
    for (const hertz of PASSED) {
      const { tone } = parted(converted(hertz, device, TELEPHONE), hertz, TELEPHONE);
      assert.ok(Math.abs(decibels(tone)) < 1, `${hertz} Hz: ${decibels(tone)} dB`);
    }
  });

  test(`from ${device} Hz nothing above 4 kHz is heard as something else`, () => {
    for (let hertz = 4_000; hertz < device / 2; hertz += 331) {
      const sound = converted(hertz, device, TELEPHONE);
      const alias = Math.sqrt((2 * sound.reduce((sum, each) => sum + each * each, 0)) / sound.length);
      assert.ok(decibels(alias) < -60, `${hertz} Hz: ${decibels(alias)} dB`);
    }
  });

  test(`to ${device} Hz the band comes through within 1 dB, and its images stay below -60 dB`, () => {
    for (const hertz of PASSED) {
      const { tone, rest } = parted(converted(hertz, TELEPHONE, device, 7), hertz, device);
      assert.ok(Math.abs(decibels(tone)) < 1, `${hertz} Hz: ${decibels(tone)} dB`);
      assert.ok(decibels(rest / tone) < -60, `${hertz} Hz: ${decibels(rest / tone)} dB`);
    }
  });

  test(`at ${device} Hz it is less than 3 ms late, both ways`, () => {
    for (const [from, to] of [[device, TELEPHONE], [TELEPHONE, device]]) {
      const resampler = new Resampler(from, to);
      const out = new Float32Array(to);
      const impulse = new Float32Array(from / 10);
      impulse[0] = 1;
      resampler.feed(impulse);
      const made = out.subarray(0, resampler.take(out));
      const peak = made.reduce((best, each, i) => (each > made[best] ? i : best), 0) / to;
      assert.ok(resampler.delay < 0.003, `${resampler.delay}`);
      assert.ok(Math.abs(peak - resampler.delay) <= 1 / to, `${peak} and ${resampler.delay}`);
    }
  });

  test(`to ${device} Hz exactly as much is asked for as it takes`, () => {
    const resampler = new Resampler(TELEPHONE, device);
    let fed = 0;
    for (let taken = 128; taken <= device; taken += 128) {
      const needed = resampler.needed(128);
      resampler.feed(new Float32Array(needed));
      fed += needed;
      assert.equal(resampler.take(new Float32Array(128)), 128);
      assert.ok(Math.abs(fed / TELEPHONE - taken / device) <= 1 / TELEPHONE);
    }
  });
}

test("how the sound is cut into pieces makes no difference", () => {
  const whole = converted(1_000, 44_100, TELEPHONE, 22_050);
  assert.deepEqual(converted(1_000, 44_100, TELEPHONE, 1), whole);
  assert.deepEqual(converted(1_000, 44_100, TELEPHONE, 128), whole);
});

test("a constant stays the constant that it was", () => {
  const resampler = new Resampler(44_100, TELEPHONE);
  resampler.feed(new Float32Array(4_410).fill(0.5));
  const out = new Float32Array(800);
  const made = resampler.take(out);
  for (const each of out.subarray(100, made)) assert.ok(Math.abs(each - 0.5) < 1e-6, `${each}`);
});

test("equal rates are passed on sample by sample", () => {
  const resampler = new Resampler(TELEPHONE, TELEPHONE);
  const sound = sine(440, TELEPHONE, 0.1);
  const out = new Float32Array(sound.length);
  resampler.feed(sound);
  assert.equal(resampler.take(out), sound.length);
  assert.deepEqual(out, sound);
});
