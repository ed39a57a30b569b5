"""Both directions of one call's sound, in steps of 20 ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from mockpbx.media import dtmf, facts
from mockpbx.media.pcm import FRAME, SILENCE, Samples, mixed, samples_of
from mockpbx.media.playout import Frame, Key, Playout
from mockpbx.media.sources import Silence, Source


class _HeldKey:
    """A key of the callee's phone, held down: its tone lies over what the callee says."""

    def __init__(self, digit: str, duration_ms: int) -> None:
        self.key = Key(digit.upper(), samples_of(duration_ms))
        self._tone = dtmf.tone(digit, self.key.samples)
        self._at = 0

    @property
    def fresh(self) -> bool:
        return self._at == 0

    @property
    def over(self) -> bool:
        return self._at >= len(self._tone)

    def next(self) -> Samples:
        sound = self._tone[self._at : self._at + FRAME]
        self._at += FRAME
        return sound if len(sound) == FRAME else np.concatenate([sound, SILENCE[len(sound) :]])


class Line:
    """One call's sound: what the client queued goes through `playout` to the callee, whose `source` answers it.

    `capacity` is the playout's, in samples; `ordinal` counts the calls of a workspace: each has luck of its own.
    """

    def __init__(self, capacity: int, ordinal: int = 0) -> None:
        self.ordinal = ordinal
        self.playout = Playout(capacity)
        self.source: Source = Silence()
        self.keypad = dtmf.KeypadReceiver()
        self.frames = 0
        self.refused_messages = 0
        self.refused_bytes = 0
        self._held: deque[_HeldKey] = deque()

    def press(self, digit: str, duration_ms: int) -> None:
        """The callee presses a key, after those it still holds."""
        self._held.append(_HeldKey(digit, duration_ms))

    def refuse(self, size: int) -> None:
        """Count a client message of `size` bytes that was not taken."""
        self.refused_messages += 1
        self.refused_bytes += size

    def step(self) -> tuple[Samples, list[object]]:
        """Let 20 ms pass. Returns what the callee says in them, and what happened."""
        heard, happened = self.playout.pull()
        said = self.source.next(heard)
        if self._held:
            said = self._with_key(said)
        for key in said.keys:
            start = self.keypad.position
            self.keypad.press(key.digit, start, start + FRAME + key.samples)
            happened.append(facts.DigitReceived(key.digit, in_band=False))
        self.frames += 1
        return said.sound, happened

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

    def _with_key(self, said: Frame) -> Frame:
        held = self._held[0]
        keys = (*said.keys, held.key) if held.fresh else said.keys
        sound = held.next()
        if held.over:
            self._held.popleft()
        return Frame(sound if said.sound is SILENCE else mixed(said.sound, sound), keys)


def listen(lines: Sequence[Line], frames: Sequence[Samples]) -> list[list[facts.DigitReceived]]:
    """Listen for in-band digits in one frame of each line, all lines at once, since numpy likes company."""
    found = dtmf.receive([line.keypad for line in lines], np.asarray(frames))
    return [[facts.DigitReceived(digit, in_band=True) for digit in digits] for digits in found]
