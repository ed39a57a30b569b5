"""The fast path in: an event with one binary attachment, decoded once and recognised from then on.

A client's `audio` events differ in their attachment and in the number of their acknowledgment, and in nothing else. To
decode the text of each anew costs more than everything that is done with the sound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mockpbx.transport import packets
from mockpbx.transport.packets import ProtocolError

#: Characters of the texts that are known at once of one client, some hundred of the usual ones, and of the longest one.
MOST_KNOWN = 64_000
LONGEST = 1_000

_HEAD = "51-"  # a binary event with one attachment, of the default namespace
_MOST_DIGITS = 15
_STAND_IN = b"the attachment"
_SCALARS = (str, int, float, type(None))


#: Takes one more attachment of an event that is known, with the number of the acknowledgment that it asks for, and
#: acknowledges it. Returns False, and has done nothing, where the event's handler is to take it.
Taker = Callable[[bytes, int | None], bool]


class Known:
    """What the events of one text have in common: `arguments`, the name first, hold the attachment under `key`.

    `taker` is None as long as nobody has been asked for one.
    """

    __slots__ = ("_argument", "_key", "arguments", "taker")

    def __init__(self, arguments: list[object], argument: int, key: str) -> None:
        self.arguments = arguments  # with a stand-in for the attachment
        self.taker: Taker | None = None
        self._argument = argument
        self._key = key

    def complete(self, attachment: bytes) -> list[object]:
        """Return the arguments with the attachment in its place."""
        arguments = self.arguments.copy()
        holder = arguments[self._argument]
        assert isinstance(holder, dict)
        arguments[self._argument] = {**holder, self._key: attachment}
        return arguments


class Announced(NamedTuple):
    """An event whose one attachment is due. `number` is None where it asks for no acknowledgment."""

    number: int | None
    event: Known


class Announcements:
    """What one client announces. Texts of any other shape than the one described above are for `packets.read`."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._size = 0

    def read(self, text: str) -> Announced | None:
        """Return the event that the text of a Socket.IO packet announces, None for one of another shape."""
        head, _, body = text.partition("[")
        number = head[len(_HEAD) :]
        if not head.startswith(_HEAD) or len(number) > _MOST_DIGITS:
            return None
        if number and not (number.isascii() and number.isdigit()):
            return None
        known = self._known.get(body) or self._learn(body)
        return None if known is None else Announced(int(number) if number else None, known)

    def _learn(self, body: str) -> Known | None:
        known = _announced(body) if len(body) <= LONGEST else None
        if known is not None:
            self._size += len(body)
            if self._size > MOST_KNOWN:
                self._known.clear()
                self._size = len(body)
            self._known[body] = known
        return known


def _announced(body: str) -> Known | None:
    """Return what the list without its first bracket announces, if the attachment is all that is deep in it.

    It is read as any other packet first, so that this path takes nothing that the other one refuses.
    """
    try:
        packet = packets.read(f"{_HEAD}[{body}")
        packet.attach(_STAND_IN)
    except ProtocolError:
        return None  # the other path says why
    arguments = packet.data
    assert isinstance(arguments, list), "events carry lists"
    deep = [place for place, argument in enumerate(arguments) if not isinstance(argument, _SCALARS)]
    holder = arguments[deep[0]] if len(deep) == 1 else None
    if not isinstance(holder, dict):
        return None
    keys = [key for key, value in holder.items() if not isinstance(value, _SCALARS)]
    if len(keys) != 1 or holder[keys[0]] is not _STAND_IN:
        return None
    return Known(arguments, deep[0], keys[0])
