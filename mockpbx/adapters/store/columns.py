"""What filters ask about, column by column: a million rows are looked through in milliseconds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mockpbx.runtime.records import Condition, Field

#: Answers that a full block remembers: who asks for one page of a filter asks for the next.
REMEMBERED = 4

Filters = tuple[tuple[Field, tuple[Condition, ...]], ...]
Rows = Sequence[tuple[int, int, int, str]]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Never a byte of UTF-8: stands before the first destination, between all, and behind the last.
_BETWEEN = b"\xff"
_COMPARE: dict[str, Callable[[Integers, float], Mask]] = {
    "=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Some successive records of a workspace: ids, and the fields that have filters."""

    ids: Integers
    duration: Integers
    billable_seconds: Integers
    destinations: bytes
    _starts: NDArray[np.intp]  # where in `destinations` each begins, what stands before it included
    _found: dict[Filters, NDArray[np.uint16]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Rows) -> Columns:
        """Return records, at least one, as columns. Rows are id, duration, billable seconds and destination."""
        ids, durations, billable, destinations = zip(*rows, strict=True)
        text = _BETWEEN + b"".join([destination.encode() + _BETWEEN for destination in destinations])
        return cls(
            np.array(ids, np.int64), np.array(durations, np.int64), np.array(billable, np.int64), text, _starts(text)
        )

    def __len__(self) -> int:
        return len(self.ids)

    def and_then(self, other: Columns) -> Columns:
        """Return these records and those that follow them."""
        text = self.destinations + other.destinations[len(_BETWEEN) :]
        return Columns(
            np.concatenate((self.ids, other.ids)),
            np.concatenate((self.duration, other.duration)),
            np.concatenate((self.billable_seconds, other.billable_seconds)),
            text,
            _starts(text),
        )

    def find(self, filters: Filters) -> Integers | NDArray[np.uint16]:
        """Return the positions of the records that pass all filters, in their order."""
        if filters not in self._found:
            mask = np.ones(len(self), np.bool_)
            for name, conditions in filters:
                mask &= self._passing(name, conditions)
            if len(self._found) == REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found[filters] = np.flatnonzero(mask).astype(np.uint16)
        return self._found[filters]

    def _passing(self, name: Field, conditions: tuple[Condition, ...]) -> Mask:
        """Return who passes the statements of one field. As in SQL, AND binds tighter than OR."""
        passing = np.zeros(len(self), np.bool_)
        together = self._meeting(name, conditions[0])
        for condition in conditions[1:]:
            if condition.either:
                passing |= together
                together = self._meeting(name, condition)
            else:
                together &= self._meeting(name, condition)
        return passing | together

    def _meeting(self, name: Field, condition: Condition) -> Mask:
        value = condition.value
        if isinstance(value, str):
            wanted = value.encode()
            return self._holding(wanted if condition.operator == "contains" else _BETWEEN + wanted + _BETWEEN)
        column = self.duration if name == "duration" else self.billable_seconds
        return _COMPARE[condition.operator](column, value)

    def _holding(self, wanted: bytes) -> Mask:
        """Return whose destination holds some bytes; those before and behind it belong to it."""
        if not wanted:
            return np.ones(len(self), np.bool_)
        if wanted not in self.destinations:
            return np.zeros(len(self), np.bool_)
        text = np.frombuffer(self.destinations, np.uint8)
        places = len(text) - len(wanted) + 1
        here = np.zeros(len(text), np.bool_)
        here[:places] = text[:places] == wanted[0]
        for offset, byte in enumerate(wanted[1:], start=1):
            here[:places] &= text[offset : offset + places] == byte
        held: Mask = np.logical_or.reduceat(here, self._starts)
        return held


def _starts(text: bytes) -> NDArray[np.intp]:
    return np.flatnonzero(np.frombuffer(text, np.uint8) == _BETWEEN[0])[:-1]
