/** What `GET /cdr` is asked, as a value, as the request's query and as a part of the page's address. */

/** The fields that the contract filters by: what they are called here, their operators, their unit. */
export const FIELDS = {
  destination: { title: "Number", operators: ["$contains", "$eq"], unit: "" },
  duration: { title: "Duration", operators: ["$gte", "$gt", "$lte", "$lt", "$eq"], unit: "s" },
  billableSeconds: { title: "Billable", operators: ["$gte", "$gt", "$lte", "$lt", "$eq"], unit: "s" },
};

/** The contract's operators in words. */
export const OPERATORS = {
  $contains: "contains",
  $eq: "is",
  $gt: "more than",
  $gte: "at least",
  $lt: "less than",
  $lte: "at most",
};

export const SIZES = [10, 25, 50, 100];

/** The order of issue, the only one that the contract's server knows; every other column is sorted in the page. */
export const ISSUE = "id";

const EITHER = "$or:";

/** A query that asks for everything, the newest first. */
const EVERYTHING = Object.freeze({ filters: [], page: 1, limit: 25, sort: ISSUE, down: true, open: null });

/** Reads a query from a part of the address; a part that is no query is the session of a record to be opened. */
export function fromAddress(part) {
  if (!part) return EVERYTHING;
  if (!part.includes("=")) return { ...EVERYTHING, open: part };
  const given = new URLSearchParams(part);
  const [sort, order] = (given.get("sortBy") ?? "").split(":");
  const limit = Number(given.get("limit"));
  return {
    filters: [...given].filter(([name]) => name.startsWith("filter.")).flatMap(filterOf),
    page: Math.max(1, Math.trunc(Number(given.get("page"))) || 1),
    limit: SIZES.includes(limit) ? limit : EVERYTHING.limit,
    sort: sort || EVERYTHING.sort,
    down: order !== "ASC",
    open: given.get("open"),
  };
}

/** Writes a query as a part of the address, "" for the one that asks for everything. */
export function toAddress(query) {
  const pairs = [...filterPairs(query.filters)];
  if (query.page !== 1) pairs.push(["page", query.page]);
  if (query.limit !== EVERYTHING.limit) pairs.push(["limit", query.limit]);
  if (query.sort !== ISSUE || !query.down) pairs.push(["sortBy", orderOf(query)]);
  if (query.open) pairs.push(["open", query.open]);
  // The router decodes each part once; `$` and `:` may stand as they are, so that the address can be read.
  const text = new URLSearchParams(pairs).toString();
  return text.replaceAll("%24", "$").replaceAll("%3A", ":").replaceAll("%", "%25");
}

/** The request for one page of what a query asks; sorted by the server, that is in the order of issue. */
export function pageRequest(query, { page = query.page, limit = query.limit } = {}) {
  const order = query.sort === ISSUE ? orderOf(query) : "id:DESC";
  return {
    method: "GET",
    path: "/cdr",
    query: [["page", page], ["limit", limit], ["sortBy", order], ...filterPairs(query.filters)],
  };
}

/** Whether two queries ask for the same rows in the same order, whatever page of them. */
export function sameRows(a, b) {
  const rows = (query) => JSON.stringify([filterPairs(query.filters), query.sort === ISSUE && query.down]);
  return a !== null && b !== null && rows(a) === rows(b);
}

/** The filters that say something, as pairs of a query string. */
function filterPairs(filters) {
  const said = filters.filter(({ value }) => value.trim() !== "");
  const statement = ({ operator, value, either }) => `${either ? EITHER : ""}${operator}:${value.trim()}`;
  return said.map((filter) => [`filter.${filter.field}`, statement(filter)]);
}

/** The filter of a pair, in a list; none where the contract knows no such filter. */
function filterOf([name, statement]) {
  const field = name.slice("filter.".length);
  const either = statement.startsWith(EITHER);
  const [, operator, value] = /^(\$[a-z]+):([^]*)$/.exec(either ? statement.slice(EITHER.length) : statement) ?? [];
  return FIELDS[field]?.operators.includes(operator) ? [{ field, operator, value, either }] : [];
}

function orderOf({ sort, down }) {
  return `${sort}:${down ? "DESC" : "ASC"}`;
}
