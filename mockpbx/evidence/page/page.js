// The picture: one canvas on the call's time, the sound in step with it, the journal beside it. No libraries.
(() => {
"use strict";
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const root = document.documentElement;
root.classList.add("live");

// --- sound: the audio element's own data, decoded once, so that the picture is exact at every zoom -------------------

const audio = byId("sound");
const BLOCK = 64; // samples (8 ms) that have their extremes kept

function ulawTable() {
  const table = new Float32Array(256);
  for (let code = 0; code < 256; code++) {
    const inverted = ~code & 0xff;
    const magnitude = ((((inverted & 15) << 3) + 132) << ((inverted & 0x70) >> 4)) - 132;
    table[code] = (inverted & 0x80 ? -magnitude : magnitude) / 32768;
  }
  return table;
}

function sidesOf(uri) {
  const raw = atob(uri.slice(uri.indexOf(",") + 1));
  const start = raw.indexOf("data", 12) + 8;
  const frames = (raw.length - start) >> 1;
  const table = ulawTable();
  const side = () => ({ samples: new Float32Array(frames), low: null, high: null, rms: null });
  const sides = [side(), side()];
  for (let i = 0, at = start; i < frames; i++) {
    sides[0].samples[i] = table[raw.charCodeAt(at++)];
    sides[1].samples[i] = table[raw.charCodeAt(at++)];
  }
  sides.forEach(summarise);
  return sides;
}

function summarise(side) {
  const blocks = Math.ceil(side.samples.length / BLOCK);
  side.low = new Float32Array(blocks);
  side.high = new Float32Array(blocks);
  side.power = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    let low = 1, high = -1, power = 0;
    const end = Math.min(side.samples.length, (block + 1) * BLOCK);
    for (let i = block * BLOCK; i < end; i++) {
      const value = side.samples[i];
      if (value < low) low = value;
      if (value > high) high = value;
      power += value * value;
    }
    side.low[block] = low;
    side.high[block] = high;
    side.power[block] = power / BLOCK;
  }
}

const sides = audio ? sidesOf(audio.getAttribute("src")) : [];
const total = sides.length ? sides[0].samples.length : 0;
const loudest = sides.reduce((most, side) => side.high.reduce((a, b) => Math.max(a, b), most), 0.01);
const gain = Math.min(8, 0.96 / loudest);

// Stretches of sound without a gap: call time in ms <-> sample.
const stretches = data.stretches.map(([at, first], i, all) => {
  const after = i + 1 < all.length ? all[i + 1][1] : total;
  return { at, first, after, end: at + ((after - first) * 1000) / data.rate };
});

function sampleAt(ms) {
  let sample = 0;
  for (const each of stretches) {
    if (ms < each.at) break;
    sample = Math.min(each.after, each.first + ((ms - each.at) * data.rate) / 1000);
  }
  return sample;
}

function timeOf(sample) {
  let found = stretches[0];
  for (const each of stretches) if (sample >= each.first) found = each;
  return found.at + ((sample - found.first) * 1000) / data.rate;
}

// --- playing -----------------------------------------------------------------------------------------------------------

let position = 0; // ms of the call
let listening = "both";
let mixer = null;

function openMixer() {
  if (mixer) return;
  const context = new AudioContext();
  const splitter = context.createChannelSplitter(2);
  const side = (channel) => {
    const volume = context.createGain(), panner = context.createStereoPanner();
    splitter.connect(volume, channel).connect(panner).connect(context.destination);
    return { volume, panner };
  };
  context.createMediaElementSource(audio).connect(splitter);
  mixer = { context, callee: side(0), client: side(1) };
  mix();
}

function mix() {
  document.querySelectorAll("[data-side]").forEach((each) => each.setAttribute("aria-pressed", each.dataset.side === listening));
  if (!mixer) return;
  const balance = Number(byId("balance").value), both = listening === "both";
  mixer.callee.volume.gain.value = listening === "client" ? 0 : both ? Math.min(1, 1 - balance) : 1;
  mixer.client.volume.gain.value = listening === "callee" ? 0 : both ? Math.min(1, 1 + balance) : 1;
  mixer.callee.panner.pan.value = both ? -0.6 : 0;
  mixer.client.panner.pan.value = both ? 0.6 : 0;
}

function seek(ms, { show = true } = {}) {
  position = Math.max(0, Math.min(data.end, ms));
  if (audio) audio.currentTime = sampleAt(position) / data.rate;
  if (show) reveal(position);
  moved();
}

function toggle() {
  if (!audio) return;
  openMixer();
  mixer.context.resume();
  if (!audio.paused) return audio.pause();
  if (!stretches.some((each) => position < each.end - 20)) seek(stretches[0].at);
  else if (position < stretches[0].at) seek(stretches[0].at);
  audio.play().catch(() => {});
}

function follow() {
  if (audio.paused) return;
  position = timeOf(audio.currentTime * data.rate);
  if (position > view.end || position < view.start) turnTo(position);
  moved();
  requestAnimationFrame(follow);
}

// --- the view -----------------------------------------------------------------------------------------------------------

const stage = byId("stage"), canvas = byId("canvas"), tip = byId("tip"), hair = byId("hair"), head = byId("head");
const view = { start: 0, end: data.end };
const CLOSEST = 20; // ms that the picture shows at least
let width = 0, height = 0, gutter = 0, drawn = [], waiting = false;

const xOf = (ms) => gutter + ((ms - view.start) / (view.end - view.start)) * (width - gutter);
const msOf = (x) => view.start + ((x - gutter) / (width - gutter)) * (view.end - view.start);

function show(start, length) {
  length = Math.max(Math.min(CLOSEST, data.end), Math.min(data.end, length));
  view.start = Math.max(0, Math.min(data.end - length, start));
  view.end = view.start + length;
  redraw();
  moved();
  if (hovered) requestAnimationFrame(() => hovered && hover(hovered));
}
const zoom = (factor, around) => show(around - (around - view.start) * factor, (view.end - view.start) * factor);
const pan = (ms) => show(view.start + ms, view.end - view.start);
const turnTo = (ms) => show(ms - (view.end - view.start) * 0.05, view.end - view.start);
function reveal(ms) {
  if (ms < view.start || ms > view.end) show(ms - (view.end - view.start) / 2, view.end - view.start);
}
const centre = () => (position >= view.start && position <= view.end ? position : (view.start + view.end) / 2);

function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

const seconds = (ms) => `${(ms / 1000).toFixed(3)} s`;

function moved() {
  byId("clock").textContent = seconds(position);
  canvas.setAttribute("aria-valuemax", (data.end / 1000).toFixed(3));
  canvas.setAttribute("aria-valuenow", (position / 1000).toFixed(3));
  canvas.setAttribute("aria-valuetext", `${seconds(position)}, ${phaseAt(position)}`);
  const x = xOf(position);
  head.hidden = x < gutter - 1 || x > width;
  head.style.transform = `translateX(${x}px)`;
  light();
}
const phaseAt = (ms) => (data.phases.find(([, at, until]) => ms >= at && ms < until) || data.phases.at(-1) || [""])[0];

// --- drawing ---------------------------------------------------------------------------------------------------------

const ctx = canvas.getContext("2d");
const SANS = getComputedStyle(document.body).fontFamily;
const RULER = 24, PINS = data.pins.length ? 18 : 0, PHASES = 22, QUEUE = 44, ROW = 17, GAP = 7;
const BAR = 8; // at the bottom: which part of the call is shown
const TONES = { callee: "callee", client: "client", good: "good", bad: "bad", warn: "warn", quiet: "quiet" };
const LEVELS = { error: "bad", warning: "warn", note: "note" };
const MOST_ROWS = 4;
let colours = {};

function readColours() {
  const probe = stage.appendChild(document.createElement("i"));
  const names = ["ink", "soft", "line", "panel", "sunk", "callee", "client", "good", "bad", "warn", "note", "quiet",
    "created", "dialing", "ringing", "connected", "busy", "ended"];
  for (const name of names) for (const each of [name, `${name}-fill`]) {
    probe.style.color = "";
    probe.style.color = `var(--${each})`;
    colours[each] = getComputedStyle(probe).color;
  }
  probe.remove();
}

// Items that overlap lie in rows of their own; so do points that are close, to leave room for their words.
function pack() {
  const apart = (24 / (width - gutter)) * data.end;
  for (const lane of data.lanes) {
    const ends = [];
    for (const item of lane[1]) {
      let row = ends.findIndex((end) => end <= item[0]);
      if (row < 0) row = ends.length < MOST_ROWS ? ends.length : ends.indexOf(Math.min(...ends));
      ends[row] = Math.max(item[1], item[0] + apart);
      item.row = row;
    }
    lane.rows = Math.max(1, ends.length);
  }
}

function layout() {
  const ratio = window.devicePixelRatio || 1;
  width = stage.clientWidth;
  gutter = width < 640 ? 0 : 108;
  pack();
  const label = gutter ? 0 : 15; // where there is no gutter, lanes are named above themselves
  let y = RULER;
  const place = (name, tall) => { const at = { name, y: y + label, h: tall }; y += tall + GAP + label; return at; };
  const plain = (name, tall) => { const at = { name, y, h: tall }; y += tall + GAP; return at; };
  const wave = width < 640 ? 64 : 84;
  const spots = { pins: PINS ? plain("Findings", PINS - GAP + 2) : null, phases: plain("Status", PHASES) };
  spots.waves = sides.length ? [place(data.other, wave), place("Client", wave)] : [];
  spots.queue = data.queue.length ? place("Queue", QUEUE) : null;
  spots.lanes = data.lanes.map(([name], i) => place(name, data.lanes[i].rows * ROW));
  height = y + BAR + 2;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return spots;
}

let spots = null;

function draw() {
  ctx.clearRect(0, 0, width, height);
  drawn = [];
  ctx.save();
  ctx.beginPath();
  ctx.rect(gutter, 0, width - gutter, height);
  ctx.clip();
  drawGrid();
  drawPhases(spots.phases);
  spots.waves.forEach((spot, i) => drawWave(spot, sides[i], i ? "client" : "callee"));
  if (spots.waves.length) { drawCuts(spots.waves[1]); drawUnderruns(spots.waves[1]); }
  if (spots.queue) drawQueue(spots.queue);
  spots.lanes.forEach((spot, i) => drawLane(spot, data.lanes[i][1]));
  if (spots.pins) drawPins(spots.pins);
  ctx.restore();
  drawNames();
  drawBar();
}

function words(text, x, y, colour, { size = 11.5, align = "left", weight = 450, most = Infinity } = {}) {
  ctx.font = `${weight} ${size}px ${SANS}`;
  ctx.fillStyle = colours[colour];
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  let shown = text;
  if (ctx.measureText(shown).width > most) {
    if (most < 38) return 0;
    while (shown && ctx.measureText(`${shown}…`).width > most) shown = shown.slice(0, -1);
    shown += "…";
  }
  ctx.fillText(shown, x, y);
  return ctx.measureText(shown).width;
}

function drawGrid() {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5];
  const length = view.end - view.start;
  const step = steps.find((each) => (each / length) * (width - gutter) >= 76) || 72e5;
  const digits = step >= 1e3 ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3;
  for (let ms = Math.ceil(view.start / step) * step; ms <= view.end; ms += step) {
    const x = Math.round(xOf(ms)) + 0.5;
    ctx.fillStyle = colours.line;
    ctx.fillRect(x, RULER - 4, 1, height - RULER - BAR);
    const text = `${(ms / 1000).toFixed(digits)} s`;
    const half = ctx.measureText(text).width / 2 + 3;
    words(text, Math.max(gutter + half, Math.min(width - half, x)), 10, "soft", { size: 11, align: "center" });
  }
}

