"""Keypad tones (DTMF): making them, and hearing them in 8 kHz mono int16 audio, 20 ms at a time.

Sources: ITU-T Q.23 (the frequencies), ITU-T Q.24 (what a receiver must accept and what it must refuse).

How a receiver listens. Every frame passes a *screen*: how much of its energy lies in the 32 dimensions that
keypad tones span? That is one matrix product for all calls together; what it said of a sound is remembered, since
clips and tones come again and again. Nearly all speech, music and noise ends there. What passes is *examined*: the
last 60 ms are cut into five Hann windows of 20 ms, 10 ms apart.

- The strongest row and column name the key; the phase advance from window to window gives its exact tones.
- The *fill* of a window is the share of its energy that these two tones explain. A key that sounds for part
  of a window fills it in part, and overlapping Hann windows add up to one: so the sum of the fills, times
  10 ms, is how long it was heard, wherever the frames happened to cut it. That tells 40 ms from 23 ms, and a
  pause of 40 ms from a drop-out of 10 ms, at any alignment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.contract.vocabulary import DTMF_DIGITS as DIGITS
from mockpbx.media.framing import FRAME, FRAME_BYTES, RATE
from mockpbx.media.pcm import SILENCE_BYTES, Samples, from_bytes, to_bytes

ROWS: Final = (697, 770, 852, 941)
COLUMNS: Final = (1209, 1336, 1477, 1633)
KEYPAD: Final = ("123A", "456B", "789C", "*0#D")

_Floats = NDArray[np.float32]

_TONES = {key: (ROWS[r], COLUMNS[c]) for r, keys in enumerate(KEYPAD) for c, key in enumerate(keys)}
_FULL_SCALE = 32767
_RAMP = 3 * RATE // 1000
_CLOSED, _OPEN = 5 * RATE // 1000, 10 * RATE // 1000  # a contact that bounces

# What counts as a press. Between what Q.24 accepts and what it refuses is room; each limit stands inside it.
_LEAST_HEARD = 2.9  # fills, of 10 ms each: accept 40 ms (3.5 where the frames cut it worst), refuse 23 ms
_ENDS = 2.1  # fills, at most, of the windows at the two ends of a tone
_PAUSE = 0.25  # fill of two windows in a row: bridge 10 ms (leaves 0.9 or more), part at 40 ms (leaves 0)
_PURE = 0.92  # fill of all windows but those at the two ends: a key 15 dB above the noise has 0.97
_HUSH = 0.1  # what is 10 dB weaker than the loudest window fades into the pause
_DEVIATION = 0.02  # accept 1.5 %, refuse 3.5 %
_TWIST = (10**-0.6, 10**1.0)  # power of the row over that of the column: accept -4 to 8 dB
_LEAST_AMPLITUDE = _FULL_SCALE * 10 ** (-39 / 20)  # of the weaker tone: accept -36 dBFS
_SAME_PRESS = 60 * RATE // 1000  # how far a tone may stray from the press announced for it

_SPAN = 3 * FRAME
_HOP = FRAME // 2  # also the sum of one Hann window
_CUTS = np.arange(0, _SPAN - FRAME + 1, _HOP)[:, None] + np.arange(FRAME)
_TURN = -2j * np.pi / RATE * np.arange(FRAME)
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(FRAME) + 0.5) / FRAME)).astype(np.float32)
_NOMINAL = np.array(ROWS + COLUMNS, np.float64)
_ADVANCE = np.exp(2j * np.pi * _HOP / RATE * _NOMINAL)  # a nominal tone's phase from one window to the next


def _probes(frequencies: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Columns that correlate one window with each frequency."""
    probes: NDArray[np.complex64] = (_HANN[:, None] * np.exp(np.outer(_TURN, frequencies))).astype(np.complex64)
    return probes


def _keypad_space() -> _Floats:
    """An orthonormal basis, 160 by 32, of what a frame of keypad tones up to 2 % off may look like."""
    waves = np.exp(np.outer(_TURN, np.outer(_NOMINAL, np.linspace(0.98, 1.02, 5))))
    basis, _, _ = np.linalg.svd(np.hstack((waves.real, waves.imag)), full_matrices=False)
    return np.ascontiguousarray(basis[:, :32], np.float32)


_NOMINAL_PROBES = _probes(_NOMINAL)
_SPACE = _keypad_space()
_SCREEN = 0.8  # share of a frame's energy in that space: a key at 15 dB has 0.97, white noise 0.2
_LEAST_ENERGY = FRAME / 2 * _LEAST_AMPLITUDE**2
#: Frames whose screening is remembered, about 2 MB.
_MOST_SCREENED = 4_096
_screened = {SILENCE_BYTES: False}  # whether a frame, 320 bytes, may be of keypad tones and nothing much else


