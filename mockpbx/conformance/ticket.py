"""What was said and heard, as text to paste into a ticket: no token, nothing that a terminal obeys, nothing endless."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mockpbx.conformance.run import Options
from mockpbx.conformance.transcript import (
    NO_JSON,
    Acked,
    Closed,
    Exchange,
    Garbled,
    Heard,
    Item,
    Opened,
    Refused,
    Said,
)

WIDTH = 100  # characters up to which a value stands in one line
#: Characters of a string, fields of an object, elements of a list, levels, lines, items: what is beyond is counted.
LONGEST, FIELDS, ELEMENTS, DEEPEST, LINES, ITEMS = 200, 16, 3, 6, 60, 12
#: From so many characters on, a token is taken out of the midst of words, too: by chance it is part of none.
LONG = 8
_INDENT = " " * 12
_UNSHOWN = "…"
#: Where a word begins: behind what is none, or an escape of a URL or of JSON, which ends in letters and digits.
_BEGINS = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
_ENDS = r"(?![^\W_])"


def visible(text: str) -> str:
    """Return a string without the characters that a terminal or a text's direction would obey."""
    return "".join(each for each in text if each.isprintable())


@dataclass(frozen=True, slots=True)
class Redaction:
    """What must not be shown, by what stands for it: `{"<token>": "s3cret"}`."""

    secrets: tuple[tuple[str, str], ...]

    @staticmethod
    def of(options: Options) -> Redaction:
        """Return the redaction of both tokens."""
        return Redaction((("<token>", options.token), ("<wrong token>", options.wrong_token)))

    def text(self, text: str) -> str:
        """Return a text without secrets, however they were escaped on their way, and without control characters."""
        return visible(self._without(text))

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return a JSON value, bytes in it, without secrets and cut to sensible lengths."""
        match value:
            case str():
                text = self._without(value)
                return text if len(text) <= LONGEST else f"{text[:LONGEST]}… {len(text) - LONGEST:,} more characters"
            case bytes() | bytearray():
                return Bytes(len(value))
            case dict() | list() | tuple() if depth > DEEPEST:
                return _UNSHOWN
            case dict():
                some = list(value.items())[:FIELDS]
                kept = {self.value(str(key)): self.value(each, depth + 1) for key, each in some}
                return kept | ({_UNSHOWN: f"{len(value) - FIELDS:,} more"} if len(value) > FIELDS else {})
            case list() | tuple():
                shown = [self.value(each, depth + 1) for each in value[:ELEMENTS]]
                return [*shown, f"… {len(value) - ELEMENTS:,} more"] if len(value) > ELEMENTS else shown
            case int() if abs(value) >= 1e100:  # Python refuses to write out those of thousands of digits
                return "a number of more than 100 digits"
            case _:
                return value

    def _without(self, text: str) -> str:
        # The longer secret first: the shorter one may be a part of it.
        for shown, secret in sorted(self.secrets, key=lambda pair: -len(pair[1])):
            text = _pattern(secret).sub(shown, text) if secret else text
        return text


@dataclass(frozen=True, slots=True)
class Bytes:
    """So many bytes, which nobody wants to read."""

    length: int


def exchange_of(items: Sequence[Item], redaction: Redaction) -> list[str]:
    """Return the lines of items in the order of their times, which count from the first of them."""
    ordered = sorted(items, key=_begun)
    if not ordered:
        return []
    first = _begun(ordered[0])
    left_out = max(0, len(ordered) - ITEMS)
    head = ITEMS * 2 // 3 if left_out else ITEMS
    lines = [line for item in ordered[:head] for line in _lines_of(item, first, redaction)]
    if left_out:
        lines.append(f"{_INDENT}… {left_out:,} more …")
        lines += [line for item in ordered[head + left_out :] for line in _lines_of(item, first, redaction)]
    return [visible(line) for line in lines]


def pretty(value: Any) -> list[str]:
    """Return a JSON value in lines: in one where it is short."""
    lines = _pretty(value)
    return lines if len(lines) <= LINES else [*lines[:LINES], f"… {len(lines) - LINES:,} more lines"]


# --- inside -----------------------------------------------------------------------------------------------------------


def _begun(item: Item) -> float:
    return item.sent_at if isinstance(item, Exchange) else item.at


def _lines_of(item: Item, first: float, redaction: Redaction) -> list[str]:
    at = f"{_begun(item) - first:+9.3f} s "
    match item:
        case Exchange():
            return list(_request(item, first, redaction))
        case Opened(socket=socket):
            return [f"{at}{socket}: connected"]
        case Refused(socket=socket, answer=answer, reason=reason):
            told = "" if answer is None else f" {_line(answer, redaction)}"
            return [f"{at}{socket}: not let in: {redaction.text(reason)}{told}"]
        case Closed(socket=socket, by=by, code=code):
            return [f"{at}{socket}: closed by the {by}{'' if code is None else f', code {code}'}"]
        case Said(socket=socket, event=event, payload=payload, id=number):
            wants = "" if number is None else f" (wants ack {number})"
            return _told(f"{at}{socket} -> {redaction.text(event)}{wants}", (payload,), redaction)
        case Heard(socket=socket, event=event, arguments=arguments):
            return _told(f"{at}{socket} <- {redaction.text(event)}", arguments, redaction)
        case Acked(socket=socket, said=said, arguments=arguments):
            return _told(f"{at}{socket} <- ack {said.id} of {redaction.text(said.event)}", arguments, redaction)
        case Garbled(socket=socket, raw=raw, reason=reason):
            return [f"{at}{socket} <- no Socket.IO: {redaction.text(reason)}: {redaction.text(raw)[:LONGEST]}"]


def _request(item: Exchange, first: float, redaction: Redaction) -> Iterator[str]:
    yield f"{item.sent_at - first:+9.3f} s {item.method} {redaction.text(item.path)[: 4 * LONGEST]}"
    if item.token is not None:
        known = {secret: shown for shown, secret in redaction.secrets}
        yield f"{_INDENT}Authorization: Bearer {known.get(item.token, '<another token>')}"
    if isinstance(item.body, bytes):
        yield f"{_INDENT}{_text(item.body.decode('utf-8', 'replace'), redaction)}"
    elif not _is_unsent(item.body):
        yield from _indented(pretty(redaction.value(item.body)))
    at = f"{item.at - first:+9.3f} s "
    if item.failure is not None:
        yield f"{at}no reply: {redaction.text(item.failure)}"
        return
    yield f"{at}{item.status} {redaction.text(item.content_type)}".rstrip()
    if item.json is not NO_JSON:
        yield from _indented(pretty(redaction.value(item.json)))
    elif item.text:
        yield f"{_INDENT}{_text(item.text, redaction)}"


def _told(head: str, arguments: tuple[Any, ...], redaction: Redaction) -> list[str]:
    if not arguments:
        return [head]
    short = ", ".join(_line(argument, redaction) for argument in arguments)
    if len(head) + len(short) < WIDTH + len(_INDENT):
        return [f"{head} {short}"]
    return [head, *_indented([line for argument in arguments for line in pretty(redaction.value(argument))])]


def _line(value: Any, redaction: Redaction) -> str:
    return _compact(redaction.value(value))


def _text(text: str, redaction: Redaction) -> str:
    shown = redaction.text(" ".join(text.split()))
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}… {len(shown) - LONGEST:,} more characters"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (_INDENT + line for line in lines)


def _is_unsent(body: Any) -> bool:
    return type(body) is object or body is None


def _pretty(value: Any, before: str = "", after: str = "") -> list[str]:
    short = f"{before}{_compact(value)}{after}"
    if len(short) <= WIDTH or not isinstance(value, dict | list):
        return [short]
    if isinstance(value, dict):
        brackets = "{}"
        parts = [(f"{_compact(key)}: ", each) for key, each in value.items()]
    else:
        brackets = "[]"
        parts = [("", each) for each in value]
    inside = [
        f"  {line}"
        for place, (name, each) in enumerate(parts, 1)
        for line in _pretty(each, name, "," if place < len(parts) else "")
    ]
    return [f"{before}{brackets[0]}", *inside, f"{brackets[1]}{after}"]


def _compact(value: Any) -> str:
    match value:
        case Bytes(length):
            return f"<{length} bytes>"
        case dict():
            return "{" + ", ".join(f"{_compact(key)}: {_compact(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_compact, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False, default=repr)


@cache
def _pattern(secret: str) -> re.Pattern[str]:
    """Return what finds a secret however each of its characters is written; a short word only where it stands alone."""
    found = "".join(f"(?:{'|'.join(_spellings(each))})" for each in secret)
    is_word = len(secret) < LONG and all(each.isalnum() or each == "_" for each in secret)
    return re.compile(f"{_BEGINS}{found}{_ENDS}" if is_word else found)


def _spellings(character: str) -> Iterator[str]:
    """Iterate over patterns of a character: as it is, and as JSON, a URL and HTML may write it."""
    octets = character.encode("utf-8", "replace")
    yield rf"\\?{re.escape(character)}"
    yield "(?i:" + "".join(f"%{octet:02x}" for octet in octets) + ")"
    yield rf"(?i:\\u{ord(character):04x}|&\#0*{ord(character)};|&\#x0*{ord(character):x};)"
    if character == " ":
        yield r"\+"
    if html.escape(character) != character:
        yield re.escape(html.escape(character))
