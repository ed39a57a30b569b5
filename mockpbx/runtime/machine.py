"""What the machine does to a server: its clock is set, its handles run out. Looked at now and then; neither is told."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

from mockpbx.runtime.entries import ClientsDelayed, ClientsRecovered, MachineClockSet
from mockpbx.runtime.workspace import Workspace, wall_ms

#: Seconds by which wall time and elapsed time may part between two looks.
SLACK = 1.0


def has_spare_handle() -> bool:
    """Return whether the process can open one more file or connection."""
    try:
        os.close(os.dup(1))
    except OSError as error:
        return error.errno not in (errno.EMFILE, errno.ENFILE)
    return True


class Machine:
    """Compares two clocks, in seconds: `wall` may be set, `steady` never is. `spare` tells if a handle can be had."""

    def __init__(
        self,
        wall: Callable[[], float] = lambda: wall_ms() / 1_000,
        steady: Callable[[], float] = time.monotonic,
        spare: Callable[[], bool] = has_spare_handle,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._spare = spare
        self._apart = wall() - steady()
        self._short_since: float | None = None

    def clock_set(self) -> int:
        """Return by how many ms the machine's clock has been set since the last look; 0 where it runs as it should.

        A machine that slept finds its clock ahead, too.
        """
        before, self._apart = self._apart, self._wall() - self._steady()
        moved = self._apart - before
        return round(moved * 1_000) if abs(moved) > SLACK else 0

    def handles(self) -> ClientsDelayed | ClientsRecovered | None:
        """Return what has become of the handles for connections since the last look; None where that is nothing."""
        short = not self._spare()
        if short == (self._short_since is not None):
            return None
        now, since = self._steady(), self._short_since
        self._short_since = now if short else None
        return ClientsDelayed() if since is None else ClientsRecovered(round(now - since, 1))


def tell_of_clock(workspace: Workspace, ms: int) -> None:
    """Let a workspace know that the machine's clock was set by `ms`, and follow it forward where that disturbs no call.

    A workspace's time never goes back, and never jumps while a call is live.
    """
    follows = ms > 0 and workspace.mode.name == "real" and not workspace.live_calls()
    if follows:
        workspace.clock.begin(workspace.clock.now() + ms)
    workspace.used_at += ms  # it has not been idle for longer because of that
    workspace.note(None, MachineClockSet(ms, follows))
    workspace.on_sooner()
