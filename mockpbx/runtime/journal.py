"""The one journal of facts of a workspace. Everything a user sees is a projection of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact: its contiguous number, its virtual time in ms, the session it concerns (None: no one call), what."""

    number: int
    at: int
    session_id: str | None
    event: object


Reader = Callable[[Entry], None]


class Journal:
    """Append-only, bounded by count: the oldest entries go first, and `first` tells which are still here."""

    def __init__(self, capacity: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._readers: list[Reader] = []
        self._next = 1

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @property
    def first(self) -> int:
        """The number of the oldest entry that is still kept; above 1 once the journal was truncated."""
        return self._entries[0].number if self._entries else self._next

    def subscribe(self, reader: Reader) -> None:
        """Let `reader` see every entry from here on, in order, as it is written. Readers must not raise."""
        self._readers.append(reader)

    def append(self, at: int, session_id: str | None, event: object) -> None:
        """Write one fact that happened at virtual time `at`."""
        entry = Entry(self._next, at, session_id, event)
        self._next += 1
        self._entries.append(entry)
        for reader in self._readers:
            reader(entry)
