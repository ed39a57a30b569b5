"""From the sound that a scenario names to the source that makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mockpbx.contract.errors import ConfigurationError
from mockpbx.domain import scenario as s
from mockpbx.media import sources
from mockpbx.media.pcm import Samples

CALLEES: dict[str, s.Sound] = {"echo": s.Echo(), "tone": s.Tone(1_000), "silence": s.Silence(), "noise": s.Noise()}


def callee_named(name: str) -> s.Sound:
    """Return the callee of the `callee` setting. Raises ConfigurationError for what is neither a name nor a file."""
    if name in CALLEES:
        return CALLEES[name]
    if Path(name).is_file():
        return s.Clip(name, loop=True)
    raise ConfigurationError(f"callee {name!r} is neither a file nor one of {', '.join(CALLEES)}")


def source_of(sound: s.Sound, load: Callable[[str], Samples], generator: np.random.Generator) -> sources.Source:
    """Return the source of a sound; `load` reads clips, `generator` is the workspace's randomness."""
    match sound:
        case s.Echo():
            return sources.Echo()
        case s.Silence():
            return sources.Silence()
        case s.Tone(hertz):
            return sources.tone(hertz)
        case s.Noise():
            return sources.Noise(generator)
        case s.Clip(name, loop, pause):
            return sources.Repeat(load(name), loop=loop, pause_ms=pause)
