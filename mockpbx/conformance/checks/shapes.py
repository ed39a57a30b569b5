"""What a payload has to look like: a table of its fields, and one sentence for each that is not as it should be.

Booleans are no numbers here, and 24.0 is a whole number: in JSON both are written by the same JavaScript. Fields that
a table does not name are nobody's business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeGuard

from mockpbx.conformance.check import Violated
from mockpbx.conformance.transcript import NO_JSON, Item

_LONGEST = 60  # characters of a value that a sentence shows


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field may be. `name` stands behind "not": "a string"."""

    name: str
    fits: Callable[[Any], bool]


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a value is a finite number; booleans are none."""
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[float]:
    """Return whether a value is a whole number, 24.0 too."""
    return is_number(value) and value == int(value)


def one_of(*values: Any) -> Kind:
    """Return the kind of these values alone, exactly as they are spelt; 200 is not "200", and 1 not true."""
    kinds = {(isinstance(value, bool), value) for value in values}
    name = " or ".join(shown(value) for value in values)
    return Kind(
        name,
        lambda value: isinstance(value, (str, int, float, type(None))) and (isinstance(value, bool), value) in kinds,
    )


def either(*kinds: Kind) -> Kind:
    """Return the kind of what is of any of these."""
    return Kind(" or ".join(kind.name for kind in kinds), lambda value: any(kind.fits(value) for kind in kinds))


def shown(value: Any) -> str:
    """Return a value in a few words: text and numbers as JSON, cut; of anything bigger only what it is."""
    if value is NO_JSON:
        return "no JSON"
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


STRING = Kind("a string", lambda value: isinstance(value, str))
TEXT = Kind("a string that is not empty", lambda value: isinstance(value, str) and value != "")
NUMBER = Kind("a number", is_number)
INTEGER = Kind("a whole number", is_whole)
BOOLEAN = Kind("true or false", lambda value: isinstance(value, bool))
NULL = Kind("null", lambda value: value is None)
OBJECT = Kind("an object", lambda value: isinstance(value, dict))
LIST = Kind("a list", lambda value: isinstance(value, list))
BINARY = Kind("binary", lambda value: isinstance(value, bytes))

Shape = Mapping[str, Kind]


def field_problems(payload: Any, shape: Shape) -> list[str]:
    """Return what is wrong with a payload, one sentence for each field, in the table's order."""
    if not isinstance(payload, dict):
        return [f"it is {shown(payload)}, not an object"]
    return [problem for name, kind in shape.items() if (problem := _problem(payload, name, kind)) is not None]


def require(what: str, payload: Any, shape: Shape, *items: Item) -> None:
    """Raise Violated with all that is wrong with a payload; `what` begins the sentence: "the reply"."""
    problems = field_problems(payload, shape)
    if problems:
        raise Violated(f"{what}: {'; '.join(problems)}", *items)


def _problem(payload: Mapping[str, Any], name: str, kind: Kind) -> str | None:
    if name not in payload:
        return f"{name} is missing"
    value = payload[name]
    return None if kind.fits(value) else f"{name} is {shown(value)}, not {kind.name}"
