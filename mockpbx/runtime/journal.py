"""The one journal of facts of a workspace. Everything a user sees is a projection of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact.

    Its contiguous number, its virtual time and its wall time in ms since 1970, the session it concerns (None: no one
    call), and what happened.
    """

    number: int
    at: int
    wall: int
    session_id: str | None
    event: object

    @property
    def kind(self) -> str:
        """The name of the fact: `DialStatusChanged`, `CheckpointReached`."""
        return type(self.event).__name__


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Entries in order, and whether older ones that belong to them are gone: then it is no complete answer."""

    entries: list[Entry]
    truncated: bool


Reader = Callable[[Entry], None]


class Journal:
    """Append-only, bounded by count and by age of wall time: the oldest entries go first.

    `wall` returns ms since 1970. `started` tells a journal from the one that it replaced: numbers begin at 1 in each.
    """

    def __init__(self, capacity: int, age: float, wall: Callable[[], int]) -> None:
        self.capacity = capacity
        self.age = age
        self._wall = wall
        self._readers: list[Reader] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._entries: deque[Entry] = deque()
        self._unread: deque[Entry] = deque()
        self.started = wall()
        self.next = 1

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @property
    def first(self) -> int:
        """The number of the oldest entry that is still kept; above 1 once the journal was truncated."""
        self._prune()
        return self._entries[0].number if self._entries else self.next

    def subscribe(self, reader: Reader) -> None:
        """Let `reader` see every entry from here on, in order, as it is written. Readers must not raise."""
        self._readers.append(reader)

    def append(self, at: int, session_id: str | None, event: object) -> None:
        """Write one fact that happened at virtual time `at`. Where a reader does, it is read behind what it follows."""
        entry = Entry(self.next, at, self._wall(), session_id, event)
        self.next += 1
        self._entries.append(entry)
        self._prune()
        self._unread.append(entry)
        if len(self._unread) == 1:
            self._read()
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def after(self, number: int) -> Excerpt:
        """Return what was written after the entry of that number.

        It is truncated where such entries are gone, and where the number is one that this journal has not reached:
        then it was another journal's.
        """
        known = self.first - 1 <= number < self.next
        wanted = self.next - 1 - number if known else len(self._entries)
        # From the end, since most who ask have read nearly all of it.
        return Excerpt(list(islice(reversed(self._entries), wanted))[::-1], truncated=not known)

    def grown(self) -> asyncio.Future[None]:
        """Return what is done once the next entry from here on is written."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        future.add_done_callback(self._let_go)
        return future

    def restart(self) -> None:
        """Begin anew, with number 1; the readers stay."""
        self._entries.clear()
        self.started = max(self._wall(), self.started + 1)
        self.next = 1

    def _read(self) -> None:
        try:
            while self._unread:
                for reader in self._readers:
                    reader(self._unread[0])
                self._unread.popleft()
        finally:
            self._unread.clear()

    def _let_go(self, future: asyncio.Future[None]) -> None:
        if future in self._waiting:
            self._waiting.remove(future)

    def _prune(self) -> None:
        oldest = self._wall() - self.age * 1_000
        while self._entries and (len(self._entries) > self.capacity or self._entries[0].wall < oldest):
            self._entries.popleft()
