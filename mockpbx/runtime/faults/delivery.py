"""When things leave that faults hold back, lose or repeat, and in what order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

Send = Callable[[], None]
#: How many ms after its time each copy of a thing leaves; none where it is lost.
Delays = tuple[float, ...]

AT_ONCE: Final[Delays] = (0,)
#: The delay of what leaves right behind the next thing of its lane.
UNTIL_NEXT: Final = math.inf

#: Copies that faults may make of one thing together.
MOST_COPIES = 64


def together(first: Delays, second: Delays) -> Delays:
    """Return the delays of what two faults strike one after the other."""
    return tuple(a + b for a in first for b in second)[:MOST_COPIES]


class Lane:
    """What one call has under way of one sort: its events, or its frames. Moments are virtual ms.

    What is late goes behind whatever is late already. What is on time overtakes it, unless some of its own kind waits.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Send]] = deque()
        self._until = 0  # when the last of them leaves
        self._held: list[tuple[str, Send]] = []  # until the next thing leaves

    @property
    def empty(self) -> bool:
        """Whether nothing is under way."""
        return not self._waiting and not self._held

    def send(self, kind: str, send: Send, delays: Delays, now: int) -> list[int]:
        """Let a thing leave, at once or later. Returns in how many ms `release` is due, once for each that is late."""
        if not delays:
            return []
        held, self._held = self._held, []
        waits: list[int] = []
        for delay in sorted(delays):
            if delay < UNTIL_NEXT or held:
                waits += self._leave(kind, send, now + (int(delay) if delay < UNTIL_NEXT else 0), now)
            else:
                self._held.append((kind, send))
        for other, each in held:
            waits += self._leave(other, each, now + (waits[-1] if waits else 0), now)
        return waits

    def release(self) -> None:
        """Let the first of those that are late leave."""
        if self._waiting:
            self._waiting.popleft()[1]()

    def flush(self) -> None:
        """Let what waits for a next thing leave: there is none."""
        held, self._held = self._held, []
        for _, send in held:
            send()

    def _leave(self, kind: str, send: Send, moment: int, now: int) -> list[int]:
        if moment <= now and all(kind != waiting for waiting, _ in self._waiting):
            send()
            return []
        self._until = max(self._until, moment)
        self._waiting.append((kind, send))
        return [max(0, self._until - now)]
