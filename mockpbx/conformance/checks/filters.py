"""Filters of GET /cdr: each operator of each field, alone and together.

A record that a filter shows must meet it, which any page tells; and a record that is known and meets it must be shown,
which only a page that shows everything tells. A filter that neither showed a known record nor kept one out was not
put to the test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mockpbx.conformance.check import Check, Level, Unclear, Verdict, Violated, check
from mockpbx.conformance.checks.replies import OK, asked, require_code
from mockpbx.conformance.checks.shapes import shown
from mockpbx.conformance.listing import (
    Row,
    Statement,
    all_rows,
    figure,
    has_ended,
    has_id,
    is_complete,
    moment,
    rows_of,
    total_of,
)
from mockpbx.conformance.run import Run
from mockpbx.conformance.scenes.records import COMBINED, MOST, Found
from mockpbx.conformance.transcript import Exchange
from mockpbx.contract.operations import FILTER_FIELDS

_SECTION = "Supported Filter Fields and Operators"
_META = "3. Retrieve Call Detail Records, Response Example"
_MEANING = {
    "$eq": "is the value",
    "$contains": "contains the value",
    "$gt": "is greater than the value",
    "$gte": "is the value or greater",
    "$lt": "is less than the value",
    "$lte": "is the value or less",
}


def _of_operator(field: str, operator: str) -> Check:
    @check(
        f"filter-{_kebab(field)}-{operator[1:]}",
        f"{_SECTION}, {field}",
        f"filter.{field}={operator}:value finds the records whose {field} {_MEANING[operator]}, and no others",
        "records",
    )
    def judge(run: Run) -> str:
        def alone(statements: tuple[Statement, ...]) -> bool:
            return (statements[0].field, statements[0].operator) == (field, operator) and (
                len(statements) == 1 or (field != "destination" and statements[1].field == "destination")
            )

        return _judge(run, alone)

    return judge


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)


@check(
    "filters-combine",
    _SECTION,
    "filters of different fields find the records that meet all of them",
    "records",
)
def filters_combine(run: Run) -> str:
    """Judge each two of the fields, and all three."""

    def together(statements: tuple[Statement, ...]) -> bool:
        fields = tuple(statement.field for statement in statements)
        # Where such a list is not seen to its end, it is asked for the destination, too.
        return fields in COMBINED or fields == (*COMBINED[2], "destination")

    return _judge(run, together)


@check(
    "filter-range-on-one-field",
    _SECTION,
    "a field that is filtered twice, $gte and $lte, finds the records within the range",
    "records",
    level=Level.SHOULD,
)
def filter_range(run: Run) -> str:
    """Judge two statements on duration."""
    return _judge(run, lambda statements: [s.field for s in statements][:2] == ["duration", "duration"])


@check("filter-on-every-page", _SECTION, "a filter holds on page 2 as on page 1", "records")
def filter_on_every_page(run: Run) -> None:
    """Judge pages of one record, by a filter that the second record of the whole list does not meet."""
    take = run.take("records")
    statements, pages = take.fact("singly")
    known: list[Row] = take.fact("known")
    require_code(pages, OK)
    _require_met(run, statements, pages)
    second = known[1] if len(known) > 1 else {}
    if not rows_of(pages[0]) or not any(statement.met_by(second) is False for statement in statements):
        raise Unclear("the records that there are do not put it to the test", *pages)


@check("total-of-filtered-list", _META, "meta.totalItems of a filtered list counts what the filter finds", "records")
def total_of_filtered(run: Run) -> str:
    """Judge lists that were seen to their end, in which the filter kept a record out."""
    take = run.take("records")
    known: list[Row] = take.fact("known")
    told = 0
    for statements, pages in take.fact("found"):
        rows = all_rows(pages)
        count = len({row.get("sessionId") for row in rows if has_id(row)})
        totals = {total_of(page) for page in pages}
        # Where the total moves, or a record lacks its id, the list cannot be counted.
        if not rows or not is_complete(pages, MOST) or len(totals) > 1 or None in totals or not all(map(has_id, rows)):
            continue
        if totals != {count}:
            raise Violated(f"{pages[0].path} tells totalItems {totals.pop()}, and finds {count}", *pages)
        told += any(statement.met_by(row) is False for row in known for statement in statements)
    if not told:
        raise Unclear("no list that a filter makes shorter was seen to its end")
    return f"{told} lists"


@check(
    "filter-percent-encoded",
    _SECTION,
    "a filter finds the same with $ and : written as %24 and %3A",
    "records",
)
def filter_percent_encoded(run: Run) -> None:
    """Judge one filter written both ways."""
    encoded, plain = run.take("records").fact("encoded")
    require_code((encoded, plain), OK)
    if not rows_of(plain):
        raise Unclear(f"{asked(plain)} and showed no record", plain)
    if not rows_of(encoded) or rows_of(encoded)[0].get("destination") != rows_of(plain)[0].get("destination"):
        raise Violated(f"{encoded.path} does not show what {plain.path} shows", encoded, plain)


CHECKS: tuple[Check, ...] = (
    *(
        _of_operator(field.name, operator)
        for field in FILTER_FIELDS
        for operator in _MEANING
        if operator in field.operators
    ),
    filters_combine,
    filter_range,
    filter_on_every_page,
    filter_percent_encoded,
    total_of_filtered,
)


def _judge(run: Run, about: Callable[[tuple[Statement, ...]], bool]) -> str:
    """Judge what was found by the statements in question."""
    take = run.take("records")
    known: list[Row] = [row for row in take.fact("known") if has_ended(row)]
    found: list[Found] = [(s, pages) for s, pages in take.fact("found") if about(s)]
    if not found:
        raise Unclear(f"no filter could be put to the test: {take.trouble or 'no record has figures to filter by'}")
    shown_some = kept_some = False
    for statements, pages in found:
        require_code(pages, OK)
        _require_met(run, statements, pages)
        present = [row.get("sessionId") for row in all_rows(pages)]
        met = [row for row in known if all(statement.met_by(row) for statement in statements)]
        missing = [row for row in met if row.get("sessionId") not in present]
        if missing and is_complete(pages, MOST):
            raise _blame(run, "does not show", statements, missing[0], pages[0])
        shown_some |= len(missing) < len(met)
        kept_some |= any(statement.met_by(row) is False for row in known for statement in statements)
    if not (shown_some and kept_some):
        raise Unclear("the records that there are do not put it to the test", *(pages[0] for _, pages in found))
    return f"{len(found)} queries"


def _require_met(run: Run, statements: tuple[Statement, ...], pages: Sequence[Exchange]) -> None:
    for page in pages:
        for row in rows_of(page):
            if any(statement.met_by(row) is False for statement in statements):
                raise _blame(run, "shows", statements, row, page)


def _blame(run: Run, what: str, statements: tuple[Statement, ...], row: Row, exchange: Exchange) -> Verdict:
    """Return the verdict on a record at the wrong place: that of the filter, unless the record itself is wrong."""
    fields = dict.fromkeys(statement.field for statement in statements)
    figures = " and ".join(f"{field} {shown(row.get(field))}" for field in fields)
    wrong = next((field for field in fields if not _is_true(run, row, field)), None)
    if wrong is None:
        return Violated(f"{exchange.path} {what} a record with {figures}", exchange)
    return Unclear(f"a record tells a {wrong} that is not its own: {shown(row.get(wrong))}", exchange)


def _is_true(run: Run, row: Row, field: str) -> bool:
    """Return whether what a record tells of itself may be so, by its other fields and by what was dialled."""
    if field == "destination":
        dialled = next((call.number for call in run.calls() if call.session_id == row.get("sessionId")), None)
        return dialled in (None, row.get("destination"))
    begun, ended = moment(row.get("startTime" if field == "duration" else "answerTime")), moment(row.get("endTime"))
    if ended is None:
        return False
    length = 0 if begun is None else int((ended - begun).total_seconds())
    told = figure(row.get(field))
    return told is not None and abs(told - length) <= 1  # times and figures are cut or rounded to whole seconds
