"""Between what a scenario names and what makes or hears it: sounds and ears.

It is loaded with the first call: numpy and its tables are a sixth of an idle server.
"""

from __future__ import annotations

import numpy as np

from mockpbx.contract.vocabulary import DTMF_DIGITS, DialStatus
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.performance import ms
from mockpbx.media import ears, sources, tones
from mockpbx.media.line import Line
from mockpbx.media.speech import SpeechUnavailable
from mockpbx.media.wav import NotAudio
from mockpbx.runtime.callee import Unplayable
from mockpbx.runtime.clips import load, speak


def direct(line: Line, event: e.Event, seed: int) -> None:
    """Let what happens to a live call take effect on its sound; `seed` is the workspace's.

    Raises Unplayable for a sound that cannot be had.
    """
    match event:
        case e.DialStatusChanged(DialStatus.CONNECTED) | e.TakenOver():
            line.digits = ears.DigitEar(DTMF_DIGITS)
        case e.ScenarioFinished() | e.ScenarioFailed() | e.ScenarioStopped():
            line.ear = line.digits = None
        case e.ExpectationMet() | e.ExpectationMissed():
            line.ear = None
        case e.CalleeListens(expectation):
            line.ear = ear_for(expectation)
        case e.CalleeSpoke(s.Silence()):
            line.source = line.resting
        case e.CalleeSpoke(sound):
            line.source = source_of(sound, seed, line.ordinal)
        case e.CalleePressed(digit, duration, via, bounces):
            line.press(digit, duration, via, bounces)


def source_of(sound: s.Sound, seed: int, ordinal: int = 0) -> sources.Source:
    """Return the source of a sound; its luck follows from the workspace's `seed` and the call's ordinal.

    Raises Unplayable.
    """
    try:
        return _source_of(sound, np.random.default_rng([seed, ordinal]))
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
