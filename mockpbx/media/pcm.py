"""Sound as arrays: 16-bit samples on the grid of `media/framing`."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from mockpbx.media.framing import FRAME

Samples = NDArray[np.int16]

#: A frame of silence. Shared and read-only, so `frame is SILENCE` is the cheap test for it.
SILENCE: Samples = np.zeros(FRAME, dtype=np.int16)
SILENCE.flags.writeable = False
SILENCE_BYTES = SILENCE.tobytes()
_LITTLE = sys.byteorder == "little"


def to_bytes(frame: Samples) -> bytes:
    """Return a frame as the contract's little-endian pcm16."""
    if frame is SILENCE:
        return SILENCE_BYTES
    return frame.tobytes() if _LITTLE else frame.astype("<i2").tobytes()


def mixed(one: Samples, other: Samples) -> Samples:
    """Return the sum of two frames, saturated as a codec's input would be."""
    total: Samples = np.clip(one.astype(np.int32) + other, -32_768, 32_767).astype(np.int16)
    return total
