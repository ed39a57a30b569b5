"""Websocket messages, written to a connection at once and in order (RFC 6455, section 5.2; servers do not mask)."""

from __future__ import annotations

import asyncio
import logging
import time

_log = logging.getLogger(__name__)

_FINAL_TEXT = 0x81
_FINAL_BINARY = 0x82
_PONG = 0x8A


def header(opcode: int, length: int) -> bytes:
    """Return the header of an unmasked, unfragmented frame with a payload of `length` bytes."""
    if length < 126:
        return bytes((opcode, length))
    if length < 65_536:
        return bytes((opcode, 126)) + length.to_bytes(2, "big")
    return bytes((opcode, 127)) + length.to_bytes(8, "big")


def text(message: str) -> bytes:
    """Return a whole text message."""
    payload = message.encode()
    return header(_FINAL_TEXT, len(payload)) + payload


def binary_header(length: int) -> bytes:
    """Return what goes before `length` bytes of a binary message."""
    return header(_FINAL_BINARY, length)


def pong(payload: bytes) -> bytes:
    """Return the answer to a ping of the websocket's own."""
    return header(_PONG, len(payload)) + payload


class Wire:
    """The way out of one websocket.

    Nothing waits here, unless whoever sends asks for it: a message goes to the transport the moment it is sent, so
    messages leave in the order in which things happened, and the transport's own buffer is the only queue. A peer that
    stops reading is cut off when that buffer exceeds `backlog` bytes, since frames would otherwise pile up without end,
    or when it has taken nothing of it for `patience` seconds; `cut_off` tells why then.
    """

    def __init__(self, transport: asyncio.Transport, backlog: int, patience: float) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None
        self._backlog = backlog
        self._patience = patience
        self._left = 0  # bytes that waited when something was written last
        self._took_at = 0.0  # when the peer had taken something, as far as was seen
        self.cut_off: str | None = None

    @property
    def waiting(self) -> int:
        """Bytes that the connection has not taken yet."""
        return self._transport.get_write_buffer_size()

    def send(self, message: str | bytes) -> None:
        """Send one message, text or binary."""
        self.write(text(message) if isinstance(message, str) else binary_header(len(message)) + message)

    def hold(self) -> None:
        """Keep what is written from here on, until `release`: many messages then are one system call."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """Let what was held leave, in the order in which it was written."""
        held, self._held = self._held, None
        if held:
            self.write(b"".join(held))

    def write(self, data: bytes) -> None:
        """Write whole websocket messages that are encoded already."""
        if self._held is not None:
            self._held.append(data)
            return
        transport = self._transport
        if transport.is_closing():
            return
        transport.write(data)
        waiting = transport.get_write_buffer_size()
        if waiting or self._left:
            self._watch(waiting, len(data))

    def _watch(self, waiting: int, written: int) -> None:
        """See whether the peer has taken anything of what waited, and cut it off where it has not for too long."""
        now = time.monotonic()
        if not self._left or waiting < self._left + written:
            self._took_at = now
        self._left = waiting
        if waiting > self._backlog:
            self.cut_off = f"more than {self._backlog} bytes wait for it"
        elif waiting and now - self._took_at > self._patience:
            self.cut_off = f"{waiting} bytes wait for it, and it has taken none for {self._patience:g} s"
        if self.cut_off is not None:
            _log.warning("cut off a client that stopped reading: %s", self.cut_off)
            self.abort()

    def abort(self) -> None:
        """Drop the connection and what waits for it."""
        self._transport.abort()
