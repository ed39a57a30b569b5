// One call: it is dialled, rings, is answered, plays and listens, and ends.
import { wrong } from "./breaches.mjs";
import { FRAME, Mp3, clamp, fromAlaw, fromPcm, fromUlaw, keyTone, music, throughUlaw, toPcm } from "./sound.mjs";

const FRAME_MS = 20;
const MOST_QUEUED = 600 * 8000;
const LONGEST_CALL = 2 * 60 * 60 * 1000;

const TEXTS = {
  contract: {
    16: "Call completed successfully",
    17: "Destination busy",
    19: "Destination not answering",
  },
  asterisk: { 16: "Normal Clearing", 17: "User busy", 19: "User alerting, no answer" },
};

export class Call {
  /** `tell(event, payload)` reaches the room; `ended(call)` is called once. */
  constructor(id, number, token, options, tell, ended) {
    Object.assign(this, { id, number, token, options, ended });
    this.say = (event, payload) => tell(this, event, { sessionId: id, ...payload });
    this.state = "new";
    this.placedAt = Date.now();
    this.answeredAt = null;
    this.endedAt = null;
    this.timers = new Set();
    this.mp3 = new Mp3();
    this.queue = []; // { samples, at, digit }
    this.queued = 0; // samples that were ever queued, and not cleared
    this.played = 0; // of these, what went out to the callee
    this.heard = 0; // of these, what the callee has heard to its end
    this.checkpoints = []; // { name, position }
    this.lastMessage = 0; // samples
    this.line = []; // frames that the callee is about to return
    this.music = music();
    this.after(options.dialDelay, () => this.dial());
  }

  get live() {
    return this.state !== "ended";
  }

