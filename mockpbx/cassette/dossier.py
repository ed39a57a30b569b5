"""Cassettes as dossiers: so that the rules which judge the emulator's own calls judge any server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from mockpbx.cassette.heard import HeardCall
from mockpbx.cassette.lines import Body, Cassette, Closed, Line, Opened, Packet, Reply, Request
from mockpbx.cassette.outcomes import Outcomes
from mockpbx.contract.errors import NoSuchSession
from mockpbx.contract.vocabulary import Direction
from mockpbx.domain import events as e
from mockpbx.evidence.dossier import Dossier
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.journal import Entry

Refusal = AudioRefused | EventRefused | e.JoinRefused

_UNKNOWN: Final = "unknown"
#: Codes of a websocket that was closed on purpose (RFC 6455, section 7.4.1): normal, going away, none given.
_GOODBYES: Final = (1000, 1001, 1005)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a cassette shows: its calls, the oldest first, and refusals that belong to none of them."""

    dossiers: list[Dossier]
    strays: list[Entry]


def dossiers(cassette: Cassette) -> list[Dossier]:
    """Return the calls of a cassette, the oldest first. Times are ms since its beginning."""
    return heard(cassette).dossiers


def heard(cassette: Cassette) -> Heard:
    """Return the calls of a cassette, and what belongs to none."""
    return _Listener(cassette).heard()


class _Listener:
    """Reads a cassette in order, and tells each call what happened to it."""

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette
        self._calls: dict[str, HeardCall] = {}
        self._strays: list[Entry] = []
        self._outcomes = Outcomes(cassette.lines)
        self._requests = {line.id: line for line in cassette.lines if isinstance(line, Request)}
        self._placed = dict(_placed(self._requests, cassette.lines))
        self._records = {name: line.payload for line in cassette.lines if (name := _told(line, "cdr"))}  # type: ignore[union-attr]
        self._tokens: dict[int, str | None] = {}
        self._goodbyes: set[int] = set()

    def heard(self) -> Heard:
        """Return the calls."""
        at = 0
        for number, line in enumerate(self._cassette.lines):
            at = round(line.at)
            match line:
                case Reply():
                    self._replied(at, line)
                case Opened(socket=socket, token=token):
                    self._tokens[socket] = token
                    for call in self._calls.values():
                        if call.token == token:
                            call.back(at, socket)
                case Packet(namespace="/", sender="server", type="event"):
                    self._told(at, line)
                case Packet(namespace="/", sender="client", type="event"):
                    self._asked(at, number, line)
                case Packet(namespace="/", sender="client", type="disconnect", socket=socket):
                    self._goodbyes.add(socket)
                    self._leave(at, socket, goodbye=True)
                case Closed(socket=socket, by=by, code=code):
                    self._leave(at, socket, goodbye=by == "client" and code in _GOODBYES)
        for call in self._calls.values():
            call.advance(at)
        whole = self._cassette.cut is None
        return Heard([call.dossier(whole=whole) for call in self._calls.values()], self._strays)

    # --- REST ---------------------------------------------------------------------------------------------------------

    def _replied(self, at: int, reply: Reply) -> None:
        request = self._requests.get(reply.id)
        if request is None or not 200 <= reply.status < 300 or request.method != "POST":
            return
        match urlsplit(request.path).path.rstrip("/").rpartition("/")[2].lower():
            case "call":
                name = _session(reply.body)
                if name in self._placed:
                    self._call(name, at)
            case "hangup":
                call = self._calls.get(_session(reply.body) or _session(request.body))
                if call is not None:
                    call.advance(round(request.at))
                    call.hung_up()
                    if not call.members:
                        call.advance(at)
                        call.end(at)

    # --- the server's events ------------------------------------------------------------------------------------------

    def _told(self, at: int, packet: Packet) -> None:
        payload = packet.payload
        if not isinstance(payload, dict) or not isinstance(name := payload.get("sessionId"), str):
            return
        if packet.event == "roomJoined" or (packet.event == "audio" and name in self._calls):
            if packet.event == "audio" and packet.socket == min(self._calls[name].members, default=packet.socket):
                self._calls[name].callee_audio(at, payload.get("audioData"))
            return
        call = self._call(name, at, payload, packet.socket)
        call.advance(at)
        match packet.event:
            case "newSession":
                call.announced(at)
            case "dialStatus":
                call.dial_status(at, payload.get("status"))
            case "dtmf":
                call.callee_pressed(at, payload.get("digit"))
            case "checkPoint":
                call.reached(at, payload.get("name"))
            case "hangup":
                call.end(at)
            case "cdr":
                call.issued(at)

    def _call(self, name: str, at: int, payload: Mapping[str, Any] | None = None, socket: int = 0) -> HeardCall:
        """Return a call; one that appears here first begins here."""
        if name not in self._calls:
            record = self._records.get(name, {})
            request = self._placed.get(name)
            number = record.get("destination") if request is None else _number(request.body)
            inbound = payload is not None and payload.get("type") == Direction.INBOUND
            direction = Direction.INBOUND if inbound else Direction.OUTBOUND
            began = at if request is None else round(request.at)
            ordinal = len(self._calls) + 1
            self._calls[name] = HeardCall(
                name, str(number or _UNKNOWN), direction=direction, ordinal=ordinal, at=began, record=record
            )
            self._calls[name].token = self._tokens.get(socket) if request is None else request.token
        return self._calls[name]

    # --- the client's events ------------------------------------------------------------------------------------------

    def _asked(self, at: int, number: int, packet: Packet) -> None:
        payload = packet.payload if isinstance(packet.payload, dict) else {}
        name = payload.get("sessionId")
        if packet.event == "joinRoom" and self._outcomes.joined.get(number) and isinstance(name, str):
            self._call(name, at, None, packet.socket)
        call = self._calls.get(name) if isinstance(name, str) else None
        if call is not None:
            call.advance(at)
        refusal = self._refusal(number, packet, call)
        if refusal is not None:
            self._refuse(at, name if isinstance(name, str) else None, call, refusal)
        elif call is not None:
            self._carry_out(at, number, packet, payload, call)

    def _carry_out(self, at: int, number: int, packet: Packet, payload: Mapping[str, Any], call: HeardCall) -> None:
        match packet.event:
            case "joinRoom" if self._outcomes.joined.get(number):
                call.joined(at, packet.socket)
            case "audio" if isinstance(data := payload.get("audioData"), bytes):
                call.audio(at, payload.get("audioFormat"), data, ack_wanted=packet.id is not None)
            case "checkPoint":
                call.check_point(at, payload.get("name"))
            case "dtmf":
                call.dtmf(at, payload.get("digit"), payload.get("duration"))
            case "interruption":
                call.interruption(at)
            case "hangup":
                call.hung_up()

    def _refusal(self, number: int, packet: Packet, call: HeardCall | None) -> Refusal | None:
        """Return the fact that this was not taken, None where it was: by what the server said, and after the end."""
        if packet.event == "joinRoom":
            return e.JoinRefused(f"socket {packet.socket}") if self._outcomes.joined.get(number) is False else None
        over = call is not None and call.ended
        if packet.event == "audio":
            ack = self._outcomes.acks.get(number, {})
            reason = NoSuchSession.sentence if over else str(ack.get("error") or "without a reason")
            return AudioRefused(reason, _size(packet.payload)) if over or ack.get("success") is False else None
        if number in self._outcomes.refused or (over and packet.event in ("checkPoint", "dtmf", "interruption")):
            reason = NoSuchSession.sentence if over else self._outcomes.refused[number]
            return EventRefused(str(packet.event), reason)
        return None

    def _refuse(self, at: int, name: str | None, call: HeardCall | None, fact: Refusal) -> None:
        if call is None:
            self._strays.append(Entry(len(self._strays) + 1, at, at, name, fact))
        else:
            call.refused(at, fact)

    def _leave(self, at: int, socket: int, *, goodbye: bool) -> None:
        for call in self._calls.values():
            call.advance(at)
            call.left(at, socket, goodbye=goodbye or socket in self._goodbyes)