function drawPhases(spot) {
  for (const [name, at, until] of data.phases) {
    const x = xOf(at), end = xOf(until);
    if (end < gutter || x > width) continue;
    ctx.fillStyle = colours[name.toLowerCase()] || colours.created;
    ctx.fillRect(x, spot.y, Math.max(1, end - x - 1), spot.h);
    const left = Math.max(x, gutter) + 7, room = Math.min(end, width) - left - 5;
    if (room > 16) words(name, left, spot.y + spot.h / 2 + 0.5, "ink", { most: room, weight: 550 });
    drawn.push({ x, y: spot.y, w: end - x, h: spot.h, title: name, text: `for ${seconds(until - at)}`, at });
    if (at > 0) {
      ctx.globalAlpha = 0.35;
      ctx.fillStyle = colours.ink;
      ctx.fillRect(Math.round(x), spot.y + spot.h, 1, height - spot.y - spot.h - BAR - GAP);
      ctx.globalAlpha = 1;
    }
  }
}

function drawWave(spot, side, tone) {
  const middle = spot.y + spot.h / 2, reach = (spot.h / 2) * gain;
  ctx.fillStyle = colours.line;
  ctx.fillRect(gutter, Math.round(middle), width - gutter, 1);
  const ratio = window.devicePixelRatio || 1, thin = 1 / ratio;
  for (const each of stretches) {
    const from = Math.max(gutter, xOf(each.at)), to = Math.min(width, xOf(each.end));
    if (to <= from) continue;
    const perColumn = (((view.end - view.start) * data.rate) / 1000 / (width - gutter)) * thin;
    const first = (x) => each.first + ((msOf(x) - each.at) * data.rate) / 1000;
    if (perColumn < 2) drawLine(side, tone, middle, reach, each, from, to, first);
    else for (let x = from; x < to; x += thin) {
      drawColumn(side, tone, middle, reach, x, thin, first(x), Math.min(each.after, first(x + thin)));
    }
  }
}

