"""GET /cdr by pages: what `meta` tells, which rows a page shows, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import combinations, pairwise
from typing import Any

from mockpbx.conformance.check import Check, Level, Unclear, Violated, check
from mockpbx.conformance.checks import filters
from mockpbx.conformance.checks.replies import OK, asked, require_code
from mockpbx.conformance.checks.shapes import INTEGER, Kind, require, shown
from mockpbx.conformance.listing import (
    Row,
    all_rows,
    figure,
    has_id,
    ids_of,
    meta_of,
    moment,
    rows_of,
    same_page,
    total_of,
)
from mockpbx.conformance.run import Call, Run
from mockpbx.conformance.transcript import Exchange

_META = "3. Retrieve Call Detail Records, Response Example"
_QUERY = "Query Parameters"
#: The pages that are asked for with a limit: their names, and what was asked.
_LIMITED = {"one": 1, "second": 1, "two": 2, "next two": 2}
_NUMBER = {"one": 1, "second": 2, "two": 1, "next two": 2, "many": 1}
#: Records of one moment may be told in either order; times are shown in whole seconds.
_AT_ONCE = timedelta(seconds=1)
#: Seconds between two `cdr` events behind which the records are younger, too.
_APART = 0.3


def _is_sorting(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(word, str) for word in pair) for pair in value
    )


_SHAPE = {
    "itemsPerPage": INTEGER,
    "totalItems": INTEGER,
    "currentPage": INTEGER,
    "totalPages": INTEGER,
    "sortBy": Kind("a list of pairs of a field and a direction", _is_sorting),
}


@check(
    "meta-shape",
    _META,
    "meta has itemsPerPage, totalItems, currentPage and totalPages as whole numbers, and sortBy, a list of pairs",
    "records",
)
def meta_shape(run: Run) -> None:
    """Judge the list without parameters and every page."""
    take = run.take("records")
    exchanges = [take.fact("list"), *take.facts.get("pages", {}).values()]
    pages = [exchange for exchange in exchanges if exchange.status == OK and "meta" in _body(exchange)]
    if not pages:
        raise Unclear("no list with meta came", exchanges[0])
    for exchange in pages:
        require(f"meta of {exchange.path}", exchange.json["meta"], _SHAPE, exchange)


@check("current-page", _QUERY, "meta.currentPage is the page that was asked for, counted from 1", "records")
def current_page(run: Run) -> None:
    """Judge pages 1 and 2."""
    for name, exchange in _pages(run).items():
        told = figure(meta_of(exchange).get("currentPage"))
        if name in _NUMBER and told is not None and told != _NUMBER[name] and rows_of(exchange):
            raise Violated(f"{exchange.path} tells currentPage {told}", exchange)


@check(
    "items-per-page",
    _QUERY,
    "meta.itemsPerPage is the limit that was used, which is not above the one that was asked for",
    "records",
    level=Level.SHOULD,
)
def items_per_page(run: Run) -> None:
    """Judge limits of 1 and 2. The document's own sample asks for 10 and is told 100."""
    pages = _pages(run)
    for name, limit in _LIMITED.items():
        told = figure(meta_of(pages[name]).get("itemsPerPage"))
        if told is not None and told > limit:
            raise Violated(f"{pages[name].path} tells itemsPerPage {told}", pages[name])


@check("limit-respected", _QUERY, "a page has no more records than limit asks for", "records")
def limit_respected(run: Run) -> None:
    """Judge limits of 1 and 2."""
    pages = _pages(run)
    for name, limit in _LIMITED.items():
        rows = len(rows_of(pages[name]))
        if rows > limit:
            raise Violated(f"{pages[name].path} shows {rows} records", pages[name])
    if max(len(rows_of(pages["many"])), total_of(pages["many"]) or 0) < 2:
        raise Unclear("there are too few records to tell", pages["many"])


