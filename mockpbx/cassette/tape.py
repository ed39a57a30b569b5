"""The file of a cassette: JSON lines, each a value of `lines`.

A file that was cut, in the middle of a line or between two, is read up to there.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, get_args

from mockpbx.cassette.lines import (
    Body,
    Cassette,
    Closed,
    End,
    Failed,
    Header,
    Line,
    Opened,
    Packet,
    PacketType,
    Raw,
    Reply,
    Request,
    Side,
)

__all__ = [
    "Body",
    "Broken",
    "Cassette",
    "Closed",
    "End",
    "Failed",
    "Header",
    "Line",
    "NoCassette",
    "Opened",
    "Packet",
    "Raw",
    "Reply",
    "Request",
    "header_line",
    "line_of",
    "parse_line",
    "read_cassette",
    "write_cassette",
]

VERSION = 1
BINARY = "$binary"

L = TypeVar("L")


class NoCassette(ValueError):
    """A file that cannot be read as a cassette at all; the text is one sentence for a person."""


class Broken(ValueError):
    """A line that cannot be read; the text says what is wrong with it."""


# --- reading ----------------------------------------------------------------------------------------------------------


def read_cassette(path: Path | str) -> Cassette:
    """Read a cassette up to its end or its first broken line. Raises NoCassette with one sentence."""
    try:
        with Path(path).open("rb") as file:
            return _read(file, str(path))
    except OSError as error:
        raise NoCassette(f"{path} cannot be read: {error.strerror}") from None


def _read(file: BinaryIO, name: str) -> Cassette:
    header = _header(file.readline(), name)
    lines: list[Line] = []
    for number, text in enumerate(file, 2):
        try:
            line = parse_line(text)
        except Broken as error:
            return Cassette(header, tuple(lines), f"line {number} is broken ({error}); {_reach(lines)}")
        lines.append(line)
        if isinstance(line, End):
            return Cassette(header, tuple(lines))
    return Cassette(header, tuple(lines), f"it has no end: nothing follows line {len(lines) + 1}; {_reach(lines)}")


def _reach(lines: list[Line]) -> str:
    return f"what is whole goes to {lines[-1].at / 1000:.1f} s" if lines else "nothing before it was recorded"


def _header(text: bytes, name: str) -> Header:
    if not text.strip():
        raise NoCassette(f"{name} is empty; expected a cassette, as `mockpbx record` writes it")
    try:
        first = _object(text)
    except Broken:
        first = {}
    if "cassette" not in first:
        raise NoCassette(f'{name} is no cassette: its first line should begin with {{"cassette": {VERSION}')
    if first["cassette"] != VERSION or isinstance(first["cassette"], bool):
        version = repr(first["cassette"])[:40]
        raise NoCassette(f"{name} is a cassette of version {version}; this mockpbx reads version {VERSION}")
    try:
        values = _Fields(first)
        return Header(
            values.take("recorded", str),
            values.take("upstream", str),
            values.take("mockpbx", str),
            tuple(map(str, values.take("redacted", list))),
        )
    except Broken as error:
        raise NoCassette(f"{name} is no cassette: {error} in its first line") from None


def parse_line(text: bytes | str) -> Line:
    """Return what a line other than the first says. Raises Broken."""
    fields = _Fields(_object(text))
    kind = fields.take("kind", str)
    at = fields.take("at", float)
    if not math.isfinite(at) or at < 0:
        raise Broken(f"`at` is {at!r}")
    if kind not in _READERS:
        raise Broken(f"a line of the kind {kind[:40]!r}")
    try:
        return _READERS[kind](at, fields)
    except RecursionError:
        raise Broken("nested too deep") from None


def _object(text: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken("no JSON" if not isinstance(error, json.JSONDecodeError) else error.msg) from None
    if not isinstance(value, dict):
        raise Broken("no JSON object")
    return value


class _Fields:
    """The fields of a line, each taken with its type."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def take(self, name: str, kind: type[L]) -> L:
        value = self.values.get(name)
        if kind is float and isinstance(value, int) and abs(value) < 2**53 and not isinstance(value, bool):
            return float(value)  # type: ignore[return-value]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Broken(f"`{name}` is {'missing' if name not in self.values else 'of the wrong type'}")
        return value

    def maybe(self, name: str, kind: type[L]) -> L | None:
        return None if self.values.get(name) is None else self.take(name, kind)

    def one_of(self, name: str, choices: Any) -> Any:
        value = self.take(name, str)
        if value not in get_args(choices):
            raise Broken(f"`{name}` is {value[:40]!r}")
        return value

    def headers(self) -> dict[str, str]:
        return {str(name): str(value) for name, value in (self.maybe("headers", dict) or {}).items()}

    def body(self) -> Body:
        raw = self.maybe("raw", dict)
        return Body(_with_bytes(self.values.get("body"))) if raw is None else Body(raw=_content(_Fields(raw)))


