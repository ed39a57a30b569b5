"""From what passed on the wires to the lines of a cassette."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, get_args

from mockpbx.cassette.lines import (
    Body,
    Closed,
    Failed,
    Line,
    Opened,
    Packet,
    PacketType,
    Raw,
    Reply,
    Request,
    Side,
)
from mockpbx.cassette.redaction import Redactor
from mockpbx.client.packets import Assembly, Malformed
from mockpbx.client.packets import Packet as Decoded

#: Headers that a recording keeps, in small letters: what a body is, and what a browser must be told again.
KEPT_HEADERS = ("content-type", "location", "origin", "retry-after", "www-authenticate")
KEPT_FAMILY = "access-control-"
LARGEST = 64 * 1024 * 1024  # bytes of a compressed body that are recorded uncompressed
_WINDOW = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True, slots=True)
class Asked:
    """An HTTP request as it passed; `path` with its query, below the base address."""

    at: float
    id: int
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply to it."""

    at: float
    id: int
    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """A websocket message."""

    at: float
    socket: int
    sender: Side
    content: str | bytes


Passed = Asked | Answered | Heard | Failed | Closed


@dataclass(slots=True)
class _Ear:
    """One direction of a websocket, and the messages that make no whole packet yet."""

    assembly: Assembly = field(default_factory=Assembly)
    waiting: list[Heard] = field(default_factory=list)


class Transcriber:
    """Makes lines, redacted ones, of what passed, in its order."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._ears: dict[tuple[int, Side], _Ear] = {}
        self._opened: set[int] = set()

    def lines(self, passed: Passed) -> Iterator[Line]:
        """Yield the lines that this makes: none for half a packet, and for what Engine.IO says to itself."""
        for line in self._lines(passed):
            yield self._redactor.line(line)

    def _lines(self, passed: Passed) -> Iterator[Line]:
        match passed:
            case Asked():
                yield self._request(passed)
            case Answered():
                headers, body = _kept(passed.headers, passed.content)
                yield Reply(passed.at, passed.id, passed.status, headers, body)
            case Failed():
                yield passed
            case Heard(socket=socket, sender=sender):
                yield from self._heard(passed, self._ears.setdefault((socket, sender), _Ear()))
            case Closed(socket=socket):
                yield from self._opening(passed.at, socket)
                yield passed
                for side in get_args(Side):
                    self._ears.pop((socket, side), None)

    def _request(self, asked: Asked) -> Request:
        headers, body = _kept(asked.headers, asked.content)
        token, authorization = self._redactor.credentials(asked.headers.get("Authorization", ""))
        if authorization not in ("", f"Bearer {token}"):
            headers["authorization"] = authorization  # what is odd about it is told, not the token
        return Request(asked.at, asked.id, asked.method, asked.path, token, headers, body)

    def _heard(self, heard: Heard, ear: _Ear) -> Iterator[Line]:
        ear.waiting.append(heard)
        try:
            packet = ear.assembly.take(heard.content)
        except Malformed:
            yield from self._opening(heard.at, heard.socket)
            for part in ear.waiting:
                yield Raw(part.at, part.socket, part.sender, part.content)
            ear.waiting.clear()
            return
        if packet is None:
            return
        at = ear.waiting[0].at
        ear.waiting.clear()
        if packet.kind in get_args(PacketType):
            yield from self._opening(at, heard.socket, packet)
            yield _packet(at, heard, packet)

    def _opening(self, at: float, socket: int, packet: Decoded | None = None) -> Iterator[Line]:
        if socket in self._opened:
            return
        self._opened.add(socket)
        token = packet.data.get("token") if packet is not None and isinstance(packet.data, dict) else None
        yield Opened(at, socket, self._redactor.credentials(token)[0] if isinstance(token, str) else None)


def _packet(at: float, heard: Heard, packet: Decoded) -> Packet:
    event: str | None = None
    data = packet.data
    match packet.kind:
        case "event":
            event, data = data[0], data[1:]
        case "ack":
            data = data if isinstance(data, list) else [data]
        case _:
            data = [] if data is None else [data]
    kind: Any = packet.kind
    return Packet(at, heard.socket, heard.sender, kind, data, packet.id, event, packet.namespace)


def _kept(headers: Mapping[str, str], content: bytes) -> tuple[dict[str, str], Body]:
    """Return the headers that are kept and the body, uncompressed where that is easy."""
    kept = {
        name.lower(): value
        for name, value in headers.items()
        if name.lower() in KEPT_HEADERS or name.lower().startswith(KEPT_FAMILY)
    }
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in _WINDOW and content:
        inflater = zlib.decompressobj(_WINDOW[encoding])
        with suppress(zlib.error):
            plain = inflater.decompress(content, LARGEST)
            if inflater.eof:
                return kept, body_of(plain)
    if encoding != "identity" and content:
        return kept | {"content-encoding": encoding}, Body(raw=content)
    return kept, body_of(content)


def body_of(content: bytes) -> Body:
    """Return what an HTTP message carried, as JSON where it is some."""
    if not content:
        return Body()
    try:
        value = json.loads(content, parse_constant=_no_json)
        if value is not None:
            json.dumps(value, allow_nan=False)  # 1e999 is read as infinity, and cannot be written again
            return Body(value)
    except (ValueError, RecursionError):
        pass
    try:
        return Body(raw=content.decode())
    except UnicodeDecodeError:
        return Body(raw=content)


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
