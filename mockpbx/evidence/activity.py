"""When a side of a call is heard: spans of sound in virtual ms, and what can be told by laying two sides' spans over
each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mockpbx.media.ears import QUIET
from mockpbx.media.framing import FRAME, FRAME_MS
from mockpbx.media.pcm import Samples

#: The hangover in ms. Between words and inside them (before p, t, k) a speaker is silent for as long as that without
#: having stopped; a listener takes a shorter gap for part of the speech.
HANGOVER: Final = 200
#: Sound that lasts shorter, in ms, is a click or a crackle: no syllable is that short.
LEAST: Final = 60

_QUIET: Final = FRAME * (32_768 * 10 ** (QUIET / 20)) ** 2  # as a sum of squares of one frame


class Span(NamedTuple):
    """A stretch of time, virtual ms: `end` is the first that does not belong to it."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How long it is, in ms."""
        return self.end - self.start


def loud(samples: Samples) -> NDArray[np.bool_]:
    """Return for each 20 ms whether there is sound: RMS of -50 dBFS or more, the threshold of the callee's own ears."""
    frames = samples.reshape(-1, FRAME).astype(np.float32)
    heard: NDArray[np.bool_] = np.vecdot(frames, frames) >= _QUIET
    return heard


def spans(samples: Samples, times: NDArray[np.int64], hangover: int = HANGOVER, least: int = LEAST) -> list[Span]:
    """Return when sound is heard, in order, given the samples of frames and the virtual ms at which each frame ended.

    Sounds less than `hangover` ms apart are one; what then holds less than `least` ms of sound is left out. Frames that
    are missing, because media time slipped, are silence.
    """
    ends = times[loud(samples)]
    if not len(ends):
        return []
    starts = ends - FRAME_MS
    parted = np.flatnonzero(starts[1:] - ends[:-1] >= hangover) + 1
    first, last = np.append(0, parted), np.append(parted, len(ends))
    kept = (last - first) * FRAME_MS >= least
    return [
        Span(start, end) for start, end in zip(starts[first[kept]].tolist(), ends[last[kept] - 1].tolist(), strict=True)
    ]


def overlaps(one: Sequence[Span], other: Sequence[Span]) -> Iterator[Span]:
    """Yield when both sides are heard, in order."""
    ours, theirs = 0, 0
    while ours < len(one) and theirs < len(other):
        mine, yours = one[ours], other[theirs]
        start, end = max(mine.start, yours.start), min(mine.end, yours.end)
        if start < end:
            yield Span(start, end)
        if mine.end <= yours.end:
            ours += 1
        else:
            theirs += 1


def silences(within: Span, *sides: Sequence[Span]) -> Iterator[Span]:
    """Yield when no side is heard `within` a stretch of time, in order."""
    silent_from = within.start
    for span in sorted(span for side in sides for span in side):
        if span.start >= within.end:
            break
        if span.start > silent_from:
            yield Span(silent_from, span.start)
        silent_from = max(silent_from, span.end)
    if silent_from < within.end:
        yield Span(silent_from, within.end)
