"""Journal entries as JSON-able lines: what the control API shows, and what two runs are compared by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any

from mockpbx.domain.scenario import STEPS
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.scenario_files import notation

Line = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = tuple(STEPS.values())
#: Marks a field of a fact that tells of wall time: another run of the same call has another value there.
WALL = {"wall": True}
#: The names of a line's members that hold ids, and what normalised lines have in their place.
_IDS = {"call": "call", "sessionId": "call", "client": "client"}


def line_of(entry: Entry, *, wall: bool = True) -> Line:
    """Return an entry as a JSON-able object: `at` and `wall` in ms since 1970, `time` ISO 8601, the fact in `data`.

    The names in `data` are in camelCase; steps stand in it as a scenario file has them. Without `wall` nothing is in it
    that tells of wall time.
    """
    line: Line = {"number": entry.number, "at": entry.at, "time": iso(entry.at)}
    if wall:
        line["wall"] = entry.wall
    return line | {"call": entry.session_id, "kind": entry.kind, "data": _members(entry.event, wall=wall)}


def iso(ms: int) -> str:
    """Return virtual ms since 1970 as ISO 8601 in UTC, to the millisecond."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def normalised(entries: Iterable[Entry]) -> list[str]:
    """Return entries as lines of JSON in which two runs of one scenario agree byte for byte.

    Wall times are left out; calls and clients are numbered in the order in which they appear.
    """
    numbers = _Numbers()
    return [json.dumps(numbers.instead(line_of(entry, wall=False))) for entry in entries]


@cache
def names_of(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """Return a fact's fields and the names that they bear in `data`."""
    if not is_dataclass(kind):
        return ()
    return tuple((field.name, _camel(field.name)) for field in fields(kind))


@cache
def _told(kind: Any, *, wall: bool) -> tuple[tuple[str, str], ...]:
    """Return the fields that are told, and their names in `data`: without `wall` none of wall time."""
    pairs = names_of(kind)
    if wall or not is_dataclass(kind):
        return pairs
    of_wall = {field.name for field in fields(kind) if field.metadata.get("wall")}
    return tuple(pair for pair in pairs if pair[0] not in of_wall)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _members(record: Any, *, wall: bool) -> Line:
    kind = record.__class__
    return {shown: _plain(getattr(record, name), wall=wall) for name, shown in _told(kind, wall=wall)}


def _plain(value: object, *, wall: bool) -> object:
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(item, wall=wall) for item in value]
        case dict():
            return {str(name): _plain(item, wall=wall) for name, item in value.items()}
        case _ if isinstance(value, _STEPS):
            return notation(value)
        case _ if is_dataclass(value):
            return _members(value, wall=wall)
        case _:
            return str(value)


class _Numbers:
    """Gives each call and each client a number when it appears first."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, int]] = {"call": {}, "client": {}}

    def instead(self, value: object, name: str = "") -> object:
        """Return a member of a line with numbers in place of ids."""
        match value:
            case dict():
                return {each: self.instead(item, each) for each, item in value.items()}
            case list():
                return [self.instead(item) for item in value]
            case str() if name in _IDS:
                kind = _IDS[name]
                return f"{kind} {self._known[kind].setdefault(value, len(self._known[kind]) + 1)}"
            case str() if "/" in value:
                return "/".join(self._of_path(part) for part in value.split("/"))
            case _:
                return value

    def _of_path(self, part: str) -> str:
        number = self._known["call"].get(part)
        return part if number is None else f"call {number}"
