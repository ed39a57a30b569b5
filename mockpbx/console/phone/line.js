/** The handset's wire: a websocket that carries the microphone to a call, and what its callee hears to the page. */

const AGAIN = [250, 500, 1_000, 2_000]; // ms until the next attempt
const MOST_UNSENT = 25 * 320; // bytes; what waits longer than half a second is too late to be said

/** One call's handset, connected again by itself when the server was gone. */
export class Line {
  /** `heard(Int16Array)` gets the sound, `changed()` is called when something else than sound came. */
  constructor(api, sessionId, { heard, changed }) {
    this.api = api;
    this.sessionId = sessionId;
    this.heard = heard;
    this.changed = changed;
    /** "connecting", "ready", "lost" (it is tried again), "refused", "taken" (by another page), "ended" or "closed". */
    this.state = "connecting";
    /** Why it was refused: `{ reason, message }`. */
    this.refusal = null;
    /** Whether this page's microphone is the callee's voice now. */
    this.talking = false;
    /** Whether it is this page that speaks for the callee, be it by a clip just now. */
    this.talked = false;
    this.failed = 0;
  }

  /** Connects; `takeOver` takes the call from the page that holds it. */
  connect(takeOver = false) {
    clearTimeout(this.timer);
    this.become("connecting");
    const url = new URL(`/__admin/calls/${encodeURIComponent(this.sessionId)}/handset`, this.api.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ token: this.api.token, adminToken: this.api.adminToken, takeOver }));
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.told(JSON.parse(data)) : this.heard(new Int16Array(data)));
    socket.onclose = () => this.gone();
  }

  /** Takes the call over from its scenario: from here on the microphone is its callee's voice. */
  talk() {
    this.talked = true;
    if (this.state === "ready") this.socket.send('{"type":"talk"}');
  }

  /** Says a frame, an Int16Array. */
  say(frame) {
    const { socket } = this;
    if (this.state === "ready" && socket.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_UNSENT) socket.send(frame);
  }

  /** Puts the handset down; the call goes on without it. */
  close() {
    this.state = "closed";
    this.let();
  }

  // --- inside -------------------------------------------------------------------------------------------------------

  told(message) {
    const act = {
      ready: () => {
        this.failed = 0;
        this.refusal = null;
        this.talking = message.talking;
        this.become("ready");
        if (this.talked && !message.talking) this.talk();
      },
      refused: () => {
        this.refusal = message;
        this.become(message.reason === "ended" || message.reason === "unknown" ? "ended" : "refused");
      },
      talking: () => this.speaks(true),
      scenario: () => this.speaks(false),
      taken: () => this.become("taken"),
      ended: () => this.become("ended"),
      error: () => {
        this.refusal = { reason: "error", message: message.message };
        this.become("refused");
      },
    }[message.type];
    act?.();
  }

  speaks(talking) {
    this.talking = talking;
    this.changed();
  }

  become(state) {
    if (this.state === "closed") return;
    this.state = state;
    if (state === "taken" || state === "refused") this.talked = false;
    if (["refused", "taken", "ended"].includes(state)) this.let();
    this.changed();
  }

  gone() {
    this.socket = null;
    this.talking = false;
    const wait = AGAIN[Math.min(this.failed++, AGAIN.length - 1)];
    this.timer = setTimeout(() => this.connect(), wait);
    this.become("lost");
  }

  let() {
    clearTimeout(this.timer);
    const { socket } = this;
    if (!socket) return;
    this.socket = null;
    this.talking = false;
    Object.assign(socket, { onopen: null, onmessage: null, onclose: null });
    socket.close();
  }
}