function drawLine(side, tone, middle, reach, each, from, to, first) {
  ctx.strokeStyle = colours[tone];
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  const end = Math.min(each.after - 1, Math.ceil(first(to)));
  for (let i = Math.max(each.first, Math.floor(first(from))); i <= end; i++) {
    const x = xOf(each.at + ((i - each.first) * 1000) / data.rate);
    ctx.lineTo(x, middle - side.samples[i] * reach);
  }
  ctx.stroke();
}

function drawColumn(side, tone, middle, reach, x, thin, start, end) {
  let low = 1, high = -1, power = 0, count = 0;
  const i = Math.max(0, Math.floor(start)), after = Math.max(i + 1, Math.floor(end));
  if (after - i < 4 * BLOCK) {
    for (let k = i; k < after && k < side.samples.length; k++, count++) {
      const value = side.samples[k];
      if (value < low) low = value;
      if (value > high) high = value;
      power += value * value;
    }
  } else {
    for (let k = Math.floor(i / BLOCK); k < Math.ceil(after / BLOCK) && k < side.low.length; k++, count++) {
      if (side.low[k] < low) low = side.low[k];
      if (side.high[k] > high) high = side.high[k];
      power += side.power[k];
    }
  }
  if (high - low < 0.002) return;
  ctx.fillStyle = colours[tone];
  ctx.globalAlpha = 0.5;
  ctx.fillRect(x, middle - high * reach, thin, Math.max(1, (high - low) * reach));
  ctx.globalAlpha = 1;
  const rms = Math.sqrt(power / count) * reach;
  ctx.fillRect(x, middle - rms, thin, 2 * rms);
}

