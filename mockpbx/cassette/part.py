"""The client's part in a cassette: what it did, and what the server did upon it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from mockpbx.cassette.lines import Body, Cassette, Closed, Failed, Line, Opened, Packet, Raw, Reply, Request
from mockpbx.cassette.score import Score, is_audio, score_of, session_in, side_of, told


@dataclass(slots=True)
class Deed:
    """Something that the recorded client did. `upon` it the server did these, so many seconds later each."""

    line: Any
    about: str | None
    done: bool = False
    reply: tuple[float, Reply | Failed] | None = None
    upon: list[tuple[float, Line]] = field(default_factory=list)

    def since_reply(self) -> list[tuple[float, Line]]:
        """Return what the server did after its reply, in seconds from there."""
        return [] if self.reply is None else [(at - self.reply[0], it) for at, it in self.upon if at >= self.reply[0]]

    def before_reply(self) -> list[tuple[float, Line]]:
        """Return what the server did before its reply, or all where there was none."""
        return [(at, line) for at, line in self.upon if self.reply is None or at < self.reply[0]]


class Part:
    """The deeds of a cassette, to be found again as a live client does them. Each is found once."""

    def __init__(self, cassette: Cassette) -> None:
        self.score = score_of(cassette)
        self.deeds = _deeds(self.score)
        self._ways: dict[object, list[Deed]] = defaultdict(list)
        for deed in reversed(self.deeds):  # so that the next one is the last
            self._ways[_way(deed.line)].append(deed)

    def request(self, method: str, path: str, body: Body) -> Deed | None:
        """Return what this request repeats: the same one, or the next to its path. Any GET may be made once more."""
        known = self._ways[_way(Request(0, 0, method, path, None))]
        same = [deed for deed in known if deed.line.path == path and deed.line.body == body]
        found = self._next((same, known))
        if found is None and known and method == "GET":
            return replace((same or known)[0], upon=[])
        return found

    def socket(self, token: str | None) -> Deed | None:
        """Return the next socket that was opened, one with this token where there is one."""
        known = self._ways[Opened]
        return self._next(([deed for deed in known if deed.line.token == token], known))

    def packet(self, socket: int | None, packet: Packet) -> Deed | None:
        """Return what this packet repeats: the same one, or the next of its name about its session."""
        known = self._ways[_way(packet)]
        if is_audio(packet):
            while known and known[-1].done:
                known.pop()
            return self._next((known,))
        here = [deed for deed in known if deed.line.socket == socket]
        same = [deed for deed in known if deed.line.data == packet.data]
        return self._next(([deed for deed in here if deed.line.data == packet.data], here, same, known))

    def missed(self) -> list[str]:
        """Return what the live client has not done; sound only where none at all was sent about a session."""
        heard = {deed.about for deed in self.deeds if deed.done and is_audio(deed.line)}
        counts: dict[str, int] = defaultdict(int)
        for deed in self.deeds:
            sent = is_audio(deed.line) and deed.about in heard
            if not deed.done and not sent and not _said_anyway(deed.line):
                counts[told(deed.line)] += 1
        return [words if count == 1 else f"{words} ({count} times)" for words, count in counts.items()]

    def _next(self, choices: Iterable[list[Deed]]) -> Deed | None:
        for known in choices:
            for deed in reversed(known):
                if not deed.done:
                    deed.done = True
                    return deed
        return None


def _way(line: Line) -> object:
    """Return what two deeds have in common where one can stand for the other."""
    match line:
        case Request(method=method, path=path):
            return method, path.partition("?")[0]
        case Packet(type="event", event=event, payload=payload):
            return "event", event, session_in(payload)
        case Packet(type=kind):
            return kind
        case _:
            return type(line)


def _said_anyway(line: Line) -> bool:
    """Tell whether a deed says nothing beside another one: a CONNECT with its socket, the end of a connection."""
    return isinstance(line, (Closed, Raw)) or (isinstance(line, Packet) and line.type in ("connect", "disconnect"))


def _deeds(score: Score) -> list[Deed]:
    """Return the client's deeds, each with what the server did upon it."""
    deeds: list[Deed] = []
    requests: dict[int, Deed] = {}
    acked: dict[tuple[int, int | None], Deed] = {}
    last_about: dict[str, Deed] = {}
    last_on: dict[int, Deed] = {}
    for line, about in zip(score.lines, score.about, strict=True):
        if side_of(line) == "client":
            deed = Deed(line, about)
            deeds.append(deed)
            match line:
                case Request(id=number):
                    requests[number] = deed
                case Packet(type="event", socket=socket, id=number) if number is not None:
                    acked[socket, number] = deed
            if not is_audio(line):
                if about is not None:
                    last_about[about] = deed
                if not isinstance(line, Request):
                    last_on[_socket(line)] = deed
            continue
        match line:
            case Reply(id=number) | Failed(id=number):
                if number in requests:
                    deed = requests[number]
                    deed.reply = (_distance(deed, line), line)
                continue
            case Packet(type="ack", socket=socket, id=number):
                cause = acked.get((socket, number))
            case _:
                cause = last_about.get(about) if about is not None else None
                cause = cause or last_on.get(_socket(line))
        if cause is not None:
            cause.upon.append((_distance(cause, line), line))
    return deeds


def _socket(line: Line) -> int:
    return getattr(line, "socket", 0)


def _distance(deed: Deed, line: Line) -> float:
    begun: float = deed.line.at
    return max(0.0, (line.at - begun) / 1000)
