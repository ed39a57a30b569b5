"""Which emulators are alive on a file: a lock that a killed process gives up by itself."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Presence:
    """Holds a lock on `FILE.lock` while an emulator serves the file: exclusive until `settle`, then shared.

    `alone` tells whether nobody else held it at the start: only then are calls without an end left behind by the dead.
    """

    def __init__(self, database: Path) -> None:
        self._handle = os.open(f"{database}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.alone = True
        except BlockingIOError:
            self.alone = False
            self.settle()

    def settle(self) -> None:
        """Let others in: what the dead left behind has been dealt with."""
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Give up the lock."""
        os.close(self._handle)
