/** Waveforms of both sides that move with the call, drawn from pulses. */
import { h } from "./dom.js";
import { FRAMES } from "./pulses.js";

const STEP = 3; // px from one bar to the next
const BAR = 2; // px
const FULL = 255; // a peak at full scale
const HEADROOM = 2_000; // ms of queue that the lowest scale of its graph shows

/** Draws waves in one loop, which runs only while one of them moves. */
export class Waves {
  constructor() {
    this.waves = new Set();
    this.over = new AbortController();
    const { signal } = this.over;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.probe = h("span", { hidden: true });
    document.body.append(this.probe);
    this.colours = null;
    const repaint = () => {
      this.colours = null;
      for (const wave of this.waves) wave.drawn = null;
      this.wake();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint, { signal });
    this.theme = new MutationObserver(repaint);
    this.theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /**
   * Makes a wave of what `of()` returns: a Stretch of `pulses.js`, or nothing. "row" has both sides in one line,
   * "tall" each in its own with the queue beneath.
   */
  add(of, shape = "row") {
    const wave = new Wave(of, shape);
    this.waves.add(wave);
    this.wake();
    return wave;
  }

  /** Lets go of one. */
  remove(wave) {
    this.waves.delete(wave);
  }

  /** There is something new to draw. */
  wake() {
    if (!this.over.signal.aborted) this.due ??= requestAnimationFrame((now) => this.#draw(now));
  }

  /** Lets go of everything. */
  close() {
    this.over.abort();
    this.theme.disconnect();
    this.probe.remove();
    this.waves.clear();
    cancelAnimationFrame(this.due);
  }

  #draw(now) {
    this.due = undefined;
    this.colours ??= this.#palette();
    let moving = false;
    for (const wave of this.waves) moving = wave.draw(now, this.colours, this.still.matches) || moving;
    if (moving) this.wake();
  }

  /** Colours as a canvas takes them: what `light-dark()` comes to here and now. */
  #palette() {
    const colour = (name) => {
      this.probe.style.color = `var(--${name})`;
      return getComputedStyle(this.probe).color;
    };
    return { callee: colour("callee"), client: colour("client"), line: colour("line") };
  }
}

class Wave {
  constructor(of, shape) {
    this.of = of;
    this.shape = shape;
    this.element = h("canvas.wave", { "aria-hidden": "true" });
    this.pen = this.element.getContext("2d");
    this.drawn = null;
    this.size = { width: 0, height: 0 };
    this.watcher = new ResizeObserver(([entry]) => this.#fit(entry.contentRect));
    this.watcher.observe(this.element);
  }

  /** Lets go of its canvas. */
  close() {
    this.watcher.disconnect();
    this.element.width = this.element.height = 0;
  }

  /** Draws what is to be seen now, if it differs. Returns whether it is going to move on. */
  draw(now, colours, still) {
    const sound = this.of();
    const head = sound ? (still ? sound.end : sound.head(now)) : 0;
    const { drawn } = this;
    if (!this.size.width || (drawn && drawn.sound === sound && drawn.head === head && drawn.at === sound?.at)) {
      return Boolean(sound) && head < sound.end;
    }
    this.drawn = { sound, head, at: sound?.at };
    this.#paint(sound, head, colours);
    return Boolean(sound) && head < sound.end;
  }

  #fit({ width, height }) {
    const scale = devicePixelRatio || 1;
    this.size = { width, height };
    this.element.width = Math.round(width * scale);
    this.element.height = Math.round(height * scale);
    this.pen.setTransform(scale, 0, 0, scale, 0, 0);
    const { drawn } = this;
    this.drawn = null;
    if (drawn?.colours) this.draw(performance.now(), drawn.colours);
  }

  #paint(sound, head, colours) {
    const { pen, shape } = this;
    const { width, height } = this.size;
    pen.clearRect(0, 0, width, height);
    this.drawn.colours = colours;
    const lanes = shape === "row" ? rowLanes(height) : tallLanes(height);
    pen.fillStyle = colours.line;
    for (const middle of lanes.middles) pen.fillRect(0, Math.round(middle), width, 1);
    if (!sound?.callee.length) return;
    const columns = columnsOf(sound, head, width);
    for (const [side, lane] of lanes.sides) bars(pen, columns, sound[side], lane, colours[side]);
    if (lanes.queue) area(pen, columns, sound.queue, lanes.queue, colours);
  }
}

function rowLanes(height) {
  const middle = height / 2;
  return {
    middles: [middle],
    sides: [
      ["callee", { base: middle, up: middle - 1, down: 0 }],
      ["client", { base: middle + 1, up: 0, down: middle - 1 }],
    ],
  };
}

function tallLanes(height) {
  const each = (height * 0.76) / 4;
  return {
    middles: [each, 3 * each, height - 1],
    sides: [
      ["callee", { base: each, up: each - 2, down: each - 2 }],
      ["client", { base: 3 * each, up: each - 2, down: each - 2 }],
    ],
    queue: { base: height - 1, up: height * 0.2 },
  };
}

/**
 * The columns that are seen: `[x, begin, end]`, indices of frames. They keep to frames, so that a bar keeps its shape
 * as it moves.
 */
function columnsOf(sound, head, width) {
  const frames = Math.max(1, Math.round(FRAMES / (width / STEP)));
  const columns = [];
  for (let column = Math.floor(head / frames); column >= 0; column--) {
    const x = width - ((head - column * frames) / frames) * STEP;
    const begin = column * frames + 1 - sound.from;
    if (x < -STEP || begin + frames <= 0) break;
    const end = Math.min(begin + frames, sound.callee.length);
    if (begin < end) columns.push([x, Math.max(0, begin), end]);
  }
  return columns;
}

function bars(pen, columns, peaks, { base, up, down }, colour) {
  pen.fillStyle = colour;
  for (const [x, begin, end] of columns) {
    let peak = 0;
    for (let index = begin; index < end; index++) peak = Math.max(peak, peaks[index]);
    if (peak < 2) continue;
    const size = Math.sqrt(peak / FULL); // quiet speech is to be seen, too
    const top = Math.max(up && 1, size * up);
    pen.fillRect(x, base - top, BAR, top + Math.max(down && 1, size * down));
  }
}

function area(pen, columns, queue, { base, up }, colours) {
  let most = HEADROOM;
  for (const ms of queue) most = Math.max(most, ms);
  pen.fillStyle = colours.client;
  pen.globalAlpha = 0.45;
  for (const [x, , end] of columns) {
    const size = (queue[end - 1] / most) * up;
    if (size > 0) pen.fillRect(x, base - size, STEP, size);
  }
  pen.globalAlpha = 1;
}
