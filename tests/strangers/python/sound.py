"""Sound as the Python stranger keeps it: NumPy arrays of 16-bit samples, 8 kHz, mono."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

Samples = npt.NDArray[np.int16]

RATE = 8_000
FRAME = 160  # samples of 20 ms
SILENCE: Samples = np.zeros(FRAME, np.int16)
LOW = {"1": 697, "2": 697, "3": 697, "4": 770, "5": 770, "6": 770, "7": 852, "8": 852, "9": 852}
LOW |= {"A": 697, "B": 770, "C": 852, "D": 941, "*": 941, "0": 941, "#": 941}
HIGH = {"1": 1209, "4": 1209, "7": 1209, "*": 1209, "2": 1336, "5": 1336, "8": 1336, "0": 1336}
HIGH |= {"3": 1477, "6": 1477, "9": 1477, "#": 1477, "A": 1633, "B": 1633, "C": 1633, "D": 1633}


def empty() -> Samples:
    """Return no samples."""
    return np.zeros(0, np.int16)


def _ulaw_table() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 132) << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 264) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


ULAW, ALAW = _ulaw_table(), _alaw_table()
_ULAW_SORTED = np.argsort(ULAW, kind="stable")


def from_ulaw(data: bytes) -> Samples:
    """Decode mu-law."""
    return ULAW[np.frombuffer(data, np.uint8)]


def from_alaw(data: bytes) -> Samples:
    """Decode A-law."""
    return ALAW[np.frombuffer(data, np.uint8)]


def from_pcm(data: bytes) -> Samples:
    """Read little-endian samples."""
    return np.frombuffer(data, "<i2").astype(np.int16)


def through_ulaw(samples: Samples) -> Samples:
    """Return the nearest values that mu-law has: what a line with it in makes of sound."""
    levels = ULAW[_ULAW_SORTED].astype(np.int32)
    wanted = samples.astype(np.int32)
    right = np.clip(np.searchsorted(levels, wanted), 1, 255)
    left = right - 1
    nearer = np.where(wanted - levels[left] <= levels[right] - wanted, left, right)
    return levels[nearer].astype(np.int16)


def key_tone(digit: str, milliseconds: float) -> Samples:
    """Return the tone of a key, with a soft begin and end."""
    t = np.arange(int(milliseconds * RATE / 1000)) / RATE
    sound = np.sin(2 * np.pi * LOW[digit] * t) + np.sin(2 * np.pi * HIGH[digit] * t)
    ramp = np.minimum(1, np.minimum(np.arange(len(t)), np.arange(len(t))[::-1]) / 16)
    return (sound * ramp * 7_000).astype(np.int16)


def mixed(one: Samples, other: Samples) -> Samples:
    """Return two sounds of one length at the same time."""
    return np.clip(one.astype(np.int32) + other, -32_768, 32_767).astype(np.int16)


class Music:
    """Something to listen to: an endless arpeggio."""

    def __init__(self) -> None:
        self._at = 0

    def frame(self) -> Samples:
        """Return the next 20 ms."""
        n = np.arange(self._at, self._at + FRAME)
        self._at += FRAME
        pitch = np.array([220, 277, 330, 440])[(n // 2_400) % 4]
        fade = 1 - (n % 2_400) / 3_600
        return (9_000 * fade * np.sin(2 * np.pi * pitch * n / RATE)).astype(np.int16)


class Mp3:
    """The MP3 of one call. It may come in any pieces; `resampled` false plays it at 8 kHz whatever it is."""

    def __init__(self, resampled: bool = True) -> None:
        self._decoder = av.CodecContext.create("mp3", "r")
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        self._converter = av.AudioResampler(format="s16", layout="mono")
        self._resampled = resampled
        self._begun = False

    def decode(self, data: bytes) -> Samples:
        """Return the samples that these bytes complete. Raises ValueError where they are no MP3."""
        parts: list[Samples] = []
        failed = 0
        for packet in self._decoder.parse(data):
            try:
                for frame in self._decoder.decode(packet):
                    parts += self._converted(frame)
            except FFmpegError:  # a tag, or no MP3
                failed += 1
        if not parts and (failed or not (self._begun or begins_mp3(data))):
            raise ValueError("the audioData could not be decoded as mp3")
        self._begun = True
        return np.concatenate(parts) if parts else empty()

    def _converted(self, frame: av.AudioFrame) -> list[Samples]:
        frame.pts = None
        converter = self._resampler if self._resampled else self._converter
        return [part.to_ndarray().reshape(-1).astype(np.int16) for part in converter.resample(frame)]


def begins_mp3(data: bytes) -> bool:
    """Tell whether data that gave no sound yet may be the beginning of an MP3: a tag or a frame."""
    return data[:3] == b"ID3" or (data[0] == 0xFF and (len(data) < 2 or data[1] & 0xE0 == 0xE0))
