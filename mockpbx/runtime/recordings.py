"""The recordings of a workspace's calls, within a budget of memory and of age."""

from __future__ import annotations

from collections.abc import Callable

from mockpbx.media.recording import Arrival, Recording


class Recordings:
    """Keeps at most `budget` bytes: the oldest calls that have ended go first, then live ones are cut short.

    `age` is in seconds of wall time since the call ended; `wall` returns ms.
    """

    def __init__(self, budget: int, age: float, wall: Callable[[], int]) -> None:
        self.budget = budget
        self.age = age
        self._wall = wall
        self._live: dict[str, Recording] = {}
        self._ended: dict[str, tuple[int, Recording]] = {}
        self._size = 0

    def add(self, session_id: str, at: int, callee: bytes, client: bytes, waiting: int) -> None:
        """Add 20 ms of a live call; where the budget is spent, its recording ends here, and says so."""
        recording = self._open(session_id)
        if not recording.truncated:
            before = recording.size
            recording.add(at, callee, client, waiting)
            self._size += recording.size - before

    def arrive(self, session_id: str, arrival: Arrival) -> None:
        """Add a message of a live call's client, in the same way."""
        recording = self._open(session_id)
        if not recording.truncated:
            before = recording.size
            recording.arrive(arrival)
            self._size += recording.size - before

    def end(self, session_id: str) -> None:
        """The call is over; its recording may have to go from here on."""
        recording = self._live.pop(session_id, None)
        self._forget_aged()
        if recording is not None:
            self._ended[session_id] = (self._wall(), recording)

    def find(self, session_id: str) -> Recording | None:
        """Return the recording of a call, live or ended; None where there is none, or none any more."""
        self._forget_aged()
        _, ended = self._ended.get(session_id, (0, None))
        return self._live.get(session_id, ended)

    def clear(self) -> None:
        """Forget all of them."""
        self._live.clear()
        self._ended.clear()
        self._size = 0

    def _open(self, session_id: str) -> Recording:
        recording = self._live.get(session_id)
        if recording is None:
            recording = self._live[session_id] = Recording()
        if self._size >= self.budget:
            self._make_room(recording)
        return recording

    def _make_room(self, recording: Recording) -> None:
        while self._size >= self.budget and self._ended:
            self._forget(next(iter(self._ended)))
        recording.truncated = self._size >= self.budget

    def _forget_aged(self) -> None:
        oldest = self._wall() - self.age * 1_000
        while self._ended and (first := next(iter(self._ended))) and self._ended[first][0] < oldest:
            self._forget(first)

    def _forget(self, session_id: str) -> None:
        self._size -= self._ended.pop(session_id)[1].size
