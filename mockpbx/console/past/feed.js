/** The messages of a workspace: the newest first of all, earlier ones on demand, later ones as they pass. */
import { Refused } from "../api.js";
import { pause } from "../pause.js";

const PATH = "/__admin/messages";
const PAGE = 200;
const MOST = 10_000; // messages that are held: as many as the server keeps
const WAIT = 25; // s that the server may let a request wait
const GROWING = 1; // s, while sound grows
const BREATH = 150; // ms between two requests, so that a busy workspace is told of in portions
const PATIENCE = 2_000; // ms after which a server that is gone is asked again

/** Messages that fit what is asked: `items` in their order, runs of sound that still grow at the end. */
export class Feed {
  /** `changed()` is called after anything has changed. */
  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    this.over = new AbortController();
    this.reset();
  }

  reset() {
    this.messages = [];
    this.open = [];
    this.previous = null; // the number to ask with for what came earlier, null where there is nothing
    this.problem = "";
    this.loaded = false;
  }

  get items() {
    return [...this.messages, ...this.open];
  }

  /** Asks for other messages: `{ call, via, direction, q }`, each of which may be missing. */
  ask(wanted) {
    this.over.abort();
    this.over = new AbortController();
    this.wanted = wanted;
    this.reset();
    this.#follow(this.over.signal);
  }

  /** Fetches what came earlier, where there is anything. */
  async back() {
    if (this.previous === null || this.fetching) return;
    const { signal } = this.over;
    this.fetching = true;
    try {
      const page = await this.#get({ before: this.previous, limit: PAGE }, signal);
      this.messages = [...page.messages, ...this.messages];
      this.previous = page.previous;
    } catch (error) {
      if (!signal.aborted) this.problem = error.message;
    }
    this.fetching = false;
    if (!signal.aborted) this.changed();
  }

  /** Lets go of everything. */
  close() {
    this.over.abort();
  }

  async #follow(signal) {
    let next = null;
    while (!signal.aborted) {
      try {
        next = next === null ? await this.#begin(signal) : await this.#more(next, signal);
        this.problem = "";
      } catch (error) {
        if (signal.aborted) return;
        this.problem = error.message;
        if (error instanceof Refused) next = null;
        this.changed();
        await pause(PATIENCE, signal);
        continue;
      }
      if (!signal.aborted) this.changed();
      await pause(BREATH, signal);
    }
  }

  async #begin(signal) {
    const page = await this.#get({ latest: PAGE }, signal);
    this.reset();
    this.loaded = true;
    this.#take(page);
    this.previous = page.previous;
    return page.next;
  }

  async #more(after, signal) {
    const page = await this.#get({ after, wait: this.open.length ? GROWING : WAIT, limit: PAGE }, signal);
    if (page.truncated) return null; // a reset, or a gap: begin anew
    this.#take(page);
    return page.next;
  }

  /** Takes a page in. A run keeps its object as long as it grows and when it is over, so that it stays chosen. */
  #take({ messages, open }) {
    const growing = new Map(this.open.map((run) => [nameOf(run), run]));
    const same = (message) => {
      const run = growing.get(nameOf(message));
      growing.delete(nameOf(message));
      return run ? Object.assign(run, message) : message;
    };
    for (const message of messages) this.messages.push(same(message));
    this.open = open.map(same);
    const beyond = this.messages.length - MOST;
    if (beyond > 0) {
      this.messages = this.messages.slice(beyond);
      this.previous = this.messages[0].number;
    }
  }

  #get(query, signal) {
    return this.api.get(PATH, { ...this.wanted, ...query }, { signal });
  }
}

function nameOf({ number, name, call, direction, at }) {
  return name === "audio" ? `${call} ${direction} ${at}` : number;
}
