/** Call records: filtered as the contract says, sorted, page by page, and as a file. */
import { copyable } from "../copy.js";
import { fill, h, say } from "../dom.js";
import { openExport } from "../past/export.js";
import { filterForm } from "../past/filters.js";
import { counted, momentOf, timeOf } from "../past/moments.js";
import { openPager } from "../past/pager.js";
import { allRows, answerTo } from "../past/pages.js";
import { fromAddress, ISSUE, pageRequest, sameRows, toAddress } from "../past/query.js";
import { openRecord, TONES } from "../past/record.js";

/** Rows that are fetched to be sorted by a column that the service does not sort by. */
const MOST_SORTED = 5_000;
const PATIENCE = 400; // ms: records of calls that end together come together

/** Facts after which there may be others. */
const NEWS = new Set(["RecordIssued", "SnapshotTaken"]);

/** Columns: member of a record, title, how it is shown; `ISSUE` is sorted by the service. */
const COLUMNS = [
  ["startTime", "Began", (row) => momentOf(row.startTime)],
  ["destination", "Number", (row) => h("span.mono", {}, row.destination)],
  ["disposition", "Disposition", (row) => h(`span.badge.${TONES[row.disposition] ?? "note"}`, {}, row.disposition)],
  ["duration", "Duration", (row) => `${row.duration.toLocaleString("en")} s`, "figure"],
  ["billableSeconds", "Billable", (row) => `${row.billableSeconds.toLocaleString("en")} s`, "figure"],
  ["hangupBy", "Ended by", (row) => row.hangupBy ?? "–"],
  ["hangupCauseCode", "Cause", (row) => `${row.hangupCauseCode} · ${row.hangupCauseText}`],
  [ISSUE, "Issued", (row) => timeOf(row.createdAt)],
];

/** Opens the view. */
export function open(app, path) {
  const view = new Records(app);
  view.update(path);
  return view;
}

class Records {
  constructor(app) {
    this.app = app;
    this.query = null;
    this.held = null; // all rows of a query, for an order of the page's own: { query, rows, total }
    this.detail = null;
    this.form = filterForm((filters) => this.#go({ filters, page: 1 }));
    this.#make();
    this.stop = app.store.tap(({ kind }) => NEWS.has(kind) && this.#fresh());
  }

  #make() {
    this.total = h("p.soft", { role: "status" });
    this.problem = h("p.problem", { role: "alert" });
    this.table = h("tbody");
    this.heads = COLUMNS.map(([member, title, , kind]) => this.#head(member, title, kind));
    this.pager = openPager((change) => this.#go(change));
    this.export = openExport(this.app, () => this.query);
    this.place = h("div.past-place");
    const grid = h(
      "div.card.scroll.past-table", { tabindex: "0", role: "region", "aria-label": "Records" },
      h("table", {}, h("thead", {}, h("tr", {}, this.heads.map(({ element }) => element))), this.table),
    );
    this.element = h(
      "div.stack.past", {},
      h(
        "div.head", {},
        h("h1", {}, "Records"),
        h("div.row", {}, this.export.elements, copyable(this.app, () => pageRequest(this.query))),
      ),
      this.form.element, this.problem,
      h("div.past-split", {}, h("div.stack", {}, h("div.head", {}, this.total, this.pager.element), grid), this.place),
    );
  }

  #head(member, title, kind) {
    const button = h("button.plain.sort", { type: "button", onclick: () => this.#sortBy(member) }, title);
    return { member, element: h("th", { scope: "col", class: kind ?? "" }, button) };
  }

  // --- where it is ---------------------------------------------------------------------------------------------------

  /** Shows what the address says. */
  update(path) {
    const before = this.query;
    this.query = fromAddress(path[0]);
    if (JSON.stringify(before?.filters) !== JSON.stringify(this.query.filters) && !this.typed)
      this.form.show(this.query.filters);
    this.typed = false;
    for (const { member, element } of this.heads) {
      if (member === this.query.sort) element.setAttribute("aria-sort", this.query.down ? "descending" : "ascending");
      else element.removeAttribute("aria-sort");
    }
    if (before === null || before.open !== this.query.open) this.#showDetail(before);
    if (before === null || toAddress({ ...before, open: null }) !== toAddress({ ...this.query, open: null }))
      this.#load();
    else this.#mark();
  }

  #go(change) {
    const address = toAddress({ ...this.query, ...change });
    if (address === toAddress(this.query)) return;
    this.typed = "filters" in change;
    this.app.go(address ? `records/${address}` : "records");
  }

  #sortBy(member) {
    this.#go({ sort: member, down: this.query.sort === member ? !this.query.down : true, page: 1 });
  }

  // --- rows ----------------------------------------------------------------------------------------------------------

  async #load() {
    this.loading?.abort();
    const { signal } = (this.loading = new AbortController());
    this.element.setAttribute("aria-busy", "true");
    try {
      const { rows, total, note } = await this.#rows(signal);
      say(this.problem, "");
      this.#show(rows, total, note);
    } catch (error) {
      if (signal.aborted) return;
      say(this.problem, error.message);
      this.#show([], 0, "");
    }
    this.element.setAttribute("aria-busy", "false");
  }

  #rows(signal) {
    return this.query.sort === ISSUE ? this.#fromService(signal) : this.#fromHere(signal);
  }

