"""The callee's ears: each listens for one thing in what the callee hears, 20 ms at a time.

Three looks at sound serve them all. *Loudness*: RMS against full scale, in dBFS; what is below QUIET is nothing, for
every ear. *Lines*: where one or two narrow lines of the spectrum hold all the energy, that is a tone, a keypad's or one
of call progress. *Change*: syllables differ in spectrum within 200 ms; no steady sound does, be it noise, hum or chord.

An ear depends on what it heard and on nothing else, and hears every frame in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mockpbx.media.dtmf import KeypadReceiver, receive
from mockpbx.media.framing import FRAME, RATE, samples_of
from mockpbx.media.pcm import SILENCE, Samples
from mockpbx.media.playout import Frame

#: What is below is silence, in dBFS of a frame's RMS: 32 dB under comfortable speech, above the noise of any sane line.
QUIET: Final = -50.0

_Floats = NDArray[np.float32]
_Complex = NDArray[np.complex64]

_QUIET: Final = (32_768 * 10 ** (QUIET / 20)) ** 2  # as a mean square


class Ear(Protocol):
    """What a scenario's expectation listens with."""

    def hear(self, heard: Frame) -> str | None:
        """Take the next 20 ms. Returns what was heard once it has been heard, None until then."""


def _frames(lasting_ms: float) -> int:
    """Return how many frames it takes for something to have lasted so long, at least one."""
    return -(-samples_of(lasting_ms) // FRAME)


def _power(sound: Samples | _Floats) -> float:
    """Return the mean square."""
    audio = sound.astype(np.float32)
    return float(audio @ audio) / len(audio)


def _loud(sound: Samples | _Floats) -> bool:
    return sound is not SILENCE and _power(sound) >= _QUIET


def _window(length: int) -> _Floats:
    """Return a Hann window such that the bins of a spectrum add up to the mean square of what is looked at."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)
    window: _Floats = (hann * np.sqrt(2 / length / np.sum(hann**2))).astype(np.float32)
    return window


def _spectrum(sound: Samples, window: _Floats, points: int) -> _Floats:
    """Return the power in each bin from 0 to 4 kHz; a steady sine fills five bins of the window's own width."""
    bins = np.fft.rfft(sound * window, points)
    power: _Floats = (bins.real**2 + bins.imag**2).astype(np.float32, copy=False)
    return power


# --- silence ---------------------------------------------------------------------------------------------------------


class SilenceEar:
    """Hears nothing: RMS below -50 dBFS in every frame of `lasting_ms`, and no key going down.

    A click is sound, however short: where it lifts one frame over the threshold, the time begins anew.
    """

    def __init__(self, lasting_ms: float) -> None:
        self._lasting = _frames(lasting_ms)
        self._lasted = 0

    def hear(self, heard: Frame) -> str | None:
        """Take the next 20 ms. Returns an empty string once it has been silent for long enough."""
        self._lasted = 0 if heard.keys or _loud(heard.sound) else self._lasted + 1
        return "" if self._lasted >= self._lasting else None


# --- tones -----------------------------------------------------------------------------------------------------------

_HISTORY = 3  # frames that a tone is looked for in: it takes 60 ms to tell 50 Hz from 51
_POINTS = 1024
_LONG = _window(_HISTORY * FRAME)
_PURE = 2 / 3 * _HISTORY * FRAME / _POINTS  # share of a lone sine's energy in its highest bin, by the window's shape
_OFF = 0.02  # of the frequency
_MOST = 0.7  # of the energy
_EVEN = 0.4  # of the loudest frame's energy: a frame that is filled by half is of the tone


class ToneEar:
    """Hears a steady sine of `hertz` (50 to 3,900, within 2 %) that holds 70 % of the energy for `lasting_ms`.

    The time is counted in whole frames, and at least 60 ms. Speech, noise, two tones at once and other tones are none.
    """

    def __init__(self, hertz: float, lasting_ms: float) -> None:
        self._hertz = hertz
        self._lasting = max(_HISTORY, samples_of(lasting_ms) // FRAME)
        self._lasted = 0
        self._past: Samples = np.zeros(_HISTORY * FRAME, np.int16)

    def hear(self, heard: Frame) -> str | None:
        """Take the next 20 ms. Returns the frequency asked for, as in "1000", once it has been heard."""
        self._past = np.concatenate((self._past[FRAME:], heard.sound))
        if not self._sounds():
            self._lasted = 0
        else:
            self._lasted = self._lasted + 1 if self._lasted else _HISTORY
        return f"{self._hertz:g}" if self._lasted >= self._lasting else None

    def _sounds(self) -> bool:
        """Whether the last 60 ms are this tone, from the first frame to the last."""
        powers = [_power(frame) for frame in self._past.reshape(_HISTORY, FRAME)]
        if min(powers) < max(_QUIET, _EVEN * max(powers)):
            return False
        power = _spectrum(self._past, _LONG, _POINTS)
        peak = int(np.argmax(power[1:-1])) + 1
        if power[peak] < _MOST * _PURE * power.sum():
            return False
        # The top of a Hann window's lobe is a parabola in decibels, nearly.
        before, top, after = np.log(power[peak - 1 : peak + 2] + 1e-9).tolist()
        hertz = (peak + (before - after) / (before - 2 * top + after) / 2) * RATE / _POINTS
        return bool(abs(hertz - self._hertz) <= _OFF * self._hertz)


# --- speech ----------------------------------------------------------------------------------------------------------

_HALF = FRAME // 2
_SHORT = _window(FRAME)
_BINS = np.arange(_HALF + 1)
_BANDS = slice(2, 74)  # bins of 50 Hz: 100 to 3,700 Hz
_BAND = 3  # bins
_TONAL = 0.97  # share of the energy in two lines: a keypad's tone in G.711 has 0.99, one voice in ten frames as much
_COMPARED = 200 * RATE // 1_000 // FRAME  # frames that one is compared with
_ALIKE = 0.7  # white noise stays above 0.78, a held chord above 0.9; half of all speech gets to 0.5
_BRIDGED = _COMPARED  # frames of a gap between syllables
_UNLIKE = 2  # of those: a click is unlike all that follows it, but alone
_CHANGES = 3  # frames that differ so: one may be chance


def _tonal(power: _Floats) -> NDArray[np.bool_]:
    """Whether the spectrum of a frame (81 bins, the last axis) is that of one or two sines that can be heard."""
    rest = power.copy()
    for _ in range(2):
        line = np.asarray(np.argmax(rest, -1))[..., None]
        rest[abs(_BINS - line) <= 2] = 0
    total = power.sum(-1)
    tonal: NDArray[np.bool_] = (total >= _QUIET) & (rest.sum(-1) <= (1 - _TONAL) * total)
    return tonal


def _profile(power: _Floats) -> _Floats:
    """Return how a frame's energy is spread over the bands: amplitudes, their squares adding up to one."""
    bands = power[_BANDS].reshape(-1, _BAND).sum(1) + 1
    amplitudes: _Floats = np.sqrt(bands / bands.sum())
    return amplitudes


#: Stands for a frame that is no voice: as a product with any profile is at least 1, it is like everything.
_NO_VOICE: _Floats = np.ones((_BANDS.stop - _BANDS.start) // _BAND, np.float32)


class SpeechEar:
    """Hears someone speak for `lasting_ms`, from the first syllable to the latest, bridging gaps of up to 200 ms.

    A frame may be of a voice where it is loud enough (-50 dBFS), no key goes down in it, and neither it nor its halves
    with the neighbours' are a tone. Where it is unlike two others of the last 200 ms, someone has spoken since the
    first of these; three such frames are speech. Silence, steady noise and tones, however they are keyed, are none.
    """

    def __init__(self, lasting_ms: float) -> None:
        self._lasting = _frames(lasting_ms)
        self._last: Samples = SILENCE  # the frame heard last, to be judged when the next one is there
        self._power: _Floats = np.zeros(_HALF + 1, np.float32)  # its spectrum
        self._voice = False  # whether it may be of a voice, by what is known so far
        self._profiles = np.tile(_NO_VOICE, (_COMPARED, 1))  # of the frames before it
        self._at = 0
        self._since = self._until = -1 - _BRIDGED  # the first and the last frame of the talk
        self._changes = 0

    def hear(self, heard: Frame) -> str | None:
        """Take the next 20 ms. Returns an empty string once someone has spoken for long enough."""
        sound, loud = heard.sound, _loud(heard.sound)
        tone_between = tone = False
        if loud or self._voice:
            between = np.concatenate((self._last[_HALF:], sound[:_HALF]))
            tone_between = bool(_tonal(_spectrum(between, _SHORT, FRAME)))
        profile = _profile(self._power) if self._voice and not tone_between else _NO_VOICE
        if loud:
            self._power = _spectrum(sound, _SHORT, FRAME)
            tone = bool(_tonal(self._power))
        self._last = sound
        self._voice = loud and not heard.keys and not tone and not tone_between
        return "" if self._follow(profile) else None

    def _follow(self, profile: _Floats) -> bool:
        """Judge a frame by those before it: whether there has been talk for long enough, up to this frame."""
        unlike = np.flatnonzero(self._profiles @ profile < _ALIKE)
        self._profiles = np.vstack((self._profiles[1:], profile))
        self._at += 1
        if len(unlike) < _UNLIKE:
            return False
        begin = self._at - _COMPARED + int(unlike[0])
        if begin - self._until > _BRIDGED + 1:
            self._since, self._changes = begin, 0
        self._until = self._at
        self._changes += 1
        return self._changes >= _CHANGES and self._until - self._since + 1 >= self._lasting


# --- clips -----------------------------------------------------------------------------------------------------------

_TURN = 10  # frames from one search to the next
_NEW = _TURN * FRAME
_LONGEST = 50 * RATE
_LARGEST = 65_536  # points of a transform: at 50 s there is one for each frame of a turn but the first
_PARTS = 8
_LIKE = 0.6  # correlation: G.711 and MP3 leave 0.9 or more, other words of the same voice at most 0.2


class ClipEar:
    """Hears a clip by its waveform, at any level: half of it, but at least one second and at most two, from anywhere.

    A clip shorter than a second must be heard whole, but for silence at its ends; of a clip longer than 50 s, these are
    known. At least half of what is heard must be sound, and no steady tone where the clip has anything else.
    It is looked for every 200 ms. Raises ValueError for a clip that is silent (-50 dBFS).
    """

    def __init__(self, clip: Samples) -> None:
        sound, telling = _essence(clip)
        self._length = len(sound)
        self._enough = min(len(sound), max(RATE, min(2 * RATE, len(sound) // 2)))
        self._least = self._enough * _QUIET / 16  # energy: 12 dB below the faintest clip
        self._heard: Samples = np.zeros(self._enough + _NEW, np.int16)
        # What was heard slides along the clip, from where it covers no more than enough of its beginning to its end.
        self._clip: _Floats = np.pad(sound.astype(np.float32), _NEW)
        self._size = min(_LARGEST, 1 << (len(self._clip) - 1).bit_length())
        self._step = self._size - len(self._heard) + 1  # places that one transform tells of
        self._weights = self._weigh(np.pad(telling, _NEW))
        self._pieces = {
            at: _transform(self._clip[at : at + self._size], self._size)
            for at in range(0, len(self._weights), self._step)
        }
        self._searching = self._searches()

    def hear(self, heard: Frame) -> str | None:
        """Take the next 20 ms. Returns an empty string once the clip has been heard."""
        self._heard[:-FRAME] = self._heard[FRAME:]
        self._heard[-FRAME:] = heard.sound
        return "" if next(self._searching) else None

    def _weigh(self, telling: NDArray[np.bool_]) -> _Floats:
        """Return, for each place, one over the norm of the clip there; 0 where it has too little to tell it by."""
        norms = np.sqrt(np.maximum(_sums(self._clip.astype(np.float64) ** 2, len(self._heard)), 1))
        told = _sums(telling, len(self._heard))
        enough = told >= min(self._enough // 2, told[np.argmax(told)])
        weights: _Floats = np.where(enough, self._size**2 / norms, 0).astype(np.float32)  # see _transform
        return weights

    def _searches(self) -> Iterator[bool]:
        """Search without end, one transform a frame: whether this frame's has found the clip."""
        while True:
            heard = self._heard.astype(np.float32)
            if not heard.any():
                yield False
                continue
            spectrum, energy = np.conj(_transform(heard, self._size)), self._energies(heard)
            yield False
            pieces = iter(self._pieces.items())
            for _ in range(_TURN - 1):
                at, piece = next(pieces, (0, None))
                yield piece is not None and self._found(heard, energy, at, spectrum * piece)

    def _energies(self, heard: _Floats) -> NDArray[np.float64]:
        """Return, for each place, the energy of as much of what was heard as covers the clip there."""
        sums = _sums(heard.astype(np.float64) ** 2)
        energies = np.full(len(self._weights), sums[-1])
        energies[: _NEW + 1] -= sums[_NEW::-1]
        energies[-_NEW - 1 :] -= sums[-1] - sums[: -_NEW - 2 : -1]
        return energies

    def _found(self, heard: _Floats, energies: NDArray[np.float64], at: int, product: _Complex) -> bool:
        """Whether the clip was heard at one of the places from `at` on, given the product of the spectra."""
        places = slice(at, min(at + self._step, len(energies)))
        products = np.fft.irfft(product, self._size)[: places.stop - at]
        norms = np.sqrt(np.maximum(energies[places], self._least).astype(np.float32))
        likeness = products * self._weights[places] / norms
        best = int(np.argmax(likeness))
        return bool(likeness[best] >= _LIKE) and self._is_at(at + best, heard)

    def _is_at(self, place: int, heard: _Floats) -> bool:
        """Whether every part of it is alike: a word in common is not enough."""
        begin, end = max(0, _NEW - place), min(len(heard), _NEW + self._length - place)
        ours = np.array_split(self._clip[place + begin : place + end], _PARTS)
        theirs = np.array_split(heard[begin:end], _PARTS)
        return all(_likeness(one, other) >= _LIKE for one, other in zip(ours, theirs, strict=True) if _loud(one))


def _transform(sound: _Floats, size: int) -> _Complex:
    """Return the spectrum of `sound`, divided by `size`: numpy takes twice as long for one that is not."""
    spectrum: _Complex = np.fft.rfft(sound, size, norm="forward").astype(np.complex64, copy=False)
    return spectrum


def _essence(clip: Samples) -> tuple[Samples, NDArray[np.bool_]]:
    """Return a clip without the silence at its ends, and for each sample whether it helps to tell the clip by."""
    frames = np.pad(clip, (0, -len(clip) % FRAME)).reshape(-1, FRAME)
    loud = np.array([_loud(frame) for frame in frames], bool)
    if not loud.any():
        raise ValueError(f"the clip is silent: expected sound of {QUIET:g} dBFS or more, or nobody could hear it")
    telling = loud & ~_tonal(_spectrum(frames, _SHORT, FRAME))
    if not telling.any():
        telling = loud
    first, last = np.flatnonzero(loud)[[0, -1]]
    kept = slice(first, min(last + 1, first + _LONGEST // FRAME))
    return frames[kept].reshape(-1), np.repeat(telling[kept], FRAME)


def _sums(values: NDArray[np.float64] | NDArray[np.bool_], length: int = 0) -> NDArray[np.float64]:
    """Return the sums of each stretch of `length` values; without a length, of all before each one, and of all."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    return sums[length:] - sums[:-length] if length else sums


def _likeness(one: _Floats, other: _Floats) -> float:
    """Return the normalised correlation of two sounds of one length."""
    return float(one @ other / np.sqrt(max(float((one @ one) * (other @ other)), 1.0)))


# --- digits ----------------------------------------------------------------------------------------------------------


class DigitEar:
    """Hears one of these `digits`, keyed (as the key goes down) or in band: once per press, however it arrives.

    It remembers what is still sounding; where more digits are expected, let the same ear hear on.
    """

    def __init__(self, digits: str) -> None:
        self.keypad = KeypadReceiver()
        self._digits = digits.upper()
        self._pressed: deque[str] = deque()

    def hear(self, heard: Frame) -> str | None:
        """Take the next 20 ms. Returns the digit, a letter as a capital, once it has been pressed."""
        return listen((self,), (heard,))[0]

    def key(self, heard: Frame) -> None:
        """Learn of the keys that go down in the next 20 ms."""
        for key in heard.keys:
            start = self.keypad.position
            self.keypad.press(key.digit, start, start + FRAME + key.samples)
            self._pressed.append(key.digit.upper())

    def tell(self, in_band: Sequence[str]) -> str | None:
        """Return the digit, if one of them has been pressed, be it in those 20 ms or before."""
        self._pressed += in_band
        while self._pressed:
            if (digit := self._pressed.popleft()) in self._digits:
                return digit
        return None


def listen(ears: Sequence[DigitEar], heard: Sequence[Frame]) -> list[str | None]:
    """Let each of many ears hear its 20 ms. Returns what `DigitEar.hear` does, for each."""
    for ear, frame in zip(ears, heard, strict=True):
        ear.key(frame)
    found = receive([ear.keypad for ear in ears], [frame.data for frame in heard])
    return [ear.tell(keys) for ear, keys in zip(ears, found, strict=True)]
