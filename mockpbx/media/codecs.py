"""What a client may send in an `audio` event, by the contract's `audioFormat`, as 8 kHz mono int16."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from mockpbx.contract.errors import BadAudio
from mockpbx.contract.vocabulary import AudioFormat
from mockpbx.media.g711 import decode_alaw, decode_ulaw
from mockpbx.media.mp3 import PIECE, Mp3Decoder, NotMp3
from mockpbx.media.pcm import Samples, from_bytes


def decode_pcm16(data: bytes) -> Samples:
    """The samples of little-endian 16-bit PCM: a read-only view of `data`, not a copy. Raises `BadAudio`."""
    if len(data) & 1:
        raise BadAudio(f"pcm16 needs whole 16-bit samples: {len(data)} bytes is an odd number")
    return from_bytes(data)


#: What decodes a message by itself, by format; MP3 is not among them.
STATELESS: Final[Mapping[str, Callable[[bytes], Samples]]] = {
    "pcm16": decode_pcm16,
    "ulaw": decode_ulaw,
    "alaw": decode_alaw,
}

FORMATS: Final = tuple(AudioFormat)


class UplinkDecoder:
    """The client's audio of one call. Only MP3 has a state, which other formats in between leave alone."""

    def __init__(self) -> None:
        self._mp3: Mp3Decoder | None = None

    def decode(self, audio_format: str, data: bytes) -> Samples:
        """The samples that this message completes: for MP3 possibly none yet. Raises `BadAudio`."""
        _check(audio_format, data)
        if audio_format != "mp3":
            return STATELESS[audio_format](data)
        parts = list(self._mp3_pieces(data, PIECE))
        return np.concatenate(parts) if parts else np.empty(0, np.int16)

    def pieces(self, audio_format: str, data: bytes, size: int = PIECE) -> Iterator[Samples]:
        """The same in parts: MP3 in steps of `size` bytes (about 1 ms of work), other formats in one.

        Raises `BadAudio` before the first part, or, for MP3, after a message without any frame. Who stops
        half-way calls `reset`.
        """
        _check(audio_format, data)
        if audio_format == "mp3":
            yield from self._mp3_pieces(data, size)
        else:
            yield STATELESS[audio_format](data)

    def _mp3_pieces(self, data: bytes, size: int) -> Iterator[Samples]:
        if self._mp3 is None:
            self._mp3 = Mp3Decoder()
        try:
            yield from self._mp3.pieces(data, size)
        except NotMp3 as error:
            raise BadAudio(str(error)) from None

    def reset(self) -> None:
        """Forget an MP3 file broken off, as by an interruption; the next may begin at once."""
        if self._mp3 is not None:
            self._mp3.reset()


def _check(audio_format: str, data: bytes) -> None:
    if audio_format not in FORMATS:
        raise BadAudio(f"audioFormat {audio_format!r} is unknown: expected one of {', '.join(FORMATS)}")
    if not data:
        raise BadAudio("audioData is empty: expected at least one byte of sound")
