"""The grid of all sound inside: 8 kHz, mono, 16-bit, in frames of 20 ms (contract, section "Audio Format")."""

from __future__ import annotations

RATE = 8_000
FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1_000  # samples
FRAME_BYTES = 2 * FRAME


def samples_of(duration_ms: float) -> int:
    """Return how many samples last `duration_ms`, at least one."""
    return max(1, round(duration_ms * RATE / 1_000))
