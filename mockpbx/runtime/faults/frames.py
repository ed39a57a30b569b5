"""Faults of frames: the callee's sound on its way to the client, 20 ms each. They never change the frames' order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final

from pydantic import Field, Strict

from mockpbx.media.framing import FRAME_MS
from mockpbx.runtime.faults.delivery import Delays
from mockpbx.runtime.faults.rule import Duration, Fault, to_ms
from mockpbx.runtime.faults.standing import Draw

#: The worst delay of a call's frames in ms, as live calls have shown it, by the share of calls that stay below.
WORST_DELAY: Final = ((0.0, 0.0), (0.5, 7.0), (0.95, 24.0), (0.99, 45.0), (1.0, 100.0))


class FrameFault(Fault):
    """Base of the faults of frames."""

    def delays(self, draw: Draw) -> Delays:
        """Return when a frame leaves; `draw.count` tells how many the rule has struck in this call, with this one."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class FrameLost(FrameFault):
    """A frame never leaves."""

    def delays(self, draw: Draw) -> Delays:
        """Return none."""
        return ()


@dataclass(frozen=True, slots=True)
class FrameDuplicated(FrameFault):
    """A frame leaves twice."""

    def delays(self, draw: Draw) -> Delays:
        """Return two."""
        return (0, 0)


@dataclass(frozen=True, slots=True)
class FrameLate(FrameFault):
    """A frame leaves late; those after it wait for it."""

    seconds: Duration

    def delays(self, draw: Draw) -> Delays:
        """Return the delay."""
        return (to_ms(self.seconds),)


@dataclass(frozen=True, slots=True)
class FrameBurst(FrameFault):
    """Frames are held until there are so many of them, and leave together."""

    frames: Annotated[int, Strict(), Field(ge=2, le=500)]

    def delays(self, draw: Draw) -> Delays:
        """Return how long the last of the burst, which is on time, lets this one wait."""
        return (-draw.count % self.frames * FRAME_MS,)


@dataclass(frozen=True, slots=True)
class Jitter(FrameFault):
    """Frames leave as late as those of live calls did.

    Each call draws its worst delay (half of all calls stay below 7 ms, 95 % below 24, 99 % below 45, all below 100),
    each of its frames a delay up to that.
    """

    def delays(self, draw: Draw) -> Delays:
        """Return a delay of this call."""
        return (round(draw.luck.uniform(0, worst_delay(draw.share))),)


def worst_delay(share: float) -> float:
    """Return the delay in ms that the frames of a `share` of all calls never exceed."""
    for (below, shorter), (above, longer) in pairwise(WORST_DELAY):
        if share <= above:
            return shorter + (longer - shorter) * (share - below) / (above - below)
    return WORST_DELAY[-1][1]
