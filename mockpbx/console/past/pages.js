/** Records from the service: one, one page of them, or all pages of a query one after the other. */
import { pageRequest } from "./query.js";

const LARGEST = 100; // rows a page: the most that the service gives
/** What the page reads by itself is no message of the client: the server is told to leave it out of those. */
const OWN = { "X-Mockpbx-Console": "1" };

/**
 * Fetches the rows that match, `most` of them, and tells `progress(fetched, total)` after each page. Returns
 * `{ rows, total }`, the rows each once, in the order of issue from the oldest on where `oldest` is true. Throws what
 * `api.open` does.
 */
export async function allRows(api, query, { signal, progress = () => {}, most = Infinity, oldest = false }) {
  const rows = new Map();
  // Records that are issued meanwhile come last where the oldest is first; else they would push rows to the next page.
  const order = oldest ? { ...query, sort: "id", down: false } : query;
  for (let page = 1; ; page++) {
    const { data, meta } = await answerTo(api, pageRequest(order, { page, limit: LARGEST }), signal);
    for (const row of data) rows.set(row.sessionId, row);
    progress(rows.size, meta.totalItems);
    if (page >= meta.totalPages || rows.size >= most)
      return { rows: [...rows.values()].slice(0, most), total: meta.totalItems };
  }
}

/** The reply to a request for a page, `{ data, meta }`, or for one record, `{ data }`. Throws what `api.open` does. */
export async function answerTo(api, request, signal) {
  return (await api.open(request, { signal, headers: OWN })).json();
}