function drawCuts(spot) {
  data.cuts.forEach(([at, how, heard, cut]) => {
    const x = xOf(at), w = Math.max(3, Math.min(width, xOf(Math.min(data.end, at + cut * 1000))) - x);
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, spot.y, w, spot.h);
    ctx.clip();
    ctx.fillStyle = colours["bad-fill"];
    ctx.fillRect(x, spot.y, w, spot.h);
    ctx.strokeStyle = colours.bad;
    ctx.globalAlpha = 0.3;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let dx = -spot.h - 1; dx < w; dx += 7) { ctx.moveTo(x + dx, spot.y + spot.h); ctx.lineTo(x + dx + spot.h, spot.y); }
    ctx.stroke();
    ctx.restore();
    ctx.fillStyle = colours.bad;
    ctx.fillRect(x, spot.y, 1.5, spot.h);
    if (w > 44) words(`${cut.toFixed(2)} s${w > 72 ? " cut" : ""}`, x + 6, spot.y + 9, "bad", { size: 11, weight: 600 });
    const title = how === "hangup" ? "Cut at the hang-up" : "Cut by an interruption";
    drawn.push({ x, y: spot.y, w, h: spot.h, title, at, text: `${heard.toFixed(2)} s heard, ${cut.toFixed(2)} s never heard` });
  });
}

