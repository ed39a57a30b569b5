"""The fast path in: an event with one binary attachment, decoded once and recognised from then on.

A client's `audio` events differ in their attachment and in the number of their acknowledgment, and in nothing else. To
decode the text of each anew costs more than everything that is done with the sound.
"""

from __future__ import annotations

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


class Announced(NamedTuple):
    """An event whose one attachment is due: `arguments`, its name first, hold it at `argument` under `key`.

    `number` is that of the acknowledgment it asks for, None where it asks for none.
    """

    number: int | None
    arguments: list[object]
    argument: int
    key: str

    def complete(self, attachment: bytes) -> list[object]:
        """Return the arguments with the attachment in its place."""
        arguments = self.arguments.copy()
        holder = arguments[self.argument]
        assert isinstance(holder, dict)
        arguments[self.argument] = {**holder, self.key: attachment}
        return arguments


class Announcements:
    """What one client announces. Texts of any other shape than the one described above are for `packets.read`."""

    def __init__(self) -> None:
        self._known: dict[str, Announced] = {}
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
        if known is None or not number:
            return known
        return Announced(int(number), known.arguments, known.argument, known.key)

    def _learn(self, body: str) -> Announced | None:
        known = _announced(body) if len(body) <= LONGEST else None
        if known is not None:
            self._size += len(body)
            if self._size > MOST_KNOWN:
                self._known.clear()
                self._size = len(body)
            self._known[body] = known
        return known


def _announced(body: str) -> Announced | None:
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
    return Announced(None, arguments, deep[0], keys[0])
