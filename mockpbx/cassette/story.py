"""A cassette as what is the same in every recording of the same conversation: without times and ids."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from mockpbx.cassette.lines import Cassette, Closed, Failed, Opened, Packet, Raw, Reply, Request
from mockpbx.cassette.score import Score, is_audio, score_of, told

MOMENTS = ("startTime", "answerTime", "endTime", "createdAt", "updatedAt")
#: Fields of a record that count seconds (contract, "cdr field"), and the events between which they are counted.
SPANS = {"duration": ("Dialing", "hangup"), "billableSeconds": ("Connected", "hangup")}
TOTALS = ("totalItems", "totalPages")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Seconds:
    """A counted time, and how long this recording saw it last; None where it did not see it begin and end."""

    value: int | float
    seen: float | None


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was said: what it is called, and its fields."""

    name: str
    fields: Any


@dataclass(slots=True)
class Sound:
    """The sound of one stretch of a call: how it was packed, how much of it there was, in how many seconds."""

    frames: int = 0
    bytes: int = 0
    packing: set[str] = field(default_factory=set)
    seconds: float = 0.0


Stream = tuple[str, int]  # a session by its name, and the number of a socket


@dataclass(slots=True)
class Story:
    """What a recording tells: the exchanges in order, what happened to each socket, and each stream of a session."""

    exchanges: list[tuple[str, Told]] = field(default_factory=list)
    sockets: dict[int, list[Told]] = field(default_factory=lambda: defaultdict(list))
    events: dict[Stream, list[Told]] = field(default_factory=lambda: defaultdict(list))
    sound: dict[Stream, dict[str, Sound]] = field(default_factory=lambda: defaultdict(dict))
    acks: dict[tuple[str, str], list[Told]] = field(default_factory=lambda: defaultdict(list))


def story_of(cassette: Cassette) -> Story:
    """Return what a cassette tells."""
    return _Teller(score_of(cassette)).tell()


