"""The way in of one call's client audio: decoded in bounded pieces, so that no frame waits behind a long file."""

from __future__ import annotations

import asyncio

import numpy as np

from mockpbx.media.codecs import UplinkDecoder
from mockpbx.media.mp3 import is_warm, warm_up
from mockpbx.media.pcm import Samples

_NOTHING: Samples = np.zeros(0, dtype=np.int16)


class Uplink:
    """Decodes one message at a time: sockets that share a call must not mix their bytes inside the MP3 decoder."""

    def __init__(self) -> None:
        self._decoder = UplinkDecoder()
        self._turn = asyncio.Lock()
        self._resets = 0

    async def decode(self, audio_format: str, data: bytes) -> Samples:
        """Return a message's samples; a piece of MP3 is about 1 ms of work. Raises BadAudio.

        A message that is still being decoded when another socket interrupts the call goes with the queue.
        """
        if audio_format != "mp3":
            return self._decoder.decode(audio_format, data)
        decoded: list[Samples] = []
        async with self._turn:
            resets = self._resets
            if not is_warm():
                await asyncio.to_thread(warm_up)  # 0.1 s, which must not stall a tick
            try:
                for piece in self._decoder.pieces(audio_format, data):
                    decoded.append(piece)
                    await asyncio.sleep(0)
                    if self._resets != resets:
                        return _NOTHING
            except asyncio.CancelledError:
                self._decoder.reset()
                raise
        return np.concatenate(decoded) if decoded else _NOTHING

    def reset(self) -> None:
        """Forget a file that was broken off, so that it leaves nothing in front of the next."""
        self._resets += 1
        self._decoder.reset()