function drawUnderruns(spot) {
  for (const [at, entry] of data.underruns) {
    const x = xOf(at);
    ctx.fillStyle = colours.bad;
    ctx.fillRect(x - 0.5, spot.y + spot.h - 16, 1.5, 16);
    ctx.beginPath();
    ctx.moveTo(x - 4, spot.y + spot.h); ctx.lineTo(x + 4, spot.y + spot.h); ctx.lineTo(x, spot.y + spot.h - 7);
    ctx.fill();
    drawn.push({ x: x - 5, y: spot.y + spot.h - 18, w: 10, h: 18, title: "Underrun", text: "the queue ran dry", at, entry });
  }
}

const deepest = data.queue.reduce((most, [, depth]) => Math.max(most, depth), 0);

function drawQueue(spot) {
  const bottom = spot.y + spot.h, y = (depth) => bottom - (deepest ? (depth / deepest) * (spot.h - 4) : 0);
  ctx.beginPath();
  ctx.moveTo(xOf(data.queue[0][0]), bottom);
  for (const [at, depth] of data.queue) ctx.lineTo(xOf(at), y(depth));
  ctx.lineTo(xOf(data.queue.at(-1)[0]), bottom);
  ctx.fillStyle = colours["client-fill"];
  ctx.fill();
  ctx.strokeStyle = colours.client;
  ctx.lineWidth = 1;
  ctx.stroke();
  drawn.push({ x: gutter, y: spot.y, w: width - gutter, h: spot.h, queue: true });
}

function queueAt(ms) {
  const next = data.queue.findIndex(([at]) => at >= ms);
  if (next <= 0) return 0;
  const [a, from] = data.queue[next - 1], [b, to] = data.queue[next];
  return from + ((to - from) * (ms - a)) / (b - a);
}

function drawLane(spot, items) {
  const free = new Array(MOST_ROWS).fill(Infinity); // where the next item of a row begins, seen from the right
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i], [at, until, label, tone, text, entry] = item;
    const x = xOf(at), end = Math.max(x + 4, xOf(until)), y = spot.y + item.row * ROW, next = free[item.row];
    free[item.row] = Math.min(next, x);
    if (end < gutter || x > width) continue;
    const colour = TONES[tone] || "quiet", span = until > at;
    ctx.fillStyle = colours[`${colour}-fill`];
    if (span) ctx.fillRect(x, y, end - x, ROW - 3);
    ctx.fillStyle = colours[colour];
    ctx.fillRect(x, y, span ? 2 : 3, ROW - 3);
    if (span && tone === "good" && end - x > 4) ctx.fillRect(end - 2, y, 2, ROW - 3);
    if (span && tone === "bad" && end - x > 4) ctx.fillRect(x, y + ROW - 4, end - x, 1);
    const left = Math.max(x + 6, gutter + 4), room = Math.min(next - 6, width - 2) - left;
    if (room > 9) words(label, left, y + (ROW - 3) / 2 + 0.5, tone === "quiet" ? "ink" : colour, { size: 11, most: room });
    drawn.push({ x: x - 2, y, w: Math.max(end - x, 8) + 2, h: ROW - 2, title: label, text, at, until, entry });
  }
}

