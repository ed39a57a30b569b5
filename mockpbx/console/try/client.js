/** A client of the contract, in the page: it places a call, joins it, hears and speaks. */
import { newContext } from "../phone/audio.js";
import { Microphone } from "../phone/microphone.js";
import { Speaker } from "../phone/speaker.js";
import { SocketIO } from "../socketio.js";
import { Conversation } from "./conversation.js";
import { FORMATS, packets } from "./sounds.js";

const TOGETHER = 8; // frames of the microphone in one message: 2,560 bytes, as the contract recommends
const OVER = "Ended";

/**
 * One client with one call at a time. `call` is `{ sessionId, number, status, answeredAt, endedAt, record }` (ms of the
 * page's clock), null before the first. `listen(fn)` hears of changes; `conversation` of what is said.
 */
export class TestClient {
  #listeners = new Set();
  #pending = null; // what came for sessions not known yet, while a call is being placed
  #context = null;
  #collected = [];
  #opening = new Set();

  constructor(app) {
    this.api = app.api;
    this.conversation = new Conversation();
    this.call = null;
    this.socket = null;
    this.speaker = null;
    this.microphone = null;
    this.placing = false;
  }

  listen(fn) {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  }

  /** Whether a call is going on. */
  get live() {
    return this.placing || (this.call !== null && this.call.status !== OVER);
  }

  get connected() {
    return this.socket?.connected ?? false;
  }

  /** Places a call, listening from the start. Throws an Error whose message is a plain sentence. */
  async place(number) {
    this.placing = true;
    this.call = null;
    this.conversation.clear();
    this.#pending = [];
    this.#changed();
    try {
      await this.#connect();
      const body = await this.#rest({ method: "POST", path: "/pbx/call", body: { phoneNumber: number } });
      const { sessionId } = body.data;
      this.call = { sessionId, number, status: "Placed", answeredAt: null, endedAt: null, record: null };
      const early = this.#pending;
      this.#pending = null;
      for (const passed of early) this.#passed(passed);
    } finally {
      this.#pending = null;
      this.placing = false;
      this.#changed();
    }
  }

  /** Sends samples of 8 kHz in a format, in messages as the contract recommends. */
  say(samples, format) {
    this.send(FORMATS[format](samples), format);
  }

  /** Sends bytes of a format, in messages as the contract recommends. */
  send(bytes, format) {
    for (const piece of packets(bytes)) this.#audio(piece, format);
  }

  checkPoint(name) {
    this.#emit("checkPoint", { name });
  }

  interrupt() {
    this.#emit("interruption", {});
  }

  dtmf(digit, duration) {
    this.#emit("dtmf", { digit, duration });
  }

  /** Asks the server to end the call, by the event. */
  hangUp() {
    this.#emit("hangup", {});
  }

  /** Asks the server to end the call, over REST. Throws an Error whose message is a plain sentence. */
  async hangUpByRest() {
    await this.#rest(this.hangUpRequest());
  }

  hangUpRequest() {
    return { method: "POST", path: "/pbx/hangup", body: { sessionId: this.call?.sessionId ?? "" } };
  }

  // --- sound ---------------------------------------------------------------------------------------------------------

  /** Lets the callee be heard. Throws an Error whose message is a plain sentence. */
  async hear() {
    await this.#opened("speaker", (context) => Speaker.open(context));
  }

  /** Lets the microphone speak. Throws an Error whose message is a plain sentence with a way on. */
  async speak() {
    this.#collected = [];
    const open = (context) => Microphone.open(context, (frame) => this.#collect(frame), () => this.fallSilent());
    await this.#opened("microphone", open);
  }

  /** Switches the speaker off. */
  stopHearing() {
    this.#stop("speaker");
  }

  /** Switches the microphone off. */
  fallSilent() {
    this.#stop("microphone");
  }

  /** Opens one of them, unless it is open or about to be; one that nobody wants any more when it is there is closed. */
  async #opened(which, open) {
    if (this[which] || this.#opening.has(which)) return;
    this.#opening.add(which);
    this.#context ??= newContext();
    const context = this.#context;
    const wanted = () => this.#opening.has(which) && context === this.#context;
    try {
      await context.resume();
      const device = await open(context);
      if (wanted()) this[which] = device;
      else device.close();
    } catch (error) {
      if (wanted()) throw error;
    } finally {
      this.#opening.delete(which);
      this.#letContextGo();
    }
  }

  #stop(which) {
    this.#opening.delete(which);
    this[which]?.close();
    this[which] = null;
    this.#letContextGo();
  }

