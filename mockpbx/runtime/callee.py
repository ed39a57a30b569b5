"""Between what a scenario names and what makes or hears it: sounds, ears, perceptions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mockpbx.contract.errors import ConfigurationError, InvalidRequest
from mockpbx.domain import perceptions as p
from mockpbx.domain import scenario as s
from mockpbx.domain.performance import ms
from mockpbx.media import ears, facts, sources, tones
from mockpbx.media.speech import SpeechUnavailable
from mockpbx.media.wav import NotAudio
from mockpbx.runtime.clips import load, speak

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


def source_of(sound: s.Sound, generator: np.random.Generator) -> sources.Source:
    """Return the source of a sound; `generator` is the workspace's randomness. Raises Unplayable."""
    try:
        return _source_of(sound, generator)
    except (NotAudio, SpeechUnavailable) as error:
        raise Unplayable(f"{s.word(sound)}: {error}") from None


def _source_of(sound: s.Sound, generator: np.random.Generator) -> sources.Source:
    match sound:
        case s.Echo():
            return sources.Echo()
        case s.Silence():
            return sources.Silence()
        case s.Tone(hertz):
            return sources.tone(hertz)
        case s.Noise():
            return sources.Noise(generator)
        case s.CallProgress(tone, _, country):
            return sources.Repeat(tones.call_progress(tone, country), loop=True)
        case s.Say(words, voice):
            return sources.Repeat(speak(words, voice))
        case s.Play(clip, loop, pause):
            return sources.Repeat(load(clip), loop=loop, pause_ms=ms(pause))


def ear_for(expectation: s.Expectation) -> ears.Ear | None:
    """Return what listens for the sound that is expected, None where no sound is. Raises Unplayable."""
    match expectation:
        case s.ExpectSpeech(lasting=lasting):
            return ears.SpeechEar(ms(lasting))
        case s.ExpectSilence(lasting=lasting):
            return ears.SilenceEar(ms(lasting))
        case s.ExpectTone(hertz, lasting=lasting):
            return ears.ToneEar(hertz, ms(lasting))
        case s.ExpectClip(clip):
            try:
                return ears.ClipEar(load(clip))
            except ValueError as error:
                raise Unplayable(f"expect_clip: {error}") from None
        case _:
            return None


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
