"""The 20 ms grid of a workspace: which lines step when, and how far a late tick catches up.

Frames leave on many phases of the 20 ms, so that hundreds of calls do not burst at one instant. A call keeps the phase
that it got at the answer; its first frame comes within 20 ms, every other exactly 20 ms after the one before. The phase
depends on the answers and on the turn, never on what the clock shows, so that a call replayed is the same call. There
are no more than five in a workspace: what a tick costs beside its frames is shared by many calls then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from mockpbx.media.framing import FRAME_MS

if TYPE_CHECKING:
    from mockpbx.media.line import Line

SPREAD = 4  # ms between the first frames of calls that are answered at one instant


@dataclass(slots=True)
class Phase:
    """The lines that step together, and when they do so next."""

    due: int
    lines: dict[str, Line] = field(default_factory=dict)


class Ticker:
    """Keeps the lines of connected calls in their phases. Times are virtual milliseconds."""

    def __init__(self) -> None:
        self._phases: dict[int, Phase] = {}  # by millisecond of the 20; those that have lines
        self._next: int | None = None  # when the first of them is due
        self._turn = count()

    def add(self, session_id: str, line: Line, now: int) -> int:
        """Let a line step from `now` on: at once, or in one of the next phases where its turn is another's.

        Where its phase has stepped at this very moment already, it steps with the others 20 ms later. Returns a moment
        of its phase.
        """
        first = now + next(self._turn) * SPREAD % FRAME_MS
        if self._next is not None:
            first += (self._next - first) % SPREAD
        self._phases.setdefault(first % FRAME_MS, Phase(first)).lines[session_id] = line
        self._look()
        return first

    def remove(self, session_id: str) -> None:
        """Stop a line, if it is here."""
        for slot, phase in self._phases.items():
            if phase.lines.pop(session_id, None) is not None:
                if not phase.lines:
                    del self._phases[slot]
                    self._look()
                return

    def next_deadline(self) -> int | None:
        """Return when the next phase is due, None where no line is up."""
        return self._next

    def due(self, now: int) -> Phase | None:
        """Return the phase that is due at `now`, moved on to its next tick; None where there is none."""
        phase = self._phases.get(now % FRAME_MS)
        if phase is None or phase.due != now:
            return None
        phase.due += FRAME_MS
        self._look()
        return phase

    def slip(self, oldest: int) -> int:
        """Give up the ticks that were due before `oldest`. Returns the most milliseconds that any line lost."""
        if self._next is None or self._next >= oldest:
            return 0
        lost = 0
        for phase in self._phases.values():
            behind = oldest - phase.due
            if behind > 0:
                slipped = -(-behind // FRAME_MS) * FRAME_MS
                phase.due += slipped
                lost = max(lost, slipped)
        self._look()
        return lost

    def _look(self) -> None:
        self._next = min([phase.due for phase in self._phases.values()], default=None)