// Pins that are close stand side by side, all of them inside the picture.
function placesOfPins() {
  const shown = data.pins.filter(([at]) => at >= view.start && at <= view.end);
  const apart = Math.min(14, (width - gutter - 14) / Math.max(1, shown.length));
  const xs = shown.map(([at]) => xOf(at));
  for (let i = 0, last = gutter + 7 - apart; i < xs.length; i++) last = xs[i] = Math.max(xs[i], last + apart);
  for (let i = xs.length - 1, next = width - 7 + apart; i >= 0; i--) next = xs[i] = Math.min(xs[i], next - apart);
  return shown.map((pin, i) => [pin, xs[i]]);
}

function drawPins(spot) {
  placesOfPins().forEach(([[at, level, id, text, finding], x]) => {
    const line = xOf(at), colour = colours[LEVELS[level]], y = spot.y + 6;
    ctx.fillStyle = colour;
    ctx.beginPath();
    if (level === "error") ctx.arc(x, y, 5, 0, 7);
    else if (level === "warning") { ctx.moveTo(x, y - 6); ctx.lineTo(x + 6, y + 5); ctx.lineTo(x - 6, y + 5); }
    else { ctx.moveTo(x, y - 5); ctx.lineTo(x + 5, y); ctx.lineTo(x, y + 5); ctx.lineTo(x - 5, y); }
    ctx.fill();
    ctx.globalAlpha = 0.5;
    ctx.setLineDash([2, 3]);
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(line, y + 7); ctx.lineTo(line, height - BAR - GAP);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
    drawn.push({ x: x - 7, y: spot.y - 2, w: 14, h: 16, title: `${level}: ${id}`, text, at, finding });
  });
}

function drawNames() {
  const all = [spots.pins, spots.phases, ...spots.waves, spots.queue, ...spots.lanes].filter(Boolean);
  if (gutter) {
    ctx.fillStyle = colours.line;
    ctx.fillRect(gutter - 1, RULER - 4, 1, height - RULER - BAR);
  }
  for (const spot of all) {
    const wave = spots.waves.indexOf(spot), colour = wave === 0 ? "callee" : wave === 1 ? "client" : "soft";
    const note = spot === spots.queue ? `${(deepest / 1000).toFixed(1)} s at most` : "";
    if (!gutter) {
      if (spot !== spots.pins && spot !== spots.phases) {
        const shown = note ? `${spot.name}, ${note}` : spot.name;
        ctx.font = `600 11px ${SANS}`;
        ctx.fillStyle = colours.panel;
        ctx.fillRect(2, spot.y - 17, ctx.measureText(shown).width + 8, 14);
        words(shown, 6, spot.y - 9, colour, { size: 11, weight: 600 });
      }
      continue;
    }
    const y = spot.h > 40 ? spot.y + spot.h / 2 : spot.y + Math.min(spot.h, ROW) / 2 - 0.5;
    words(spot.name, gutter - 10, note ? y - 7 : y, colour, { align: "right", weight: wave < 0 ? 500 : 650, most: gutter - 14 });
    if (note) words(note, gutter - 10, y + 8, "soft", { size: 11, align: "right", most: gutter - 14 });
  }
}

