"""Both directions of one call's sound, in steps of 20 ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from mockpbx.media import dtmf, facts
from mockpbx.media.ears import DigitEar, Ear, listen
from mockpbx.media.framing import FRAME, samples_of
from mockpbx.media.pcm import SILENCE, Samples, mixed
from mockpbx.media.playout import Frame, Key, Playout
from mockpbx.media.sources import Silence, Source

#: Frames of silence after which an ear for digits has nothing left to tell of what came before.
HEARD_OUT = 5

Via = Literal["both", "event", "in_band"]


class _HeldKey:
    """A key of the callee's phone, held down: its tone lies over what the callee says, if it is to be heard."""

    def __init__(self, digit: str, duration_ms: int, via: Via, bounces: int) -> None:
        self.key = Key(digit.upper(), samples_of(duration_ms))
        self.announced = via != "in_band"
        self.sounds = via != "event"
        self._tone = dtmf.contact(digit, self.key.samples, bounces)
        self._at = 0

    @property
    def fresh(self) -> bool:
        return self._at == 0

    @property
    def over(self) -> bool:
        return self._at >= len(self._tone)

    def next(self) -> Samples | None:
        """Return the next 20 ms of the tone, None where it is not to be heard."""
        sound = self._tone[self._at : self._at + FRAME]
        self._at += FRAME
        if not self.sounds:
            return None
        return sound if len(sound) == FRAME else np.concatenate([sound, SILENCE[len(sound) :]])


class Line:
    """One call's sound: what the client queued goes through `playout` to the callee, whose `source` answers it.

    `capacity` is the playout's, in samples; `ordinal` counts the calls of a workspace: each has luck of its own.
    """

    def __init__(self, capacity: int, ordinal: int = 0) -> None:
        self.ordinal = ordinal
        self.playout = Playout(capacity)
        self.resting: Source = Silence()  # what is said while there is nothing else to say
        self.source: Source = self.resting
        self.listener: Callable[[Frame, Frame], None] | None = None  # who follows what the callee hears and says
        self.ear: Ear | None = None  # for what the callee listens for just now
        self.digits: DigitEar | None = None  # for digits in band: from the beginning, so that each counts once
        self.keypad = dtmf.KeypadReceiver()
        self.frames = 0
        self._quiet = 0  # frames of silence that the callee has heard on end
        self.refused_messages = 0
        self.refused_bytes = 0
        self._held: deque[_HeldKey] = deque()

    def press(self, digit: str, duration_ms: int, via: Via = "both", bounces: int = 0) -> None:
        """The callee presses a key, after those it still holds; it travels as an event, as its tone, or both."""
        self._held.append(_HeldKey(digit, duration_ms, via, bounces))

    def rest(self, voice: Source) -> None:
        """Let `voice` speak wherever there is nothing else to say, from here on."""
        if self.source is self.resting:
            self.source = voice
        self.resting = voice

    def refuse(self, size: int) -> None:
        """Count a client message of `size` bytes that was not taken."""
        self.refused_messages += 1
        self.refused_bytes += size

    def pull(self) -> tuple[Frame, list[object]]:
        """Let the callee hear 20 ms. Returns them, and what happened on the way."""
        pulled = self.playout.pull()
        self._quiet = self._quiet + 1 if pulled[0].silent else 0
        return pulled

    @property
    def attention(self) -> DigitEar | None:
        """The ear for digits, if there is anything for it in what the callee has just heard."""
        return self.digits if self._quiet <= HEARD_OUT else None

    def answer(self, heard: Frame, digit: str | None, happened: list[object]) -> Frame:
        """Return what the callee says to 20 ms, in which it heard a digit or none; adds what happened."""
        if digit or heard.keys or self.ear is not None:
            happened += self._perceive(heard, digit)
        if self.source.over:
            self.source = self.resting
            happened.append(facts.CalleeSoundEnded())
        said = self.source.next(heard)
        if self._held:
            said = self._with_key(said)
        for key in said.keys:
            start = self.keypad.position
            self.keypad.press(key.digit, start, start + FRAME + key.samples)
            happened.append(facts.DigitReceived(key.digit, in_band=False))
        self.frames += 1
        if self.listener is not None:
            self.listener(heard, said)
        return said

    def stop(self) -> list[object]:
        """End the sound. Returns what happened, the settled ledgers last."""
        happened = self.playout.stop()
        happened.append(
            facts.MediaStopped(
                audio=self.playout.audio,
                keys=self.playout.keys,
                underruns=self.playout.underruns,
                frames=self.frames,
                refused_messages=self.refused_messages,
                refused_bytes=self.refused_bytes,
            )
        )
        return happened

    def _perceive(self, heard: Frame, digit: str | None) -> list[object]:
        """Return what the callee makes of 20 ms: the keys that went down in them, and what it listens for."""
        keyed = [key.digit for key in heard.keys]
        happened: list[object] = [facts.DigitHeard(each) for each in keyed or ([digit] if digit else [])]
        what = self.ear.hear(heard) if self.ear is not None else None
        if what is not None:
            self.ear = None
            happened.append(facts.SoundHeard(what))
        return happened

    def _with_key(self, said: Frame) -> Frame:
        held = self._held[0]
        keys = (*said.keys, held.key) if held.fresh and held.announced else said.keys
        sound = held.next()
        if held.over:
            self._held.popleft()
        if sound is None:
            return Frame(said.data, keys)
        return Frame.of(sound if said.silent else mixed(said.sound, sound), keys)


#: 20 ms of one line: what the callee says and what it hears, 320 bytes each, and what happened in them.
Step = tuple[bytes, bytes, list[object]]


def step_together(lines: Sequence[Line]) -> list[Step]:
    """Let 20 ms pass on each line. Keypad tones are listened for on all at once, since numpy likes company."""
    pulled = [line.pull() for line in lines]
    digits = _digits_heard(lines, pulled)
    said = [
        line.answer(heard, digits.get(line), happened) for line, (heard, happened) in zip(lines, pulled, strict=True)
    ]
    pressed = dtmf.receive([line.keypad for line in lines], [frame.data for frame in said])
    together: list[Step] = []
    for frame, (heard, happened), keys in zip(said, pulled, pressed, strict=True):
        if keys:
            happened += [facts.DigitReceived(key, in_band=True) for key in keys]
        together.append((frame.data, heard.data, happened))
    return together


def _digits_heard(lines: Sequence[Line], pulled: Sequence[tuple[Frame, list[object]]]) -> dict[Line, str | None]:
    """Return the digits that callees have heard in their 20 ms, of those who listen for any."""
    frames = {line: heard for line, (heard, _) in zip(lines, pulled, strict=True) if line.attention is not None}
    if not frames:
        return {}
    ears = [ear for line in frames if (ear := line.attention) is not None]
    return dict(zip(frames, listen(ears, list(frames.values())), strict=True))
