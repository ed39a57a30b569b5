"""What the callee perceives on its line, as the call model hears of it from the sound."""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.domain import scenario as s


@dataclass(frozen=True, slots=True)
class SoundEnded:
    """What the callee was saying is over."""


@dataclass(frozen=True, slots=True)
class SoundHeard:
    """The sound that the callee listens for was heard."""

    what: str


@dataclass(frozen=True, slots=True)
class KeyHeard:
    """The client's DTMF digit was heard."""

    digit: str


@dataclass(frozen=True, slots=True)
class CheckpointHeard:
    """What the client queued before a checkpoint has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class InterruptionHeard:
    """The client took back what it had queued."""


@dataclass(frozen=True, slots=True)
class SoundFailed:
    """What the callee is to say or to listen for cannot be had; the sentence says why."""

    reason: str


Perception = SoundEnded | SoundFailed | SoundHeard | KeyHeard | CheckpointHeard | InterruptionHeard


def meets(perception: Perception, expectation: s.Expectation) -> s.Heard | None:
    """Return what was heard where a perception meets an expectation."""
    match expectation, perception:
        case s.ExpectDigit(digits), KeyHeard(digit) if digit in digits.upper():
            return s.Heard(digit, 0)
        case s.ExpectCheckpoint(wanted), CheckpointHeard(name) if wanted in (None, name):
            return s.Heard(name, 0)
        case s.ExpectInterruption(), InterruptionHeard():
            return s.Heard("", 0)
        case ((s.ExpectSpeech() | s.ExpectSilence() | s.ExpectClip() | s.ExpectTone()), SoundHeard(what)):
            return s.Heard(what, 0)
        case _:
            return None