  after(milliseconds, act) {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, milliseconds);
    this.timers.add(timer);
  }

  // --- signalling

  status(status) {
    this.say("dialStatus", { status });
  }

  dial() {
    if (this.state !== "new") return;
    this.state = "dialing";
    this.status("Dialing");
    if (this.number === this.options.busyNumber) {
      this.after(900, () => {
        this.status("Busy");
        this.after(400, () => this.end("BUSY", null, 17));
      });
      return;
    }
    this.after(300, () => {
      this.state = "ringing";
      this.status("Ringing");
      if (wrong("early-media")) this.start();
      if (this.number === this.options.noAnswerNumber) {
        this.after(this.options.noAnswerAfter, () => this.end("NO ANSWER", null, 19));
      } else {
        this.after(this.options.ring, () => this.answer());
      }
    });
  }

  answer() {
    this.state = "connected";
    this.answeredAt = Date.now();
    this.status(wrong("connected-in-lower-case") ? "connected" : "Connected");
    if (wrong("ringing-after-connected")) this.after(150, () => this.status("Ringing"));
    if (this.number === this.options.calleeHangupNumber) {
      this.after(this.options.talk, () => this.end("ANSWERED", "CALLEE", 16));
    }
    this.after(LONGEST_CALL, () => this.end("ANSWERED", null, 16));
    if (this.options.hiccup) this.after(1000, () => hang(this.options.hiccup));
    if (!this.ticker) this.start();
  }

  hangUp(announced = true) {
    if (this.answeredAt === null) this.end("CANCEL", "CALLER", 16, announced);
    else this.end("ANSWERED", "CALLER", 16, announced);
  }

  end(disposition, hangupBy, code, announced = true) {
    if (!this.live) return;
    this.state = "ended";
    this.endedAt = Date.now();
    this.outcome = {
      disposition,
      hangupBy,
      hangupCauseCode: code,
      hangupCauseText: TEXTS[this.options.asteriskTexts ? "asterisk" : "contract"][code],
    };
    this.timers.forEach(clearTimeout);
    if (wrong("hangup-leaves-audio")) setTimeout(() => clearTimeout(this.ticker), 500);
    else clearTimeout(this.ticker);
    this.queue = [];
    this.checkpoints = [];
    this.mp3.free();
    if (announced) this.say("hangup");
    this.ended(this);
  }

  // --- what the client plays

  /** Returns why the audio was refused, or null. */
  play(data, format) {
    if (this.state !== "connected") return this.live ? "The call is not connected yet" : "The call has ended";
    if (!Buffer.isBuffer(data)) return "audioData must be binary";
    if (data.length === 0) return "audioData is empty";
    let samples;
    if (format === "pcm16") {
      if (data.length % 2) return "pcm16 has two bytes per sample, audioData has an odd number";
      samples = fromPcm(data);
    } else if (format === "ulaw") {
      samples = fromUlaw(data);
    } else if (format === "alaw") {
      if (wrong("alaw-refused")) return "alaw is not supported";
      samples = fromAlaw(data);
    } else if (format === "mp3") {
      try {
        samples = this.mp3.decode(data);
      } catch (error) {
        return error.message;
      }
    } else {
      return "audioFormat must be mp3, ulaw, alaw or pcm16";
    }
    if (this.queued - this.played + samples.length > MOST_QUEUED) return "The queue is full";
    if (wrong("queue-of-a-second") && this.queued - this.played + samples.length > 8000) return null;
    this.enqueue({ samples, at: 0 });
    this.lastMessage = samples.length;
    return null;
  }

  key(digit, duration) {
    if (wrong("same-digit-once") && this.lastKey === digit) return;
    this.lastKey = digit;
    if (wrong("tone-always-short")) duration = 80;
    this.enqueue({ samples: keyTone(digit, duration), at: 0, digit });
  }

  enqueue(piece) {
    if (piece.samples.length === 0) return;
    this.queue.push(piece);
    this.queued += piece.samples.length;
  }

  mark(name) {
    if (wrong("checkpoint-by-its-message")) {
      this.after(this.lastMessage / 8, () => this.say("checkPoint", { name }));
      return;
    }
    let position = wrong("checkpoint-when-queued") ? this.heard : this.queued;
    if (wrong("checkpoint-when-handed-over")) position -= 2400;
    this.checkpoints.push({ name, position });
    this.passCheckpoints();
  }

  interrupt() {
    if (wrong("interruption-late")) this.after(600, () => this.clear());
    else this.clear();
  }

  clear() {
    this.queue = [];
    this.queued = this.played;
    if (!wrong("checkpoint-outlives-interruption")) this.checkpoints = [];
  }

  passCheckpoints() {
    for (const due of this.checkpoints.filter(({ position }) => position <= this.heard)) {
      const newest = this.checkpoints.at(-1);
      if (wrong("checkpoints-reversed")) [due.name, newest.name] = [newest.name, due.name];
      this.checkpoints = this.checkpoints.filter((checkpoint) => checkpoint !== due);
      this.say("checkPoint", { name: due.name });
    }
  }

  // --- the media loop: a frame every 20 ms, by the clock and not by the last frame

  start() {
    const begun = performance.now();
    let ticks = 0;
    const step = () => {
      while (performance.now() >= begun + ticks * FRAME_MS) {
        this.tick(ticks);
        ticks += 1;
      }
      this.ticker = setTimeout(step, Math.ceil(begun + ticks * FRAME_MS - performance.now()));
    };
    const drifting = () => {
      this.tick(ticks);
      ticks += 1;
      this.ticker = setTimeout(drifting, 21);
    };
    if (wrong("frames-drift")) drifting();
    else step();
  }

  tick(count) {
    this.heard = this.played; // the last frame has had its 20 ms
    this.passCheckpoints();
    const said = noisy(this.callee(this.hear()), this.options.noise);
    if (wrong("frames-only-with-sound") && said.every((sample) => sample === 0)) return;
    this.send(toPcm(said), count);
  }

  send(bytes, count) {
    if (wrong("frames-of-640")) {
      if (count % 2 === 0) this.held = bytes;
      else this.audio(Buffer.concat([this.held, bytes]));
    } else if (wrong("frames-in-bursts")) {
      this.held = [...(this.held ?? []), bytes];
      if (this.held.length === 5) this.held.splice(0).forEach((frame) => this.audio(frame));
    } else {
      this.audio(bytes);
    }
  }

  audio(bytes) {
    this.say("audio", { audioData: wrong("audio-base64") ? bytes.toString("base64") : bytes, audioFormat: "pcm16" });
  }

  /** Takes a frame out of the queue: what the callee hears in these 20 ms. */
  hear() {
    const frame = new Int16Array(FRAME);
    let filled = 0;
    while (filled < FRAME && this.queue.length) {
      const piece = this.queue[0];
      const part = piece.samples.subarray(piece.at, piece.at + FRAME - filled);
      frame.set(part, filled);
      filled += part.length;
      piece.at += part.length;
      if (piece.at < piece.samples.length) break;
      this.queue.shift();
      if (piece.digit !== undefined) this.heardKey(piece.digit);
    }
    this.played += filled;
    return frame;
  }

  /** Returns what the callee says while it hears this. */
  callee(heard) {
    if (this.options.callee === "silent") return new Int16Array(FRAME);
    if (this.options.callee === "music") return Int16Array.from({ length: FRAME }, () => this.music.next().value);
    this.line.push(this.options.ulaw ? heard.map(throughUlaw) : heard);
    const delay = 1 + Math.round(this.options.echoDelay / FRAME_MS);
    return this.line.length > delay ? this.line.shift() : new Int16Array(FRAME);
  }

  /** The echoing callee presses the key that it heard. */
  heardKey(digit) {
    if (this.options.callee !== "echo") return;
    const keys = "1234567890*#ABCD";
    const told = wrong("digit-wrong") ? keys[(keys.indexOf(digit) + 1) % keys.length] : digit;
    this.after(FRAME_MS + this.options.echoDelay, () => this.say("dtmf", { digit: told }));
  }

  // --- the record

  record() {
    const seconds = (from) => (this.endedAt - from) / (wrong("duration-in-milliseconds") ? 1 : 1000);
    return {
      sessionId: this.id,
      destination: wrong("number-normalised") ? normalised(this.number) : this.number,
      startTime: this.placedAt,
      answerTime: this.answeredAt,
      endTime: this.endedAt,
      duration: Math.floor(seconds(this.placedAt)),
      billableSeconds: this.answeredAt === null ? 0 : Math.floor(seconds(this.answeredAt)),
      ...this.outcome,
    };
  }
}

/** Does what a collection of garbage does. */
function hang(milliseconds) {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

export const normalised = (number) => number.replace(/^0/, "+62");

/** What a line of some noise makes of a frame. */
const noisy = (frame, peak) => (peak ? frame.map((sample) => clamp(sample + peak * (2 * Math.random() - 1))) : frame);
