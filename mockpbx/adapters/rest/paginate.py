"""The query dialect of nestjs-paginate, as `GET /cdr` speaks it, measured against version 12.5."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl, quote

from mockpbx.contract.errors import InvalidRequest
from mockpbx.contract.messages import PageMeta
from mockpbx.contract.operations import FILTER_FIELDS, FilterField
from mockpbx.runtime.records import Condition, Field, Operator, RecordQuery

_COMPARATORS = frozenset({"$and", "$or"})
_SUFFIXES = frozenset({"$not"})
_OPERATORS = frozenset(["$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$btw", "$null", "$ilike", "$sw", "$contains"])
_MOST_TOKENS = 4  # the library reads at most `$and:$not:$eq:$null`
_MEANING: dict[str, Operator] = {
    "$eq": "=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<=", "$contains": "contains",
}  # fmt: skip
_FIELDS = {field.name: field for field in FILTER_FIELDS}
_LEADING_INTEGER = re.compile(r"\s*([+-]?[0-9]+)")
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A parsed query string: what to fetch, and what `meta` echoes of it. `limit` 0 shows no rows, only totals."""

    page: int
    limit: int
    ascending: bool
    filters: tuple[tuple[Field, tuple[Condition, ...]], ...]
    echoed_filter: dict[str, str | list[str]]
    search: str | None

    def query(self) -> RecordQuery:
        """Return what the store is asked."""
        return RecordQuery(self.page, self.limit, self.ascending, self.filters)

    def meta(self, total: int) -> PageMeta:
        """Return the page's `meta`, members in the library's order."""
        per_page = self.limit or total
        pages = math.ceil(total / per_page) if per_page else 0
        return PageMeta(
            items_per_page=per_page,
            total_items=total,
            current_page=self.page,
            total_pages=pages,
            sort_by=[("id", "ASC" if self.ascending else "DESC")],
            search=self.search,
            search_by=None if self.search is None else [],
            filter=self.echoed_filter or None,
        )

    def links(self, path: str, total: int) -> dict[str, str]:
        """Return nestjs-paginate's `links`, for the switch that adds them."""
        last = self.meta(total).total_pages
        numbers = {
            "first": 1 if self.page > 1 else None,
            "previous": self.page - 1 if self.page > 1 else None,
            "current": self.page,
            "next": self.page + 1 if self.page < last else None,
            "last": last if self.page < last else None,
        }
        sort = f"id:{'ASC' if self.ascending else 'DESC'}"
        rest = f"&limit={self.limit}&sortBy={sort}"
        rest += "" if self.search is None else f"&search={quote(self.search)}"
        for name, values in self.echoed_filter.items():
            for value in [values] if isinstance(values, str) else values:
                rest += f"&filter.{quote(name)}={quote(value)}"
        return {name: f"{path}?page={number}{rest}" for name, number in numbers.items() if number is not None}


def parse_page(query_string: str, default_limit: int, max_limit: int) -> PageRequest:
    """Return the page that a raw query string asks for. Raises InvalidRequest."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    statements = {
        name.replace("filter.", "", 1): found
        for name, found in values.items()
        if "filter." in name and not name.endswith("[]")
    }
    filters = tuple(
        (cast(Field, name), conditions)
        for name, found in statements.items()
        if name in _FIELDS and (conditions := _conditions(_FIELDS[name], found))
    )
    search = ",".join(values.get("search", []))
    return PageRequest(
        page=_page(values.get("page")),
        limit=_limit(values.get("limit"), default_limit, max_limit),
        ascending=_ascending(values.get("sortBy", [])),
        filters=filters,
        echoed_filter={name: found[0] if len(found) == 1 else found for name, found in statements.items()},
        search=search or None,
    )


def _page(values: list[str] | None) -> int:
    number = _integer("page", values)
    return number if number is not None and number > 0 else 1


def _limit(values: list[str] | None, default: int, most: int) -> int:
    number = _integer("limit", values)
    if number is None or number == -1:
        return min(default, most)
    if number < -1:
        raise InvalidRequest(f"limit must be -1 or more, got {number}")
    return min(number, most)


def _integer(name: str, values: list[str] | None) -> int | None:
    text = ",".join(values or [])
    if not text:
        return None
    match = _LEADING_INTEGER.match(text)
    if match is None:
        raise InvalidRequest(f"{name} must be a whole number, got {text[:40]!r}")
    return int(match[1][:40])


def _ascending(values: list[str]) -> bool:
    directions = [value for value in values if value in ("id:ASC", "id:DESC")]
    return bool(directions) and directions[0] == "id:ASC"


def _conditions(field: FilterField, statements: Sequence[str]) -> tuple[Condition, ...]:
    conditions = (_condition(field, statement) for statement in statements)
    return tuple(condition for condition in conditions if condition is not None)


def _condition(field: FilterField, statement: str) -> Condition | None:
    """Return what a statement means, None where it is to be dropped."""
    tokens: list[str] = []
    for token in statement.split(":")[:_MOST_TOKENS]:
        if token not in _COMPARATORS | _SUFFIXES | _OPERATORS:
            break
        tokens.append(token)
    operator = next((token for token in reversed(tokens) if token in _OPERATORS), "$eq")
    if operator not in field.operators or not _SUFFIXES.isdisjoint(tokens):
        return None
    comparator = next((token for token in reversed(tokens) if token in _COMPARATORS), "$and")
    prefix = "".join(f"{token}:" for token in tokens)
    value = statement.removeprefix(prefix)
    return Condition(_MEANING[operator], _number(field, value) if field.numeric else value, comparator == "$or")


def _number(field: FilterField, value: str) -> float:
    if not _NUMBER.fullmatch(value):
        raise InvalidRequest(f"filter.{field.name} must be a number, got {value[:40]!r}")
    return float(value)
