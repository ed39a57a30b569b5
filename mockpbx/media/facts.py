"""What has happened in a call's sound: past tense, frozen, as the journal keeps it. Lengths are 8 kHz samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """Queued sound begins to be heard by the callee."""


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """The queue has run empty after `played` samples in one stretch."""

    played: int


@dataclass(frozen=True, slots=True)
class Underrun:
    """More sound came after the queue had run dry in the middle of a frame, which `padding` samples filled up."""

    padding: int


@dataclass(frozen=True, slots=True)
class CheckpointQueued:
    """A checkpoint waits for the `ahead` samples before it."""

    name: str
    ahead: int


@dataclass(frozen=True, slots=True)
class CheckpointReached:
    """Everything queued before the checkpoint has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class CheckpointCleared:
    """The checkpoint went with the queue; it will not fire."""

    name: str


@dataclass(frozen=True, slots=True)
class PlayoutInterrupted:
    """The queue was emptied; `cleared` samples were never heard."""

    cleared: int


@dataclass(frozen=True, slots=True)
class DigitQueued:
    """A client's digit waits for its turn in the playout."""

    digit: str
    duration: int


@dataclass(frozen=True, slots=True)
class DigitHeard:
    """The callee hears a digit of the client's, keyed or in band: once per press."""

    digit: str


@dataclass(frozen=True, slots=True)
class SoundHeard:
    """The callee heard what it was listening for; `what` names it where that is not known from the question."""

    what: str


@dataclass(frozen=True, slots=True)
class CalleeSoundEnded:
    """What the callee was saying is over."""


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """The callee pressed a key: told by an event, or heard in band. Once per press, however it arrived."""

    digit: str
    in_band: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where client samples went: accepted = played + cleared + discarded + queued, at every moment."""

    accepted: int = 0
    played: int = 0
    cleared: int = 0
    discarded: int = 0

    @property
    def queued(self) -> int:
        """Samples still waiting."""
        return self.accepted - self.played - self.cleared - self.discarded


@dataclass(frozen=True, slots=True)
class MediaStopped:
    """The line went dead with the call: the ledgers of sound and of keyed tones, settled."""

    audio: Ledger
    keys: Ledger
    underruns: int
    frames: int
    refused_messages: int
    refused_bytes: int


@dataclass(frozen=True, slots=True)
class MediaSlipped:
    """The emulator was held up for longer than it catches up: the call's media time lost `ms` of wall time."""

    ms: int
