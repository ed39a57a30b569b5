/** All pages of a query, one after the other. */
import { pageRequest } from "./query.js";

const LARGEST = 100; // rows a page: the most that the service gives

/**
 * Fetches the rows that match, `most` of them, and tells `progress(fetched, total)` after each page. Returns
 * `{ rows, total }`, the rows each once, in the order of issue from the oldest on where `oldest` is true. Throws what `api.send` does.
 */
export async function allRows(api, query, { signal, progress = () => {}, most = Infinity, oldest = false }) {
  const rows = new Map();
  // Records that are issued meanwhile come behind the oldest first; the newest first they would push rows to the next page.
  const order = oldest ? { ...query, sort: "id", down: false } : query;
  for (let page = 1; ; page++) {
    const { data, meta } = await pageOf(api, pageRequest(order, { page, limit: LARGEST }), signal);
    for (const row of data) rows.set(row.sessionId, row);
    progress(rows.size, meta.totalItems);
    if (page >= meta.totalPages || rows.size >= most)
      return { rows: [...rows.values()].slice(0, most), total: meta.totalItems };
  }
}

/** One page: `{ data, meta }`. */
export async function pageOf(api, request, signal) {
  return (await api.open(request, { signal })).json();
}
