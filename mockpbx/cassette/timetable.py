"""When each thing of the server's side leaves."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from mockpbx.cassette.lines import Line, Packet
from mockpbx.cassette.score import is_audio

FRAME = 0.02  # s, contract, section "Audio Format"
LATE = 1.0  # s of the wall that a live client may take longer than the recorded one without being heard to
APART = 1e-6  # s between two that must not change places: a heap does not keep the order of equals


class Timetable:
    """Sends lines at their distances, divided by `speed`. What is about one session keeps its order.

    Where a cue comes early, what still waits goes first, and all that follows moves back by as much: so sound keeps its
    cadence, and its place among the events. Where it is late by more than `LATE`, `fill` is called at the cadence of
    sound with the last frame of each socket: a call that is connected never falls still (contract, "Audio Format"), and
    a client that waits for a few more frames before it goes on would wait forever.
    """

    def __init__(self, send: Callable[[Line], None], fill: Callable[[Packet], None], speed: float) -> None:
        self._send = send
        self._fill = fill
        self._speed = speed
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str | None, dict[int, tuple[Line, asyncio.TimerHandle]]] = defaultdict(dict)
        self._last: dict[str | None, float] = defaultdict(float)
        self._frames: dict[str | None, dict[int, Packet]] = {}  # the last on each socket, until the call is hung up
        self._filling: dict[str | None, asyncio.TimerHandle] = {}

    def __bool__(self) -> bool:
        return any(self._waiting.values())

    def add(self, about: str | None, lines: Sequence[tuple[float, Line]]) -> None:
        """Let lines leave so many seconds from now each, in this order."""
        if not lines:
            return
        self._stop_filling(about)
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
        self._frames.pop(about, None)
        self._stop_filling(about)

    def clear(self) -> None:
        """Let nothing leave any more."""
        for about in [*self._waiting, *self._frames]:
            self.drop(about)

    def _leave(self, about: str | None, line: Line) -> None:
        del self._waiting[about][id(line)]
        self._send(line)
        if isinstance(line, Packet) and line.event == "audio":
            self._frames.setdefault(about, {})[line.socket] = line
        elif isinstance(line, Packet) and line.event == "hangup":
            self._frames.pop(about, None)
        if about in self._frames and not self._waiting[about]:
            self._fill_after(about, LATE)

    def _fill_after(self, about: str | None, wait: float) -> None:
        self._filling[about] = self._loop.call_later(wait, self._fill_in, about)

    def _fill_in(self, about: str | None) -> None:
        self._last[about] = self._loop.time()
        for frame in self._frames[about].values():
            self._fill(frame)
        self._fill_after(about, FRAME / self._speed)

    def _stop_filling(self, about: str | None) -> None:
        handle = self._filling.pop(about, None)
        if handle is not None:
            handle.cancel()
