"""What the control API knows of the emulator around the workspaces. The composition root answers it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version

from mockpbx.adapters.guard import Guard
from mockpbx.adapters.tickets import Tickets
from mockpbx.domain.plan import Plan
from mockpbx.runtime.cadence import Lateness
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings
from mockpbx.runtime.sounds import Within, clips_of
from mockpbx.runtime.switchboard import Switchboard
from mockpbx.runtime.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Emulator:
    """The server as a whole, and what its workspaces start with.

    `plan` returns their dial plan, `sockets` counts the sockets of a workspace's clients, `unread` tells how many
    bytes wait for each of them to be read (of those in a call's room, where one is named), `uncommitted` counts the
    records that wait for their commit. `cadence` and `lag` tell how late frames left and timers rang. `settle` returns
    when every record that a workspace has issued is committed; `forget_records` removes, and counts, those it has got
    since the server started. `tickets` open pages to who has no token to show, `guard` knows who may come at all.
    """

    switchboard: Switchboard
    server: ServerSettings
    workspace: WorkspaceSettings
    seed: int
    plan: Callable[[], Plan]
    sockets: Callable[[Workspace], int]
    settle: Callable[[Workspace], Awaitable[None]]
    forget_records: Callable[[str], Awaitable[int]]
    unread: Callable[[Workspace, str | None], list[int]] = lambda *_: []
    uncommitted: Callable[[Workspace], int] = lambda _: 0
    cadence: Lateness = field(default_factory=Lateness)
    lag: Lateness = field(default_factory=Lateness)
    #: Whether it is about to end: it takes no more calls then.
    stopping: Callable[[], bool] = lambda: False
    #: Why the database takes no records at the moment, None where it does.
    trouble: Callable[[], str | None] = lambda: None
    #: Connections that were refused since there were too many.
    turned_away: Callable[[], int] = lambda: 0
    tickets: Tickets = field(default_factory=Tickets)
    guard: Guard = field(default_factory=Guard)
    started: float = field(default_factory=time.time)  # wall seconds since 1970
    begun: float = field(default_factory=time.monotonic)

    @property
    def version(self) -> str:
        """The version that is installed."""
        return version("mockpbx")

    def sounds(self, workspace: Workspace) -> Within:
        """Return what requests to a workspace may name of the server's sounds."""
        return Within(self.server.clips, clips_of(self.plan()) | clips_of(workspace.dialplan.plan))
