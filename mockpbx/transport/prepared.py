"""The fast path out: what is encoded once and sent many times.

A call's `audio` event is the same 50 times a second but for its 320 bytes, and so is the acknowledgment of a client's,
but for its number. Stock emitting costs 70 to 150 us a frame; this costs a concatenation and a write.
"""

from __future__ import annotations

from collections.abc import Mapping

from mockpbx.transport import packets, wire

_MESSAGE = "4"  # Engine.IO's packet type of every Socket.IO packet that is text


class PreparedEvent:
    """An event whose payload has `bytes` of a fixed `size` under `attachment` and nothing else that changes."""

    def __init__(self, event: str, payload: Mapping[str, object], attachment: str, size: int) -> None:
        stand_in = {name: bytes(size) if name == attachment else value for name, value in payload.items()}
        text, _ = packets.write(packets.EVENT, data=[event, stand_in])
        self.text = str(text)
        self._head = wire.text(_MESSAGE + self.text) + wire.binary_header(size)

    def websocket(self, attachment: bytes) -> bytes:
        """Return both websocket messages of the event, ready to be written in one go."""
        return self._head + attachment


class PreparedAck:
    """An acknowledgment with these arguments, in the default namespace."""

    def __init__(self, *arguments: object) -> None:
        text, *attachments = packets.write(packets.ACK, data=list(arguments))
        assert not attachments, "what is prepared is text"
        self._kind, self._payload = str(text)[:1], str(text)[1:]
        self._head = f"{_MESSAGE}{self._kind}"

    def text(self, number: int) -> str:
        """Return the Socket.IO packet that acknowledges the client's event `number`."""
        return f"{self._kind}{number}{self._payload}"

    def websocket(self, number: int) -> bytes:
        """Return the same as a websocket message, ready to be written."""
        return wire.text(f"{self._head}{number}{self._payload}")
