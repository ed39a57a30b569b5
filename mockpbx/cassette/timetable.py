"""When each thing of the server's side leaves."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from mockpbx.cassette.lines import Line
from mockpbx.cassette.score import is_audio

FRAME = 0.02  # s, contract, section "Audio Format"
APART = 1e-6  # s between two that must not change places: a heap does not keep the order of equals


class Timetable:
    """Sends lines at their distances, divided by `speed`. What is about one session keeps its order.

    Where a cue comes early, what still waits goes first, and all that follows moves back by as much: so sound keeps its
    cadence, and its place among the events.
    """

    def __init__(self, send: Callable[[Line], None], speed: float) -> None:
        self._send = send
        self._speed = speed
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str | None, dict[int, tuple[Line, asyncio.TimerHandle]]] = defaultdict(dict)
        self._last: dict[str | None, float] = defaultdict(float)

    def __bool__(self) -> bool:
        return any(self._waiting.values())

    def add(self, about: str | None, lines: Sequence[tuple[float, Line]]) -> None:
        """Let lines leave so many seconds from now each, in this order."""
        if not lines:
            return
        begin = self._loop.time()
        distance, first = lines[0]
        gap = FRAME / self._speed if is_audio(first) else APART
        begin += max(0.0, self._last[about] + gap - (begin + distance / self._speed))
        for number, (distance, line) in enumerate(lines):
            due = begin + distance / self._speed + number * APART
            self._waiting[about][id(line)] = line, self._loop.call_at(due, self._leave, about, line)
            self._last[about] = due

    def drop(self, about: str | None) -> None:
        """Let what still waits about a session not leave any more."""
        for _, handle in self._waiting.pop(about, {}).values():
            handle.cancel()
        self._last.pop(about, None)

    def clear(self) -> None:
        """Let nothing leave any more."""
        for about in list(self._waiting):
            self.drop(about)

    def _leave(self, about: str | None, line: Line) -> None:
        del self._waiting[about][id(line)]
        self._send(line)
