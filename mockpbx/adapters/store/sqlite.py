"""The store: one SQLite file (WAL), one writer that commits in batches, one reader beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Literal, NamedTuple

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


class Change(NamedTuple):
    """Statements that belong together, and who is to be told that they are committed."""

    statements: list[Statement]
    committed: asyncio.Future[None] | None = None


class SqliteStore:
    """Keeps calls and records (see `RecordStore`). Use `open` to get one and `close` to let it go."""

    def __init__(
        self, writer: aiosqlite.Connection, reader: aiosqlite.Connection, held: contextlib.AsyncExitStack
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._held = held
        self._reading = asyncio.Lock()
        self._waiting: list[Change] = []
        self._work = asyncio.Event()
        self._closing = False
        self._hurried = asyncio.Event()
        self._last_before = 0  # id of the last record that was there when the file was opened
        self._task = asyncio.ensure_future(self._write())

    @classmethod
    async def open(cls, database: Database, *, serving: bool = True) -> SqliteStore:
        """Open or create a file. Raises ConfigurationError where that cannot be done.

        An emulator that is `serving` gives the calls that a killed one left behind the records that were kept for
        them, unless another still runs on this file: then they may be its own.
        """
        async with contextlib.AsyncExitStack() as opened:
            try:
                writer = await opened.enter_async_context(_connection(database))
                reader = writer if database == ":memory:" else await opened.enter_async_context(_connection(database))
                presence = Presence(database) if serving and database != ":memory:" else None
            except (OSError, sqlite3.Error) as error:
                raise ConfigurationError(
                    f"cannot open the database {database}: {error}; choose another with --database, or :memory:"
                ) from None
            held = opened.pop_all()
        if presence is not None:
            held.callback(presence.leave)
        store = cls(writer, reader, held)
        if presence is not None and presence.alone:
            await store._close_orphans()
            presence.settle()
        await store._note_what_is_there()
        return store

    def keep(self, workspace: str, record: CallRecord) -> None:
        """Remember what the call's record would be if the emulator died now."""
        self._enqueue(Change([(schema.KEEP_CALL, schema.call_row(workspace, record))]))

    async def issue(self, workspace: str, record: CallRecord, created_at: int) -> None:
        """Make the record visible. Returns when it is committed."""
        await self._commit(_issuing(workspace, record, created_at))

    async def add_history(self, workspace: str, records: Iterable[StoredRecord]) -> None:
        """Add records of calls that never were, in one commit."""
        rows = [schema.record_row(workspace, row.record, row.created_at) for row in records]
        await self._commit([(schema.ISSUE_RECORD, row) for row in rows])

    async def forget_new(self, workspace: str) -> int:
        """Remove the records that came into a workspace since the file was opened. Returns how many there were."""
        new = (workspace, self._last_before)
        async with self._reading, self._reader.execute(schema.COUNT_NEW, new) as cursor:
            (count,) = await cursor.fetchone() or (0,)
        await self._commit([(schema.FORGET_NEW, new)])
        return int(count)

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

    def hurry(self) -> None:
        """The emulator stops: from here on a change that fails is not tried again; what was kept waits."""
        self._hurried.set()

    async def close(self) -> None:
        """Commit what waits, then close the file. Harmless when closed already."""
        if self._closing:
            return
        self._closing = True
        self.hurry()
        self._work.set()
        await self._task
        await self._held.aclose()

    # --- the writer ---------------------------------------------------------------------------------------------------

    async def _commit(self, statements: list[Statement]) -> None:
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(Change(statements, committed))
        await committed

    def _enqueue(self, change: Change) -> None:
        self._waiting.append(change)
        self._work.set()

    async def _write(self) -> None:
        while not self._closing or self._waiting:
            await self._work.wait()
            self._work.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await self._write_batch(batch)

    async def _write_batch(self, batch: list[Change]) -> None:
        error = await self._insistently([statement for change in batch for statement in change.statements])
        if error is not None and len(batch) > 1 and not isinstance(error, sqlite3.OperationalError):
            for change in batch:  # one of them is at fault, and only that is to fail
                await self._write_batch([change])
            return
        for change in batch:
            if change.committed is None or change.committed.done():
                continue
            if error is None:
                change.committed.set_result(None)
            else:
                change.committed.set_exception(error)

    async def _insistently(self, statements: list[Statement]) -> Exception | None:
        """Carry out statements; a locked file or a full disk may pass, so they are tried until there is a hurry."""
        while isinstance(error := await self._transaction(statements), sqlite3.OperationalError):
            if self._hurried.is_set():
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), RETRY)
        return error

    async def _transaction(self, statements: list[Statement]) -> Exception | None:
        """Carry out statements in one transaction. Returns the error that undid it, None where it was committed."""
        async with self._reading if self._reader is self._writer else contextlib.nullcontext():
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

    async def _note_what_is_there(self) -> None:
        async with self._reading, self._reader.execute(schema.LAST_RECORD) as cursor:
            (self._last_before,) = await cursor.fetchone() or (0,)

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


@contextlib.asynccontextmanager
async def _connection(database: Database) -> AsyncIterator[aiosqlite.Connection]:
    """Open a connection, ready for use; whoever leaves the context closes it."""
    if database != ":memory:":
        database.parent.mkdir(parents=True, exist_ok=True)
    async with aiosqlite.connect(database, timeout=BUSY_TIMEOUT, isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = NORMAL")
        async with connection.execute("PRAGMA user_version") as cursor:
            (version,) = await cursor.fetchone() or (0,)
        if version not in (0, schema.VERSION):
            raise sqlite3.DatabaseError(f"its format is {version}, this mockpbx reads format {schema.VERSION}")
        await connection.executescript(f"{schema.SCHEMA} PRAGMA user_version = {schema.VERSION};")
        yield connection
