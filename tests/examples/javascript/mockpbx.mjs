// mockpbx in a test: a workspace of its own, what numbers do, and what is to happen in a call. Works with any test runner.
import { AssertionError } from "node:assert";
import { randomUUID } from "node:crypto";

const OUT_OF_TIME = 408;

/** A fact of a call, such as fact("Digit", { digit: "1" }). */
export const fact = (name, fields = {}) => ({ fact: name, ...fields });

/** One test's workspace. `url` and `token` are for the client under test. */
export class MockPBX {
  url = process.env.MOCKPBX_URL ?? "http://127.0.0.1:7290";
  token = `test-${randomUUID()}`;
  #last = 0;

  /** Says what calls to some numbers do, in the notation of scenario files: when("0896*", { ring: "2s" }, "answer"). */
  async when(number, ...scenario) {
    await this.ask("POST", "/dialplan/rules", { number, scenario });
  }

  /** Turns switches: configure({ audio_lead: 0.02 }). */
  async configure(settings) {
    await this.ask("PATCH", "/settings", settings);
  }

  /** Resolves with the next call to such a number, once it has been placed. */
  async waitForCall(number = "*", within = 5) {
    const { sessionId } = await this.ask("POST", "/calls/wait", { number, within, after: this.#last });
    this.#last = sessionId;
    return new Call(this, sessionId);
  }

  /** Fails for anything that is wrong with a call and that no test has asked for: at the end of each test. */
  async assertNoErrors() {
    const { findings } = await this.ask("GET", "/findings?level=error");
    const lines = findings.map(({ id, what, remedy }) => `${id}: ${what}. ${remedy}`);
    if (lines.length > 0) throw new AssertionError({ message: lines.join("\n"), stackStartFn: this.assertNoErrors });
  }

  /** Asks the control API, which /__admin/control.json documents. */
  async ask(method, path, body) {
    const reply = await fetch(`${this.url}/__admin${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const { status, errors, data } = await reply.json();
    if (status === OUT_OF_TIME) throw new AssertionError({ message: errors, stackStartFn: this.ask });
    if (status !== 200) throw new Error(`${method} /__admin${path}: ${errors}`);
    return data;
  }
}

/** A call that a test looks at. */
class Call {
  #pbx;
  #after = 0;

  constructor(pbx, sessionId) {
    this.#pbx = pbx;
    this.sessionId = sessionId;
  }

  /** Waits for facts in this order, behind those that were expected before. Resolves with their journal entries. */
  async expect(...facts) {
    const wanted = facts.map((each) => (typeof each === "string" ? fact(each) : each));
    const found = await this.#ask("POST", "/expect", { facts: wanted, after: this.#after, within: 5 });
    if (!found.met) throw new AssertionError({ message: found.explanation, stackStartFn: this.expect });
    this.#after = found.next;
    return found.entries;
  }

  /** Resolves with what was measured of its voice, in seconds. */
  metrics() {
    return this.#ask("GET", "/metrics");
  }

  #ask(method, what, body) {
    return this.#pbx.ask(method, `/calls/${this.sessionId}${what}`, body);
  }
}
