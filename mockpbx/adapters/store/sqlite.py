"""The store: one SQLite file (WAL), one writer that commits in batches, one reader beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import aiosqlite

from mockpbx.adapters.store import query as sql
from mockpbx.adapters.store import schema
from mockpbx.adapters.store.presence import Presence
from mockpbx.contract.errors import ConfigurationError, NoSuchRecord
from mockpbx.domain.record import CallRecord
from mockpbx.runtime.records import RecordPage, RecordQuery, StoredRecord

_log = logging.getLogger(__name__)

#: How long to wait for another process that holds the file's write lock, in seconds.
BUSY_TIMEOUT = 10.0
#: How long to wait before changes that failed are tried again, in seconds.
RETRY = 0.5

Database = Path | Literal[":memory:"]
Statement = tuple[str, tuple[object, ...]]


class SqliteStore:
    """Keeps calls and records (see `RecordStore`). Use `open` to get one and `close` to let it go."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection, presence: Presence | None) -> None:
        self._writer = writer
        self._reader = reader
        self._presence = presence
        self._reading = asyncio.Lock()
        self._waiting: list[tuple[list[Statement], asyncio.Future[None] | None]] = []
        self._work = asyncio.Event()
        self._closing = asyncio.Event()
        self._task = asyncio.ensure_future(self._write())

    @classmethod
    async def open(cls, database: Database, *, serving: bool = True) -> SqliteStore:
        """Open or create a file. Raises ConfigurationError where that cannot be done.

        An emulator that is `serving` gives the calls that a killed one left behind the records that were kept for
        them, unless another still runs on this file: then they may be its own.
        """
        presence = None
        try:
            if database == ":memory:":
                reader = writer = await _connect(database)
            else:
                database.parent.mkdir(parents=True, exist_ok=True)
                writer = await _connect(database)
                reader = await _connect(database)
                presence = Presence(database) if serving else None
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"cannot open the database {database}: {error}; choose another with --database, or :memory:"
            ) from None
        store = cls(writer, reader, presence)
        if presence is not None and presence.alone:
            await store._close_orphans()
            presence.settle()
        return store

    def keep(self, workspace: str, record: CallRecord) -> None:
        """Remember what the call's record would be if the emulator died now."""
        self._enqueue([(schema.KEEP_CALL, schema.call_row(workspace, record))], None)

    async def issue(self, workspace: str, record: CallRecord, created_at: int) -> None:
        """Make the record visible. Returns when it is committed."""
        await self._commit(_issuing(workspace, record, created_at))

    async def add_history(self, workspace: str, records: Iterable[StoredRecord]) -> None:
        """Add records of calls that never were, in one commit."""
        rows = [schema.record_row(workspace, row.record, row.created_at) for row in records]
        await self._commit([(schema.ISSUE_RECORD, row) for row in rows])

    async def find(self, workspace: str, session_id: str) -> StoredRecord:
        """Return one record. Raises NoSuchRecord."""
        statement = f"{schema.SELECT_RECORD} WHERE workspace = ? AND session_id = ?"
        async with self._reading, self._reader.execute(statement, (workspace, session_id)) as cursor:
            row = await cursor.fetchone()
        if row is None:
            raise NoSuchRecord
        return schema.stored(tuple(row))

    async def page(self, workspace: str, query: RecordQuery) -> RecordPage:
        """Return one page of records, and how many there are, as of one moment."""
        condition, values = sql.where(workspace, query)
        part, bounds = sql.page(query)
        count = f"SELECT COUNT(*) FROM records WHERE {condition}"  # noqa: S608
        async with self._reading:
            await self._reader.execute("BEGIN")
            try:
                async with self._reader.execute(count, values) as cursor:
                    (total,) = await cursor.fetchone() or (0,)
                async with self._reader.execute(
                    f"{schema.SELECT_RECORD} WHERE {condition} {part}", [*values, *bounds]
                ) as cursor:
                    rows = [schema.stored(tuple(row)) async for row in cursor]
            finally:
                await self._reader.execute("COMMIT")
        return RecordPage(rows, total)

    async def close(self) -> None:
        """Commit what waits, then close the file. Harmless when closed already."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._work.set()
        await self._task
        await self._writer.close()
        if self._reader is not self._writer:
            await self._reader.close()
        if self._presence is not None:
            self._presence.leave()

    # --- the writer ---------------------------------------------------------------------------------------------------

    async def _commit(self, statements: list[Statement]) -> None:
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(statements, committed)
        await committed

    def _enqueue(self, statements: list[Statement], committed: asyncio.Future[None] | None) -> None:
        self._waiting.append((statements, committed))
        self._work.set()

    async def _write(self) -> None:
        while not self._closing.is_set() or self._waiting:
            await self._work.wait()
            self._work.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await self._write_batch(batch)

    async def _write_batch(self, batch: list[tuple[list[Statement], asyncio.Future[None] | None]]) -> None:
        changes = [statement for statements, _ in batch for statement in statements]
        # A locked file or a full disk may pass: nothing is given up before the store is closed.
        while isinstance(error := await self._transaction(changes), sqlite3.OperationalError):
            if self._closing.is_set():
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), RETRY)
        for _, committed in batch:
            if committed is None or committed.done():
                continue
            if error is None:
                committed.set_result(None)
            else:
                committed.set_exception(error)

    async def _transaction(self, statements: list[Statement]) -> Exception | None:
        """Carry out statements in one transaction. Returns the error that undid it, None where it was committed."""
        lock = self._reading if self._reader is self._writer else asyncio.Lock()
        async with lock:
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                for statement, parameters in statements:
                    await self._writer.execute(statement, parameters)
                await self._writer.execute("COMMIT")
            except Exception as error:  # whatever it is, the writer must live on
                _log.error("the database did not take %d changes: %s", len(statements), error)
                if self._writer.in_transaction:
                    await self._writer.execute("ROLLBACK")
                return error
        return None

    async def _close_orphans(self) -> None:
        async with self._reading, self._reader.execute(schema.ALL_CALLS) as cursor:
            rows = [tuple(row) async for row in cursor]
        for workspace, *columns in rows:
            record = schema.record_of(tuple(columns))
            await self._commit(_issuing(workspace, record, record.ended_at))
        if rows:
            _log.warning("closed %d calls that an emulator which was killed had left open", len(rows))


def _issuing(workspace: str, record: CallRecord, created_at: int) -> list[Statement]:
    return [
        (schema.ISSUE_RECORD, schema.record_row(workspace, record, created_at)),
        (schema.FORGET_CALL, (workspace, record.session_id)),
    ]


async def _connect(database: Database) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(database, timeout=BUSY_TIMEOUT, isolation_level=None)
    try:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = NORMAL")
        async with connection.execute("PRAGMA user_version") as cursor:
            (version,) = await cursor.fetchone() or (0,)
        if version not in (0, schema.VERSION):
            raise sqlite3.DatabaseError(f"its format is {version}, this mockpbx reads format {schema.VERSION}")
        await connection.executescript(f"{schema.SCHEMA} PRAGMA user_version = {schema.VERSION};")
    except BaseException:
        await connection.close()
        raise
    return connection
