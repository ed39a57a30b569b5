"""The playout of one call: what the client queued for the callee, its order, and the ledger of every sample.

Sound, keyed digits and checkpoints stand in one queue, in the order sent. `pull` takes the next 20 ms from it.
A checkpoint fires at the first pull after the frame that carried the last sample before it: by then that sample has
been heard, and not merely sent on its way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mockpbx.contract.errors import QueueFull
from mockpbx.media import dtmf, facts
from mockpbx.media.framing import FRAME, FRAME_BYTES, RATE, samples_of
from mockpbx.media.pcm import SILENCE, SILENCE_BYTES, Samples, from_bytes, to_bytes

#: The pause that keeps two digits apart (contract, `dtmf`, "Best Practice": about 50 ms).
KEY_PAUSE = samples_of(50)


#: Checkpoints that may wait in one call: far more than any speech has marks, far fewer than fill a memory.
MOST_MARKS = 10_000


class Key(NamedTuple):
    """A key going down in the frame that it stands beside, and for how many samples it is held."""

    digit: str
    samples: int


class Frame(NamedTuple):
    """20 ms of sound, 320 bytes as the contract has them, and the keys that go down in it."""

    data: bytes
    keys: tuple[Key, ...] = ()

    @classmethod
    def of(cls, sound: Samples, keys: tuple[Key, ...] = ()) -> Frame:
        """Return the frame of 160 samples."""
        return cls(to_bytes(sound), keys)

    @property
    def silent(self) -> bool:
        """Whether nothing at all is said in it; sound that happens to be zeros is not told from other sound."""
        return self.data is SILENCE_BYTES

    @property
    def sound(self) -> Samples:
        """The samples: read-only, `SILENCE` itself where it is silent."""
        return SILENCE if self.data is SILENCE_BYTES else from_bytes(self.data)


SILENT = Frame(SILENCE_BYTES)


@dataclass(slots=True)
class _Tally:
    """A ledger while it is being kept."""

    accepted: int = 0
    played: int = 0
    cleared: int = 0
    discarded: int = 0

    def settled(self) -> facts.Ledger:
        return facts.Ledger(self.accepted, self.played, self.cleared, self.discarded)


class _Stretch:
    """Queued sound: `data` from `at` on, in bytes, is still to be played. `key` marks a keyed tone."""

    __slots__ = ("at", "data", "key", "tally")

    def __init__(self, samples: Samples, tally: _Tally, key: Key | None = None) -> None:
        self.data = to_bytes(samples)
        self.tally = tally
        self.key = key
        self.at = 0

    @property
    def left(self) -> int:
        """Samples that are still to be played."""
        return (len(self.data) - self.at) // 2

    def take(self, most: int) -> bytes:
        """Return the next samples, as bytes: `most` of them, or what is left."""
        piece = self.data[self.at : self.at + 2 * most]
        self.at += len(piece)
        self.tally.played += len(piece) // 2
        return piece


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str


class Playout:
    """The queue of one call. All lengths are samples at 8 kHz; `capacity` bounds what may wait."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._queue: deque[_Stretch | _Mark] = deque()
        self._audio = _Tally()
        self._keys = _Tally()
        self._waiting = 0  # samples in the queue
        self._marks = 0  # checkpoints in the queue
        self._position = 0  # samples of line time that have passed
        self._key_ends = -KEY_PAUSE  # line time at which the last keyed tone ends, as planned
        self._sounding = False  # the frame pulled last carried queued sound
        self._passed: list[str] = []  # checkpoints whose last sample went out in that frame
        self._stretch_played = 0
        self._padding = 0  # samples of silence after the tail in the frame pulled last, 0 where it was full
        self.underruns = 0

    @property
    def audio(self) -> facts.Ledger:
        """The ledger of the client's sound."""
        return self._audio.settled()

    @property
    def keys(self) -> facts.Ledger:
        """The ledger of the client's keyed tones and the pauses between them."""
        return self._keys.settled()

    @property
    def waiting(self) -> int:
        """Samples in the queue, of both ledgers."""
        return self._waiting

    def play(self, samples: Samples) -> list[facts.Underrun]:
        """Queue sound. Raises QueueFull where it does not fit as a whole; then nothing has changed."""
        self._hold(len(samples))
        self._audio.accepted += len(samples)
        if not len(samples):
            return []
        self._queue.append(_Stretch(samples, self._audio))
        return self._note_underrun()

    def press(self, digit: str, duration_ms: float) -> list[facts.Underrun]:
        """Queue a keyed tone, a pause before it where it would run into the last one. Raises QueueFull."""
        held = samples_of(duration_ms)
        start = self._position + self._waiting
        pause = max(0, KEY_PAUSE - (start - self._key_ends))
        self._hold(pause + held)
        self._keys.accepted += pause + held
        if pause:
            self._queue.append(_Stretch(np.zeros(pause, dtype=np.int16), self._keys))
        self._queue.append(_Stretch(dtmf.tone(digit, held), self._keys, Key(digit.upper(), held)))
        self._key_ends = start + pause + held
        return self._note_underrun()

    def mark(self, name: str) -> facts.CheckpointQueued | facts.CheckpointReached:
        """Queue a checkpoint, or reach it at once where nothing is queued or still sounding. Raises QueueFull."""
        if not self._queue and not self._sounding:
            return facts.CheckpointReached(name)
        if self._marks >= MOST_MARKS:
            raise QueueFull(f"{MOST_MARKS} checkpoints wait already; send again when some of them have been reached")
        self._marks += 1
        self._queue.append(_Mark(name))
        return facts.CheckpointQueued(name, self._waiting)

    def interrupt(self) -> list[object]:
        """Empty the queue; checkpoints go with it. What was cleared counts as cleared, not as played."""
        cleared = self._waiting
        happened = self._empty("cleared")
        return [facts.PlayoutInterrupted(cleared), *happened]

    def discard(self, samples: Samples) -> None:
        """Account for sound that was accepted only to be thrown away."""
        self._audio.accepted += len(samples)
        self._audio.discarded += len(samples)

    def stop(self) -> list[object]:
        """Settle the ledgers at the hang-up: what still waits is discarded."""
        return self._empty("discarded")

    def pull(self) -> tuple[Frame, list[object]]:
        """Return the next 20 ms and what happened on the way to it."""
        self._position += FRAME
        if not self._sounding:
            if not self._queue:
                return SILENT, []
        elif self._queue and not self._passed:
            head = self._queue[0]
            # Nearly every frame of speech is this: one more of a stretch that goes on behind it.
            if isinstance(head, _Stretch) and head.key is None and head.at < len(head.data) - FRAME_BYTES:
                self._waiting -= FRAME
                self._stretch_played += FRAME
                self._padding = 0
                return Frame(head.take(FRAME)), []
        happened: list[object] = [facts.CheckpointReached(name) for name in self._passed]
        self._passed.clear()
        pieces: list[bytes] = []
        keys: list[Key] = []
        room = FRAME
        while self._queue and (room or isinstance(self._queue[0], _Mark)):
            head = self._queue[0]
            if isinstance(head, _Mark):
                self._queue.popleft()
                self._marks -= 1
                if room == FRAME:
                    happened.append(facts.CheckpointReached(head.name))
                else:
                    self._passed.append(head.name)
                continue
            if head.key and not head.at:
                keys.append(head.key)
            piece = head.take(room)
            pieces.append(piece)
            room -= len(piece) // 2
            if not head.left:
                self._queue.popleft()
        self._waiting -= FRAME - room
        happened += self._edges(FRAME - room)
        return (self._frame(pieces, keys, room) if pieces else SILENT), happened

    # --- inside -------------------------------------------------------------------------------------------------------

    def _hold(self, samples: int) -> None:
        if self._waiting + samples > self._capacity:
            raise QueueFull(
                f"The playback queue is full: {self._waiting / RATE:.1f} s wait, this message adds "
                f"{samples / RATE:.1f} s and the limit is {self._capacity / RATE:.0f} s; "
                "send again when some of it has been played"
            )
        self._waiting += samples

    def _note_underrun(self) -> list[facts.Underrun]:
        if not self._padding:
            return []
        padding, self._padding = self._padding, 0
        self.underruns += 1
        return [facts.Underrun(padding)]

    def _empty(self, column: str) -> list[object]:
        cleared: list[object] = []
        for item in self._queue:
            if isinstance(item, _Mark):
                cleared.append(facts.CheckpointCleared(item.name))
            else:
                setattr(item.tally, column, getattr(item.tally, column) + item.left)
        self._queue.clear()
        self._waiting = self._marks = 0
        self._padding = 0
        self._key_ends = min(self._key_ends, self._position)
        return cleared

    def _edges(self, played: int) -> list[object]:
        if played:
            self._stretch_played += played
            self._padding = 0 if self._waiting else FRAME - played
            started, self._sounding = not self._sounding, True
            return [facts.PlayoutStarted()] if started else []
        stretch, self._stretch_played = self._stretch_played, 0
        self._sounding = False
        return [facts.PlayoutDrained(stretch)]

    @staticmethod
    def _frame(pieces: list[bytes], keys: list[Key], room: int) -> Frame:
        if room:
            pieces.append(SILENCE_BYTES[: 2 * room])
        return Frame(b"".join(pieces), tuple(keys))
