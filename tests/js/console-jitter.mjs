// The page's jitter buffer, on a clock of its own: what comes late, in heaps, too fast, too slow, or not at all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.mjs";

const { JitterBuffer } = await page("phone/jitter.js");

const MS = 8; // samples
const FRAME = 20 * MS;
const QUANTUM = 3; // ms that the device takes at once
const SLOPE = 0.5 * 2 * Math.PI * (433.125 / 8_000); // of the sine below, a sample

const sine = (i) => 0.5 * Math.sin(2 * Math.PI * (433.125 / 8_000) * i);

/**
 * Lets frames arrive at these times in ms, and takes sound for as long, 128 samples of a 48 kHz device at a time.
 * Returns the buffer, what was heard, and the ms that waited after each frame.
 */
function played(arrivals, { until = arrivals.at(-1), value = sine } = {}) {
  const buffer = new JitterBuffer();
  const heard = [];
  const waits = [];
  const block = 128 / 48_000;
  let [next, owed] = [0, 0];
  for (let time = 0; time * 1_000 <= until; time += block) {
    while (next < arrivals.length && arrivals[next] <= time * 1_000) {
      buffer.push(Float32Array.from({ length: FRAME }, (_, i) => value(next * FRAME + i)));
      waits.push(buffer.waiting / MS);
      next += 1;
    }
    owed += block * 8_000;
    const out = new Float32Array(Math.floor(owed));
    owed -= out.length;
    buffer.pull(out);
    heard.push(...out);
  }
  assert.equal(next * FRAME, buffer.waiting + buffer.dropped + given(buffer, heard), "every sample is somewhere");
  return { buffer, heard: Float32Array.from(heard), waits };
}

/** Samples that were given out: all that came from `push`. */
function given(buffer, heard) {
  return heard.length - buffer.covered;
}

const punctual = (seconds, every = 20) => Array.from({ length: (seconds * 1_000) / every }, (_, i) => i * every);
const steepest = (sound) => sound.reduce((most, each, i) => (i ? Math.max(most, Math.abs(each - sound[i - 1])) : 0), 0);

test("frames that are punctual come out as they went in, 40 ms later at most", () => {
  const { buffer, heard, waits } = played(punctual(5), { value: (i) => (i + 1) / 65_536 });
  const first = heard.findIndex((each) => each !== 0);
  const settled = first + 5 * MS; // it is faded in

  assert.ok(first <= 40 * MS);
  for (let i = settled; i < heard.length; i++) assert.equal(heard[i], Math.fround((heard[settled] * 65_536 + i - settled) / 65_536));
  assert.ok(Math.max(...waits.slice(2)) <= 40 + QUANTUM);
  assert.deepEqual([buffer.gaps, buffer.dropped], [0, 0]);
});

test("frames that come up to 15 ms late now and then make no gap", () => {
  const arrivals = punctual(20).map((at, i) => at + [0, 3, 15, 0, 7][i % 5]);
  const { buffer } = played(arrivals);

  assert.equal(buffer.gaps, 0);
});

test("a gap is faded over, and more waits from then on", () => {
  const { buffer, heard } = played(punctual(4).map((at) => (at < 2_000 ? at : at + 55)));

  assert.equal(buffer.gaps, 1);
  assert.equal(buffer.target, 60 * MS);
  assert.ok(steepest(heard) < 1.6 * SLOPE, `no click: ${steepest(heard) / SLOPE}`);
});

test("the end of a call is an end without a click", () => {
  const { heard } = played(punctual(1), { until: 1_500 });

  assert.ok(steepest(heard) < 1.6 * SLOPE);
  assert.ok(heard.slice(-300 * MS).every((each) => each === 0));
});

test("what comes too late is dropped: a stall adds no delay that stays", () => {
  const { buffer, heard, waits } = played(punctual(4).map((at) => (at < 2_000 || at > 2_300 ? at : 2_300)));

  assert.equal(buffer.gaps, 1);
  assert.ok(buffer.dropped >= 200 * MS, `${buffer.dropped / MS}`);
  assert.ok(Math.max(...waits.slice(-50)) <= 60 + 20, `${Math.max(...waits.slice(-50))}`);
  assert.ok(steepest(heard) < 2 * SLOPE);
});

test("after some calm seconds as little waits as in the beginning", () => {
  const { buffer, waits } = played(punctual(60).map((at) => (at < 2_000 ? at : at + 55)));

  assert.equal(buffer.target, 40 * MS);
  assert.ok(Math.max(...waits.slice(-50)) <= 40 + 10 + QUANTUM);
});

test("a line that is steadily jittery is given the time that it needs", () => {
  const heaps = punctual(60).map((at) => Math.ceil(at / 80) * 80); // four frames at a time
  const { buffer } = played(heaps);

  assert.ok(buffer.gaps > 0 && buffer.gaps <= 4, `${buffer.gaps} gaps`);
  assert.ok(buffer.target >= 80 * MS && buffer.target <= 120 * MS, `${buffer.target / MS}`);
});

test("a server whose clock runs fast adds no delay, one whose clock runs slow few gaps", () => {
  const fast = played(punctual(120, 19.99));
  const slow = played(punctual(120, 20.01));

  assert.ok(Math.max(...fast.waits.slice(-500)) <= 40 + 20);
  assert.equal(fast.buffer.gaps, 0);
  assert.ok(steepest(fast.heard) < 2 * SLOPE);
  assert.ok(slow.buffer.gaps <= 3, `${slow.buffer.gaps}`);
});

test("what nobody takes does not pile up", () => {
  const buffer = new JitterBuffer();
  for (let i = 0; i < 5_000; i++) buffer.push(new Float32Array(FRAME));

  assert.ok(buffer.waiting <= 400 * MS);
  assert.ok(buffer.frames.length <= 20);
});
