"""The way in of one call's client audio: decoded in bounded pieces, so that no frame waits behind a long file."""

from __future__ import annotations

import asyncio

import numpy as np

from mockpbx.media.codecs import UplinkDecoder
from mockpbx.media.pcm import Samples


class Uplink:
    """Decodes one message at a time: sockets that share a call must not mix their bytes inside the MP3 decoder."""

    def __init__(self) -> None:
        self._decoder = UplinkDecoder()
        self._turn = asyncio.Lock()

    async def decode(self, audio_format: str, data: bytes) -> Samples:
        """Return a message's samples; a piece of MP3 is about 1 ms of work. Raises BadAudio."""
        if audio_format != "mp3":
            return self._decoder.decode(audio_format, data)
        decoded: list[Samples] = []
        async with self._turn:
            try:
                for piece in self._decoder.pieces(audio_format, data):
                    decoded.append(piece)
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                self._decoder.reset()
                raise
        return np.concatenate(decoded) if decoded else np.zeros(0, dtype=np.int16)

    def reset(self) -> None:
        """Forget a file that was broken off, so that it leaves nothing in front of the next."""
        self._decoder.reset()
