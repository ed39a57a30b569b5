"""JSON of whatever was sent, within a few kB: long parts are cut and say so, binary is its size, secrets are gone."""

from __future__ import annotations

import json
import math
import re

#: Characters of one value's JSON, about.
MOST = 4_000
#: Characters of one string in it, so that a long one leaves room for what stands beside it.
LONGEST_TEXT = 1_000
LONGEST_NAME = 100
DEEPEST = 16

_FIELD = r"[a-z_-]*(?:token|secret|password|authorization|bearer|jwt|api[_-]?key)"
_SECRET = re.compile(_FIELD, re.IGNORECASE)
_SECRET_IN_QUERY = re.compile(rf"([?&]{_FIELD}=)[^&]+", re.IGNORECASE)


def shortened(value: object) -> tuple[str, bool]:
    """Return a value as JSON text, and whether something of it was left out."""
    copy = _Copy(MOST)
    plain = copy.of(value, DEEPEST)
    return json.dumps(plain, ensure_ascii=False), copy.cut


def shortened_path(path: str) -> str:
    """Return a path with its query as it is shown: not endless, and without the secrets that its query names."""
    shown = _SECRET_IN_QUERY.sub(r"\1…", path)
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}…"


class _Copy:
    """A copy of a value that is JSON, made until `left` characters are spent."""

    def __init__(self, left: int) -> None:
        self.cut = False
        self._left = left

    def of(self, value: object, depth: int) -> object:
        match value:
            case None | bool():
                self._left -= 5
                return value
            case str():
                return self._text(value)
            case int() | float():
                self._left -= len(str(value))
                return str(value) if isinstance(value, float) and not math.isfinite(value) else value
            case bytes() | bytearray() | memoryview():
                self._left -= 16
                return {"bytes": len(value)}
            case dict() | list() | tuple() if not depth:
                self.cut = True
                return "…"
            case dict():
                return self._object(value, depth - 1)
            case list() | tuple():
                return self._list(value, depth - 1)
            case _:
                return self._text(str(value))

    def _text(self, text: str, longest: int = LONGEST_TEXT) -> str:
        room = max(0, min(self._left, longest))
        self._left -= min(len(text), room) + 2
        if len(text) <= room:
            return text
        self.cut = True
        return f"{text[:room]}… ({len(text) - room:,} more characters)"

    def _object(self, value: dict[object, object], depth: int) -> dict[str, object]:
        copy: dict[str, object] = {}
        for name, inner in value.items():
            if self._left <= 0:
                self.cut = True
                copy["…"] = f"{len(value) - len(copy):,} more"
                break
            shown = self._text(str(name), LONGEST_NAME)
            self._left -= 4
            secret = isinstance(inner, str) and _SECRET.fullmatch(shown)
            copy[shown] = "…" if secret else self.of(inner, depth)
        return copy

    def _list(self, value: list[object] | tuple[object, ...], depth: int) -> list[object]:
        copy: list[object] = []
        for inner in value:
            if self._left <= 0:
                self.cut = True
                copy.append(f"… {len(value) - len(copy):,} more")
                break
            self._left -= 2
            copy.append(self.of(inner, depth))
        return copy
