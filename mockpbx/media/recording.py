"""Both sides of one call as they were heard, frame by frame."""

from __future__ import annotations

import io
import wave

import numpy as np

from mockpbx.media.pcm import FRAME, RATE, SILENCE, SILENCE_BYTES, Samples


class Recording:
    """The callee on the left, the client on the right. Silence costs next to nothing; `size` counts the rest, in bytes.

    `truncated` tells that frames are missing at the end.
    """

    def __init__(self) -> None:
        self.size = 0
        self.truncated = False
        self._callee: list[bytes] = []
        self._client: list[bytes] = []

    def __len__(self) -> int:
        return len(self._callee)

    def add(self, callee: bytes, client: Samples) -> None:
        """Add 20 ms of both sides: 320 bytes as the client got them, 160 samples as the callee heard them."""
        heard = SILENCE_BYTES if client is SILENCE else client.astype("<i2", copy=False).tobytes()
        self._callee.append(callee)
        self._client.append(heard)
        self.size += sum(len(side) for side in (callee, heard) if side is not SILENCE_BYTES)

    def callee(self) -> Samples:
        """Return what the callee said."""
        return _joined(self._callee)

    def client(self) -> Samples:
        """Return what the callee heard of the client."""
        return _joined(self._client)

    def wav(self) -> bytes:
        """Return a stereo WAV file, 8 kHz, 16-bit: callee left, client right."""
        both = np.empty((len(self) * FRAME, 2), dtype="<i2")
        both[:, 0], both[:, 1] = self.callee(), self.client()
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(both.tobytes())
        return file.getvalue()


def _joined(frames: list[bytes]) -> Samples:
    return np.frombuffer(b"".join(frames), "<i2").astype(np.int16)
