"""The database's file: one connection that writes, one that reads beside it, opened anew where the file is gone."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from mockpbx.adapters.store import schema
from mockpbx.adapters.store.connection import Connection, Database
from mockpbx.adapters.store.logbook import Logbook
from mockpbx.adapters.store.presence import Presence
from mockpbx.contract.errors import ConfigurationError

#: How long to wait for another process that holds the file's write lock, in seconds: at the start, and for each try to
#: commit later on.
BUSY_TIMEOUT = 10.0
TRY_TIMEOUT = 1.0


class DatabaseFile:
    """The connections to a database; in memory, the writer reads as well.

    An emulator that is `serving` has a `presence` on its file, and a `logbook` beside it.
    """

    def __init__(self, database: Database, *, serving: bool) -> None:
        self.writer: Connection
        self.reader: Connection
        self.presence: Presence | None = None
        self.logbook: Logbook | None = None
        self.last_before = 0  # id of the last record that was there before this emulator's own
        self._database = database
        self._serving = serving and database != ":memory:"
        self._held = contextlib.AsyncExitStack()
        self._identity: tuple[int, int] | None = None
        self._log_of_writes: tuple[int, int] | None = None

    async def open(self) -> None:
        """Open or create the file. Raises ConfigurationError where that cannot be done."""
        try:
            await self._open()
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(cannot_open(self._database, error)) from None

    async def _open(self) -> None:
        async with contextlib.AsyncExitStack() as opened:
            database = self._database
            writer = reader = await Connection.open(database, BUSY_TIMEOUT)
            opened.push_async_callback(writer.close)
            if isinstance(database, Path):
                reader = await Connection.open(database, BUSY_TIMEOUT)
                opened.push_async_callback(reader.close)
            await writer.run(_wait_briefly)
            presence = None
            if self._serving and isinstance(database, Path):
                presence = Presence(database)
                opened.callback(presence.leave)
                if self.logbook is None or self.logbook.gone:
                    gone, self.logbook = self.logbook, Logbook(database)
                    if gone is not None:
                        gone.close()
            if isinstance(database, Path):
                self._identity = _identity(database)
                self._log_of_writes = _identity(Path(f"{database}-wal"))
            before, self._held = self._held, opened.pop_all()
        self.writer, self.reader, self.presence = writer, reader, presence
        await before.aclose()

    @property
    def moved(self) -> bool:
        """Whether the file that is open is not the one at its path any more."""
        return isinstance(self._database, Path) and _identity(self._database) != self._identity

    async def come_back(self) -> bool:
        """Go on with the file at the path: where there is none, with a copy of the one that was deleted.

        Returns whether it is that. Raises OSError or sqlite3.Error where that cannot be done; what was open stays so.
        """
        assert isinstance(self._database, Path)
        deleted = not self._database.exists()
        if deleted:
            await self._write_again(self._database)
        else:
            self._forget_log_of_writes()
        await self._open()
        if self.presence is not None:
            self.presence.settle()
        if not deleted:
            await self.begin()
        return deleted

    async def begin(self) -> None:
        """From here on, what comes into the file is this emulator's own. Raises sqlite3.Error."""
        ((self.last_before,),) = await self.read(schema.LAST_RECORD)

    async def read(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a statement finds. Raises sqlite3.Error."""
        return await self.reader.run(lambda reader: reader.execute(statement, parameters).fetchall())

    async def close(self) -> None:
        """Let go of the file."""
        await self._held.aclose()
        if self.logbook is not None:
            self.logbook.close()

    async def _write_again(self, database: Path) -> None:
        copy = database.with_name(database.name + ".rescued")
        database.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        await self.writer.run(lambda writer: writer.execute("VACUUM INTO ?", (str(copy),)))
        self._forget_log_of_writes()
        copy.replace(database)

    def _forget_log_of_writes(self) -> None:
        # SQLite would take the old file's log for that of the new one.
        log = Path(f"{self._database}-wal")
        if self._log_of_writes is not None and _identity(log) == self._log_of_writes:
            log.unlink()


def cannot_open(database: Database, error: object) -> str:
    """Return the sentence for a database that cannot be opened."""
    return f"cannot open the database {database}: {error}; choose another with --database, or :memory:"


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _wait_briefly(writer: sqlite3.Connection) -> None:
    writer.execute(f"PRAGMA busy_timeout = {round(min(TRY_TIMEOUT, BUSY_TIMEOUT) * 1_000)}")
