"""Turns: a client that has much to say at once is not to keep everybody else waiting."""

from __future__ import annotations

import asyncio
import time

#: Messages of one client that are taken in a row where so many are here, and the seconds that they may take together.
MOST_AT_A_TIME, LONGEST_TURN = 8, 0.002
#: Seconds between two messages after which everybody else has had a turn, as may be assumed.
PAUSE = 0.001


class Turns:
    """What one client has of the process: `begin` goes before each of its messages, `end` behind it."""

    def __init__(self) -> None:
        self._count = 0
        self._took = 0.0
        self._began = 0.0
        self._ended = 0.0

    def begin(self) -> bool:
        """A message is here: return whether it may be handled now, or everybody else is to get a turn before it."""
        self._began = time.monotonic()
        if self._began - self._ended > PAUSE:
            self._pass_on()
        return self._count < MOST_AT_A_TIME and self._took < LONGEST_TURN

    def end(self) -> None:
        """It has been handled."""
        self._ended = time.monotonic()
        self._count += 1
        self._took += self._ended - self._began

    async def wait(self) -> None:
        """Begin; where it is everybody else's turn, behind that."""
        if not self.begin():
            await asyncio.sleep(0)
            self._pass_on()
            self.begin()

    def _pass_on(self) -> None:
        self._count, self._took = 0, 0.0
