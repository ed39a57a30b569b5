"""The clock of a workspace: virtual milliseconds = base + rate x wall time elapsed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

#: Workspaces are woken at multiples of these virtual ms: many calls then share a wake, and each is late by a constant.
GRID = 4
_SCALED = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)x")


@dataclass(frozen=True, slots=True)
class ClockMode:
    """How a workspace's time passes: at a rate of wall time, or (rate 0) by steps; `auto` steps by itself.

    Each time that a clock is set it gets a mode of its own, so that nobody goes on by an older one.
    """

    name: str
    rate: float
    auto: bool = False


def shared_wake(moment: int) -> int:
    """Return the virtual ms at which workspaces are woken for what is due at a moment."""
    return -(-moment // GRID) * GRID


def clock_mode(name: str) -> ClockMode:
    """Return the mode of that name. Raises ValueError for anything but real, manual, auto and rates such as 20x."""
    match name:
        case "real":
            return ClockMode(name, 1.0)
        case "manual":
            return ClockMode(name, 0.0)
        case "auto":
            return ClockMode(name, 0.0, auto=True)
    scaled = _SCALED.fullmatch(name)
    if scaled is None or not 0 < float(scaled[1]) <= 10_000:
        raise ValueError("real, manual, auto or a rate such as 20x or 0.5x")
    return ClockMode(name, float(scaled[1]))


class Clock:
    """Virtual time. Rate 1 is real, k is scaled, 0 stands still until it is stepped.

    `wall` returns wall nanoseconds that never go back; `base` is the virtual time now, in milliseconds since 1970.
    """

    def __init__(self, wall: Callable[[], int], base: int, rate: float = 1.0) -> None:
        self.wall = wall
        self._base = base
        self._since = wall()
        self._rate = rate

    @property
    def rate(self) -> float:
        """Virtual time over wall time."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._base, self._since, self._rate = self.now(), self.wall(), rate

    def now(self) -> int:
        """Return the virtual time in milliseconds."""
        return self._base + int(self._rate * (self.wall() - self._since) / 1_000_000)

    def step_to(self, moment: int) -> None:
        """Move the virtual time of a clock that stands still forward to `moment`; never back."""
        assert self._rate == 0, "this clock runs by itself"
        self._base = max(self._base, moment)

    def begin(self, moment: int) -> None:
        """Let it be `moment` now, whatever it was."""
        self._base, self._since = moment, self.wall()

    def late_by(self, moment: int) -> int:
        """Return how many µs have passed, on a clock of rate 1, since the wake that a moment is due at; 0 before it."""
        late = (self.wall() - self._since) // 1_000 - (shared_wake(moment) - self._base) * 1_000
        return late if late > 0 else 0

    def wall_seconds_until(self, deadline: int) -> float | None:
        """Return how many wall seconds remain until a virtual moment, None where time stands still."""
        if self._rate == 0:
            return None
        elapsed = self._rate * (self.wall() - self._since) / 1_000_000
        return max(0.0, (deadline - self._base - elapsed) / self._rate / 1_000)
