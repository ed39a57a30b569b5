// A voice bot for the Outgoing Call Service: it greets, answers keys, falls silent when it is spoken over, says goodbye.
// It counts time in the frames that it hears, 20 ms each, so that its calls may pass as fast as a test wants.
import { readFileSync } from "node:fs";
import { io } from "socket.io-client";

const SOUNDS = new URL("../../../fixtures/clips/", import.meta.url);
const PACKET = 2560; // bytes: 160 ms, which the service recommends
const ANSWERS = { 1: "menu-billing", 2: "menu-outage" }; // by key
const BYE = "0";
const LOUD = 500; // of speech, as the root mean square of 16-bit samples
const SPEECH = 8; // loud frames in a row that are speech and no click
const TONE = 20; // frames after a key in which what is loud is its tone
const HELLO = 50; // frames after the answer in which people say who they are, and mean no interruption
const PATIENCE = 250; // frames of silence after which the bot gives up

/** One bot with one socket, which holds one call at a time. */
export class Bot {
  #url;
  #token;
  #socket;
  #sessionId;
  #saying = null; // the checkpoint behind what it says
  #loud = 0;
  #deaf = 0;
  #quiet = 0;
  refused = [];

  constructor(url, token) {
    this.#url = url;
    this.#token = token;
    this.#socket = io(url, { transports: ["websocket"], auth: { token } });
    this.#socket.on("newSession", ({ sessionId }) => this.#emit("joinRoom", { sessionId }));
    this.#socket.on("roomJoined", ({ sessionId }) => (this.#sessionId = sessionId));
    this.#socket.on("dialStatus", ({ status }) => status === "Connected" && this.#greet());
    this.#socket.on("audio", ({ audioData }) => this.#listen(audioData));
    this.#socket.on("dtmf", ({ digit }) => this.#answer(digit));
    this.#socket.on("checkPoint", ({ name }) => name === this.#saying && this.#heardOut(name));
  }

  /** Calls a number, holds the call, and resolves with its record. */
  async call(phoneNumber) {
    await this.#connected();
    const record = new Promise((resolve) => this.#socket.once("cdr", resolve));
    const reply = await fetch(`${this.#url}/pbx/call`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.#token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ phoneNumber }),
    });
    const { status, errors } = await reply.json();
    if (status !== 200) throw new Error(errors);
    return record;
  }

  close() {
    this.#socket.close();
  }

  #connected() {
    if (this.#socket.connected) return undefined;
    return new Promise((resolve, reject) => {
      this.#socket.once("connect", resolve);
      this.#socket.once("connect_error", reject);
    });
  }

  #emit(event, payload, ...acknowledge) {
    this.#socket.emit(event, { sessionId: this.#sessionId, ...payload }, ...acknowledge);
  }

  // --- what it hears ---

  #listen(frame) {
    this.#deaf = Math.max(0, this.#deaf - 1);
    const isLoud = this.#deaf === 0 && loudness(frame) > LOUD;
    this.#loud = isLoud ? this.#loud + 1 : 0;
    this.#quiet = isLoud || this.#saying ? 0 : this.#quiet + 1;
    if (this.#loud === SPEECH && this.#saying && this.#saying !== "goodbye") this.#fallSilent();
    else if (this.#quiet === PATIENCE) this.#say("goodbye", "goodbye");
  }

  #answer(digit) {
    this.#deaf = TONE;
    if (this.#saying === "goodbye") return;
    if (this.#saying) this.#fallSilent();
    if (digit === BYE) this.#say("goodbye", "goodbye");
    else this.#say(ANSWERS[digit] ?? "menu-invalid", `answer ${digit}`);
  }

  #heardOut(name) {
    this.#saying = null;
    if (name === "goodbye") this.#emit("hangup");
  }

  // --- what it says ---

  #greet() {
    this.#deaf = HELLO;
    this.#say("bot-greeting", "greeting");
  }

  #say(sound, mark) {
    this.#saying = mark;
    this.#quiet = 0;
    const samples = samplesOf(sound);
    for (let at = 0; at < samples.length; at += PACKET) {
      const packet = { audioData: samples.subarray(at, at + PACKET), audioFormat: "pcm16" };
      this.#emit("audio", packet, ({ success, error }) => success || this.refused.push(error));
    }
    this.#emit("checkPoint", { name: mark });
  }

  #fallSilent() {
    this.#saying = null;
    this.#quiet = 0;
    this.#emit("interruption");
  }
}

/** The samples of a WAV file, without its header. */
function samplesOf(name) {
  const file = readFileSync(new URL(`${name}.wav`, SOUNDS));
  const at = file.indexOf("data") + 8;
  return file.subarray(at, at + file.readUInt32LE(at - 4));
}

function loudness(frame) {
  let sum = 0;
  for (let at = 0; at < frame.length; at += 2) sum += frame.readInt16LE(at) ** 2;
  return Math.sqrt((2 * sum) / frame.length);
}
