"""What came back of a known sound, from a callee that says back what it hears.

It is found behind any delay, at any level, with either polarity, and through G.711: nothing asks for the very same
samples. Where it did not come back as a whole, each frame is looked for by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mockpbx.conformance.signals import FRAME, RATE, Samples, Stream

_ALIKE = 0.98  # correlation of a whole probe that is surely it; one law taken for the other comes to 0.88
_FRAME_ALIKE = 0.6  # of one frame with a piece of a probe; noise of this band comes to 0.4 at best
_LEAST = 0.7  # median of the frames that were found
_CLEARLY_BETTER = 0.05  # by which another reading of the same bytes must fit better
_PARTS = np.arange(-8, 9) / 8  # of a sample, to which delays are resolved
_HALF = np.array([0, 0.5])
_AT_A_TIME = 64  # frames that are looked for in one product
_JUMP = 80  # samples by which a frame goes back that is out of order
_HUSH = 4.0  # RMS below which a frame is silence: a line may be all but silent


#: How a frame is read whose bytes came in the wrong order.
SWAPPED: Final = "frames with their bytes swapped"


@dataclass(frozen=True, slots=True)
class Echo:
    """What came back of a probe.

    `delay` is seconds from its first byte sent to its first frame heard; `gain` 1.0 is as loud as sent; `coverage` the
    share of it that came; `disorder` how often a frame came behind one that belongs behind it; `reading` is empty, or
    names what its bytes were evidently taken for; `exact` says that the very samples came.
    """

    delay: float
    gain: float
    correlation: float
    coverage: float = 1.0
    disorder: int = 0
    exact: bool = False
    reading: str = ""

    @property
    def audible(self) -> bool:
        """Whether this is no chance and no faint reflection: the callee says back what it hears."""
        return self.correlation >= 0.8 and self.coverage >= 0.3


def recognise(
    sound: Samples, stream: Stream, sent_at: float, others: Mapping[str, Samples] | None = None
) -> Echo | None:
    """Return what the stream holds of a sound, None where it holds nothing of it.

    `others` are further readings of the same bytes. One of them is believed where it fits better than the right one.
    """
    if not (np.abs(stream.samples) > _HUSH).any():
        return None
    best = _whole(sound, stream, sent_at)
    if best.correlation >= _ALIKE:
        return best
    swapped = replace(stream, samples=stream.samples.byteswap())
    candidates = [
        replace(echo, reading=reading)
        for reading, samples, against in (
            (SWAPPED, sound, swapped),
            *((name, samples, stream) for name, samples in (others or {}).items()),
        )
        if (echo := _whole(samples, against, sent_at)).audible
    ]
    other = max(candidates, key=lambda echo: echo.correlation, default=None)
    if other is not None and other.correlation > best.correlation + _CLEARLY_BETTER:
        return other
    return _by_frames(sound, stream, sent_at)


# --- inside -----------------------------------------------------------------------------------------------------------


def _whole(sound: Samples, stream: Stream, sent_at: float) -> Echo:
    """Return the place in the stream that is most like the sound as a whole."""
    heard, wanted = stream.samples.astype(np.float64), sound.astype(np.float64)
    length = len(wanted)
    if len(heard) < length:
        heard = np.concatenate((heard, np.zeros(length - len(heard))))
    size = 1 << (len(heard) + length).bit_length()
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(wanted, size).conj(), size)
    sums = np.concatenate(([0.0], np.cumsum(heard**2)))
    norms = np.sqrt(np.maximum(sums[length:] - sums[:-length], _HUSH**2 * length))
    place = int((np.abs(products[: len(norms)]) / norms).argmax())
    # A line that resamples delays by parts of a sample, which takes a quarter of the likeness if it is half of one.
    product = float(np.abs(_shifted(wanted, _PARTS) @ heard[place : place + length]).max())
    own = float(wanted @ wanted)
    return Echo(
        stream.at(place) - sent_at,
        product / own,
        min(product / (float(norms[place]) * own**0.5), 1.0),
        exact=bool(np.array_equal(stream.samples[place : place + length], sound)),
    )


class _Found(NamedTuple):
    """A frame of the stream that is a piece of the sound: its number, the piece's first sample, how it is like it."""

    frame: int
    place: int
    likeness: float
    gain: float


def _by_frames(sound: Samples, stream: Stream, sent_at: float) -> Echo | None:
    """Return what the frames of the stream hold of the sound, each for itself, wherever it is in the sound."""
    found = _frames_of(sound, stream)
    correlation = float(np.median([one.likeness for one in found])) if found else 0.0
    if correlation < _LEAST:
        return None
    covered = np.zeros(len(sound), bool)
    for one in found:
        covered[one.place : one.place + FRAME] = True
    return Echo(
        stream.at(found[0].frame * FRAME) - found[0].place / RATE - sent_at,
        float(np.median([one.gain for one in found])),
        correlation,
        float(covered.mean()),
        sum(later.place - one.place < -_JUMP for one, later in pairwise(found)),
    )


def _frames_of(sound: Samples, stream: Stream) -> list[_Found]:
    count = len(stream.samples) // FRAME
    frames = stream.samples[: count * FRAME].reshape(count, FRAME).astype(np.float32)
    norms = np.sqrt((frames**2).sum(1))
    loud = np.flatnonzero(norms > _HUSH * np.sqrt(FRAME))
    # Places are of half a sample; a quarter of one more takes a tenth of the likeness.
    pieces = np.concatenate([np.lib.stride_tricks.sliding_window_view(s, FRAME) for s in _shifted(sound, _HALF)])
    lengths = np.maximum(np.sqrt((pieces**2).sum(1)), 1.0)
    found: list[_Found] = []
    for some in np.array_split(loud, len(loud) // _AT_A_TIME + 1):
        products = np.abs(frames[some] @ pieces.T)
        places = (products / lengths).argmax(1)
        for row, (frame, place) in enumerate(zip(some.tolist(), places.tolist(), strict=True)):
            gain = float(products[row, place] / lengths[place] ** 2)
            likeness = gain * float(lengths[place] / norms[frame])
            if likeness >= _FRAME_ALIKE:
                found.append(_Found(frame, place % (len(pieces) // 2), likeness, gain))
    return found


def _shifted(sound: NDArray[Any], parts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a sound some parts of a sample late, one row for each."""
    turns = np.exp(-2j * np.pi / len(sound) * np.outer(parts, np.arange(len(sound) // 2 + 1)))
    rows: NDArray[np.float32] = np.fft.irfft(np.fft.rfft(sound) * turns, len(sound)).astype(np.float32)
    return rows
