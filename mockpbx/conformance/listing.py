"""GET /cdr as a client sees it: filters as they are written, pages as they come."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from mockpbx.conformance.transcript import Exchange

Row = Mapping[str, Any]

#: What an operator of section "Supported Filter Fields and Operators" asks of a value and its operand.
MEANING: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "$eq": operator.eq,
        "$gt": operator.gt,
        "$gte": operator.ge,
        "$lt": operator.lt,
        "$lte": operator.le,
        "$contains": operator.contains,
    }
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One filter, `filter.duration=$gte:60`; `value` is a number for the fields that are numbers."""

    field: str
    operator: str
    value: str | int

    @property
    def query(self) -> str:
        """As it stands in an address, `$` and `:` as they are."""
        return f"filter.{self.field}={quote(f'{self.operator}:{self.value}', safe='$:')}"

    def met_by(self, row: Row) -> bool | None:
        """Return whether a row meets it; None where the row's field is of no kind that could tell."""
        value = row.get(self.field)
        known = isinstance(value, str) if isinstance(self.value, str) else figure(value) is not None
        return MEANING[self.operator](value, self.value) if known else None


def figure(value: Any) -> int | None:
    """Return a whole number as such, 24.0 too; None where it is none."""
    if isinstance(value, float):
        return int(value) if isfinite(value) and value == int(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: Any) -> datetime | None:
    """Return a time as a record tells it, in UTC where it names no zone; None where it is none."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def rows_of(exchange: Exchange) -> list[dict[str, Any]]:
    """Return the rows of a page that are objects; none where it is no list."""
    rows = exchange.data
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def all_rows(pages: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Return the rows of several pages, in order."""
    return [row for page in pages for row in rows_of(page)]


def has_id(row: Row) -> bool:
    """Return whether a record names its session."""
    return isinstance(row.get("sessionId"), str) and row["sessionId"] != ""


def has_ended(row: Row) -> bool:
    """Return whether a record is that of a call which is over; a server may list others, too."""
    return isinstance(row.get("endTime"), str)


def ids_of(exchange: Exchange) -> list[Any]:
    """Return the sessionIds of a page's rows, in order."""
    return [row.get("sessionId") for row in rows_of(exchange)]


def meta_of(exchange: Exchange) -> dict[str, Any]:
    """Return the page's `meta`; an empty one where it has none."""
    meta = exchange.json.get("meta") if isinstance(exchange.json, dict) else None
    return meta if isinstance(meta, dict) else {}


def total_of(exchange: Exchange) -> int | None:
    """Return `meta.totalItems`; None where it is no whole number."""
    return figure(meta_of(exchange).get("totalItems"))


def is_complete(pages: Sequence[Exchange], limit: int) -> bool:
    """Return whether pages from the first on, asked for with this limit, show all that there is.

    What `totalItems` tells is no proof: a page that is not full, or a page behind others that is empty, is.
    """
    last = pages[-1]
    rows, total = rows_of(last), total_of(last)
    if not rows and len(pages) > 1:
        return True
    is_full = len(rows) >= min(limit, figure(meta_of(last).get("itemsPerPage")) or limit)
    # A page that seems not to be full, where there is to be more, is one of a server that allows no such limit.
    return not is_full and (total is None or total <= len({row["sessionId"] for row in all_rows(pages) if has_id(row)}))


def same_page(one: Exchange, other: Exchange) -> bool:
    """Return whether two pages show the same rows and the same total."""
    return ids_of(one) == ids_of(other) and meta_of(one).get("totalItems") == meta_of(other).get("totalItems")
