"""A recording as files and pictures: WAV, stretches of unbroken time, waveforms, the queue's corners."""

from __future__ import annotations

import base64
import io
import struct
import wave
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mockpbx.media.framing import FRAME, FRAME_MS, RATE
from mockpbx.media.g711 import encode_ulaw
from mockpbx.media.pcm import Samples
from mockpbx.media.recording import Sound

#: Format tag of µ-law in a WAV file (RFC 2361, appendix A), and the bytes of its `fmt ` chunk with an empty extension.
ULAW_TAG = 7


class Stretch(NamedTuple):
    """Sound without a gap: it begins `at` (virtual ms) with the recording's sample number `first`."""

    at: int
    first: int


def both_sides(sound: Sound) -> Samples:
    """Return an array of pairs: what the other end said, what it heard of the client."""
    return np.stack([sound.callee, sound.client], axis=1)


def wav_of(sound: Sound) -> bytes:
    """Return a stereo WAV file, 8 kHz, 16-bit: callee left, client right."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(both_sides(sound).astype("<i2").tobytes())
    return file.getvalue()


def ulaw_wav_of(sound: Sound) -> bytes:
    """Return the same in µ-law, half as long: what browsers play from a page."""
    data = encode_ulaw(both_sides(sound).reshape(-1))
    layout = struct.pack("<HHIIHHH", ULAW_TAG, 2, RATE, 2 * RATE, 2, 8, 0)
    body = _chunk(b"fmt ", layout) + _chunk(b"fact", struct.pack("<I", len(data) // 2)) + _chunk(b"data", data)
    return _chunk(b"RIFF", b"WAVE" + body)


def data_uri(sound: Sound) -> str:
    """Return the µ-law WAV as a data URI."""
    return "data:audio/wav;base64," + base64.b64encode(ulaw_wav_of(sound)).decode()


def stretches(sound: Sound) -> list[Stretch]:
    """Return where sound begins: once, and anew wherever media time slipped."""
    if not len(sound.times):
        return []
    starts = np.flatnonzero(np.diff(sound.times, prepend=sound.times[0] - 2 * FRAME_MS) != FRAME_MS)
    return [Stretch(int(sound.times[frame]) - FRAME_MS, int(frame) * FRAME) for frame in starts]


def queue_corners(sound: Sound) -> list[tuple[int, int]]:
    """Return the points (virtual ms, ms that wait) between which the queue's depth is a straight line."""
    if not len(sound.times):
        return []
    depth = sound.queue * 1_000 // RATE
    slope = np.diff(depth)
    corner = np.ones(len(depth), dtype=bool)
    corner[1:-1] = slope[1:] != slope[:-1]
    return list(zip(sound.times[corner].tolist(), depth[corner].tolist(), strict=True))


def peaks(samples: Samples, columns: int) -> NDArray[np.int16]:
    """Return the lowest and the highest sample of so many columns, fewer where there are not as many samples."""
    columns = min(columns, len(samples))
    if not columns:
        return np.zeros((0, 2), dtype=np.int16)
    edges = np.linspace(0, len(samples), columns, endpoint=False, dtype=np.int64)
    return np.stack([np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)], axis=1)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
