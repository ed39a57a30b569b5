"""How loud a client's sound is: too loud for its samples, too soft for a telephone, or beside the zero line."""

from __future__ import annotations

from collections.abc import Iterator
from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.rules import broken
from mockpbx.media.framing import FRAME, RATE
from mockpbx.media.pcm import Samples

#: Full scale of pcm16 and of the two laws (G.711, the largest values of tables 1 and 2).
_FULL: Final = np.array([-32_768, -32_767, -32_256, -32_124, 32_124, 32_256, 32_767], dtype=np.int16)
# A tone that just reaches full scale has no three samples there with a neighbour this far below: it is round on top.
_FLAT_TOP: Final = 3
_STEEP: Final = 0.15 * 32_768
_EDGE: Final = 0.04 * 32_768  # a ramp goes up by single steps of its law, of which the largest is 1,024
_LEAST_TOPS: Final = 5
_LEAST_SHARE, _MOST_SHARE = 0.001, 0.5  # a square wave has more, and is meant so
_SILENT, _SOFT = 8.0, 150.0
_OFFSET: Final = 1_000.0


def levels(dossier: Dossier) -> Iterator[Finding]:
    """Find what the callee heard of the client that was clipped, hardly audible, or off the zero line."""
    sound = dossier.sound
    if sound is None or not len(sound.client):
        return
    frames = sound.client.reshape(-1, FRAME).astype(np.float64)
    level = np.sqrt(np.square(frames).mean(axis=1))
    sounding = np.flatnonzero(level > _SILENT)
    if not len(sounding):
        return
    yield from _clipped(sound.client, sound.times, len(sounding) * FRAME)
    if len(sounding) * FRAME < RATE:
        return
    first = int(sound.times[sounding[0]])
    loudest = float(np.percentile(level[sounding], 95))
    if loudest < _SOFT:
        yield broken("too-quiet", f"the client's loud parts are at {20 * log10(loudest / 32_768):.0f} dBFS", first)
    offset = float(frames[sounding].mean())
    if abs(offset) > _OFFSET:
        yield broken("dc-offset", f"the client's sound lies {offset:+,.0f} (of 32,768) beside zero", first)


def _clipped(client: Samples, times: NDArray[np.int64], sounding: int) -> Iterator[Finding]:
    changes = np.flatnonzero(np.diff(client)) + 1
    starts, ends = np.concatenate([[0], changes]), np.concatenate([changes, [len(client)]])
    long = (ends - starts >= _FLAT_TOP) & np.isin(client[starts], _FULL)
    starts, ends = starts[long], ends[long]
    padded = np.pad(client.astype(np.int32), 1, mode="edge")
    tops = np.abs(padded[starts + 1])
    # Samples beside a top, with the sign that makes the top positive.
    sign = np.sign(padded[starts + 1])
    before, after = padded[starts] * sign, padded[ends + 1] * sign
    flat = (np.minimum(before, after) < tops - _STEEP) & (np.maximum(before, after) < tops - _EDGE)
    lengths = (ends - starts)[flat]
    if len(lengths) >= _LEAST_TOPS and _LEAST_SHARE < lengths.sum() / sounding < _MOST_SHARE:
        share = 100 * lengths.sum() / sounding
        first = int(times[starts[flat][0] // FRAME])
        yield broken("clipping", f"{share:.1f} % of the client's sound is cut flat at full scale", first, len(lengths))