@check(
    "pages-partition",
    _QUERY,
    "page 1 begins the list and page 2 goes on where it ends: pages of one record are the records of a page of two",
    "records",
)
def pages_partition(run: Run) -> str:
    """Judge pages of one and of two records, and the list without a limit."""
    pages = _still_pages(run)
    _require_limits(pages)
    rows = {name: ids_of(exchange) for name, exchange in pages.items()}
    for name in ("many", "one", "two"):
        if not rows[name] and (total_of(pages[name]) or 0) > 0:
            got = f"{pages[name].path} shows no record, though totalItems is {total_of(pages[name])}"
            raise Violated(got, pages[name])
    if len(rows["many"]) < 2:
        raise Unclear("there are too few records to tell", pages["many"])
    _require_same(pages, "one", "second", "two")
    _require_same(pages, "two", "next two", "many")
    return f"{min(len(rows['many']), 4)} records"


@check("newest-first", _META, "the newest record comes first, as sortBy id DESC tells", "records", "speaking")
def newest_first(run: Run) -> str:
    """Judge by createdAt, and by our own calls: placed one behind the other, with records in the same order.

    What a filter finds is in that order, too.
    """
    take = run.take("records")
    pages = take.fact("ours")
    filtered = [found for _, found in take.facts.get("found", ())]
    if not sum([_in_order(run, each) for each in (pages, *filtered)]):
        raise Unclear("no two records were created at moments that differ", *pages)
    return f"{len(all_rows(pages))} records"


@check("total-of-all-pages", _META, "meta.totalItems counts the records of all pages", "records")
def total_of_all_pages(run: Run) -> None:
    """Judge that pages of any limit tell the same total, and no less than there are rows."""
    pages = _still_pages(run)
    seen = len(set(map(repr, ids_of(pages["two"]) + ids_of(pages["next two"]) + ids_of(pages["many"]))))
    if seen < 2:
        raise Unclear("there are too few records to tell", pages["many"])
    totals = _totals(pages)
    for name, total in totals.items():
        if total < seen:
            raise Violated(f"{pages[name].path} tells totalItems {total}, and there are at least {seen}", pages[name])
    if len(set(totals.values())) > 1:
        low, high = min(totals, key=totals.__getitem__), max(totals, key=totals.__getitem__)
        got = f"{pages[low].path} tells totalItems {totals[low]}, {pages[high].path} tells {totals[high]}"
        raise Violated(got, pages[low], pages[high])


