"""G.711 as lookup tables over the whole domain: µ-law and A-law to 16-bit samples and back.

Decoding is the same in every reference. Encoders differ where a sample lies between two code values; followed
here is that of the ITU-T Software Tool Library (Recommendation G.191, `g711.c`): a negative sample takes the
code of its one's complement with the sign bit changed, so both half-waves have the same steps, and -1 is
"negative zero". Sun's `g711.c` and Python's old `audioop` put the negative half's boundaries elsewhere.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.media.pcm import Samples

_ULAW_BIAS: Final = 33 << 2  # G.711 table 2, on the 16-bit scale
_CODES: Final = np.arange(256, dtype=np.int32)


def _ulaw_decode_table() -> Samples:
    inverted = ~_CODES
    magnitude = ((((inverted & 0x0F) << 3) + _ULAW_BIAS) << ((inverted & 0x70) >> 4)) - _ULAW_BIAS
    return np.where(_CODES & 0x80, magnitude, -magnitude).astype(np.int16)


def _alaw_decode_table() -> Samples:
    plain = _CODES ^ 0x55
    segment = (plain & 0x70) >> 4
    step = ((plain & 0x0F) << 4) + 8
    magnitude = np.where(segment > 0, (step + 0x100) << np.maximum(segment - 1, 0), step)
    return np.where(plain & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode_table(widths: NDArray[np.int64], positive: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Codes of all 65,536 samples, indexed by the sample's unsigned view.

    `widths` counts the samples that share each of the 128 codes of the positive half, from zero up.
    """
    half = np.repeat(positive, widths)
    return np.concatenate((half, half[::-1] ^ 0x80)).astype(np.uint8)


def _ulaw_encode_table() -> NDArray[np.uint8]:
    # Sixteen steps in each of eight segments, each segment's steps twice as wide as those of the one before.
    # The first step is half as wide as its neighbours (the bias cuts it); the last takes all to full scale.
    widths = np.repeat(8 << np.arange(8), 16)
    widths[0] = 4
    widths[-1] += 32768 - widths.sum()
    return _encode_table(widths, 0xFF - np.arange(128, dtype=np.int32))


def _alaw_encode_table() -> NDArray[np.uint8]:
    widths = np.repeat(16 << np.array([0, 0, 1, 2, 3, 4, 5, 6]), 16)
    return _encode_table(widths, (np.arange(128, dtype=np.int32) | 0x80) ^ 0x55)


_ULAW_TO_PCM: Final = _ulaw_decode_table()
_ALAW_TO_PCM: Final = _alaw_decode_table()
_PCM_TO_ULAW: Final = _ulaw_encode_table()
_PCM_TO_ALAW: Final = _alaw_encode_table()


def decode_ulaw(data: bytes) -> Samples:
    """One sample for each byte of µ-law (G.711 table 2)."""
    return _ULAW_TO_PCM[np.frombuffer(data, np.uint8)]


def decode_alaw(data: bytes) -> Samples:
    """One sample for each byte of A-law (G.711 table 1, even bits inverted)."""
    return _ALAW_TO_PCM[np.frombuffer(data, np.uint8)]


def encode_ulaw(samples: Samples) -> bytes:
    """One byte of µ-law for each int16 sample, as G.191's `ulaw_compress` has it."""
    return _PCM_TO_ULAW[np.ascontiguousarray(samples, np.int16).view(np.uint16)].tobytes()


def encode_alaw(samples: Samples) -> bytes:
    """One byte of A-law for each int16 sample, as G.191's `alaw_compress` has it."""
    return _PCM_TO_ALAW[np.ascontiguousarray(samples, np.int16).view(np.uint16)].tobytes()
