"""A connection to the file of records, and the thread it lives in: whatever SQLite takes its time for, calls go on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

from mockpbx.adapters.store import schema

Database = Path | Literal[":memory:"]
Answer = TypeVar("Answer")


class Connection:
    """Runs what it is given on an SQLite connection, one after the other. `open` gets one, `close` lets it go."""

    def __init__(self, sqlite: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._sqlite = sqlite
        self._thread = thread

    @classmethod
    async def open(cls, database: Database, busy_timeout: float) -> Connection:
        """Open or create a file, ready for use; waits so many seconds for other processes' locks.

        Raises OSError or sqlite3.Error where that cannot be done.
        """
        thread = ThreadPoolExecutor(1, "records")
        try:
            sqlite = await asyncio.get_running_loop().run_in_executor(thread, _opened, database, busy_timeout)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(sqlite, thread)

    async def run(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return what `work` returns. Nothing else comes between its statements, even if nobody waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._sqlite)

    async def close(self) -> None:
        """Close, when everything that was asked for is done."""
        await self.run(sqlite3.Connection.close)
        self._thread.shutdown(wait=False)


def _opened(database: Database, busy_timeout: float) -> sqlite3.Connection:
    if isinstance(database, Path):
        database.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(database, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, schema.VERSION):
            raise sqlite3.DatabaseError(f"its format is {version}, this mockpbx reads format {schema.VERSION}")
        connection.executescript(f"{schema.SCHEMA} PRAGMA user_version = {schema.VERSION};")
    except BaseException:
        connection.close()
        raise
    return connection
