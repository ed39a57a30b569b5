"""Who does what in a cassette, about which session, and upon what: what both sides of a replay are played by."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from mockpbx.cassette.lines import Body, Cassette, Closed, Failed, Line, Opened, Packet, Raw, Reply, Request, Side
from mockpbx.client.packets import Packet as Wire

#: Engine.IO's own requests (the polling transport): a replay makes its own connections.
SOCKET_PATH = "/socket.io"


def is_audio(line: Line) -> bool:
    """Tell whether a line is a message of sound."""
    return isinstance(line, Packet) and line.type == "event" and line.event == "audio"


def side_of(line: Line) -> Side | None:
    """Return who did what a line tells; a request's reply is the server's, and so is that there was none."""
    match line:
        case Request() | Opened():
            return "client"
        case Reply() | Failed():
            return "server"
        case Packet(sender=side) | Raw(sender=side) | Closed(by=side):
            return side
        case _:
            return None


def session_in(payload: Any) -> str | None:
    """Return the `sessionId` of an object, None where it has none."""
    session = payload.get("sessionId") if isinstance(payload, dict) else None
    return session if isinstance(session, str) else None


@dataclass(frozen=True, slots=True)
class Score:
    """The lines that can be played, in order, and for each the session that it is about, None where there is none.

    `placed` are the sessions that a request made, with that request's id; `sessions` all that the server named, in
    order of appearance.
    """

    lines: tuple[Line, ...]
    about: tuple[str | None, ...]
    sessions: tuple[str, ...]
    placed: dict[str, int]

    @property
    def tokens(self) -> list[str]:
        """The names of the tokens that were accepted at least once; any other was a wrong one."""
        good: dict[str, None] = {}
        asked: dict[int, str | None] = {}
        sockets: dict[int, str | None] = {}
        for line in self.lines:
            match line:
                case Request(id=number, token=token):
                    asked[number] = token
                case Opened(socket=socket, token=token):
                    sockets[socket] = token
                case Reply(id=number, status=status) if status != 401 and (token := asked.get(number)):
                    good[token] = None
                case Packet(socket=socket, sender="server", type="connect") if token := sockets.get(socket):
                    good[token] = None
        return list(good)


def score_of(cassette: Cassette) -> Score:
    """Return the score of a cassette."""
    polling = {line.id for line in cassette.lines if isinstance(line, Request) and _is_polling(line)}
    lines = tuple(
        line
        for line in cassette.lines
        if side_of(line) is not None and not (isinstance(line, (Request, Reply, Failed)) and line.id in polling)
    )
    placed: dict[str, int] = {}
    named: dict[str, None] = {}
    for line in lines:
        match line:
            case Reply(body=Body(json={"data": dict(data)})) if session := session_in(data):
                if _places(lines, line.id):
                    placed.setdefault(session, line.id)
                    named[session] = None
            case Packet(sender="server", type="event", event="newSession") if session := session_in(line.payload):
                named[session] = None
    places = {number: session for session, number in placed.items()}
    return Score(lines, tuple(_about(line, places, named) for line in lines), tuple(named), placed)


def _is_polling(request: Request) -> bool:
    return request.path.startswith(SOCKET_PATH)


def _places(lines: tuple[Line, ...], number: int) -> bool:
    return any(
        isinstance(line, Request)
        and line.id == number
        and line.method == "POST"
        and urlsplit(line.path).path.rstrip("/").lower().endswith("/call")
        for line in lines
    )


def _about(line: Line, places: dict[int, str], named: dict[str, None]) -> str | None:
    match line:
        case Request(id=number) if number in places:
            return places[number]
        case Reply(id=number) | Failed(id=number) if number in places:
            return places[number]
        case Request(path=path, body=body):
            session = session_in(body.json) or unquote(urlsplit(path).path.rstrip("/").rpartition("/")[2])
            return session if session in named else None
        case Packet(type="event"):
            return session_in(line.payload)
        case _:
            return None


# --- putting other words in their places ------------------------------------------------------------------------------


def with_text(line: Line, change: Callable[[str], str]) -> Line:
    """Return a line with each of its strings changed, those in its path and headers too."""
    match line:
        case Request():
            headers = {name: change(value) for name, value in line.headers.items()}
            return replace(line, path=change(line.path), headers=headers, body=_body(line.body, change))
        case Reply():
            return replace(line, body=_body(line.body, change))
        case Packet():
            return replace(line, data=value_with_text(line.data, change))
        case Raw(content=str(text)):
            return replace(line, content=change(text))
        case _:
            return line


def value_with_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with each of its strings changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: value_with_text(part, change) for name, part in value.items()}
    return [value_with_text(part, change) for part in value] if isinstance(value, list) else value


def _body(body: Body, change: Callable[[str], str]) -> Body:
    if body.raw is None:
        return Body(value_with_text(body.json, change))
    return Body(raw=change(body.raw)) if isinstance(body.raw, str) else body


def content_of(body: Body) -> bytes:
    """Return the bytes of a body."""
    match body:
        case Body(raw=str(text)):
            return text.encode(errors="surrogatepass")
        case Body(raw=bytes(content)):
            return content
        case Body(json=None):
            return b""
        case _:
            return json.dumps(body.json, ensure_ascii=False).encode(errors="surrogatepass")


def wire_of(packet: Packet) -> Wire:
    """Return a packet as its codec takes it."""
    match packet.type:
        case "event":
            data: Any = [packet.event, *packet.data]
        case "ack":
            data = packet.data
        case _:
            data = packet.payload
    return Wire(packet.type, data, packet.namespace, packet.id)


def told(line: Line) -> str:
    """Return in a few words what somebody did."""
    match line:
        case Request():
            return f"{line.method} {line.path}"
        case Opened():
            return "opened a socket"
        case Packet(type="event"):
            payload = line.payload if isinstance(line.payload, dict) else {}
            detail = next((payload[name] for name in ("status", "name", "digit") if name in payload), None)
            return f"{line.event}" if detail is None else f"{line.event} {str(detail)[:40]!r}"
        case Packet(type=kind):
            return kind
        case Raw():
            return "a message that is no Socket.IO"
        case Closed(code=code):
            return f"closed the socket ({code})"
        case _:
            return line.kind


def dialled(cassette: Cassette) -> list[str]:
    """Return the numbers that a cassette's client dials, in order of appearance."""
    numbers: dict[str, None] = {}
    for line in cassette.lines:
        if isinstance(line, Request) and line.method == "POST" and isinstance(line.body.json, dict):
            number = line.body.json.get("phoneNumber")
            if isinstance(number, str) and number:
                numbers[number] = None
    return list(numbers)