  async #fromService(signal) {
    this.held = null;
    const { data, meta } = await answerTo(this.app.api, pageRequest(this.query), signal);
    return { rows: data, total: meta.totalItems, note: "" };
  }

  /** The service sorts by issue alone: for another order the page fetches what matches, and sorts it itself. */
  async #fromHere(signal) {
    if (!sameRows(this.held?.query ?? null, this.query)) {
      const progress = (fetched, total) =>
        say(this.total, `sorting · ${fetched.toLocaleString("en")} of ${counted(total, "record")}`);
      this.held = {
        query: this.query,
        ...(await allRows(this.app.api, this.query, { signal, progress, most: MOST_SORTED })),
      };
    }
    const { rows, total } = this.held;
    const { page, limit, sort, down } = this.query;
    const sorted = rows.toSorted((a, b) => (down ? -1 : 1) * compared(a[sort], b[sort]));
    const note =
      rows.length < total ? ` · only the newest ${rows.length.toLocaleString("en")} are sorted: filter for fewer` : "";
    return { rows: sorted.slice((page - 1) * limit, page * limit), total: rows.length, note, all: total };
  }

  #show(rows, total, note) {
    say(this.total, `${counted(total, "record")}${note}`);
    this.pager.show(this.query, total);
    const focused = this.table.contains(document.activeElement) && document.activeElement.closest("tr").dataset.session;
    fill(this.table, rows.map((row) => this.#row(row)));
    if (!rows.length) fill(this.table, h("tr", {}, h("td.empty", { colspan: COLUMNS.length }, this.#emptiness(total))));
    if (focused) this.#focus(focused);
    this.export.offer(total > 0);
    this.#mark();
  }

  #emptiness(total) {
    if (this.problem.textContent) return "Nothing to show.";
    if (total) return "This page is empty: there are fewer records.";
    return this.query.filters.length
      ? "No record matches these filters."
      : "No call has ended yet. Its record comes here by itself.";
  }

  #row(row) {
    const look = () => this.#go({ open: row.sessionId });
    const opens = (shown) => h(
      "button.plain.open", { type: "button", "aria-label": `Open the record of ${row.destination}, ${shown}` },
      shown,
    );
    const cells = COLUMNS.map(([, , shown, kind], index) =>
      h("td", { class: kind ?? "" }, index ? shown(row) : opens(shown(row))));
    return h("tr", { dataset: { session: row.sessionId }, onclick: look }, cells);
  }

  #mark() {
    for (const row of this.table.rows) {
      row.classList.toggle("chosen", row.dataset.session === this.query.open);
    }
  }

  /** Records have been issued: the first page, newest first, shows them by itself. */
  #fresh() {
    const { page, sort, down } = this.query;
    if (page !== 1 || sort !== ISSUE || !down) return;
    this.due ??= setTimeout(() => ((this.due = undefined), this.#load()), PATIENCE);
  }

  // --- one record ----------------------------------------------------------------------------------------------------

  #showDetail(before) {
    this.detail?.close();
    this.detail = this.query.open ? openRecord(this.app, this.query.open, () => this.#go({ open: null })) : null;
    fill(this.place, this.detail?.element);
    this.element.classList.toggle("opened", this.detail !== null);
    if (this.detail && before) this.detail.focus();
    else if (before?.open) this.#focus(before.open);
  }

  /** Puts the keyboard at the row of a session, where it is shown. */
  #focus(sessionId) {
    [...this.table.rows]
      .find((row) => row.dataset.session === sessionId)
      ?.querySelector("button")
      .focus();
  }

  /** Lets go of everything. */
  close() {
    this.stop();
    this.export.close();
    this.loading?.abort();
    clearTimeout(this.due);
    this.form.close();
    this.detail?.close();
  }
}

function compared(a, b) {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : 1;
}
