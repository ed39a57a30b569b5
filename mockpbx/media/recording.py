"""Both sides of one call as they were heard, frame by frame, and what the client sent for it, message by message."""

from __future__ import annotations

import io
import wave
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mockpbx.media.framing import FRAME, FRAME_BYTES, RATE

if TYPE_CHECKING:  # an idle server needs no numpy; who listens to a recording does
    import numpy as np
    from numpy.typing import NDArray

    from mockpbx.media.pcm import Samples

#: Bytes of 20 ms, both sides.
FRAME_SIZE = 2 * FRAME_BYTES
#: Bytes that a client's message takes beside its audio, about.
ARRIVAL_SIZE = 200


class Arrival(NamedTuple):
    """A client's `audio` that was taken: when (virtual ms), in which format, as it was sent, and the samples queued.

    `ack_wanted` tells whether it asked for the acknowledgment; None where that is not known.
    """

    at: int
    audio_format: str
    data: bytes
    samples: int
    ack_wanted: bool | None = None


class Sound(NamedTuple):
    """What a recording holds, as arrays: `times` (ms) and `queue` (samples that wait) of one value per frame.

    `callee` and `client` are 160 samples per frame at 8 kHz: what the callee said, and what it heard of the client.
    """

    times: NDArray[np.int64]
    queue: NDArray[np.int64]
    callee: Samples
    client: Samples
    arrivals: tuple[Arrival, ...]
    truncated: bool


class Excerpt(NamedTuple):
    """Some frames of a recording, as they are kept: `first` is the number of the first of them, counted from 1.

    `callee` and `client` are 320 bytes per frame, `queue` the samples that wait.
    """

    first: int
    callee: list[bytes]
    client: list[bytes]
    queue: list[int]


class Recording:
    """The callee on the left, the client on the right. `size` is what it takes, in bytes.

    `truncated` tells that frames and arrivals are missing at the end.
    """

    def __init__(self) -> None:
        self.truncated = False
        self.size = 0
        self._times = array("q")
        self._queue = array("q")
        self._callee: list[bytes] = []
        self._client: list[bytes] = []
        self._arrivals: list[Arrival] = []

    def __len__(self) -> int:
        return len(self._callee)

    def add(self, at: int, callee: bytes, client: bytes, waiting: int) -> None:
        """Add the 20 ms that ended at `at`: 320 bytes as the client got them, and as the callee heard the client.

        `waiting` samples of the client's were still queued then.
        """
        self._times.append(at)
        self._queue.append(waiting)
        self._client.append(client)
        self._callee.append(callee)
        self.size += FRAME_SIZE

    def arrive(self, arrival: Arrival) -> None:
        """Add a message of the client's."""
        self._arrivals.append(arrival)
        self.size += len(arrival.data) + ARRIVAL_SIZE

    def sound(self) -> Sound:
        """Return what there is so far. May run beside a call that goes on."""
        import numpy as np

        frames = len(self)
        return Sound(
            np.array(self._times[:frames], dtype=np.int64),
            np.array(self._queue[:frames], dtype=np.int64),
            _joined(self._callee[:frames]),
            _joined(self._client[:frames]),
            tuple(self._arrivals),
            self.truncated,
        )

    def after(self, number: int, most: int) -> Excerpt:
        """Return the frames behind the one of that number: the last `most` of them where there are more."""
        begin = max(number, len(self) - most)
        queue = self._queue[begin:].tolist()
        return Excerpt(begin + 1, self._callee[begin:], self._client[begin:], queue)

    def wav(self) -> bytes:
        """Return a stereo WAV file, 8 kHz, 16-bit: callee left, client right. May run beside a call that goes on."""
        import numpy as np

        sound = self.sound()
        both = np.stack([sound.callee, sound.client], axis=1).astype("<i2")
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(both.tobytes())
        return file.getvalue()


def peaks(frames: Sequence[bytes]) -> list[int]:
    """Return how loud each frame of 320 bytes gets: 0 for silence, 255 for full scale."""
    import numpy as np

    samples = np.frombuffer(b"".join(frames), "<i2").reshape(-1, FRAME)
    # ~x is -1 - x: the lowest sample has no positive counterpart in 16 bits.
    loudest = np.maximum(samples.max(axis=1), ~samples.min(axis=1))
    found: list[int] = (loudest >> 7).tolist()
    return found


def _joined(frames: list[bytes]) -> Samples:
    import numpy as np

    return np.frombuffer(b"".join(frames), "<i2").astype(np.int16)