function drawBar() {
  if (view.end - view.start >= data.end) return;
  const full = width - gutter, x = gutter + (view.start / data.end) * full;
  ctx.fillStyle = colours.sunk;
  ctx.fillRect(gutter, height - BAR, full, BAR - 2);
  ctx.fillStyle = colours.soft;
  ctx.fillRect(x, height - BAR, Math.max(8, ((view.end - view.start) / data.end) * full), BAR - 2);
}

// --- pointers and keys ---------------------------------------------------------------------------------------------------

const pointers = new Map();
let dragged = 0, pinch = 0, hovered = null;
const place = (event) => { const box = canvas.getBoundingClientRect(); return { x: event.clientX - box.left, y: event.clientY - box.top }; };
const distance = () => { const [a, b] = [...pointers.values()]; return Math.max(10, Math.abs(a.x - b.x)); };
const under = ({ x, y }) => drawn.findLast((each) => x >= each.x && x <= each.x + each.w && y >= each.y && y <= each.y + each.h);

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, place(event));
  dragged = pointers.size > 1 ? 99 : 0;
  if (pointers.size === 2) pinch = distance();
});
canvas.addEventListener("pointermove", (event) => {
  const at = place(event), before = pointers.get(event.pointerId);
  hover(at);
  if (!before) return;
  const dx = at.x - before.x;
  pointers.set(event.pointerId, at);
  if (pointers.size === 2) {
    const now = distance(), [a, b] = [...pointers.values()];
    zoom(pinch / now, msOf((a.x + b.x) / 2));
    pinch = now;
    return;
  }
  dragged += Math.abs(dx);
  if (dragged > 4) pan((-dx / (width - gutter)) * (view.end - view.start));
});
const release = (event) => {
  const was = pointers.delete(event.pointerId);
  if (!was || event.type === "pointercancel" || dragged > 4) return;
  const at = place(event), hit = under(at);
  seek(at.x < gutter ? view.start : hit && hit.at !== undefined && !hit.until ? hit.at : msOf(at.x), { show: false });
  if (hit && hit.entry) light(hit.entry);
  if (hit && hit.finding !== undefined) location.hash = `finding-${hit.finding}`;
};
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => { hovered = null; tip.hidden = hair.hidden = true; });

function hover(at) {
  hovered = at;
  hair.hidden = at.x < gutter;
  hair.style.transform = `translateX(${at.x}px)`;
  const hit = under(at), ms = msOf(at.x);
  tip.hidden = at.x < gutter;
  if (tip.hidden) return;
  const title = document.createElement("b"), small = document.createElement("small");
  const queued = hit && hit.queue;
  title.textContent = !hit ? "" : queued ? `${(queueAt(ms) / 1000).toFixed(2)} s queued` : hit.title;
  const span = hit && hit.until > hit.at ? ` – ${seconds(hit.until)}, ${((hit.until - hit.at) / 1000).toFixed(3)} s long` : "";
  small.textContent = hit && hit.at !== undefined ? seconds(hit.at) + span : seconds(Math.max(0, Math.min(data.end, ms)));
  tip.replaceChildren(...(title.textContent ? [title] : []), hit && hit.text ? hit.text : "", small);
  const left = at.x + 16 + tip.offsetWidth > width ? Math.max(2, at.x - tip.offsetWidth - 12) : at.x + 16;
  const top = Math.max(2, Math.min(height - tip.offsetHeight - 4, at.y + 14));
  tip.style.transform = `translate(${left}px, ${top}px)`;
}

canvas.addEventListener("wheel", (event) => {
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan((sideways / width) * (view.end - view.start));
  else if (event.ctrlKey || event.metaKey || document.activeElement === canvas) {
    zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 150), msOf(place(event).x));
  } else return;
  event.preventDefault();
}, { passive: false });

function jump(direction) {
  const at = data.pins.map(([ms]) => ms).sort((a, b) => a - b);
  const next = direction > 0 ? at.find((ms) => ms > position + 1) : at.findLast((ms) => ms < position - 1);
  if (next !== undefined) seek(next);
}

