"""The 20 ms grid of a workspace: which lines step when, and how far a late tick catches up.

Frames leave on many phases of the 20 ms, so that hundreds of calls do not burst at one instant. A call keeps the phase
that it got at the answer; its first frame comes within 20 ms, every other exactly 20 ms after the one before. The phase
depends on the answer and on the turn, never on what the clock shows, so that a call replayed is the same call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from mockpbx.media.line import Line
from mockpbx.media.pcm import FRAME_MS

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
        self._turn = count()

    def add(self, session_id: str, line: Line, now: int) -> None:
        """Let a line step from `now` on: at once, or in one of the next phases where its turn is another's.

        Where its phase has stepped at this very moment already, it steps with the others 20 ms later.
        """
        first = now + next(self._turn) * SPREAD % FRAME_MS
        self._phases.setdefault(first % FRAME_MS, Phase(first)).lines[session_id] = line

    def remove(self, session_id: str) -> None:
        """Stop a line, if it is here."""
        for slot, phase in self._phases.items():
            if phase.lines.pop(session_id, None) is not None:
                if not phase.lines:
                    del self._phases[slot]
                return

    def next_deadline(self) -> int | None:
        """Return when the next phase is due, None where no line is up."""
        return min([phase.due for phase in self._phases.values()], default=None)

    def due(self, now: int) -> Phase | None:
        """Return the phase that is due at `now`, moved on to its next tick; None where there is none."""
        phase = self._phases.get(now % FRAME_MS)
        if phase is None or phase.due != now:
            return None
        phase.due += FRAME_MS
        return phase

    def slip(self, oldest: int) -> int:
        """Give up the ticks that were due before `oldest`. Returns the most milliseconds that any line lost."""
        lost = 0
        for phase in self._phases.values():
            behind = oldest - phase.due
            if behind > 0:
                slipped = -(-behind // FRAME_MS) * FRAME_MS
                phase.due += slipped
                lost = max(lost, slipped)
        return lost
