"""How late frames leave, by the wall's clock: the emulator's own pacing error, counted in plain integers.

Late means: later than the wake that a frame was due at; up to that, a call's frames are apart from its 20 ms by a
constant, which no client can see. A tick costs one look for its bucket, however many calls step in it. Calls that step
together share the counts of their phase; a call's own are what has been added since it was answered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from mockpbx.media.framing import FRAME_MS

#: Upper bounds of the buckets in µs, each at most a third above the one before; the last bucket holds the rest.
BOUNDS: Final = (
    *(step * power for power in (10, 100, 1_000, 10_000) for step in (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)),
    1_000_000,
)
#: µs after which a frame counts as late: when its successor is due.
LATE: Final = FRAME_MS * 1_000


class Lateness:
    """Moments by how late they were: `counts` by bucket, `total` in µs."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0

    def add(self, late: int) -> None:
        """Count a moment that came `late` µs after it was due."""
        self.counts[bisect_left(BOUNDS, late)] += 1
        self.total += late


@dataclass(frozen=True, slots=True)
class Pacing:
    """How late the emulator's own frames of one call left: ms of wall time, rounded up by a third at most.

    1,000 stands for a second and more. Of so many `frames`, `late` left more than 20 ms late; `slipped` ms of media
    time were given up meanwhile, in so many `slips`. `noisy` tells that the machine, not the client, may be the cause
    of what is measured: more than a frame in a hundred was late, or time was given up.
    """

    frames: int
    p50: float
    p99: float
    max: float
    late: int
    slips: int
    slipped: int
    noisy: bool


class Cadence:
    """How late the ticks of a workspace were, phase by phase. `everyone` counts those of the whole server."""

    def __init__(self) -> None:
        self.everyone = Lateness()
        self.slips = 0
        self.slipped = 0  # ms
        self._phases = [[0] * (len(BOUNDS) + 1) for _ in range(FRAME_MS)]  # counts by bucket, by ms of the 20
        self._begun: dict[str, tuple[int, list[int], int, int]] = {}  # phase, and what had been counted by then

    def tick(self, at: int, late: int) -> None:
        """Count a tick whose frames, those of virtual ms `at`, have left `late` µs after the wake they were due at."""
        bucket = bisect_left(BOUNDS, late)
        self._phases[at % FRAME_MS][bucket] += 1
        everyone = self.everyone
        everyone.counts[bucket] += 1
        everyone.total += late

    def slip(self, ms: int) -> None:
        """Count media time that was given up."""
        self.slips += 1
        self.slipped += ms

    def begin(self, session_id: str, first: int) -> None:
        """Count a call's ticks from here on; the first is due at virtual ms `first`."""
        phase = first % FRAME_MS
        self._begun[session_id] = phase, self._phases[phase].copy(), self.slips, self.slipped

    def end(self, session_id: str) -> None:
        """Forget a call, if it is here."""
        self._begun.pop(session_id, None)

    def of(self, session_id: str) -> Pacing | None:
        """Return how late a call's frames have left so far; None where none was measured, or the call has ended."""
        begun = self._begun.get(session_id)
        if begun is None:
            return None
        phase, before, slips, slipped = begun
        counts = [now - then for now, then in zip(self._phases[phase], before, strict=True)]
        frames = sum(counts)
        if not frames:
            return None
        p50, p99, most = (_bound(counts, -(-frames * percent // 100)) for percent in (50, 99, 100))
        late = sum(counts[bisect_left(BOUNDS, LATE) + 1 :])
        slips, slipped = self.slips - slips, self.slipped - slipped
        return Pacing(frames, p50, p99, most, late, slips, slipped, noisy=p99 * 1_000 > LATE or slipped > 0)


def _bound(counts: Sequence[int], rank: int) -> float:
    """Return the ms that so many moments were late at most."""
    bucket = next(place for place, counted in enumerate(accumulate(counts)) if counted >= rank)
    return BOUNDS[min(bucket, len(BOUNDS) - 1)] / 1_000
