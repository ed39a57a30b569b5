"""What the facts of a call may say, field by field: which values there are, and how what was said is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from difflib import get_close_matches
from enum import Enum
from fnmatch import fnmatchcase
from functools import partial
from inspect import isroutine
from operator import eq
from typing import Any, NamedTuple

from mockpbx.contract.vocabulary import DTMF_DIGITS, HANGUP_CAUSES
from mockpbx.runtime.files.document import listed

#: Characters of a client's text that are shown.
MOST_SHOWN = 60

# --- what a value may be ---------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """What a field may say: `take` returns such a value or None for what is none; `fits(wanted, got)` compares."""

    expected: str
    take: Callable[[Any], object]
    fits: Callable[[Any, Any], bool] = eq
    differs: str = "is not"
    known: Collection[object] = ()


def _like(wanted: str, got: object) -> bool:
    pattern = wanted.replace("[", "[[]")  # only * and ? mean something
    return wanted == got or (isinstance(got, str) and ("*" in wanted or "?" in wanted) and fnmatchcase(got, pattern))


def one_of(words: Collection[str]) -> Kind:
    """Return what may be one of these words."""
    plain = [str(each) for each in words]
    return Kind(listed(plain), lambda value: str(value) if value in plain else None, known=plain)


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str) else None


def _number(value: object) -> object:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _whole(value: object) -> object:
    return _number(value) if isinstance(value, int) else None


def _key(value: object) -> str | None:
    return value.upper() if isinstance(value, str) and len(value) == 1 and value.upper() in DTMF_DIGITS else None


def _cause(value: object) -> object:
    return value if _whole(value) is not None and value in HANGUP_CAUSES else None


TEXT = Kind("text", _text, _like)
PART = Kind("text, or a part of it", _text, lambda wanted, got: wanted in got, "does not contain")
SECONDS = Kind("seconds, as a number from 0 on", _number)
WHOLE = Kind("a whole number from 0 on", _whole)
KEY = Kind(f"one key out of {DTMF_DIGITS}", _key)
YES = Kind("True or False", lambda value: value if isinstance(value, bool) else None)
CAUSE = Kind(
    f"one of the contract's causes {listed([str(code) for code in HANGUP_CAUSES])}", _cause, known=HANGUP_CAUSES
)


class Field(NamedTuple):
    """One thing that a fact says: its name, where a journal event has it, what it may be.

    `bare` marks what needs no name when the fact is shown, `optional` what may be None.
    """

    name: str
    kind: Kind
    read: Callable[[Any], object]
    bare: bool = False
    optional: bool = False

    def of(self, event: object) -> object:
        """Return what an event says here."""
        value = self.read(event)
        return str(value) if isinstance(value, Enum) else value

    def taken(self, value: object, fact: str) -> object:
        """Return a value that this field can have. Raises ValueError for one that it never has."""
        __tracebackhide__ = True
        if (value is None and self.optional) or _predicate(value):
            return value
        taken = self.kind.take(value)
        if taken is None:
            expected = self.kind.expected + (" or None" if self.optional else "")
            meant = hint(value, self.kind.known)
            raise ValueError(f"{fact}: {self.name}: expected {expected}, got {told(value)}{meant}")
        return taken

    def difference(self, wanted: object, event: object) -> str | None:
        """Return how an event differs here from what is wanted, None where it does not."""
        got = self.of(event)
        if _predicate(wanted):
            return None if wanted(got) else f"{self.name} {told(got)} is not as {told(wanted)} wants it"  # type: ignore[operator]
        if wanted is None or got is None:
            return None if wanted is got else f"{self.name} {told(got)} is not {told(wanted)}"
        return None if self.kind.fits(wanted, got) else f"{self.name} {told(got)} {self.kind.differs} {told(wanted)}"


def _predicate(value: object) -> bool:
    return isroutine(value) or isinstance(value, partial)


def told(value: object) -> str:
    """Return a value as a line of text may show it: client text in quotes, short, with nothing unprintable."""
    match value:
        case str():
            text = value if len(value) <= MOST_SHOWN else value[: MOST_SHOWN - 1] + "…"
            return json.dumps(text, ensure_ascii=not text.isprintable())
        case None | bool() | int():
            return repr(value)
        case float():
            return f"{value:.6g}"
        case _ if callable(value):
            return getattr(value, "__name__", type(value).__name__)
        case _:
            return f"a {type(value).__name__}"


def nearest(word: object, known: Collection[object]) -> str | None:
    """Return the known word (or number) that is most like this one, None where none is."""
    if isinstance(word, int):
        numbers = [each for each in known if isinstance(each, int)]
        return str(min(numbers, key=lambda each: abs(each - word))) if numbers else None
    by_letters = {str(each).lower(): str(each) for each in known}
    found = get_close_matches(str(word)[:MOST_SHOWN].lower(), by_letters, 1)
    return by_letters[found[0]] if found else None


def hint(word: object, known: Collection[object]) -> str:
    """Return the end of a sentence about an unknown word: the nearest known one, if there is one."""
    near = nearest(word, known)
    return f": did you mean {near}?" if near else ""
