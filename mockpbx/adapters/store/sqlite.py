"""The store: one SQLite file (WAL), one writer that commits in batches, one reader beside it."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from mockpbx.adapters.store import schema
from mockpbx.adapters.store.books import Books
from mockpbx.adapters.store.connection import Database
from mockpbx.adapters.store.file import DatabaseFile, cannot_open
from mockpbx.adapters.store.logbook import Named, left_behind, statements_in
from mockpbx.adapters.store.writer import Writer, carry_out
from mockpbx.contract.errors import ConfigurationError, NoSuchRecord, ServiceFailure
from mockpbx.domain.record import CallRecord
from mockpbx.runtime.records import RecordPage, RecordQuery, StoredRecord

_log = logging.getLogger(__name__)

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class RecordsUnreachable(ServiceFailure):
    """The database does not answer."""

    sentence = "The call records cannot be reached at the moment: the database does not answer"


def _in_a_sentence(
    ask: Callable[Concatenate[SqliteStore, Asked], Awaitable[Answer]],
) -> Callable[Concatenate[SqliteStore, Asked], Coroutine[Any, Any, Answer]]:
    """Return a way to ask whose failures of the database are a sentence for the client, and one line of the log."""

    @functools.wraps(ask)
    async def answer(store: SqliteStore, /, *asked: Asked.args, **named: Asked.kwargs) -> Answer:
        try:
            found = await ask(store, *asked, **named)
        except sqlite3.Error as error:
            if not store.unreadable:
                _log.error("the database does not answer: %s", error)
            store.unreadable = True
            raise RecordsUnreachable from None
        store.unreadable = False
        return found

    return answer


class SqliteStore:
    """Keeps calls and records (see `RecordStore`). Use `open` to get one and `close` to let it go.

    `tell` learns, by facts of `runtime/entries.py`, when the database takes no changes, and when it does again.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self.tell: Callable[[object], None] = lambda _: None
        self.unreadable = False  # whether the database failed to answer when it was asked last
        self._file = file
        self._closed = False
        self._books = Books(file.reader)
        self._reading_ahead: asyncio.Future[None] | None = None
        self._writer = Writer(file, self._told)

    @classmethod
    async def open(cls, database: Database, *, serving: bool = True) -> SqliteStore:
        """Open or create a file. Raises ConfigurationError where that cannot be done.

        An emulator that is `serving` gives the calls that a killed one left behind the records that were kept for
        them, unless another still runs on this file: then they may be its own.
        """
        file = DatabaseFile(database, serving=serving)
        await file.open()
        try:
            if file.presence is not None and file.presence.alone:
                await _close_orphans(file, database)
                file.presence.settle()
            await file.begin()
            store = cls(file)
            if serving:
                store._reading_ahead = asyncio.ensure_future(store._books.read_ahead())
        except (OSError, sqlite3.Error) as error:
            await file.close()
            raise ConfigurationError(cannot_open(database, error)) from None
        return store

    @property
    def trouble(self) -> str | None:
        """Why the database takes no changes at the moment; None where it does."""
        return self._writer.trouble

    def keep(self, workspace: str, record: CallRecord) -> None:
        """Remember what the call's record would be if the emulator died now, even if that is before the next commit."""
        self._writer.keep(workspace, record.session_id, ("KEEP_CALL", schema.call_row(workspace, record)))

    def live_until(self, workspace: str, session_ids: Sequence[str], now: int) -> None:
        """Move the ends of kept calls on to `now`: one statement for the database, however many live."""
        self._writer.live(workspace, ("LIVE_UNTIL", (now, workspace, json.dumps(session_ids), now)))

    async def issue(self, workspace: str, record: CallRecord, created_at: int) -> None:
        """Make the record visible. Returns when it is committed."""
        self._writer.let_go(workspace, record.session_id)
        await self._writer.commit(_issuing(workspace, record, created_at))

    async def add_history(self, workspace: str, records: Iterable[StoredRecord]) -> None:
        """Add records of calls that never were, in one commit."""
        rows = [schema.record_row(workspace, row.record, row.created_at) for row in records]
        await self._writer.commit([("ISSUE_RECORD", row) for row in rows])

    @_in_a_sentence
    async def forget_new(self, workspace: str) -> int:
        """Remove the records that came into a workspace since the file was opened. Returns how many there were."""
        new = (workspace, self._file.last_before)
        ((count,),) = await self._file.read(schema.COUNT_NEW, new)
        await self._writer.commit([("FORGET_NEW", new)])
        return int(count)

    @_in_a_sentence
    async def find(self, workspace: str, session_id: str) -> StoredRecord:
        """Return one record. Raises NoSuchRecord."""
        statement = f"{schema.SELECT_RECORD} WHERE workspace = ? AND session_id = ?"
        rows = await self._file.read(statement, (workspace, session_id))
        if not rows:
            raise NoSuchRecord
        return schema.stored(rows[0])

    @_in_a_sentence
    async def page(self, workspace: str, query: RecordQuery) -> RecordPage:
        """Return one page of records, and how many there are, as of one moment."""
        if self._books.connection is not self._file.reader:  # another file is at the path
            self._books = Books(self._file.reader)
        return await self._books.page(workspace, query)

    def look(self) -> None:
        """See whether the file is still there; one that was deleted is written again."""
        self._writer.look()

    def hurry(self) -> None:
        """The emulator stops: from here on a change that fails is not tried again; what was kept waits."""
        self._writer.hurry()

    async def close(self) -> None:
        """Commit what waits, then close the file. Harmless when closed already."""
        if self._closed:
            return
        self._closed = True
        if self._reading_ahead is not None:
            self._reading_ahead.cancel()
        await self._writer.close()
        await self._file.close()

    def _told(self, fact: object) -> None:
        self.tell(fact)


async def _close_orphans(file: DatabaseFile, database: Database) -> None:
    """Give the calls that the dead left on a file their records. Raises OSError or sqlite3.Error."""
    logbooks = [] if database == ":memory:" else left_behind(database, file.logbook)
    await carry_out(file, [each for each in statements_in(logbooks) if schema.knows(*each)])
    rows = await file.read(schema.ALL_CALLS)
    issued: list[Named] = []
    for workspace, *columns in rows:
        record = schema.record_of(tuple(columns))
        issued += _issuing(workspace, record, record.ended_at)
    await carry_out(file, issued)
    for logbook in logbooks:
        logbook.unlink()
    if rows:
        _log.warning("closed %d calls that an emulator which was killed had left open", len(rows))


def _issuing(workspace: str, record: CallRecord, created_at: int) -> list[Named]:
    return [
        ("ISSUE_RECORD", schema.record_row(workspace, record, created_at)),
        ("FORGET_CALL", (workspace, record.session_id)),
    ]
