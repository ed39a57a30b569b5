"""One call of the load client: what it counts, how it reads, how it sends. Nothing here waits."""

from __future__ import annotations

import socket
from array import array
from collections import deque

from .wire import BINARY, CLOSE, FIRST_ACK, FRAME_BYTES, PONG, TEXT, AudioPacket, frames, masked_digits

_UNKNOWN = b"\x00 no frame begins like this"
_BINARY_HEADER = bytes((BINARY, 126)) + FRAME_BYTES.to_bytes(2, "big")


class Digits:
    """The digits of the acknowledgment ids, masked: the same for every call, made once."""

    def __init__(self) -> None:
        self._made: list[bytes] = []

    def __getitem__(self, number: int) -> bytes:
        while number >= len(self._made):
            self._made.append(masked_digits(FIRST_ACK + len(self._made)))
        return self._made[number]


class Call:
    """A call on a websocket of its own. Times are seconds of `time.perf_counter`."""

    __slots__ = (
        "_backlog", "_digits", "_due_binary", "_head", "_packet", "_rest", "_unit", "ack_seconds", "arrivals",
        "confirmed", "connected", "ended", "pings", "refused", "sent", "session_id", "sock", "strange", "waiting",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, rest: bytes, session_id: str, sound: bytes, digits: Digits) -> None:
        sock.setblocking(False)
        self.sock, self.session_id = sock, session_id
        self.arrivals = array("d")
        self.connected = self.ended = False
        self.sent = self.confirmed = self.refused = self.strange = self.pings = 0
        self.waiting: deque[tuple[int, float]] = deque()  # ids without an acknowledgment, and when they left
        self.ack_seconds = array("d")
        self._rest = rest
        self._head, self._unit = _UNKNOWN, 0  # what every frame's event begins with, and how long it is
        self._due_binary = False  # an `audio` text has come, its sound has not
        self._packet = AudioPacket(session_id, sound)
        self._digits = digits
        self._backlog = b""

    def read(self, now: float) -> None:
        """Take what the socket has."""
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return
        if self._rest:
            data = self._rest + data
        head, unit, at, size = self._head, self._unit, 0, len(data)
        while data.startswith(head, at) and at + unit <= size:
            self.arrivals.append(now)
            at += unit
        self._rest = b"" if at == size else self._others(data, at, now)

    def _others(self, data: bytes, at: int, now: float) -> bytes:
        """Take what is no whole frame event in one piece. Returns what is no whole websocket frame yet."""
        for opcode, start, payload, end in frames(data, at):
            at = end
            if opcode == BINARY:
                if self._due_binary and end - payload == FRAME_BYTES:
                    self.arrivals.append(now)
                else:
                    self.strange += 1
                self._due_binary = False
            elif opcode == TEXT:
                self._text(data[start:end], data[payload:end], now)
            elif opcode == CLOSE:
                self.ended = True
        return data[at:]

    def _text(self, frame: bytes, text: bytes, now: float) -> None:
        match text[:2]:
            case b"45":
                self._due_binary = self.connected = True  # who joined late is told so by the sound alone
                self._head = frame + _BINARY_HEADER
                self._unit = len(self._head) + FRAME_BYTES
            case b"43":
                self._acknowledged(text, now)
            case b"42":
                self.connected = self.connected or (text.startswith(b'42["dialStatus"') and b'"Connected"' in text)
                self.ended = self.ended or text.startswith(b'42["hangup"')
                self.strange += text.startswith(b'42["exception"')
            case b"2":
                self.pings += 1
                self._write(PONG)
            case _:
                self.strange += 1

    def _acknowledged(self, text: bytes, now: float) -> None:
        if not self.waiting or int(text[2:8]) != self.waiting[0][0]:
            self.strange += 1  # out of order, twice, or never asked for
            return
        _, left = self.waiting.popleft()
        self.ack_seconds.append(now - left)
        if b'"success":true' in text:
            self.confirmed += 1
        else:
            self.refused += 1

    def speak(self, now: float) -> None:
        """Send the next packet of sound."""
        self.waiting.append((FIRST_ACK + self.sent, now))
        packet = self._packet.with_id(self._digits[self.sent])
        self.sent += 1
        self._write(packet)

    def _write(self, data: bytes | bytearray) -> None:
        """Send; what the server's side does not take waits for the next time, in order."""
        out = self._backlog + data if self._backlog else data
        try:
            done = self.sock.send(out)
        except BlockingIOError:
            done = 0
        except OSError:
            self.ended, done = True, len(out)
        self._backlog = bytes(out[done:])

    def say(self, event: bytes) -> None:
        """Send a prepared event."""
        self._write(event)