def _content(fields: _Fields) -> str | bytes:
    if "text" in fields.values:
        return fields.take("text", str)
    return _decoded(fields.take("base64", str))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Broken("base64 that is none") from None


def _with_bytes(value: Any) -> Any:
    """Return a JSON value with the bytes in it that stand there as text."""
    if isinstance(value, dict):
        if value.keys() == {BINARY} and isinstance(value[BINARY], str):
            return _decoded(value[BINARY])
        return {name: _with_bytes(part) for name, part in value.items()}
    return [_with_bytes(part) for part in value] if isinstance(value, list) else value


def _packet(at: float, fields: _Fields) -> Packet:
    kind = fields.one_of("type", PacketType)
    return Packet(
        at,
        fields.take("socket", int),
        fields.one_of("from", Side),
        kind,
        _with_bytes(fields.take("data", list)),
        fields.maybe("id", int),
        fields.take("event", str) if kind == "event" else None,
        fields.maybe("namespace", str) or "/",
    )


_READERS: dict[str, Callable[[float, _Fields], Line]] = {
    "request": lambda at, f: Request(
        at, f.take("id", int), f.take("method", str), f.take("path", str), f.maybe("token", str), f.headers(), f.body()
    ),
    "reply": lambda at, f: Reply(at, f.take("id", int), f.take("status", int), f.headers(), f.body()),
    "failed": lambda at, f: Failed(at, f.take("id", int), f.take("error", str)),
    "opened": lambda at, f: Opened(at, f.take("socket", int), f.maybe("token", str)),
    "packet": _packet,
    "raw": lambda at, f: Raw(at, f.take("socket", int), f.one_of("from", Side), _content(f)),
    "closed": lambda at, f: Closed(at, f.take("socket", int), f.one_of("by", Side), f.take("code", int)),
    "end": lambda at, f: End(at),
}


# --- writing ----------------------------------------------------------------------------------------------------------


def header_line(header: Header) -> str:
    """Return the first line of a cassette, its newline included."""
    return _text({"cassette": VERSION, "recorded": header.recorded, "upstream": header.upstream,
                  "mockpbx": header.mockpbx, "redacted": list(header.redacted)})  # fmt: skip


def line_of(line: Line) -> str:
    """Return a value as the line that `parse_line` reads, its newline included."""
    return _text({"at": round(line.at, 3), "kind": line.kind, **_told(line)})


def write_cassette(path: Path, cassette: Cassette) -> None:
    """Write a cassette as a whole. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(header_line(cassette.header))
        file.writelines(map(line_of, cassette.lines))


def _told(line: Line) -> dict[str, Any]:
    match line:
        case Request(id=number, method=method, path=path, token=token, headers=headers, body=body):
            told = {"id": number, "method": method, "path": path, "token": token, "headers": dict(headers)}
            return told | _body(body)
        case Reply(id=number, status=status, headers=headers, body=body):
            return {"id": number, "status": status, "headers": dict(headers)} | _body(body)
        case Failed(id=number, error=error):
            return {"id": number, "error": error}
        case Opened(socket=socket, token=token):
            return {"socket": socket, "token": token}
        case Packet(socket=socket, sender=sender, type=kind):
            optional = {"id": line.id, "event": line.event}
            optional |= {"namespace": None if line.namespace == "/" else line.namespace}
            present = {name: value for name, value in optional.items() if value is not None}
            return {"socket": socket, "from": sender, "type": kind, **present, "data": _without_bytes(line.data)}
        case Raw(socket=socket, sender=sender, content=content):
            return {"socket": socket, "from": sender} | _raw(content)
        case Closed(socket=socket, by=by, code=code):
            return {"socket": socket, "by": by, "code": code}
        case End():
            return {}


def _body(body: Body) -> dict[str, Any]:
    if body.raw is not None:
        return {"raw": _raw(body.raw)}
    return {} if body.json is None else {"body": _without_bytes(body.json)}


def _raw(content: str | bytes) -> dict[str, str]:
    if isinstance(content, str):
        return {"text": content}
    return {"base64": base64.b64encode(content).decode()}


def _without_bytes(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return {BINARY: base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: _without_bytes(part) for name, part in value.items()}
    return [_without_bytes(part) for part in value] if isinstance(value, (list, tuple)) else value


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(", ", ": ")) + "\n"
