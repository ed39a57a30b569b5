"""The only timer of the server: wakes each workspace when something is due there."""

from __future__ import annotations

import asyncio
import heapq
import logging
from functools import partial
from itertools import count

from mockpbx.runtime.cadence import Lateness
from mockpbx.runtime.clock import shared_wake
from mockpbx.runtime.workspace import Workspace

_log = logging.getLogger(__name__)

#: An event loop may run a timer up to its resolution early, in seconds; in whole ms that is one.
EARLY, EARLY_MS = 0.0005, 1


class Engine:
    """One absolute deadline per workspace, one timer for the earliest: no task per call, no drift.

    A workspace whose time jumps by itself has a task of its own for as long as it does.
    """

    def __init__(self) -> None:
        #: How late the frames of all workspaces left, and how late the loop rang the timer. It does so at least 50
        #: times a second where a call is connected whose time is real, so nothing else has to probe the loop.
        self.cadence = Lateness()
        self.lag = Lateness()
        self._stepping: dict[Workspace, asyncio.Task[bool]] = {}
        self._planned: dict[Workspace, float] = {}
        self._heap: list[tuple[float, int, Workspace]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._set_for: float | None = None

    def add(self, workspace: Workspace) -> None:
        """Keep a workspace's time from here on."""
        workspace.cadence.everyone = self.cadence
        workspace.on_sooner = partial(self._sooner, workspace)
        self._sooner(workspace)

    def remove(self, workspace: Workspace) -> None:
        """Let go of a workspace."""
        workspace.on_sooner = lambda: None
        self._planned.pop(workspace, None)
        if workspace in self._stepping:
            self._stepping[workspace].cancel()

    async def stop(self) -> None:
        """Wake nobody any more."""
        for task in self._stepping.values():
            task.cancel()
        await asyncio.gather(*self._stepping.values(), return_exceptions=True)
        self._planned.clear()
        self._heap.clear()
        self._set_timer()

    def _sooner(self, workspace: Workspace) -> None:
        if workspace.steps_itself and workspace not in self._stepping:
            task = self._stepping[workspace] = asyncio.ensure_future(self._step(workspace))
            task.add_done_callback(partial(self._stepped, workspace))
        workspace.stepper.wake()
        self._plan(workspace)
        self._set_timer()

    def _stepped(self, workspace: Workspace, task: asyncio.Task[bool]) -> None:
        del self._stepping[workspace]
        if not task.cancelled() and task.result():
            self._sooner(workspace)  # it may have begun to step again while the task was ending

    async def _step(self, workspace: Workspace) -> bool:
        """Step a workspace for as long as it jumps. Returns whether that went well."""
        try:
            await workspace.stepper.run()
        except Exception:
            _log.exception("the time of workspace %s stands still", workspace.key[:8])
            return False
        return True

    def _plan(self, workspace: Workspace) -> None:
        deadline = workspace.next_deadline()
        wait = None if deadline is None else workspace.clock.wall_seconds_until(shared_wake(deadline))
        if wait is None:
            return
        due = asyncio.get_running_loop().time() + wait
        if due < self._planned.get(workspace, float("inf")):
            self._planned[workspace] = due
            heapq.heappush(self._heap, (due, next(self._order), workspace))

    def _set_timer(self) -> None:
        """Set the timer for the earliest plan, unless it is set for that already."""
        earliest = self._heap[0][0] if self._heap else None
        if earliest == self._set_for:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._set_for = earliest
        self._timer = None if earliest is None else asyncio.get_running_loop().call_at(earliest, self._wake)

    def _wake(self) -> None:
        time, due = asyncio.get_running_loop().time(), self._set_for
        if due is not None:
            self.lag.add(max(0, int((time - due) * 1_000_000)))
        self._timer = self._set_for = None
        now = time + EARLY
        while self._heap and self._heap[0][0] <= now:
            due, _, workspace = heapq.heappop(self._heap)
            if self._planned.get(workspace) != due:
                continue  # a sooner plan has taken its place
            del self._planned[workspace]
            try:
                workspace.catch_up(EARLY_MS)
            except Exception:
                _log.exception("workspace %s could not be woken", workspace.key[:8])
            self._plan(workspace)
        self._set_timer()
