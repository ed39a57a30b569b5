"""Socket.IO packets (protocol 5), read as strictly as the JavaScript parser reads them.

On the wire: the kind, the number of attachments and `-` for the binary kinds, a namespace and `,` unless it is `/`, the
number of an acknowledgment, and JSON in which `{"_placeholder": true, "num": n}` stands for the n-th attachment.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)

#: Attachments of one packet; the JavaScript parser takes no more.
MOST_ATTACHMENTS = 10

#: Names that the JavaScript server keeps for itself; a client that emits one is closed.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})

_HEAD = re.compile(r"(?:([0-4])|([56])([0-9]{1,3})-)(?:(/[^,]*),?)?([0-9]{0,100})", re.ASCII)
_BINARY = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}
_TEXT = {str(BINARY_EVENT): EVENT, str(BINARY_ACK): ACK}


class ProtocolError(Exception):
    """The peer broke the protocol: its connection is closed at once, as the JavaScript server does."""


@dataclass(slots=True)
class Packet:
    """A packet that was read. `data` is None where it has none; a binary event's `kind` is EVENT, likewise for ACK.

    `missing` counts the attachments that are still to come.
    """

    kind: int
    namespace: str
    number: int | None
    data: object
    missing: int = 0
    attachments: list[bytes] = field(default_factory=list)

    def attach(self, attachment: bytes) -> bool:
        """Add an attachment and return whether it was the last. Raises ProtocolError for placeholders without one."""
        self.attachments.append(attachment)
        self.missing -= 1
        if self.missing:
            return False
        try:
            self.data = _filled(self.data, self.attachments)
        except RecursionError:
            raise ProtocolError("a payload that is nested too deeply") from None
        return True


def read(message: str) -> Packet:
    """Read a packet without its attachments. Raises ProtocolError for what the JavaScript parser does not take."""
    head = _HEAD.match(message)
    if head is None:
        raise ProtocolError("a packet of an unknown kind, or without the number of its attachments")
    text_kind, binary_kind, attachments, namespace, number = head.groups()
    kind = int(text_kind) if binary_kind is None else _TEXT[binary_kind]
    missing = 0 if binary_kind is None else int(attachments)
    if binary_kind is not None and not 1 <= missing <= MOST_ATTACHMENTS:
        raise ProtocolError(f"a packet with {missing} attachments, expected 1 to {MOST_ATTACHMENTS}")
    data = None
    if head.end() < len(message):
        data = _payload(message[head.end() :])
        if not _VALID[kind](data):
            raise ProtocolError("a payload that its kind of packet cannot have")
    return Packet(kind, namespace or "/", int(number) if number else None, data, missing)


def write(kind: int, namespace: str = "/", number: int | None = None, data: object = None) -> list[str | bytes]:
    """Return the messages of a packet: its text, then its attachments. Binary may be bytes, bytearray or memoryview.

    Numbers that JSON does not have, such as infinity, become null, as in JavaScript. Raises TypeError for what nobody
    can send.
    """
    attachments: list[bytes] = []
    try:
        payload = "" if data is None else _encode(data)
    except (TypeError, ValueError):  # there is in it what JSON does not have
        payload, attachments = _set_aside(data)
    place = "" if namespace == "/" else f"{namespace},"
    kinds = f"{_BINARY[kind]}{len(attachments)}-" if attachments else kind
    return [f"{kinds}{place}{'' if number is None else number}{payload}", *attachments]


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _set_aside(data: object) -> tuple[str, list[bytes]]:
    attachments: list[bytes] = []
    return _encode(_plain(data, attachments)), attachments


def _plain(value: object, attachments: list[bytes]) -> object:
    """Return what JSON has in place of a value; what is binary in it goes to the attachments."""
    match value:
        case bytes() | bytearray() | memoryview():
            attachments.append(bytes(value))
            return {"_placeholder": True, "num": len(attachments) - 1}
        case dict():
            return {name: _plain(inner, attachments) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner, attachments) for inner in value]
        case float():
            return value if math.isfinite(value) else None
        case str() | int() | None:
            return value
    raise TypeError(f"cannot send {type(value).__name__} as JSON")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _payload(text: str) -> object:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        raise ProtocolError("a payload that is no JSON") from None


def is_event(data: object) -> bool:
    """Return whether that may be what an event carries: a list whose first item is a name that a client may use."""
    if not isinstance(data, list) or not data:
        return False
    name = data[0]
    return name not in RESERVED if isinstance(name, str) else type(name) in (int, float)


_VALID: dict[int, Callable[[object], bool]] = {
    CONNECT: lambda data: isinstance(data, dict),
    DISCONNECT: lambda data: False,
    EVENT: is_event,
    ACK: lambda data: isinstance(data, list),
    CONNECT_ERROR: lambda data: isinstance(data, dict | str),
}


def _filled(data: object, attachments: list[bytes]) -> object:
    if isinstance(data, list):
        return [_filled(item, attachments) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is not True:
        return {name: _filled(item, attachments) for name, item in data.items()}
    place = data.get("num")
    if type(place) is float and place.is_integer():
        place = int(place)
    if type(place) is not int or not 0 <= place < len(attachments):
        raise ProtocolError("a placeholder without an attachment")
    return attachments[place]
