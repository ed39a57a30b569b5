"""Websocket and Socket.IO by hand, as far as a load client needs them: bytes prepared in advance, bytes recognised.

A library would cost more than the work that is measured. The masking key of a client's frames is constant, and not
zero: servers that have a short cut for that key are not to profit from it.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator

FRAME_BYTES = 320  # 20 ms of pcm16 at 8 kHz
FIRST_ACK = 100_000  # acknowledgment ids have six digits, so that each event is as long as the one before
TEXT, BINARY, CLOSE = 0x81, 0x82, 0x88

_KEY = b"\x37\xfa\x21\x3d"


def masked(opcode: int, payload: bytes) -> bytes:
    """Return one whole frame from a client."""
    length = len(payload)
    if length < 126:
        header = bytes((opcode, 0x80 | length))
    elif length < 65_536:
        header = bytes((opcode, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        raise ValueError("a load client sends no frame of 64 KiB or more")
    return header + _KEY + _mask(payload, 0)


def _mask(payload: bytes, offset: int) -> bytes:
    """Return `payload`, which begins `offset` bytes behind the start of its frame's payload, masked."""
    shift = offset % 4
    key = (_KEY[shift:] + _KEY[:shift]) * (len(payload) // 4 + 1)
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key[: len(payload)], "big")).to_bytes(len(payload), "big")


def emit(event: str, payload: dict[str, object]) -> bytes:
    """Return an event without binary, ready to be sent."""
    return masked(TEXT, b"42" + json.dumps([event, payload], separators=(",", ":")).encode())


PONG = masked(TEXT, b"3")


class AudioPacket:
    """An `audio` event with an acknowledgment wanted, encoded once: only the digits of the id change."""

    _DIGITS_AT = 4  # behind "451-"

    def __init__(self, session_id: str, sound: bytes) -> None:
        fields = {"sessionId": session_id, "audioData": {"_placeholder": True, "num": 0}, "audioFormat": "pcm16"}
        event = json.dumps(["audio", fields], separators=(",", ":"))
        text = masked(TEXT, f"451-{FIRST_ACK}{event}".encode())
        payload = len(text) - len(f"451-{FIRST_ACK}{event}")
        self._at = payload + self._DIGITS_AT
        self._bytes = bytearray(text + masked(BINARY, sound))

    def with_id(self, digits: bytes) -> bytearray:
        """Return the event with an id, as `masked_digits` gave it. It is overwritten by the next call."""
        self._bytes[self._at : self._at + 6] = digits
        return self._bytes


def masked_digits(number: int) -> bytes:
    """Return the digits of acknowledgment id `number` as they stand in an AudioPacket."""
    return _mask(b"%06d" % number, AudioPacket._DIGITS_AT)


def frames(data: bytes, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (opcode, start of the frame, start of its payload, end) of each whole frame of a server in `data`."""
    size = len(data)
    while at + 2 <= size:
        length, payload = data[at + 1], at + 2
        if length == 126:
            length, payload = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, payload = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        end = payload + length
        if payload > size or end > size:
            return
        yield data[at], at, payload, end
        at = end


def connect(host: str, port: int, token: str) -> tuple[socket.socket, bytes]:
    """Open a websocket and join the default namespace. Returns the socket and what came behind the CONNECT packet.

    Raises ConnectionError where the server refuses.
    """
    sock = socket.create_connection((host, port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    rest = b""
    while b"\r\n\r\n" not in rest:
        rest += _more(sock)
    head, _, rest = rest.partition(b"\r\n\r\n")
    if b" 101 " not in head.partition(b"\r\n")[0]:
        raise ConnectionError(f"no websocket: {head[:200]!r}")
    sock.sendall(masked(TEXT, b"40" + json.dumps({"token": token}).encode()))
    at = 0
    while True:
        for _, _, payload, end in frames(rest, at):
            at = end
            if rest[payload : payload + 2] == b"40":
                return sock, rest[at:]
            if rest[payload : payload + 1] != b"0":
                raise ConnectionError(f"not connected: {rest[payload:end]!r}")
        rest += _more(sock)


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(65_536)
    if not data:
        raise ConnectionError("the server closed the connection during the handshake")
    return data
