"""The only timer of the server: wakes each workspace when something is due there."""

from __future__ import annotations

import asyncio
import heapq
import logging
from functools import partial
from itertools import count

from mockpbx.runtime.workspace import Workspace

_log = logging.getLogger(__name__)


class Engine:
    """One absolute deadline per workspace, one timer for the earliest: no task per call, no drift."""

    def __init__(self) -> None:
        self._planned: dict[Workspace, float] = {}
        self._heap: list[tuple[float, int, Workspace]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, workspace: Workspace) -> None:
        """Keep a workspace's time from here on."""
        workspace.on_sooner = partial(self._plan, workspace)
        self._plan(workspace)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._planned.clear()
        self._heap.clear()
        self._arm()

    def _plan(self, workspace: Workspace) -> None:
        deadline = workspace.next_deadline()
        wait = None if deadline is None else workspace.clock.wall_seconds_until(deadline)
        if wait is None:
            return
        due = asyncio.get_running_loop().time() + wait
        if due < self._planned.get(workspace, float("inf")):
            self._planned[workspace] = due
            heapq.heappush(self._heap, (due, next(self._order), workspace))
            self._arm()

    def _arm(self) -> None:
        """Set the timer to the earliest plan."""
        if self._timer is not None:
            if self._heap and not self._timer.cancelled() and self._timer.when() == self._heap[0][0]:
                return
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = asyncio.get_running_loop().call_at(self._heap[0][0], self._wake)

    def _wake(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time() + 0.0005  # an event loop may run a timer up to its resolution early
        while self._heap and self._heap[0][0] <= now:
            due, _, workspace = heapq.heappop(self._heap)
            if self._planned.get(workspace) != due:
                continue  # a sooner plan has taken its place
            del self._planned[workspace]
            try:
                workspace.wake()
            except Exception:
                _log.exception("workspace %s could not be woken", workspace.key[:8])
            self._plan(workspace)
        self._arm()