@lru_cache(maxsize=128)
def tone(digit: str, samples: int, level: float = -9.0) -> Samples:
    """The sound of one key, `samples` long: both tones equally strong. The array is shared and read-only.

    `level` is the power of the pair in dB against a full-scale sine, at most -3.1 so that the peaks fit. From
    12 ms on, the sound swells and fades over 3 ms, so that nothing clicks. Letters may be small.
    Raises ValueError for what is no key, a negative length, or a level that would clip.
    """
    if digit.upper() not in _TONES:
        raise ValueError(f"{digit!r} is no key of the keypad; expected one of {DIGITS} or a-d")
    if samples < 0:
        raise ValueError(f"a tone cannot last {samples} samples; expected 0 or more")
    if not level <= -3.1:
        raise ValueError(f"two tones at {level} dBFS would clip; expected -3.1 or less")
    row, column = _TONES[digit.upper()]
    time = 2 * np.pi / RATE * np.arange(samples)
    sound = _FULL_SCALE * 10 ** (level / 20) / np.sqrt(2) * (np.sin(row * time) + np.sin(column * time))
    if samples >= 4 * _RAMP:
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_RAMP) + 0.5) / _RAMP)
        sound[:_RAMP] *= ramp
        sound[-_RAMP:] *= ramp[::-1]
    pcm: Samples = np.rint(sound).astype(np.int16)
    pcm.flags.writeable = False
    return pcm


@lru_cache(maxsize=128)
def contact(digit: str, samples: int, bounces: int) -> Samples:
    """The sound of one press, `samples` long, whose contact breaks `bounces` times before it holds.

    Each bounce is 5 ms of the tone and a gap of 10 ms, the longest that Q.24 wants bridged. A receiver hears one press
    if 40 ms of the tone follow them. The array is shared and read-only. Raises ValueError as `tone` does, and for a
    negative number of bounces.
    """
    if bounces < 0:
        raise ValueError(f"a contact cannot bounce {bounces} times; expected 0 or more")
    sound = tone(digit, samples)
    if not bounces:
        return sound
    broken = sound.copy()
    for start in range(0, bounces * (_CLOSED + _OPEN), _CLOSED + _OPEN):
        broken[start + _CLOSED : start + _CLOSED + _OPEN] = 0
    broken.flags.writeable = False
    return broken


@dataclass(slots=True)
class _Announced:
    """A press known from an event, in samples of the call's stream."""

    digit: str
    start: int
    end: int
    heard: bool = False

    def explains(self, digit: str, onset: int) -> bool:
        """Whether a tone is this press: it begins inside it, or it is the first to begin near it."""
        stray = 0 if self.heard else _SAME_PRESS
        return digit == self.digit and self.start - stray <= onset <= self.end + stray


class KeypadReceiver:
    """The ear of one call: hand it every 20 ms frame in order, and it tells the keys as they are pressed.

    A press is told once, as soon as 30 to 40 ms of it were heard, however long the key is held.
    `position` is the number of samples heard so far.
    """

    __slots__ = ("_announced", "_attention", "_held", "_past", "position")

    def __init__(self) -> None:
        self.position = 0
        self._past = (SILENCE_BYTES,) * 3
        self._attention = 0  # frames still to be examined
        self._held: str | None = None
        self._announced: list[_Announced] = []

    def hear(self, frame: Samples) -> list[str]:
        """The keys newly pressed in one frame of 160 samples; see `receive`."""
        return receive((self,), (to_bytes(frame),))[0]

    def press(self, digit: str, start: int, end: int) -> None:
        """Announce a press that came as an event, no later than its audio: its tone is not told again.

        It lasts from sample `start` to `end` of this call's stream. A tone of that key that begins inside it
        is that press, and so is the first one to begin within 60 ms of it.
        """
        oldest = self.position - _SPAN - _SAME_PRESS
        self._announced = [known for known in self._announced if known.end >= oldest]
        self._announced.append(_Announced(digit.upper(), start, end))

    def _take(self, frame: bytes, alert: bool) -> list[str]:
        _, before, last = self._past
        self._past = (before, last, frame)
        self.position += FRAME
        if alert:
            self._attention = 2  # a tone may end in the next frame, and be long enough only there
        if not self._attention:
            return []
        self._attention -= 1
        return self._listen()

    def _listen(self) -> list[str]:
        """Examine the last 60 ms; the key that they confirm, if it was not told before."""
        finding = _examine(from_bytes(b"".join(self._past)).astype(np.float32))
        if finding.digit != self._held or finding.paused:
            self._held = None
        if self._held:
            self._attention = 2
        elif finding.confirmed:
            self._held, self._attention = finding.digit, 2
            if not self._announces(finding.digit, self.position - _SPAN + finding.onset):
                return [finding.digit]
        return []

    def _announces(self, digit: str, onset: int) -> bool:
        known = [press for press in self._announced if press.explains(digit, onset)]
        if known:
            min(known, key=lambda press: abs(press.start - onset)).heard = True
        return bool(known)


