"""What became of each thing that a client sent: its acknowledgment, its refusal, the room it asked for."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from mockpbx.cassette.lines import Line, Packet

#: Events of a socket that are looked back on for what an `exception` is about.
MOST_BACK = 16


class Outcomes:
    """By the number of a packet among the lines: the acknowledgment's object, the sentence of a refusal, whether a
    room was joined.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self.acks: dict[int, Mapping[str, Any]] = {}
        self.refused: dict[int, str] = {}
        self.joined: dict[int, bool] = {}
        self._asked: dict[tuple[int, int], int] = {}  # by socket and the packet's id
        self._joining: dict[tuple[int, object], deque[int]] = defaultdict(deque)  # by socket and session
        self._sent: dict[int, deque[tuple[int, str]]] = defaultdict(lambda: deque(maxlen=MOST_BACK))
        for number, line in enumerate(lines):
            if isinstance(line, Packet) and line.namespace == "/":
                self._read(number, line)

    def _read(self, number: int, packet: Packet) -> None:
        match packet:
            case Packet(sender="client", type="event", event=str(event), payload=payload):
                if packet.id is not None:
                    self._asked[packet.socket, packet.id] = number
                if event != "audio":
                    self._sent[packet.socket].append((number, event))
                if event == "joinRoom" and isinstance(payload, dict):
                    self._joining[packet.socket, str(payload.get("sessionId"))].append(number)
            case Packet(sender="server", type="ack", id=int(answered), payload=payload):
                asked = self._asked.pop((packet.socket, answered), None)
                if asked is not None:
                    self.acks[asked] = payload if isinstance(payload, dict) else {}
            case Packet(sender="server", type="event", event="roomJoined", payload=dict(payload)):
                waiting = self._joining[packet.socket, str(payload.get("sessionId"))]
                if waiting:
                    self.joined[waiting.popleft()] = payload.get("status") == "success"
            case Packet(sender="server", type="event", event="exception", payload=dict(payload)):
                self._refuse(packet.socket, str(payload.get("message", "")))

    def _refuse(self, socket: int, sentence: str) -> None:
        """Lay a refusal to the last event that its sentence names, or to the last one: a refusal comes at once."""
        sent = self._sent[socket]
        named = (each for each in reversed(sent) if sentence.startswith(f"{each[1]}:"))
        about = next(named, sent[-1] if sent else None)
        if about is not None:
            sent.remove(about)
            number, event = about
            self.refused[number] = sentence.removeprefix(f"{event}:").strip()