  #letContextGo() {
    if (!this.speaker && !this.microphone && !this.#opening.size) {
      this.#context?.close();
      this.#context = null;
    }
    this.#changed();
  }

  #collect(frame) {
    if (!this.connected || this.call?.status !== "Connected") return;
    if (this.#collected.push(frame) < TOGETHER) return;
    const samples = new Int16Array(TOGETHER * frame.length);
    this.#collected.forEach((each, turn) => samples.set(each, turn * frame.length));
    this.#collected = [];
    this.#audio(FORMATS.pcm16(samples), "pcm16");
  }

  // --- the connection ------------------------------------------------------------------------------------------------

  /** Lets sound and socket go; a live call goes on without its client. */
  close() {
    this.stopHearing();
    this.fallSilent();
    this.socket?.close();
    this.socket = null;
    this.#changed();
  }

  #connect() {
    if (this.connected) return undefined;
    this.socket?.close();
    const socket = new SocketIO(this.api.base, { auth: { token: this.api.token } });
    this.socket = socket;
    socket.tap((passed) => this.#passed(passed));
    socket.on("disconnect", (reason) => this.#lost(reason));
    return new Promise((resolve, reject) => {
      socket.on("connect", (id) => resolve(this.#there(id)));
      socket.on("connect_error", (error) => {
        this.#changed();
        if (!this.placing) return;
        socket.close();
        const silent = "The server does not answer the socket. Is mockpbx still running?";
        reject(new Error(error.final ? `The socket was refused: ${error.message}` : silent));
      });
    });
  }

  #there(id) {
    this.conversation.note(`socket ${id} connected`);
    if (this.live && this.call) this.socket.emit("joinRoom", { sessionId: this.call.sessionId });
    this.#changed();
  }

  #lost(reason) {
    if (this.socket?.active) this.conversation.note(`socket lost (${reason}); it comes back by itself`, true);
    this.#changed();
  }

  #passed(passed) {
    const { direction, name, payload, ack } = passed;
    if (ack || (name === "audio" && direction === "out")) return; // told with its run
    const session = payload?.sessionId;
    if (this.#pending) {
      this.#pending.push(passed);
      return;
    }
    if (session !== undefined && session !== null && session !== this.call?.sessionId) return; // another's call
    if (name === "audio") this.#heard(payload);
    else {
      this.conversation.event(direction, name, payload);
      if (direction === "in") this.#follow(name, payload);
    }
  }

  #heard(payload) {
    this.conversation.sound("in", payload);
    this.speaker?.play(new Int16Array(payload.audioData));
  }

  #follow(name, payload) {
    const call = this.call;
    if (!call) return;
    if (name === "newSession") this.socket.emit("joinRoom", { sessionId: call.sessionId });
    if (name === "roomJoined" && payload.status === "failed") {
      this.#ended("The server does not know this call any more");
    }
    if (name === "dialStatus") {
      call.status = payload.status;
      if (payload.status === "Connected") call.answeredAt ??= performance.now();
    }
    if (name === "hangup") this.#ended();
    if (name === "cdr") call.record = payload;
    this.#changed();
  }

  #ended(why = "") {
    Object.assign(this.call, { status: OVER, endedAt: performance.now() });
    if (why) this.conversation.note(why, true);
    this.fallSilent();
    this.stopHearing();
  }

  // --- what is sent --------------------------------------------------------------------------------------------------

  #emit(name, payload) {
    if (this.socket && this.call) this.socket.emit(name, { sessionId: this.call.sessionId, ...payload });
  }

  async #audio(audioData, audioFormat) {
    if (!this.connected || !this.call) return;
    const payload = { audioData, sessionId: this.call.sessionId, audioFormat };
    const run = this.conversation.sound("out", payload);
    try {
      const ack = await this.socket.ask("audio", payload);
      this.conversation.acknowledge(run, ack);
    } catch (error) {
      this.conversation.acknowledge(run, { success: false, error: error.message });
    }
  }

  async #rest(request) {
    const name = `${request.method} ${request.path}`;
    this.conversation.rest("out", name, "", request.body);
    const asked = performance.now();
    const took = () => `${Math.round(performance.now() - asked)} ms`;
    try {
      const reply = await this.api.open(request);
      const body = await reply.json();
      this.conversation.rest("in", `${reply.status} ${reply.statusText}`, took(), body);
      return body;
    } catch (error) {
      this.conversation.rest("in", String(error.status ?? "no reply"), error.message, undefined, true);
      throw error;
    }
  }

  #changed() {
    for (const fn of [...this.#listeners]) fn();
  }
}
