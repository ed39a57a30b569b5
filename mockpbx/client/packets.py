"""Socket.IO 5 over websocket messages, as either side sees it, by python-socketio's codec.

The typed client leaves all of this to python-socketio's own. What judges, records or replays a conversation looks at
each packet as it came, malformed ones too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from socketio.packet import Packet as Codec

Kind = Literal[
    "open", "close", "ping", "pong", "upgrade", "noop", "connect", "disconnect", "event", "ack", "connect_error"
]

#: Engine.IO 4's packet types but `message`, by the first character of a text message.
_ENGINE: dict[str, Kind] = {"0": "open", "1": "close", "2": "ping", "3": "pong", "5": "upgrade", "6": "noop"}
#: Socket.IO 5's, by number; the binary ones are what they carry.
_SOCKET: tuple[Kind, ...] = ("connect", "disconnect", "event", "ack", "connect_error", "event", "ack")


class Malformed(ValueError):
    """A websocket message that is no Socket.IO; the text says what was wrong."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What one or more websocket messages say.

    `data` is the text behind the type of an Engine.IO packet; of a Socket.IO packet its decoded JSON, binary
    attachments in their places as bytes: `[name, *arguments]` of an event, the arguments of an ack.
    """

    kind: Kind
    data: Any = None
    namespace: str = "/"
    id: int | None = None


class Assembly:
    """One direction of a connection: websocket messages in, packets out."""

    def __init__(self) -> None:
        self._codec: Any = None

    def take(self, message: str | bytes) -> Packet | None:
        """Return the packet that this message completes, None while attachments are missing. Raises Malformed."""
        if isinstance(message, bytes):
            return self._attachment(message)
        if self._codec is not None:
            self._codec = None
            raise Malformed("text where a binary attachment was due")
        if not message:
            raise Malformed("an empty message")
        if message[0] != "4":
            if message[0] not in _ENGINE:
                raise Malformed(f"no Engine.IO packet begins with {message[0]!r}")
            return Packet(_ENGINE[message[0]], message[1:])
        if message[1:2] not in "0123456" or len(message) == 1:
            raise Malformed(f"no Socket.IO packet begins with {message[1:2]!r}")
        try:
            codec: Any = Codec(encoded_packet=message[1:])
        except Exception as error:  # the library lets through whatever it stumbles over
            raise Malformed(f"no Socket.IO packet: {error}") from None
        if codec.attachment_count:
            self._codec = codec
            return None
        return _packet(codec)

    def _attachment(self, data: bytes) -> Packet | None:
        codec = self._codec
        if codec is None:
            raise Malformed("a binary message that nothing announced")
        try:
            complete = codec.add_attachment(data)
        except Exception as error:
            self._codec = None
            raise Malformed(f"an attachment that fits nowhere: {error}") from None
        if not complete:
            return None
        self._codec = None
        return _packet(codec)


def messages_of(packet: Packet) -> list[str | bytes]:
    """Return the websocket messages of a Socket.IO packet, attachments last."""
    number = _SOCKET.index(packet.kind)
    encoded = Codec(packet_type=number, data=packet.data, namespace=packet.namespace, id=packet.id).encode()
    text, *attachments = encoded if isinstance(encoded, list) else [encoded]
    return [f"4{text}", *attachments]


def _packet(codec: Any) -> Packet:
    kind = _SOCKET[codec.packet_type]
    if kind == "event" and not (isinstance(codec.data, list) and codec.data and isinstance(codec.data[0], str)):
        raise Malformed("an event without a name")
    return Packet(kind, codec.data, codec.namespace or "/", codec.id)
