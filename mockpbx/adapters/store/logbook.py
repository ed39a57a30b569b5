"""What the database has not committed yet, on file the moment that it is known: a kill leaves it to the next start."""

from __future__ import annotations

import contextlib
import glob
import json
import logging
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

_log = logging.getLogger(__name__)

#: Statements by their names in the schema, with their parameters.
Named = tuple[str, tuple[object, ...]]

#: What a logbook's name looks like: four random bytes.
_NAME = "[0-9a-f]" * 8


class Logbook:
    """Lines of statements in two files beside the database, in turn.

    What comes while a batch is being committed goes into the other file, so that each can be emptied as soon as its
    batch is in the database. A line is in the system's hands when `write` returns, and outlives the process.
    """

    def __init__(self, database: Path) -> None:
        name = secrets.token_hex(4)
        self.paths = [Path(f"{database}.{name}.{turn}.log") for turn in "ab"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._files = [os.open(path, flags, 0o644) for path in self.paths]
        self._sizes = [0, 0]
        self._turn = 0
        self._number = 0
        self.whole = True  # whether everything that was to be written since the last `settle` is on file

    def write(self, statements: Iterable[Named]) -> None:
        """Write statements that belong together; where that fails, as on a full disk, they are not `whole` on file."""
        self._number += 1
        line = json.dumps([self._number, list(statements)]).encode() + b"\n"
        file, size = self._files[self._turn], self._sizes[self._turn]
        try:
            written = os.write(file, line)
        except OSError:
            written = 0
        if written == len(line):
            self._sizes[self._turn] += written
            return
        self.whole = False
        if written:
            with contextlib.suppress(OSError):
                os.ftruncate(file, size)

    def turn(self) -> None:
        """A batch is taken: what comes from here on belongs to the next one."""
        self._turn = 1 - self._turn

    def settle(self) -> None:
        """That batch is in the database."""
        other = 1 - self._turn
        if self._sizes[other]:
            with contextlib.suppress(OSError):
                os.ftruncate(self._files[other], 0)
                self._sizes[other] = 0
        self.whole = self.whole or not any(self._sizes)

    @property
    def gone(self) -> bool:
        """Whether its files were deleted."""
        return not all(path.exists() for path in self.paths)

    def close(self) -> None:
        """Close the files; what the database has not taken is left to the next start."""
        for path, file, size in zip(self.paths, self._files, self._sizes, strict=True):
            os.close(file)
            if not size:
                path.unlink(missing_ok=True)


def left_behind(database: Path, own: Logbook | None) -> list[Path]:
    """Return the logbooks that emulators on a file have left there, but for one's own."""
    mine = () if own is None else own.paths
    # No star: those of `calls.db`, which may well be served, are none of a file `calls` beside it.
    found = (Path(name) for name in sorted(glob.glob(f"{glob.escape(str(database))}.{_NAME}.[ab].log")))
    return [path for path in found if path not in mine]


def statements_in(files: Iterable[Path]) -> list[Named]:
    """Return what stands in logbooks in the order in which it was written; a line that is not whole is passed over."""
    lines: list[tuple[int, list[Named]]] = []
    for file in files:
        for line in file.read_bytes().splitlines():
            try:
                number, statements = json.loads(line)
                lines.append((int(number), [(str(name), tuple(values)) for name, values in statements]))
            except (ValueError, TypeError):
                _log.warning("passed over a line of %s that is not whole", file.name)
    lines.sort(key=lambda numbered: numbered[0])
    return [statement for _, statements in lines for statement in statements]
