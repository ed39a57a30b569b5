"""The callee of a call: by which name it goes, and what it is told of the sound."""

from __future__ import annotations

from pathlib import Path

from mockpbx.contract.errors import ConfigurationError, InvalidRequest
from mockpbx.domain import perceptions as p
from mockpbx.domain import scenario as s
from mockpbx.media import facts

CALLEES: dict[str, s.Sound] = {"echo": s.Echo(), "tone": s.Tone(1_000), "silence": s.Silence(), "noise": s.Noise()}


class Unplayable(InvalidRequest):
    """A sound that a scenario names and that cannot be had; the sentence says why and what to do."""


def callee_named(name: str) -> s.Sound:
    """Return the callee of the `callee` setting. Raises ConfigurationError for what is neither a name nor a file."""
    if name in CALLEES:
        return CALLEES[name]
    if Path(name).is_file():
        return s.Play(name, loop=True)
    raise ConfigurationError(f"callee {name!r} is neither a file nor one of {', '.join(CALLEES)}")


def perception_of(fact: object) -> p.Perception | None:
    """Return what a scenario is told of a fact of the sound, None where that is not its business."""
    match fact:
        case facts.DigitHeard(digit):
            return p.KeyHeard(digit)
        case facts.SoundHeard(what):
            return p.SoundHeard(what)
        case facts.CalleeSoundEnded():
            return p.SoundEnded()
        case facts.CheckpointReached(name):
            return p.CheckpointHeard(name)
        case facts.PlayoutInterrupted():
            return p.InterruptionHeard()
        case _:
            return None
