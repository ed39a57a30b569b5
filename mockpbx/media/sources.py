"""What the callee says: one frame for each frame it hears."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from mockpbx.media.framing import FRAME, FRAME_BYTES, RATE, samples_of
from mockpbx.media.pcm import Samples, to_bytes
from mockpbx.media.playout import SILENT, Frame

LEVEL = 8_000  # peak of tones and noise: about -12 dBFS, a comfortable telephone level


class Source(Protocol):
    """A callee's voice. It is `over` once there is nothing more to come."""

    @property
    def over(self) -> bool:
        """Whether everything has been said."""

    def next(self, heard: Frame) -> Frame:
        """Return the next 20 ms, having heard these."""


class _Endless:
    over = False


class Silence(_Endless):
    """Says nothing."""

    def next(self, heard: Frame) -> Frame:
        """Return silence."""
        return SILENT


class Echo(_Endless):
    """Says in one frame what it heard in the frame before, bit-exact; keys come back as keys."""

    def __init__(self) -> None:
        self._last = SILENT

    def next(self, heard: Frame) -> Frame:
        """Return the frame heard before this one."""
        said, self._last = self._last, heard
        return said


class Repeat:
    """Says `samples` from the beginning; once, or again and again after `pause_ms`."""

    def __init__(self, samples: Samples, *, loop: bool = False, pause_ms: int = 0) -> None:
        pause = samples_of(pause_ms) if loop and pause_ms else 0
        whole = len(samples) + pause
        padded = np.zeros(whole + (0 if loop else -whole % FRAME), dtype=np.int16)
        padded[: len(samples)] = samples
        self._loop = loop and whole > 0
        self._length = len(padded) * 2  # bytes, as `_at` is
        self._at = 0
        # A loop has its beginning behind its end, so that every frame of it is in one piece.
        self._data = to_bytes(np.resize(padded, len(padded) + FRAME) if self._loop else padded)

    @property
    def over(self) -> bool:
        """Whether the samples have all been said."""
        return not self._loop and self._at >= self._length

    def next(self, heard: Frame) -> Frame:
        """Return the next frame of the samples, silence when they are over."""
        if self.over:
            return SILENT
        end = self._at + FRAME_BYTES
        sound = self._data[self._at : end]
        self._at = end % self._length if self._loop else end
        return Frame(sound)


class Noise(_Endless):
    """Says white noise drawn from `generator`."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def next(self, heard: Frame) -> Frame:
        """Return fresh noise."""
        return Frame.of(self._generator.integers(-LEVEL, LEVEL, FRAME, dtype=np.int16))


def tone(hertz: int) -> Source:
    """Return a steady sine. One second holds a whole number of its periods, so it repeats without a seam."""
    seconds = np.arange(RATE) / RATE
    return Repeat((LEVEL * np.sin(2 * np.pi * hertz * seconds)).astype(np.int16), loop=True)
