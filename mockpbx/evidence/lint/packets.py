"""How a client cuts and paces its sound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint.stream import arrivals_of, paced, streams
from mockpbx.evidence.rules import broken
from mockpbx.media.framing import RATE

_RECOMMENDED: Final = 160  # ms
#: An MP3 frame may lack a bit of its sound at the beginning of a file, and messages may share frames.
_TOLERANCE: Final = {"mp3": 24}
_LEAST_SMALL: Final = 3
_LONG_QUEUE: Final = 2.0  # seconds


def packets(dossier: Dossier) -> Iterator[Finding]:
    """Find messages that are too short, and sound that is sent long before it is heard."""
    yield from _small(dossier)
    if paced(dossier):
        yield from _burst(dossier)


def _small(dossier: Dossier) -> Iterator[Finding]:
    """The last message of a stream may be as short as it is."""
    inner = [each for stream in streams(arrivals_of(dossier)) for each, _ in pairwise(stream)]
    if not inner:
        return
    lengths = np.array([each.samples * 1_000 / RATE for each in inner])
    wanted = np.array([_RECOMMENDED - _TOLERANCE.get(each.audio_format, 0) for each in inner])
    small = np.flatnonzero(lengths < wanted)
    if len(small) >= _LEAST_SMALL and 2 * len(small) > len(inner):
        what = f"{len(small):,} of {len(inner):,} messages hold less than 160 ms of sound; the median is "
        yield broken("small-packets", what + f"{np.median(lengths):.0f} ms", inner[small[0]].at, len(small))


def _burst(dossier: Dossier) -> Iterator[Finding]:
    sound = dossier.sound
    if sound is None or not len(sound.queue):
        return
    most = int(np.argmax(sound.queue))
    seconds = float(sound.queue[most]) / RATE
    # One long message is no burst: there is nothing between its samples to wait for.
    longest = max((each.samples for each in sound.arrivals), default=0) / RATE
    if seconds > _LONG_QUEUE and seconds > longest:
        what = f"sound was sent faster than it is heard: {seconds:.1f} s of it waited in the queue"
        yield broken("burst", what, int(sound.times[most]))
