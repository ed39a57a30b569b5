"""Moves a clock that stands still: by hand (`advance`), or by itself (`run`, the clock `auto`).

Time goes from deadline to deadline, a frame's 20 ms being one, and it never passes a client that has not had its say:
after whatever is no audio, every client is sent a ping, and time stands until its pong is here, and that of a second
ping. What the client sent before is admitted at that instant. HTTP requests have no pong: a small grace of wall time is
theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from mockpbx.runtime.clients import Clients
from mockpbx.runtime.clock import Clock, ClockMode
from mockpbx.runtime.journal import Excerpt, Journal
from mockpbx.runtime.settings import WorkspaceSettings

#: Wall seconds that one instant may take at most, however much its clients have to say, and one ping of it.
LONGEST_INSTANT = 5.0
#: Bytes that may wait for a client to read them before time waits for it, too.
BACKLOG = 500_000
#: Wall seconds after which everybody else gets a turn in any case.
BREATH = 0.002


class Timed(Protocol):
    """What is moved through time: a workspace."""

    clock: Clock
    clients: Clients
    journal: Journal
    settings: WorkspaceSettings
    mode: ClockMode

    @property
    def steps_itself(self) -> bool:
        """Whether its time jumps from deadline to deadline now."""

    def next_deadline(self) -> int | None:
        """Return when something is due next."""

    def pass_moment(self, due: int) -> int | None:
        """Let everything happen that is due then. Returns when something is due next."""


class Stepper:
    """Steps one workspace, one walk at a time."""

    def __init__(self, workspace: Timed) -> None:
        self._workspace = workspace
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._settled = -1  # the clients' activity that has been waited for
        self._asked_at = 0  # virtual ms of the last ping

    def wake(self) -> None:
        """Something may be due sooner than a walk that has come to its end knew."""
        self._woken.set()

    async def advance(self, ms: int, wanted: Callable[[], bool]) -> Excerpt:
        """Let `ms` of virtual time pass, after the walks that were asked for before. Returns what happened.

        It ends early where the clock is set meanwhile, or where nobody wants it any more.
        """
        workspace, mode = self._workspace, self._workspace.mode
        async with self._turn:
            before, target = workspace.journal.next - 1, workspace.clock.now() + ms
            await self._walk(mode, target, wanted)
            if workspace.mode is mode and wanted():
                workspace.clock.step_to(target)
            return workspace.journal.after(before)

    async def run(self) -> None:
        """Let time jump from deadline to deadline for as long as it does so by itself."""
        async with self._turn:
            while self._workspace.steps_itself:
                self._woken.clear()
                await self._walk(self._workspace.mode, None, lambda: True)
                if self._workspace.steps_itself and self._workspace.next_deadline() is None:
                    await self._woken.wait()

    async def _walk(self, mode: ClockMode, target: int | None, wanted: Callable[[], bool]) -> None:
        """Walk to a moment; None: as far as anything is planned."""
        workspace, clock = self._workspace, asyncio.get_running_loop().time
        await self._settle()
        # A clock that is set, be it to what it was, has another mode: what was asked of it before is void.
        while workspace.mode is mode and workspace.clock.rate == 0 and wanted():
            due = workspace.next_deadline()
            if due is None or (target is not None and due > target):
                return
            self._stretch(due, target, clock() + BREATH)
            if self._unsettled() or workspace.clients.waiting > BACKLOG:
                await self._settle()
            else:
                await asyncio.sleep(0)

    def _stretch(self, due: int, target: int | None, until: float) -> None:
        """Let one moment pass after the other, until somebody has something to say, or `until` then by the wall."""
        workspace, clock = self._workspace, asyncio.get_running_loop().time
        moment: int | None = due
        workspace.clients.hold()
        try:
            while moment is not None and (target is None or moment <= target):
                workspace.clock.step_to(moment)
                moment = workspace.pass_moment(moment)
                if self._unsettled() or workspace.clock.rate or clock() >= until:
                    return
        finally:
            workspace.clients.release()

    def _unsettled(self) -> bool:
        clients, now = self._workspace.clients, self._workspace.clock.now()
        if clients.activity != self._settled:
            return True
        lead = self._workspace.settings.audio_lead * 1_000
        return clients.connected and now - self._asked_at >= lead

    async def _settle(self) -> None:
        """Return when the clients have answered what they were told, and have nothing more to say at this instant."""
        clients = self._workspace.clients
        until = asyncio.get_running_loop().time() + LONGEST_INSTANT
        while True:
            activity = clients.activity
            await clients.ping(LONGEST_INSTANT)
            if activity != self._settled:
                await asyncio.sleep(self._workspace.settings.grace)
                # Clients answer a ping at once, but may put off their handlers until they have read what came with it
                # (socket.io-client by a microtask, python-socketio by a task): the second pong comes after those.
                await clients.ping(LONGEST_INSTANT)
            if clients.activity == activity or asyncio.get_running_loop().time() > until:
                break
        self._settled = activity
        self._asked_at = self._workspace.clock.now()
