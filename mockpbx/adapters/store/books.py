"""The ledgers of the workspaces that were asked for last, and of those that will be."""

from __future__ import annotations

import logging
import sqlite3

from mockpbx.adapters.store import schema
from mockpbx.adapters.store.connection import Connection
from mockpbx.adapters.store.ledger import Ledger
from mockpbx.runtime.records import RecordPage, RecordQuery

_log = logging.getLogger(__name__)

#: Records that are read when the file is opened, before anybody asks: about 2 s of another thread's time.
AHEAD = 2_000_000
#: Ledgers that are kept, and records in them all; the one that was asked for last is kept whatever its size.
MOST_LEDGERS, MOST_RECORDS = 256, 5_000_000


class Books:
    """Answers for pages by the ledgers of the workspaces, on one connection to their file."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._ledgers: dict[str, Ledger] = {}  # who was asked for last comes last

    async def page(self, workspace: str, query: RecordQuery) -> RecordPage:
        """Return one page of records, and how many there are, as of one moment."""
        ledger = await self._ledger(workspace)
        return await self.connection.run(lambda connection: ledger.page(connection, query))

    async def read_ahead(self) -> None:
        """Read what will be asked for, the workspaces with the latest records first."""
        try:
            for (workspace,) in await self.connection.run(_workspaces):
                if len(self._ledgers) == MOST_LEDGERS or self._records >= AHEAD:
                    break
                await self._ledger(workspace)
        except sqlite3.Error as error:
            _log.warning("the records could not be read ahead: %s", error)

    @property
    def _records(self) -> int:
        return sum(ledger.records for ledger in self._ledgers.values())

    async def _ledger(self, workspace: str) -> Ledger:
        """Return a workspace's ledger; reads a long one in steps, so that others have their turn in between."""
        ledger = self._ledgers.pop(workspace, None) or Ledger(workspace)
        self._ledgers[workspace] = ledger
        while not ledger.complete:
            await self.connection.run(ledger.read_on)
        while len(self._ledgers) > MOST_LEDGERS or (len(self._ledgers) > 1 and self._records > MOST_RECORDS):
            del self._ledgers[next(iter(self._ledgers))]
        return ledger


def _workspaces(connection: sqlite3.Connection) -> list[tuple[str]]:
    return connection.execute(schema.WORKSPACES).fetchall()
