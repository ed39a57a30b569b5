"""What never gets into a cassette: tokens, and phone numbers where that is wanted.

A token is known by the place it stands in (the Authorization header, a field or a query parameter named so), gets a
name in order of appearance (t1, t2, …), and that name takes its place everywhere from then on. Numbers keep their
length and first digits; equal ones stay equal, different ones different, a number's beginning stays its beginning.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote_plus

from mockpbx.cassette.lines import Body, Cassette, Closed, End, Failed, Line, Opened, Packet, Raw, Reply, Request

#: Digits of a number that stay: a trunk prefix or a country code, and the operator's.
KEPT = 4
#: From so many characters on, a token is taken out of the midst of words and binary data, too.
LONG = 8

_FIELD = r"(?:[a-z_-]*(?:token|secret|password|passwd|authorization|bearer|jwt|api[_-]?key))"
_SECRET = re.compile(_FIELD, re.IGNORECASE)
_SECRET_IN_QUERY = re.compile(rf"(?:^|[?&]){_FIELD}=([^&\s]+)", re.IGNORECASE)
_SECRET_IN_JSON = re.compile(rf'"{_FIELD}"\s*:\s*"((?:[^"\\]|\\.)+)"', re.IGNORECASE)
#: Where a word begins: behind what is none, or an escape of a URL or of JSON, which ends in letters and digits.
_BEGINS = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
_NAME = re.compile(r"t\d+")
_SCHEME = re.compile(r"\s*(?:bearer|basic|token)\s+", re.IGNORECASE)

_NUMBER_NAMES = {"phonenumber", "destination"}
#: The contract's numbers, in any text; not the digits of a UUID, and behind an escape of a URL, too.
_NUMBER = re.compile(r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2}))\+?[0-9]{8,15}(?![\w-])")
_NUMBER_IN_QUERY = re.compile(r"(?<=filter\.destination=)[^&]*")


class Redactor:
    """Redacts the values of one cassette, in their order. `known` are secrets to take out wherever they appear."""

    def __init__(self, *, numbers: bool = False, known: Iterable[str] = (), first: int = 1) -> None:
        self._names: dict[str, str] = {}
        self._next = first
        self._forms: dict[str, str] = {}  # each spelling of a token, and what stands for it
        self._tokens: re.Pattern[str] | None = None
        self._numbers = numbers
        self._key = secrets.token_bytes(16)
        self._odd: list[str] = []  # what stood for a number without looking like one
        self._any_number = _NUMBER
        for secret in known:
            self.name(secret)

    def name(self, token: str, name: str | None = None) -> str:
        """Return the name of a token, `name` or the next one at first; what is a name already keeps it."""
        if _NAME.fullmatch(token):
            return token
        if token not in self._names:
            self._names[token] = name = name or f"t{self._next}"
            self._next += 1
            in_url, in_json = quote(token, safe="", errors="surrogatepass"), json.dumps(token)[1:-1]
            for form in (token, in_url, in_json, in_json.replace("/", "\\/")):
                self._forms[form] = name
            # A token may begin as another one does: the longest that fits is the one.
            self._tokens = re.compile("|".join(map(_pattern, sorted(self._forms, key=len, reverse=True))))
        return self._names[token]

    def credentials(self, authorization: str) -> tuple[str | None, str]:
        """Return the token's name, if there is a token, and the header's value with it in the token's place."""
        scheme = _SCHEME.match(authorization)
        begin = scheme.end() if scheme else 0
        token = authorization[begin:].strip()
        if not token or token.lower() == "bearer":
            return None, authorization
        name = self.name(token)
        return name, authorization[:begin] + name

    def line(self, line: Line) -> Line:
        """Return a line without what is not to be told."""
        self._look_for_tokens(line)
        match line:
            case Request():
                return replace(
                    line, path=self._path(line.path), headers=self._headers(line.headers), body=self._body(line.body)
                )
            case Reply():
                return replace(line, headers=self._headers(line.headers), body=self._body(line.body))
            case Failed():
                return replace(line, error=self._text(line.error))
            case Packet(event=event):
                data = [self._value(part) for part in line.data]
                return replace(line, event=event and self._text(event), data=data)
            case Raw(content=content):
                return replace(line, content=self._content(content))
            case Opened() | Closed() | End():
                return line

    # --- finding ------------------------------------------------------------------------------------------------------

    def _look_for_tokens(self, line: Line) -> None:
        match line:
            case Request(path=path, body=body):
                self._find_in_text(path.partition("?")[2])
                self._find(body.json if body.raw is None else body.raw)
            case Reply(body=body):
                self._find(body.json if body.raw is None else body.raw)
            case Packet(data=data):
                self._find(data)
            case Raw(content=content):
                self._find(content)

    def _find(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                if isinstance(part, str) and _SECRET.fullmatch(name):
                    self.credentials(part)
                else:
                    self._find(part)
        elif isinstance(value, list):
            for part in value:
                self._find(part)
        elif isinstance(value, str):
            self._find_in_text(value)

    def _find_in_text(self, text: str) -> None:
        for found in _SECRET_IN_QUERY.findall(text):
            self.credentials(unquote_plus(found))
        for found in _SECRET_IN_JSON.findall(text):
            try:
                self.credentials(json.loads(f'"{found}"'))
            except ValueError:
                self.credentials(found)

    # --- replacing ----------------------------------------------------------------------------------------------------

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._text(value) for name, value in headers.items()}

    def _body(self, body: Body) -> Body:
        return Body(self._value(body.json)) if body.raw is None else Body(raw=self._content(body.raw))

    def _value(self, value: Any, *, number: bool = False) -> Any:
        if isinstance(value, dict):
            return {
                self._text(name): self._value(part, number=name.lower() in _NUMBER_NAMES)
                for name, part in value.items()
            }
        if isinstance(value, list):
            return [self._value(part, number=number) for part in value]
        if self._numbers and number and isinstance(value, int) and not isinstance(value, bool):
            return int(self._replaced(str(value)))
        if isinstance(value, str):
            return self._text(self._stands_for_a_number(value) if self._numbers and number else value)
        return self._content(value) if isinstance(value, bytes) else value

    def _content(self, content: str | bytes) -> str | bytes:
        if isinstance(content, str):
            return self._text(content)
        for token, name in self._names.items():
            if len(token) >= LONG:
                content = content.replace(token.encode(errors="surrogatepass"), name.encode())
        return content

    def _path(self, path: str) -> str:
        if self._numbers:
            path = _NUMBER_IN_QUERY.sub(lambda found: self._partial(found[0]), path)
        return self._text(path)

    def _text(self, text: str) -> str:
        if self._tokens is not None:
            text = self._tokens.sub(lambda found: self._forms[found[0]], text)
        return self._without_numbers(text) if self._numbers else text

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _without_numbers(self, text: str) -> str:
        return self._any_number.sub(lambda found: self._replaced(found[0]), text)

    def _stands_for_a_number(self, text: str) -> str:
        """Learn what stands for a number and does not look like one: `0896-0867-5796`."""
        known = text in self._odd or text.startswith("$") or _NUMBER.fullmatch(text)
        if not known and sum(map(str.isdecimal, text)) >= LONG:
            self._odd.append(text)
            self._odd.sort(key=len, reverse=True)
            self._any_number = re.compile("|".join([*map(re.escape, self._odd), _NUMBER.pattern]))
        return text

    def _partial(self, value: str) -> str:
        """Return the value of a filter with the digits of a number's part replaced as those of the number are."""
        operators, colon, digits = unquote_plus(value).rpartition(":")
        if not KEPT < len(digits) < LONG or not digits.isdecimal():
            return value
        return quote(operators + colon + self._replaced(digits), safe="$:")

    def _replaced(self, number: str) -> str:
        """Replace each digit but the first ones by another, which depends on all digits before it."""
        digits, result = "", ""
        for sign in number:
            if not sign.isdecimal():
                result += sign
                continue
            if len(digits) < KEPT:
                result += sign
            else:
                shift = hashlib.blake2b(digits.encode(), key=self._key, digest_size=8).digest()
                result += str((int(sign) + 1 + int.from_bytes(shift) % 9) % 10)
            digits += sign
        return result


def _pattern(form: str) -> str:
    return re.escape(form) if len(form) >= LONG else rf"{_BEGINS}{re.escape(form)}(?![A-Za-z0-9])"


def redact(cassette: Cassette, *, numbers: bool, known: Iterable[str] = ()) -> Cassette:
    """Return a cassette redacted again: what its tokens are called stays, numbers go where that is wanted."""
    taken = [int(name[1:]) for name in _tokens(cassette) if _NAME.fullmatch(name)]
    redactor = Redactor(numbers=numbers, known=known, first=max(taken, default=0) + 1)
    lines = tuple(redactor.line(line) for line in cassette.lines)
    told = dict.fromkeys([*cassette.header.redacted, "tokens", *(["numbers"] if numbers else [])])
    return replace(cassette, header=replace(cassette.header, redacted=tuple(told)), lines=lines)


def _tokens(cassette: Cassette) -> set[str]:
    return {line.token for line in cassette.lines if isinstance(line, (Request, Opened)) and line.token is not None}