def receive(receivers: Sequence[KeypadReceiver], frames: Sequence[bytes]) -> list[list[str]]:
    """The keys newly pressed in one frame of many calls: frame i, 320 bytes, is for receiver i.

    Raises ValueError for other frames than one of that size per receiver.
    """
    keylike = [_screened.get(frame) for frame in frames]
    if None in keylike:
        keylike = _screen(frames)
    if len(frames) != len(receivers):
        raise ValueError(f"expected a frame for each of {len(receivers)} receivers; got {len(frames)}")
    return [ear._take(frame, bool(alert)) for ear, frame, alert in zip(receivers, frames, keylike, strict=True)]


def _screen(frames: Sequence[bytes]) -> list[bool | None]:
    """Screen frames, and remember which may be keypad tones. Raises ValueError for one that is not of 320 bytes."""
    sizes = {len(frame) for frame in frames}
    if sizes != {FRAME_BYTES}:
        raise ValueError(f"expected frames of {FRAME_BYTES} bytes; got {sorted(sizes)}")
    keylike = _keylike(from_bytes(b"".join(frames)).astype(np.float32).reshape(-1, FRAME))
    if len(_screened) + len(frames) > _MOST_SCREENED:
        _screened.clear()
    _screened.update(zip(frames, keylike, strict=True))
    return [*keylike]


def _keylike(audio: _Floats) -> list[bool]:
    """The screen itself: which frames hold keypad tones and nothing much else, as far as one frame tells."""
    inside = audio @ _SPACE
    whole, keyed = np.vecdot(audio, audio).tolist(), np.vecdot(inside, inside).tolist()
    return [part > _LEAST_ENERGY and part > _SCREEN * energy for energy, part in zip(whole, keyed, strict=True)]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What 60 ms of audio hold."""

    digit: str  # the likeliest key
    confirmed: bool  # it is one indeed: heard long enough, pure, in tune, balanced and loud
    paused: bool  # there is a pause in it; what was before the pause does not count
    onset: int  # where the tone begins, in samples from the beginning of the 60 ms, to about 5 ms


def _examine(audio: _Floats) -> _Finding:
    windows = audio[_CUTS]
    nominal = windows @ _NOMINAL_PROBES
    power = (nominal.real**2 + nominal.imag**2).sum(0)
    pair = [int(power[:4].argmax()), 4 + int(power[4:].argmax())]
    advance = (nominal[1:, pair] * nominal[:-1, pair].conj()).sum(0) / _ADVANCE[pair]
    off = np.angle(advance) * RATE / (2 * np.pi * _HOP)  # Hz
    tuned = windows @ _probes(_NOMINAL[pair] + off)
    powers = tuned.real**2 + tuned.imag**2
    energy = windows**2 @ _HANN
    fills = (2 / _HOP * powers.sum(1) / np.maximum(energy, _HUSH * energy.max() + 1)).tolist()

    pauses = [i for i, (one, two) in enumerate(pairwise(fills), 1) if one + two < _PAUSE]
    begin = max(pauses, default=0)
    pure = [i for i, fill in enumerate(fills) if i >= begin and fill >= _PURE]
    row, column = powers.sum(0).tolist()
    confirmed = (
        (heard := sum(fills[begin:])) >= _LEAST_HEARD
        and len(pure) >= max(2, heard - _ENDS)
        and bool((abs(off) <= _DEVIATION * _NOMINAL[pair]).all())
        and _TWIST[0] * column <= row <= _TWIST[1] * column
        and 2 / _HOP * float(powers.max(0).min()) ** 0.5 >= _LEAST_AMPLITUDE
    )
    # The fills before the first pure window add up to the tone before it, and half a hop of overlap with it.
    first = pure[0] if pure else 0
    onset = max(0, round(_HOP * (first + 0.5 - sum(fills[begin:first]))))
    return _Finding(KEYPAD[pair[0]][pair[1] - 4], confirmed, bool(pauses), onset)
