"""Turns: a client that has much to say at once is not to keep everybody else waiting."""

from __future__ import annotations

import time

#: Messages of one client that are taken in a row where so many are here, and the seconds that they may take together.
MOST_AT_A_TIME, LONGEST_TURN = 8, 0.002


class Turns:
    """What one client has of the process: `begin` goes before each of its messages, `over` behind it."""

    def __init__(self) -> None:
        self._count = 0
        self._took = 0.0
        self._began = 0.0

    def begin(self) -> None:
        """A message is being handled from here on."""
        self._began = time.monotonic()

    def over(self) -> bool:
        """It has been handled: return whether everybody else is to get a turn now."""
        self._count += 1
        self._took += time.monotonic() - self._began
        if self._count < MOST_AT_A_TIME and self._took < LONGEST_TURN:
            return False
        self._count, self._took = 0, 0.0
        return True
