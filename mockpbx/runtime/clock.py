"""The clock of a workspace: virtual milliseconds = base + rate x wall time elapsed."""

from __future__ import annotations

from collections.abc import Callable


class Clock:
    """Virtual time. Rate 1 is real, k is scaled, 0 stands still until it is stepped.

    `wall` returns wall nanoseconds that never go back; `base` is the virtual time now, in milliseconds since 1970.
    """

    def __init__(self, wall: Callable[[], int], base: int, rate: float = 1.0) -> None:
        self._wall = wall
        self._base = base
        self._since = wall()
        self.rate = rate

    def now(self) -> int:
        """Return the virtual time in milliseconds."""
        return self._base + int(self.rate * (self._wall() - self._since) / 1_000_000)

    def step(self, ms: int) -> None:
        """Move the virtual time forward by `ms`."""
        self._base += ms

    def wall_seconds_until(self, deadline: int) -> float | None:
        """Return how many wall seconds remain until a virtual moment, None where time stands still."""
        if self.rate == 0:
            return None
        elapsed = self.rate * (self._wall() - self._since) / 1_000_000
        return max(0.0, (deadline - self._base - elapsed) / self.rate / 1_000)
