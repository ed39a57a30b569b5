"""The 20 ms grid of a workspace: which lines step when, and how far a late tick catches up.

Frames leave on a few phases of the 20 ms, so that hundreds of calls do not burst at one instant. A call keeps the phase
that it got at the answer; its first frame comes within 20 ms, every other exactly 20 ms after the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from mockpbx.media.line import Line
from mockpbx.media.pcm import FRAME_MS

PHASES = 5
SPREAD = FRAME_MS // PHASES  # ms between two phases
CATCH_UP = 1_000  # ms of missed frames that are made up for; beyond that media time slips


@dataclass(slots=True)
class Phase:
    """The lines that step together, and when they do so next."""

    due: int = 0
    lines: dict[str, Line] = field(default_factory=dict)


class Ticker:
    """Keeps the lines of connected calls in their phases. Times are virtual milliseconds."""

    def __init__(self) -> None:
        self._phases = [Phase() for _ in range(PHASES)]
        self._turn = count()

    def add(self, session_id: str, line: Line, now: int) -> None:
        """Let a line step from `now` on: at the first grid point of the next phase in turn."""
        slot = (-(-now // SPREAD) + next(self._turn)) % PHASES
        phase = self._phases[slot]
        offset = slot * SPREAD
        first = now + (offset - now) % FRAME_MS
        if not phase.lines or first < phase.due:
            phase.due = first
        phase.lines[session_id] = line

    def remove(self, session_id: str) -> None:
        """Stop a line, if it is here."""
        for phase in self._phases:
            phase.lines.pop(session_id, None)

    def next_deadline(self) -> int | None:
        """Return when the next phase is due, None where no line is up."""
        return min((phase.due for phase in self._phases if phase.lines), default=None)

    def due(self, now: int) -> Phase | None:
        """Return the phase that is due at `now`, moved on to its next tick; None where there is none."""
        for phase in self._phases:
            if phase.lines and phase.due == now:
                phase.due += FRAME_MS
                return phase
        return None

    def slip(self, now: int) -> int:
        """Give up what lies more than CATCH_UP behind `now`. Returns the most milliseconds that any line lost."""
        lost = 0
        for phase in self._phases:
            behind = now - phase.due - CATCH_UP
            if phase.lines and behind > 0:
                slipped = -(-behind // FRAME_MS) * FRAME_MS
                phase.due += slipped
                lost = max(lost, slipped)
        return lost
