"""A person's voice from outside: what a microphone hands over, whenever it does, made into frames of 20 ms."""

from __future__ import annotations

import numpy as np

from mockpbx.media.facts import Ledger
from mockpbx.media.framing import FRAME_BYTES, samples_of
from mockpbx.media.playout import SILENT, Frame

#: What waits before a voice begins: enough for pieces that come a frame early or late.
PRIME_MS = 40
#: What may wait: a listener notices more, so the oldest goes, down to what it began with.
MOST_MS = 200

#: What waits where a voice came late, at least: quiet frames are left out then, so that its delay does not stay.
LATE_MS = 80
#: The peak up to which a frame is quiet: about -40 dBFS, as a room is between two words.
QUIET = 328

_PRIME, _LATE, _MOST = (2 * samples_of(ms) for ms in (PRIME_MS, LATE_MS, MOST_MS))


class Microphone:
    """A callee's voice that is pushed: 8 kHz mono pcm16, in pieces of any whole number of samples.

    What it says is what came in, sample for sample. It is silent while too little waits, and begins again with
    PRIME_MS. From LATE_MS on what is quiet is discarded, beyond MOST_MS the oldest; while it is not `open`, all is.
    """

    over = False

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._primed = False
        self._open = True
        self._accepted = self._played = self._discarded = 0  # bytes

    @property
    def open(self) -> bool:
        """Whether anybody could hear it now."""
        return self._open

    @open.setter
    def open(self, value: bool) -> None:
        self._open = value
        if not value:
            self._discard(len(self._waiting))
            self._primed = False

    @property
    def ledger(self) -> Ledger:
        """Where its samples went; those that wait are `queued`."""
        return Ledger(self._accepted // 2, self._played // 2, discarded=self._discarded // 2)

    def push(self, pcm: bytes) -> None:
        """Take the next piece, of an even number of bytes."""
        self._accepted += len(pcm)
        self._waiting += pcm
        if not self._open:
            self._discard(len(self._waiting))
        elif len(self._waiting) > _MOST:
            self._discard(len(self._waiting) - _PRIME)

    def next(self, heard: Frame) -> Frame:
        """Return the next frame of what waits, silence where there is none."""
        self._primed = len(self._waiting) >= (FRAME_BYTES if self._primed else _PRIME)
        if not self._primed:
            return SILENT
        frame = self._first()
        while len(self._waiting) >= _LATE and np.abs(frame.sound.astype(np.int32)).max() <= QUIET:
            self._discard(FRAME_BYTES)
            frame = self._first()
        del self._waiting[:FRAME_BYTES]
        self._played += FRAME_BYTES
        return frame

    def _first(self) -> Frame:
        return Frame(bytes(self._waiting[:FRAME_BYTES]))

    def _discard(self, size: int) -> None:
        del self._waiting[:size]
        self._discarded += size
