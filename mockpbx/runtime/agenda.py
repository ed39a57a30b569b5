"""What is put off to a later moment of a workspace's time: what a fault delays."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Action = Callable[[], None]


class Agenda:
    """Actions in the order of their moments, in virtual ms; those of one moment in the order put down."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._order = count()

    def add(self, moment: int, action: Action) -> None:
        """Put an action down."""
        heapq.heappush(self._heap, (moment, next(self._order), action))

    def next_deadline(self) -> int | None:
        """Return the earliest moment, None where nothing is put down."""
        return self._heap[0][0] if self._heap else None

    def carry_out(self, now: int) -> None:
        """Carry out the first action that is due at `now`."""
        if self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2]()

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
