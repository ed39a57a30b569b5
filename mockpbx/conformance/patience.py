"""How long people are waited for."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Seconds that something may take which has not come once in all the time that it had.
IMPATIENT = 5.0


@dataclass
class Patience:
    """How long people are waited for. What once took all its time in vain gets little of it again."""

    spent: set[str] = field(default_factory=set)

    def of(self, what: str, seconds: float) -> float:
        """Return how long to wait."""
        return min(seconds, IMPATIENT) if what in self.spent else seconds
