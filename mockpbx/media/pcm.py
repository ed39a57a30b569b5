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


def to_bytes(sound: Samples) -> bytes:
    """Return samples as the contract's little-endian pcm16; a frame of SILENCE as SILENCE_BYTES, no others."""
    if sound is SILENCE:
        return SILENCE_BYTES
    whole: object = sound.base
    if type(whole) is bytes and len(whole) == sound.nbytes and _LITTLE and sound.flags.c_contiguous:
        return whole  # it is a view of just those: a client's sound is not copied
    return sound.tobytes() if _LITTLE else sound.astype("<i2").tobytes()


def from_bytes(data: bytes) -> Samples:
    """Return the samples of the contract's little-endian pcm16: a read-only view, where this machine has them so."""
    return np.frombuffer(data, "<i2").astype(np.int16, copy=False)


def mixed(one: Samples, other: Samples) -> Samples:
    """Return the sum of two frames, saturated as a codec's input would be."""
    total: Samples = np.clip(one.astype(np.int32) + other, -32_768, 32_767).astype(np.int16)
    return total
