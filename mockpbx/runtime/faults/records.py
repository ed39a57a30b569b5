"""Faults of call records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict, WithJsonSchema

from mockpbx.domain.scenario import seconds_of
from mockpbx.runtime.faults.rule import Fault, to_ms

_YEAR = 31_536_000


def _signed(value: object) -> object:
    if isinstance(value, str) and value.startswith("-"):
        seconds = seconds_of(value[1:])
        return -seconds if isinstance(seconds, float) else seconds
    return seconds_of(value)


Offset = Annotated[
    float,
    Strict(),
    BeforeValidator(_signed),
    Field(ge=-_YEAR, le=_YEAR, allow_inf_nan=False),
    WithJsonSchema(
        {
            "description": "seconds as a number, or a duration such as 2s or 1m30s; with - in front for a clock behind",
            "anyOf": [{"type": "number", "minimum": -_YEAR, "maximum": _YEAR}, {"type": "string"}],
        }
    ),
]


class RecordFault(Fault):
    """Base of the faults of records, at the moment when they are issued."""

    def offset(self) -> int:
        """Return by how many ms the record's times are off."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ClockSkew(RecordFault):
    """A record is written by a clock that is ahead by so much, or behind: its `cdr` event and both REST views agree."""

    seconds: Offset

    def offset(self) -> int:
        """Return the skew."""
        return to_ms(self.seconds)