def _placed(requests: Mapping[int, Request], lines: Sequence[Line]) -> Any:
    """Yield the sessions of calls that were placed, and the requests that placed them."""
    for line in lines:
        request = requests.get(line.id) if isinstance(line, Reply) else None
        if isinstance(line, Reply) and request is not None and urlsplit(request.path).path.lower().endswith("/call"):
            name = _session(line.body)
            if name:
                yield name, request


def _told(line: Line, event: str) -> str | None:
    """Return the session of which a server's event tells."""
    if isinstance(line, Packet) and line.sender == "server" and line.event == event and isinstance(line.payload, dict):
        name = line.payload.get("sessionId")
        return name if isinstance(name, str) else None
    return None


def _fields(body: Body) -> dict[str, Any]:
    if isinstance(body.raw, str):
        return {name: values[0] for name, values in parse_qs(body.raw).items()}
    if not isinstance(body.json, dict):
        return {}
    data = body.json.get("data")
    return data if isinstance(data, dict) else body.json


def _session(body: Body) -> str:
    name = _fields(body).get("sessionId")
    return name if isinstance(name, str) else ""


def _number(body: Body) -> str:
    return str(_fields(body).get("phoneNumber", ""))


def _size(payload: object) -> int:
    data = payload.get("audioData") if isinstance(payload, dict) else None
    return len(data) if isinstance(data, bytes) else 0