@check("total-pages", _META, "meta.totalPages is totalItems over the limit, rounded up", "records")
def total_pages(run: Run) -> None:
    """Judge limits of 1 and 2, by the total of the page or of the list without a limit."""
    pages = _still_pages(run)
    totals = _totals(pages)
    for name, limit in _LIMITED.items():
        told = figure(meta_of(pages[name]).get("totalPages"))
        per_page = {limit, figure(meta_of(pages[name]).get("itemsPerPage")) or limit}
        right = {-(-total // size) for total in (totals[name], totals["many"]) for size in per_page if size > 0}
        if told is not None and told not in right | ({1} if 0 in right else set()):
            got = f"{pages[name].path} tells totalPages {told} for totalItems {totals[name]}"
            raise Violated(got, pages[name])


@check(
    "page-beyond-last-is-empty",
    _QUERY,
    "a page beyond the last is answered by 200 and no records",
    "records",
    level=Level.SHOULD,
)
def page_beyond_last(run: Run) -> None:
    """Judge a page that no list has."""
    exchange = _pages(run)["beyond"]
    require_code((exchange,), OK)
    if exchange.data:
        raise Violated(f"{exchange.path} shows {shown(exchange.data)}", exchange)


CHECKS: tuple[Check, ...] = (
    meta_shape,
    current_page,
    items_per_page,
    limit_respected,
    pages_partition,
    newest_first,
    total_of_all_pages,
    total_pages,
    page_beyond_last,
    *filters.CHECKS,
)


def _body(exchange: Exchange) -> Mapping[str, Any]:
    return exchange.json if isinstance(exchange.json, dict) else {}


def _pages(run: Run) -> Mapping[str, Exchange]:
    """Return the pages by name. Raises Violated where one is refused, Unclear where one is no list."""
    pages: Mapping[str, Exchange] = run.take("records").fact("pages")
    require_code((exchange for name, exchange in pages.items() if name != "beyond"), OK)
    for exchange in pages.values():
        if not isinstance(exchange.data, list):
            raise Unclear(f"{asked(exchange)} and is no list", exchange)
    return pages


def _still_pages(run: Run) -> Mapping[str, Exchange]:
    """Return the pages where they show the list as it was at one moment. Raises Unclear where it grew meanwhile."""
    pages = _pages(run)
    if not same_page(pages["two"], pages["again"]):
        raise Unclear("records came in while the pages were fetched", pages["two"], pages["again"])
    return pages


def _require_limits(pages: Mapping[str, Exchange]) -> None:
    for name, limit in _LIMITED.items():
        if len(rows_of(pages[name])) > limit:
            raise Unclear("limit is not respected", pages[name])
        if 0 < (figure(meta_of(pages[name]).get("itemsPerPage")) or limit) < limit:
            raise Unclear(f"the server allows no limit of {limit}", pages[name])


def _require_same(pages: Mapping[str, Exchange], first: str, second: str, whole: str) -> None:
    """Raise Violated unless the second page goes on behind the first as the whole one does."""
    parts, rows = ids_of(pages[first]) + ids_of(pages[second]), ids_of(pages[whole])
    due = min(len(rows), 2 * _LIMITED[first])
    is_all = total_of(pages[whole]) == len(rows)
    if parts[:due] != rows[:due] or (is_all and len(parts) > len(rows)):
        three = [pages[name] for name in (first, second, whole)]
        raise Violated(f"{three[0].path} and {three[1].path} together are not how {three[2].path} begins", *three)


def _totals(pages: Mapping[str, Exchange]) -> Mapping[str, int]:
    """Return totalItems of each page by name. Raises Unclear where one is no number: that has its own check."""
    totals: dict[str, int] = {}
    for name in ("many", *_LIMITED):
        total = total_of(pages[name])
        if total is None:
            raise Unclear("meta.totalItems is no whole number", pages[name])
        totals[name] = total
    return totals


def _in_order(run: Run, pages: Sequence[Exchange]) -> int:
    """Return how many pairs of records stand as they should. Raises Violated where two do not."""
    rows = all_rows(pages)
    right = 0
    for above, below in pairwise(found for row in rows if (found := moment(row.get("createdAt"))) is not None):
        if below - above > _AT_ONCE:
            got = f"a record that was created {(below - above).total_seconds():g} s later comes behind the earlier one"
            raise Violated(got, *pages)
        right += above - below > _AT_ONCE
    places = {row.get("sessionId"): place for place, row in reversed([*enumerate(rows)]) if has_id(row)}
    for earlier, later in combinations(_recorded(run), 2):
        if earlier.session_id in places and later.session_id in places and _is_later(later, earlier, rows):
            if places[earlier.session_id] < places[later.session_id]:
                raise Violated("the record of an earlier call comes before that of a later one", *pages)
            right += 1
    return right


def _recorded(run: Run) -> list[Call]:
    """Return the calls whose record was told, in the order in which they were placed."""
    return sorted((call for call in run.calls() if call.first("cdr")), key=lambda call: call.placed.sent_at)


def _is_later(call: Call, other: Call, rows: Sequence[Row]) -> bool:
    """Return whether a call's record is younger, by its event, and createdAt does not say otherwise."""
    told, before = call.first("cdr"), other.first("cdr")
    created = {row["sessionId"]: moment(row.get("createdAt")) for row in rows if has_id(row)}
    mine, others = created.get(call.session_id), created.get(other.session_id)
    if told is None or before is None or (mine is not None and others is not None and mine < others):
        return False
    return told.at - before.at > _APART
