/** What was measured of one call, and what is to be said against its client. */
import { fill, h, say } from "../dom.js";
import { standing } from "../past/judged.js";
import { visible } from "../visible.js";

const DOUBT = "The emulator itself was late: the machine, not the client, may be the cause of long latencies.";
const AGAIN = 3_000; // ms between two questions while the call is live

const joined = (figure, unit) => `${figure}\u00a0${unit}`; // a line never ends between the two
const seconds = (value) => (value === null || value === undefined ? null : joined(value.toFixed(2), "s"));
const ms = (value) => (value === null || value === undefined ? null : joined(value.toFixed(value < 10 ? 1 : 0), "ms"));
const times = (value) => value && joined(value.toFixed(2), "×");
const spread = (value) =>
  value && `${seconds(value.median)} (${joined("p95", seconds(value.p95))}, ${joined(value.count, "×")})`;

/** Each figure: its name, what it is in a sentence, and how it is shown; null where there was nothing to measure. */
const FIGURES = [
  ["first audio", "from Connected to the first sound of the client", (m) => seconds(m.timeToFirstAudio)],
  ["turn latency", "from the callee's silence to the client's voice", (m) => spread(m.turnLatency)],
  ["barge-in stop", "from the callee's voice to the client's silence", (m) => spread(m.bargeInStop)],
  ["reaction", "from the callee's voice to the interruption", (m) => spread(m.bargeInReaction)],
  ["jitter", "of the client's messages, as in RFC 3550", (m) => ms(m.uplink?.jitter)],
  ["packet", "the median length of a message", (m) => ms(m.uplink?.packet)],
  ["pace", "sound per time while it was sent; 1 is real time", (m) => times(m.uplink?.pace)],
  ["longest gap", "by which a message came too late", (m) => ms(m.uplink?.longestGap)],
  ["most queued", "the longest queue", (m) => seconds(m.uplink?.mostQueued)],
  ["underruns", "gaps in the middle of sound", (m) => (m.uplink ? String(m.underruns) : null)],
  ["heard", "of the client's sound", (m) => seconds(m.heard || null)],
  ["cut", "by interruptions and at the end", (m) => seconds(m.cutByInterruption + m.cutAtHangup || null)],
  ["talk-over", "both speak", (m) => seconds(m.talkOver || null)],
  ["dead air", "nobody speaks", (m) => seconds(m.deadAir || null)],
];

/** How late the emulator's own frames left; where time is not `real`, nobody measures that. */
function ownLateness({ pacing }, real) {
  if (!pacing) return real ? "not measured" : "not measured: virtual time";
  const slipped = pacing.slipped ? `, ${ms(pacing.slipped)} given up` : "";
  const [p50, p99, max] = ["p50", "p99", "max"].map((name) => joined(name, ms(pacing[name])));
  return `${p99} (${p50}, ${max}${slipped})`;
}

/** The figures and findings of a call, asked for again now and then while it is live, and once at its end. */
export class Figures {
  constructor(app, sessionId) {
    this.app = app;
    this.path = `/__admin/calls/${encodeURIComponent(sessionId)}`;
    this.over = new AbortController();
    this.measures = h("dl.call-facts.measures");
    this.doubt = h("p.soft", { hidden: true }, DOUBT);
    this.findings = h("ul.call-findings");
    this.none = h("p.soft");
    this.element = h(
      "div.stack", {},
      h("div.stack.tight", {}, h("h3", {}, "Measured"), this.measures, this.doubt),
      h("div.stack.tight", {}, h("h3", {}, "Findings"), this.none, this.findings),
    );
    this.live = true;
    this.stop = app.store.tap((entry) => {
      if (entry.call === sessionId && (entry.kind === "CallMeasured" || entry.kind === "RecordIssued")) this.#ask();
    });
    this.#ask();
  }

  /** The call is over: nothing is to be expected beyond what its last entries tell. */
  ended() {
    this.live = false;
    clearTimeout(this.timer);
    this.#ask();
  }

  /** Lets everything go. */
  close() {
    this.live = false;
    this.over.abort();
    this.stop();
    clearTimeout(this.timer);
  }

  async #ask() {
    this.again = this.asking; // what is on its way may be older than what was asked for now
    if (this.asking) return;
    clearTimeout(this.timer);
    this.asking = true;
    const { signal } = this.over;
    try {
      if (!document.hidden || !this.live) {
        const [metrics, findings] = await Promise.all(
          ["/metrics", "/findings"].map((part) => this.app.api.get(this.path + part, {}, { signal })),
        );
        this.#measured(metrics);
        this.#found(findings.findings);
      }
    } catch {
      // The stream tells that the server is gone, and the panel that the call is.
    }
    this.asking = false;
    if (signal.aborted) return;
    if (this.again) this.#ask();
    else if (this.live) this.timer = setTimeout(() => this.#ask(), AGAIN);
  }

  #measured(metrics) {
    const told = FIGURES.map(([name, what, tell]) => [name, what, tell(metrics)]).filter(([, , value]) => value);
    const own = ownLateness(metrics, this.app.store.clock.rate === 1);
    if (told.length) told.push(["own lateness", "how late the emulator's own frames left: that is not the client's doing", own]);
    this.doubt.hidden = !metrics.pacing?.noisy;
    const key = JSON.stringify(told);
    if (key === this.key) return;
    this.key = key;
    const pair = ([name, what, value]) => h("div", { title: what }, h("dt", {}, name), h("dd.mono", {}, value));
    fill(this.measures, told.map(pair));
    if (!told.length) fill(this.measures, h("div", {}, h("dt", {}, "sound"), h("dd", {}, "nothing yet")));
  }

  #found(all) {
    const findings = standing(all, this.app.store);
    say(this.none, findings.length ? "" : this.live ? "Nothing so far." : "None: the client kept to the contract.");
    this.none.hidden = findings.length > 0;
    const key = JSON.stringify(findings);
    if (key === this.foundKey) return;
    this.foundKey = key;
    fill(this.findings, findings.map(item));
  }
}

function item({ id, level, what, count, remedy, section }) {
  return h(
    "li",
    {},
    h("div.call-finding", {}, h(`span.badge.${level}`, {}, level), h("strong", {}, visible(what))),
    h("p", {}, remedy),
    h("p.soft", {}, `${id}${count > 1 ? ` × ${count}` : ""} · ${section}`),
  );
}
