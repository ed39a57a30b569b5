"""What is measured of a call, as numbers. Seconds of the call's own time; None where there was nothing to measure.

All of it is a function of virtual time, but for the emulator's own pacing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mockpbx.runtime.cadence import Pacing
from mockpbx.runtime.journal_lines import WALL


@dataclass(frozen=True, slots=True)
class Spread:
    """Several values: how many, the median, the 95th percentile (nearest rank), the largest."""

    count: int
    median: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The callee fell silent `at` (virtual ms), and `latency` seconds later the client was heard."""

    at: int
    latency: float


@dataclass(frozen=True, slots=True)
class BargeIn:
    """The callee began to speak over the client `at` (virtual ms), who fell silent `stop` seconds later.

    `reaction` is the time until the client's `interruption`, None where none came; `leftover` what was heard after it.
    """

    at: int
    reaction: float | None
    leftover: float
    stop: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The queue was emptied `at` (virtual ms): `heard` seconds of what was sent since the last cut had been heard,
    `cut` seconds had not.
    """

    at: int
    how: Literal["interruption", "hangup"]
    heard: float
    cut: float


@dataclass(frozen=True, slots=True)
class Uplink:
    """How the client sent its sound: `packet` is the median length of a message in ms of sound (of MP3: decoded).

    `pace` is sound per time over the stretches in which it was sent (1: real time); `jitter` that of RFC 3550 in ms;
    `longest_gap` the longest time in ms by which a message came after the sound before it was over; `most_queued` the
    longest queue in seconds.
    """

    messages: int
    bytes: int
    packet: float
    pace: float | None
    jitter: float
    longest_gap: float
    most_queued: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """One call. `time_to_first_audio` counts from Connected to the first sound that the callee hears of the client.

    `barge_in_reaction` is of those barge-ins that were answered by an interruption, `barge_in_stop` of all. `pacing`
    tells how late the emulator's own frames left, which is no figure of the client's: None where time was virtual.
    """

    time_to_first_audio: float | None
    turn_latency: Spread | None
    turns: tuple[Turn, ...]
    barge_ins: tuple[BargeIn, ...]
    barge_in_stop: Spread | None
    barge_in_reaction: Spread | None
    talk_over: float
    dead_air: float
    longest_dead_air: float
    underruns: int
    heard: float
    cut_by_interruption: float
    cut_at_hangup: float
    cuts: tuple[Cut, ...]
    uplink: Uplink | None
    pacing: Pacing | None = field(default=None, compare=False, metadata=WALL)


@dataclass(frozen=True, slots=True)
class CallMeasured:
    """The journal's entry behind CallEnded: what was measured of the call."""

    metrics: Metrics
