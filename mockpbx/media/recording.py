"""Both sides of one call as they were heard, frame by frame."""

from __future__ import annotations

import io
import wave

import numpy as np

from mockpbx.media.pcm import FRAME, FRAME_BYTES, RATE, Samples, to_bytes

#: Bytes of 20 ms, both sides.
FRAME_SIZE = 2 * FRAME_BYTES


class Recording:
    """The callee on the left, the client on the right. `size` is that of its sound as a file, in bytes.

    `truncated` tells that frames are missing at the end.
    """

    def __init__(self) -> None:
        self.truncated = False
        self._callee: list[bytes] = []
        self._client: list[bytes] = []

    def __len__(self) -> int:
        return len(self._callee)

    @property
    def size(self) -> int:
        """Bytes of sound, of both sides."""
        return FRAME_SIZE * len(self)

    def add(self, callee: bytes, client: Samples) -> None:
        """Add 20 ms of both sides: 320 bytes as the client got them, 160 samples as the callee heard them."""
        self._client.append(to_bytes(client))
        self._callee.append(callee)

    def callee(self) -> Samples:
        """Return what the callee said."""
        return _joined(self._callee)

    def client(self) -> Samples:
        """Return what the callee heard of the client."""
        return _joined(self._client)

    def wav(self) -> bytes:
        """Return a stereo WAV file, 8 kHz, 16-bit: callee left, client right. May run beside a call that goes on."""
        frames = len(self)
        both = np.empty((frames * FRAME, 2), dtype="<i2")
        both[:, 0], both[:, 1] = _joined(self._callee[:frames]), _joined(self._client[:frames])
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(both.tobytes())
        return file.getvalue()


def _joined(frames: list[bytes]) -> Samples:
    return np.frombuffer(b"".join(frames), "<i2").astype(np.int16)