const KEYS = {
  " ": toggle,
  ArrowLeft: (event) => seek(position - (event.shiftKey ? 20 : 1000)),
  ArrowRight: (event) => seek(position + (event.shiftKey ? 20 : 1000)),
  Home: () => seek(0),
  End: () => seek(data.end),
  "+": () => zoom(0.5, centre()),
  "=": () => zoom(0.5, centre()),
  "-": () => zoom(2, centre()),
  "0": () => show(0, data.end),
  n: () => jump(1),
  p: () => jump(-1),
};
document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("input, select, textarea, summary") || (event.key === " " && event.target.closest("button, a"));
  const scrolls = event.target.closest("#journal, .scroll, #command") && /^(Arrow|Home|End)/.test(event.key);
  const action = KEYS[event.key];
  if (!action || busy || scrolls || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action(event);
});

// --- the rest of the page ---------------------------------------------------------------------------------------------

const rows = [...document.querySelectorAll("#rows tr")];
const journal = byId("journal");
let lit = null;

function light(entry) {
  let row = entry ? byId(`entry-${entry}`) : null;
  if (!row) for (const each of rows) { if (Number(each.dataset.t) > position + 0.5) break; row = each; }
  if (row === lit || (row && row.hidden)) return;
  lit?.classList.remove("now");
  row?.classList.add("now");
  lit = row;
  if (!row || journal.matches(":hover") || journal.contains(document.activeElement)) return;
  const top = row.offsetTop - journal.clientHeight / 2;
  journal.scrollTop = Math.max(0, top);
}

byId("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
    if (!row.hidden) shown++;
  }
  byId("count").textContent = wanted ? `${shown} of ${rows.length} entries` : counted;
});
const counted = byId("count").textContent;

document.addEventListener("click", (event) => {
  const button = event.target.closest(".at");
  if (button) {
    seek(Number(button.dataset.at));
    const row = button.closest("#rows tr");
    if (row) light(Number(row.id.slice("entry-".length)));
  }
  const side = event.target.closest("[data-side]");
  if (side) { listening = side.dataset.side; mix(); }
  // After a click of the pointer the space bar plays again; a keyboard's focus stays where it is.
  if (event.detail) event.target.closest("button")?.blur();
});

byId("play").addEventListener("click", toggle);
byId("in").addEventListener("click", () => zoom(0.5, centre()));
byId("out").addEventListener("click", () => zoom(2, centre()));
byId("fit").addEventListener("click", () => show(0, data.end));
byId("balance").addEventListener("input", () => { listening = "both"; mix(); });
byId("speed").addEventListener("change", (event) => { if (audio) audio.playbackRate = Number(event.target.value); });
byId("copy")?.addEventListener("click", async (event) => {
  const command = byId("command");
  try { await navigator.clipboard.writeText(command.textContent); }
  catch { getSelection().selectAllChildren(command); document.execCommand("copy"); }
  event.target.textContent = "Copied";
  setTimeout(() => { event.target.textContent = "Copy"; }, 1500);
});

const night = matchMedia("(prefers-color-scheme: dark)");
const repaint = () => { readColours(); redraw(); };
byId("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : night.matches;
  root.dataset.theme = dark ? "light" : "dark";
  repaint();
});
night.addEventListener("change", repaint);

if (audio) {
  const playing = () => {
    byId("play").textContent = audio.paused ? "▶" : "❚❚";
    byId("play").setAttribute("aria-label", audio.paused ? "play" : "pause");
    if (!audio.paused) requestAnimationFrame(follow);
  };
  for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, playing);
} else {
  for (const each of document.querySelectorAll("#play, .sides button, #balance, #speed")) each.disabled = true;
  for (const each of document.querySelectorAll("#play, .sides, .balance, .speed")) each.hidden = true;
}

new ResizeObserver(() => { spots = layout(); redraw(); moved(); }).observe(stage);
readColours();
spots = layout();
draw();
moved();
})();