class _Teller:
    def __init__(self, score: Score) -> None:
        self._score = score
        self._names = {session: f"session {number}" for number, session in enumerate(score.sessions, 1)}
        self._seen = _seen(score)
        self._story = Story()

    def tell(self) -> Story:
        asked: dict[int, Request] = {}
        emitted: dict[tuple[int, int], tuple[str, str]] = {}
        answers: dict[tuple[int, int], list[Any]] = {}
        for line, about in zip(self._score.lines, self._score.about, strict=True):
            match line:
                case Request(id=number):
                    asked[number] = line
                case Reply(id=number) | Failed(id=number) if number in asked:
                    self._exchange(asked[number], line)
                case Opened(socket=socket):
                    self._story.sockets[socket]
                case Closed(by="server", socket=socket, code=code):
                    self._story.sockets[socket].append(Told("closed by the server", {"code": code}))
                case Packet(sender="client", type="event", id=int(number), socket=socket):
                    emitted[socket, number] = self._name(about), str(line.event)
                    answers[socket, number] = []
                case Packet(sender="server", type="ack", id=int(number), socket=socket):
                    answers.setdefault((socket, number), []).append(self._plain(line.data))
                case Packet(sender="server", type="event"):
                    self._event(line, about)
                case Packet(sender="server", socket=socket):
                    payload = line.payload if line.type == "connect_error" else None
                    self._story.sockets[socket].append(Told(line.type, self._plain(payload)))
                case Raw(sender="server", socket=socket):
                    self._story.sockets[socket].append(Told("a message that is no Socket.IO", None))
        for key, acks in answers.items():
            self._ack(emitted.get(key, ("no session", "nothing")), acks)
        return self._story

    # --- each kind ----------------------------------------------------------------------------------------------------

    def _exchange(self, request: Request, reply: Reply | Failed) -> None:
        number = request.body.json.get("phoneNumber") if isinstance(request.body.json, dict) else None
        asked = f"{request.method} {self._text(unquote(request.path))}{'' if number is None else f' for {number!r}'}"
        if isinstance(reply, Failed):
            told = Told("no reply", None)
        else:
            body = reply.body.raw if reply.body.raw is not None else reply.body.json
            kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
            told = Told(f"status {reply.status}", {"content-type": kind, "body": self._list(self._plain(body))})
        exchange = (asked, told)
        # Asking again until the record is there is a matter of time.
        if request.method == "GET" and exchange in self._story.exchanges[-1:]:
            return
        self._story.exchanges.append(exchange)

    def _list(self, body: Any) -> Any:
        """Return the list of records without those of other calls, and without counts where there are some."""
        if not isinstance(body, dict) or not isinstance(body.get("data"), list):
            return body
        known = set(self._names.values())
        rows = [row for row in body["data"] if not isinstance(row, dict) or row.get("sessionId") in known]
        meta = body.get("meta")
        if isinstance(meta, dict) and (len(rows) < len(body["data"]) or not _counts(meta, len(rows))):
            meta = {name: value for name, value in meta.items() if name not in TOTALS or not isinstance(value, int)}
        return body | {"data": rows} | ({} if meta is None else {"meta": meta})

    def _event(self, packet: Packet, about: str | None) -> None:
        stream = self._name(about), packet.socket
        if not is_audio(packet):
            self._story.events[stream].append(Told(told(packet), self._plain(packet.data)))
            return
        phase, seconds = self._phase(about, packet.at)
        sound = self._story.sound[stream].setdefault(phase, Sound(seconds=seconds))
        payload = packet.payload if isinstance(packet.payload, dict) else {}
        data = payload.get("audioData")
        sound.frames += 1
        sound.bytes += len(data) if isinstance(data, bytes) else 0
        size = f"{len(data)} bytes" if isinstance(data, bytes) else f"{type(data).__name__} in place of bytes"
        others = ", ".join(sorted(payload.keys() - {"sessionId", "audioData", "audioFormat"}))
        sound.packing.add(f"{size} of {payload.get('audioFormat')!r}" + (f" with {others}" if others else ""))

    def _ack(self, key: tuple[str, str], acks: list[Any]) -> None:
        """Take the acks of one event; equal ones in a row count as one."""
        answer = Told("no ack", None) if not acks else Told("ack", acks[0] if len(acks) == 1 else acks)
        if self._story.acks[key][-1:] != [answer]:
            self._story.acks[key].append(answer)

    def _phase(self, about: str | None, at: float) -> tuple[str, float]:
        """Return which part of its call a moment is in, and how long that lasted."""
        seen = self._seen.get(about, {})
        connected, hangup = seen.get("Connected"), seen.get("hangup")
        end = self._score.lines[-1].at if hangup is None else hangup
        if connected is None or at < connected:
            return "before Connected", 0.0
        return ("Connected", (end - connected) / 1000) if at <= end else ("after hangup", 0.0)

    # --- without times and ids ----------------------------------------------------------------------------------------

    def _name(self, about: str | None) -> str:
        return "no session" if about is None else self._names.get(about, "another session")

    def _text(self, text: str) -> str:
        for session, name in self._names.items():
            text = text.replace(session, name)
        return text

    def _plain(self, value: Any) -> Any:
        match value:
            case str():
                return re.sub(r"\d", "0", value) if _ISO.match(value) else self._text(value)
            case list():
                return [self._plain(part) for part in value]
            case dict():
                return {name: self._field(value, name, part) for name, part in value.items()}
            case _:
                return value

    def _field(self, owner: Mapping[str, Any], name: str, value: Any) -> Any:
        if name in MOMENTS and isinstance(value, (str, int, float)):
            return re.sub(r"\d", "0", str(value))
        if name in SPANS and isinstance(value, (int, float)) and not isinstance(value, bool):
            seen = self._seen.get(owner.get("sessionId"), {})
            begun, ended = (seen.get(event) for event in SPANS[name])
            return Seconds(value, None if begun is None or ended is None else (ended - begun) / 1000)
        return self._plain(value)


def _counts(meta: Mapping[str, Any], rows: int) -> bool:
    """Tell whether a page shows all records that there are."""
    return meta.get("totalItems") == rows


def _seen(score: Score) -> dict[str | None, dict[str, float]]:
    """Return when each session was seen to dial, to be answered and to end."""
    seen: dict[str | None, dict[str, float]] = defaultdict(dict)
    for line, about in _events(score):
        if line.event == "dialStatus" and isinstance(line.payload, dict):
            seen[about].setdefault(str(line.payload.get("status")), line.at)
        elif line.event == "hangup":
            seen[about].setdefault("hangup", line.at)
    return seen


def _events(score: Score) -> Iterator[tuple[Packet, str | None]]:
    for line, about in zip(score.lines, score.about, strict=True):
        if isinstance(line, Packet) and line.sender == "server" and line.type == "event":
            yield line, about
