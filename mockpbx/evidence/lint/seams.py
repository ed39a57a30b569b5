"""Gaps between MP3 files that are sent as if they were pieces of one.

An encoder puts 25 to 140 ms of silence in front of its sound and more behind it; a decoder cannot know of it unless the
file has an Info frame. So where messages are files of their own, and the sound goes on from one to the next, the callee
hears holes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint.stream import arrivals_of, streams
from mockpbx.evidence.rules import broken
from mockpbx.media.framing import RATE
from mockpbx.media.mp3 import Frame, Mp3Decoder, NotMp3, read_header, read_info
from mockpbx.media.pcm import Samples
from mockpbx.media.recording import Arrival

_LEAST_SEAMS: Final = 2
_BLOCK: Final = RATE * 5 // 1_000
_BLOCK_MS: Final = 5
_SOFT, _LOUD = 0.08, 0.15  # of the loud parts' level
_SHORTEST, _LONGEST = 10, 250  # ms of a hole; a longer one is a pause of the speaker's
_DELAY: Final = 576 + 529  # samples: of the encoder LAME, and of every decoder


def seams(dossier: Dossier) -> list[Finding]:
    """Find holes between MP3 messages that are files of their own."""
    sent = [each for each in arrivals_of(dossier) if each.audio_format == "mp3"]
    inside: list[tuple[Arrival, int]] = []
    for stream in streams(sent):
        opening = [index for index, each in enumerate(stream) if index and opens_file(each.data)]
        if len(opening) >= _LEAST_SEAMS:
            inside += _holes(stream, opening)
    holes = [(arrival, hole) for arrival, hole in inside if hole]
    if len(holes) < _LEAST_SEAMS or 2 * len(holes) < len(inside):
        return []
    usual = float(np.median([hole for _, hole in holes]))
    what = f"{len(holes)} messages begin an MP3 file of their own inside speech, with a hole of about {usual:.0f} ms"
    return [broken("mp3-seam", what, holes[0][0].at, len(holes))]


def opens_file(data: bytes) -> bool:
    """Whether an MP3 message may be the beginning of a file that says nothing of its silence.

    A file's first frame borrows no bits from frames before it (`main_data_begin`, ISO/IEC 11172-3 clause 2.4.1.7).
    """
    if data[:3] == b"ID3":
        return True
    header = read_header(data[:4])
    if header is None or len(data) < header.length:
        return False
    info = read_info(Frame(data[: header.length], header, opens=True))
    if info is not None:
        return info.start == 0
    side = 4 if data[1] & 1 else 6  # a checksum of two bytes may stand before it
    mpeg1 = data[1] >> 3 & 3 == 0b11
    return data[side] == 0 and (not mpeg1 or data[side + 1] < 0x80)


def _holes(stream: Sequence[Arrival], opening: Sequence[int]) -> list[tuple[Arrival, int]]:
    parts = _decoded(stream)
    starts = np.cumsum([0, *(len(part) for part in parts)])
    sound = np.concatenate(parts).astype(np.float64)
    levels = np.sqrt(np.square(sound[: len(sound) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)).mean(axis=1))
    if not len(levels):
        return []
    levels = levels / max(float(np.percentile(levels, 95)), 100.0)
    found = [(stream[index], _hole(levels, int(starts[index]) // _BLOCK, stream[index].data)) for index in opening]
    return [(arrival, hole) for arrival, hole in found if hole is not None]


def _hole(levels: NDArray[np.float64], boundary: int, data: bytes) -> int | None:
    """Ms of the hole that a file begins with, 0 where there is none, None in a pause. `levels` are of 5 ms each."""
    loud = np.flatnonzero(levels > _SOFT)
    start = min(boundary + 2, len(levels) - 1)  # the end of the file before may be heard in the first frame
    following = int(np.searchsorted(loud, start))
    if not 0 < following < len(loud):
        return None
    before, after = int(loud[following - 1]), int(loud[following])
    hole = _BLOCK_MS * (after - before - 1)
    around = np.max(levels[max(0, before - 3) : before + 1]), np.max(levels[after : after + 4])
    if hole > _LONGEST or min(around) < _LOUD:
        return None
    return hole if hole >= max(_SHORTEST, 0.5 * _delay(data)) else 0


def _delay(data: bytes) -> float:
    """Ms of silence in front of the sound of a file that LAME has encoded."""
    header = read_header(data[:4])
    return 0.0 if header is None else 1_000 * _DELAY / header.rate


def _decoded(stream: Sequence[Arrival]) -> list[Samples]:
    decoder = Mp3Decoder()
    parts: list[Samples] = []
    for each in stream:
        try:
            parts.append(decoder.decode(each.data))
        except NotMp3:
            parts.append(np.zeros(0, dtype=np.int16))
    return parts
