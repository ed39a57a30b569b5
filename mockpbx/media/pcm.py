"""The one sound format inside: 8 kHz, mono, 16-bit, in frames of 20 ms (contract, section "Audio Format")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE = 8_000
FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1_000  # samples
FRAME_BYTES = 2 * FRAME

#: A frame of silence. Shared and read-only, so `frame is SILENCE` is the cheap test for it.
SILENCE: Samples = np.zeros(FRAME, dtype=np.int16)
SILENCE.flags.writeable = False
SILENCE_BYTES = SILENCE.tobytes()


def samples_of(duration_ms: float) -> int:
    """Return how many samples last `duration_ms`, at least one."""
    return max(1, round(duration_ms * RATE / 1_000))


def to_bytes(frame: Samples) -> bytes:
    """Return a frame as the contract's little-endian pcm16."""
    return SILENCE_BYTES if frame is SILENCE else frame.astype("<i2", copy=False).tobytes()


def mixed(one: Samples, other: Samples) -> Samples:
    """Return the sum of two frames, saturated as a codec's input would be."""
    total: Samples = np.clip(one.astype(np.int32) + other, -32_768, 32_767).astype(np.int16)
    return total
