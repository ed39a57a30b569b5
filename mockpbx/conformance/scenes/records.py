"""The list of records: its pages, and every filter with values around those of a record that is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from mockpbx.conformance.listing import (
    Row,
    Statement,
    all_rows,
    figure,
    has_ended,
    has_id,
    is_complete,
    rows_of,
    same_page,
)
from mockpbx.conformance.scene import scene
from mockpbx.conformance.stage import Stage, Unplayable, outcome_of
from mockpbx.conformance.transcript import Exchange
from mockpbx.contract.operations import FILTER_FIELDS

#: Rows asked for with a filter: enough for the newest records, ours, on a busy server.
MOST = 50
#: A page that no list has.
BEYOND = 1_000_000
_TRIES = 3  # at pages that all show the list as it was at one moment

#: Pages that are fetched where a server shows few rows on each.
_PAGES = 6

#: Fields that are filtered together.
COMBINED = (
    ("destination", "duration"),
    ("destination", "billableSeconds"),
    ("duration", "billableSeconds"),
    ("destination", "duration", "billableSeconds"),
)

#: Statements that must all be met, and the pages of what was found by them, from the first on.
Found = tuple[tuple[Statement, ...], Sequence[Exchange]]


@scene(
    "records",
    "GET /cdr by pages and with every filter; a call that has ended is hung up again",
    calls=0,
    after=("listening", "cancelled"),
)
async def RECORDS(stage: Stage) -> None:  # noqa: N802
    """Facts: `list`, one that shows `ours`, `pages` by name, all `known` rows, `detail` of one, what was `found`.

    `singly` is what a filter finds on pages of one record, `encoded` are one filter in two spellings.
    """
    facts = stage.take.facts
    number = stage.options.number
    facts["list"] = await _get(stage, "/cdr")
    facts["pages"] = await _pages(stage)
    facts["ours"] = await _walk(stage, ())
    known = all_rows(facts["ours"])
    if not any(row.get("destination") == number for row in known):
        facts["ours"] = await _walk(stage, (_whose(number),))
        known += all_rows(facts["ours"])
    facts["known"] = known
    await _of_one(stage, known)
    row = _sample(known, number)
    facts["found"] = found = []
    for statements in _questions(row):
        found += await _find(stage, statements, row)
    facts["singly"] = await _singly(stage, known, row)
    plain = _whose(row["destination"]).query
    encoded = "filter.destination=" + quote(f"$eq:{row['destination']}", safe="")
    facts["encoded"] = (await _get(stage, f"/cdr?limit=1&{encoded}"), await _get(stage, f"/cdr?limit=1&{plain}"))


async def _get(stage: Stage, path: str) -> Exchange:
    exchange = await stage.ask("GET", path)
    if exchange.failure is not None:
        raise Unplayable(f"GET {path} {outcome_of(exchange)}")
    return exchange


def _whose(destination: str) -> Statement:
    return Statement("destination", "$eq", destination)


async def _pages(stage: Stage) -> Mapping[str, Exchange]:
    """Return pages of one list, by name; `again` is `two` once more, so that equal ones tell that nothing moved."""
    pages: dict[str, Exchange] = {}
    for narrowed in ("",) * (_TRIES - 1) + (f"&{_whose(stage.options.number).query}",):
        queries = {
            "two": f"page=1&limit=2{narrowed}",
            "many": f"page=1{narrowed}",
            "one": f"page=1&limit=1{narrowed}",
            "second": f"page=2&limit=1{narrowed}",
            "next two": f"page=2&limit=2{narrowed}",
            "beyond": f"page={BEYOND}&limit=2{narrowed}",
            "again": f"page=1&limit=2{narrowed}",
        }
        pages = {name: await _get(stage, f"/cdr?{query}") for name, query in queries.items()}
        if same_page(pages["two"], pages["again"]):
            break
    return pages


async def _of_one(stage: Stage, known: Sequence[Row]) -> None:
    """Ask for the detail of a record, and hang up a call of ours that is over."""
    named = [row for row in known if has_id(row)]
    ours = [row for row in named if row.get("destination") == stage.options.number and has_ended(row)]
    for row in named[:1]:
        stage.take.facts["detail"] = await _get(stage, f"/cdr/{quote(row['sessionId'], safe='')}")
    stage.take.facts["ended-session-hangup"] = tuple(
        [await stage.ask("POST", "/pbx/hangup", {"sessionId": row["sessionId"]}) for row in ours[:1]]
    )


def _sample(known: Sequence[Row], number: str) -> Row:
    """Return a record whose figures tell the operators apart: one of ours that was answered, if there is any."""

    def worth(row: Row) -> tuple[bool, ...]:
        figures = (figure(row.get(name)) or 0 for name in ("billableSeconds", "duration"))
        return (*(value > 0 for value in figures), row["destination"] == number)

    usable = [row for row in known if isinstance(row.get("destination"), str) and row["destination"]]
    if not usable:
        raise Unplayable("GET /cdr shows no record that could be filtered by")
    return max(usable, key=worth)


def _questions(row: Row) -> Iterator[tuple[Statement, ...]]:
    """Iterate over each operator of each field with values that a row meets and does not, then over combinations."""
    for field in FILTER_FIELDS:
        for operator in sorted(field.operators):
            for value in _values(row, field.name, operator):
                yield (Statement(field.name, operator, value),)
    yield from _combinations(row)
    duration = figure(row.get("duration"))
    if duration is not None:
        below, above = max(duration - 1, 0), duration + 1
        for least, most in ((below, above), (above, above + 1), (0, below)):
            yield Statement("duration", "$gte", least), Statement("duration", "$lte", most)


def _combinations(row: Row) -> Iterator[tuple[Statement, ...]]:
    """Iterate over filters of two and of three fields: all met by a row, then all but one, each in its turn."""
    met = {"destination": _whose(row["destination"])}
    missed = {"destination": _whose(f"{row['destination']}0")}
    for name in ("duration", "billableSeconds"):
        value = figure(row.get(name))
        if value is not None:
            met[name], missed[name] = (Statement(name, "$eq", asked) for asked in (value, value + 1))
    for fields in COMBINED:
        if met.keys() >= set(fields):
            for wrong in (None, *fields):
                yield tuple((missed if name == wrong else met)[name] for name in fields)


def _values(row: Row, field: str, operator: str) -> Sequence[str | int]:
    if field != "destination":
        value = figure(row.get(field))
        return [] if value is None else range(max(value - 1, 0), value + 2)
    number = row["destination"]
    if operator == "$eq":
        return [number, number[:-1] or "0", f"{number}0"]
    return [number[:4], number[2:-2] or number, number[-4:], f"{number}0"]


async def _find(stage: Stage, statements: tuple[Statement, ...], row: Row) -> list[Found]:
    """Return what is found, and where that is not seen to its end, what is found of this row's number."""
    found: list[Found] = [(statements, await _walk(stage, statements))]
    if not is_complete(found[0][1], MOST) and all(statement.field != "destination" for statement in statements):
        narrowed = (*statements, _whose(row["destination"]))
        found.append((narrowed, await _walk(stage, narrowed)))
    return found


async def _singly(stage: Stage, known: Sequence[Row], row: Row) -> Found:
    """Return pages 1 and 2, of one record each, of a filter that the second record of the whole list does not meet."""
    second = figure((known[1] if len(known) > 1 else row).get("duration"))
    other = next((each for each in known if figure(each.get("duration")) not in (None, second)), row)
    statement = Statement("duration", "$eq", figure(other.get("duration")) or 0)
    pages = [await _get(stage, f"/cdr?limit=1&page={page}&{statement.query}") for page in (1, 2)]
    return (statement,), pages


async def _walk(stage: Stage, statements: tuple[Statement, ...]) -> Sequence[Exchange]:
    """Return the pages of what meets these statements: the first, and more where a page is small."""
    query = "".join(f"&{statement.query}" for statement in statements)
    pages = [await _get(stage, f"/cdr?limit={MOST}{query}")]
    while rows_of(pages[-1]) and len(all_rows(pages)) < MOST and len(pages) < _PAGES and not is_complete(pages, MOST):
        pages.append(await _get(stage, f"/cdr?limit={MOST}&page={len(pages) + 1}{query}"))
    return pages
