"""The one writer of a database: changes wait for it in memory, and are committed in batches, in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from mockpbx.adapters.store import schema
from mockpbx.adapters.store.file import DatabaseFile
from mockpbx.adapters.store.logbook import Named
from mockpbx.contract.errors import ServiceFailure
from mockpbx.runtime.entries import DatabaseReopened, RecordsDelayed, RecordsRecovered

_log = logging.getLogger(__name__)

#: How long to wait before changes that failed are tried again, in seconds; twice as long each time, up to so many.
RETRY, LONGEST_RETRY = 0.25, 4.0
#: Changes that wait at most while the database takes none; calls that live are not counted.
MOST_WAITING = 50_000
#: How many learn of a commit in one turn of the event loop: each has an event to send, and calls go on in between.
TOLD_AT_ONCE = 25
#: What is the statement's own fault, and no fault of the database.
_OF_THE_STATEMENT = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
)


class TooManyWaiting(ServiceFailure):
    """A record that came while the database took none, and too many waited already."""

    sentence = f"The database takes no records, and {MOST_WAITING} changes wait for it already"


class Change(NamedTuple):
    """Statements that belong together, and who is to be told that they are committed."""

    statements: list[Named]
    committed: asyncio.Future[None] | None = None


class Writer:
    """Commits what it is given. `trouble` says why the database takes nothing at the moment, None where it does.

    `tell` learns when that begins and ends.
    """

    def __init__(self, file: DatabaseFile, tell: Callable[[object], None]) -> None:
        self.trouble: str | None = None
        self._file = file
        self._tell = tell
        self._since = 0.0
        self._kept: dict[tuple[str, str], Named] = {}  # live calls as they were last, by workspace and session
        self._live: dict[str, Named] = {}  # until when they have lived, by workspace
        self._waiting: list[Change] = []
        self._work = asyncio.Event()
        self._closing = False
        self._hurried = asyncio.Event()
        self._task = asyncio.ensure_future(self._write())

    def keep(self, workspace: str, session_id: str, statement: Named) -> None:
        """Keep a live call, which outlives a kill of the process even before it is committed."""
        self._note([statement])
        self._kept[workspace, session_id] = statement
        self._work.set()

    def live(self, workspace: str, statement: Named) -> None:
        """Let kept calls have lived until now; a kill before the commit finds them as they were before."""
        self._live[workspace] = statement
        self._work.set()

    def let_go(self, workspace: str, session_id: str) -> None:
        """Keep a call no more: its record comes."""
        self._kept.pop((workspace, session_id), None)

    async def commit(self, statements: list[Named]) -> None:
        """Carry out statements in one transaction. Returns when they are committed."""
        if len(self._waiting) >= MOST_WAITING:
            raise TooManyWaiting
        self._note(statements)
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(Change(statements, committed))
        self._work.set()
        await committed

    def look(self) -> None:
        """See whether the file is still there; where it is not, it is written again."""
        self._work.set()

    def hurry(self) -> None:
        """The emulator stops: from here on a change that fails is not tried again."""
        self._hurried.set()

    async def close(self) -> None:
        """Commit what waits, as far as the database takes it."""
        self._closing = True
        self.hurry()
        self._work.set()
        await self._task

    # --- inside -------------------------------------------------------------------------------------------------------

    def _note(self, statements: Iterable[Named]) -> None:
        if self._file.logbook is not None:
            self._file.logbook.write(statements)

    async def _write(self) -> None:
        whole = True  # once a batch was given up, all from there on is left in the logbook, for the next start
        while not self._closing or self._waiting or self._kept or self._live:
            await self._work.wait()
            self._work.clear()
            kept = (*self._kept.values(), *self._live.values())
            batch = [Change([statement]) for statement in kept] + self._waiting
            self._kept, self._live, self._waiting = {}, {}, []
            logbook = self._file.logbook
            if logbook is not None:
                logbook.turn()
            if batch or self._file.moved:
                whole = await self._write_batch(batch) and whole
            if whole and logbook is not None and logbook is self._file.logbook:
                logbook.settle()

    async def _write_batch(self, batch: list[Change]) -> bool:
        """Carry out changes. Returns whether the database has dealt with them."""
        error = await self._insistently([statement for change in batch for statement in change.statements])
        if error is not None and len(batch) > 1 and not _may_pass(error):
            # One of them is at fault, and only that is to fail.
            return all([await self._write_batch([change]) for change in batch])
        told = [change.committed for change in batch if change.committed is not None and not change.committed.done()]
        for number, committed in enumerate(told, start=1):
            if error is None:
                committed.set_result(None)
            else:
                committed.set_exception(error)
            if number % TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)
        return error is None or not _may_pass(error)

    async def _insistently(self, statements: list[Named]) -> Exception | None:
        """Carry out statements; a locked file or a full disk may pass, so they are tried until there is a hurry."""
        pause = RETRY
        while (error := await self._transaction(statements)) is not None and _may_pass(error):
            if self._hurried.is_set():
                break
            self._begin_trouble(error, len(statements))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), pause)
            pause = min(2 * pause, LONGEST_RETRY)
        if error is None:
            self._end_trouble(len(statements))
        else:
            left = _left(self._file) if _may_pass(error) else ""
            _log.error("the database did not take %d changes: %s%s", len(statements), error, left)
        return error

    async def _transaction(self, statements: list[Named]) -> Exception | None:
        """Carry out statements in one transaction. Returns the error that undid it, None where it was committed."""
        file = self._file
        try:
            if file.moved:
                self._tell_of_file(await file.come_back())
            await carry_out(file, statements)
        except Exception as error:  # whatever it is, the writer must live on
            return error
        return None

    def _tell_of_file(self, written_again: bool) -> None:
        _log.warning(
            "the database was %s", "deleted: wrote it again" if written_again else "replaced: goes on with the new"
        )
        self._tell(DatabaseReopened(written_again))

    def _begin_trouble(self, error: Exception, count: int) -> None:
        reason = str(error)
        if self.trouble is None:
            self._since = time.monotonic()
            _log.error("the database takes nothing, %d changes wait: %s; trying on", count, reason)
            self._tell(RecordsDelayed(reason))
        self.trouble = reason

    def _end_trouble(self, count: int) -> None:
        if self.trouble is not None:
            self.trouble = None
            seconds = round(time.monotonic() - self._since, 1)
            _log.warning("the database takes records again after %.1f s: %d changes had waited", seconds, count)
            self._tell(RecordsRecovered(seconds, count))


async def carry_out(file: DatabaseFile, statements: list[Named]) -> None:
    """Carry out statements in one transaction. Raises what undid it."""
    if not statements:
        return
    # Calls are forgotten last, so that all records are one statement for the database, and all calls another.
    ordered = sorted(statements, key=lambda statement: statement[0] == "FORGET_CALL")

    def carry(writer: sqlite3.Connection) -> None:
        try:
            writer.execute("BEGIN IMMEDIATE")
            for name, alike in groupby(ordered, key=itemgetter(0)):
                writer.executemany(schema.STATEMENTS[name], [parameters for _, parameters in alike])
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    writer.execute("ROLLBACK")
            raise

    await file.writer.run(carry)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error | OSError) and not isinstance(error, _OF_THE_STATEMENT)


def _left(file: DatabaseFile) -> str:
    if file.logbook is None:
        return "; they are lost"
    if not file.logbook.whole:
        return "; what could not be written beside it either is lost"
    return "; the next start on this file finds them in a logbook beside it"
