"""Which emulators are alive on a file: a lock that a killed process gives up by itself."""

from __future__ import annotations

import fcntl
from pathlib import Path


class Presence:
    """Holds a lock on `FILE.lock` while an emulator serves the file: exclusive until `settle`, then shared.

    `alone` tells whether nobody else held it at the start: only then are calls without an end left behind by the dead.
    """

    def __init__(self, database: Path) -> None:
        self._file = Path(f"{database}.lock").open("a")  # noqa: SIM115 - held for the life of the server
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.alone = True
        except BlockingIOError:
            self.alone = False
            self.settle()

    def settle(self) -> None:
        """Let others in: what the dead left behind has been dealt with."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Give up the lock."""
        self._file.close()
