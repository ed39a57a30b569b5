"""One workspace's records in memory, as far as totals and pages need them. Rows themselves are read from the file."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from mockpbx.adapters.store import schema
from mockpbx.runtime.records import RecordPage, RecordQuery

if TYPE_CHECKING:
    from mockpbx.adapters.store.columns import Columns

#: Records in one block, at most: as many as the processor's cache holds with ease.
BLOCK = 16_384


class Ledger:
    """Follows the file: records are only ever added, in the order of their ids, or the newest taken back.

    So what was read once stays true up to its newest record that is still there. About 45 bytes a record.
    """

    def __init__(self, workspace: str) -> None:
        self.complete = False  # whether it was once at the end of the file
        self.records = 0
        self._workspace = workspace
        self._blocks: list[Columns] = []

    def read_on(self, connection: sqlite3.Connection) -> bool:
        """Read at most a block of records that are new in the file. Returns whether there may be more."""
        while self._blocks and not connection.execute(schema.IS_THERE, (self._newest,)).fetchone():
            # Its newest was taken back, and perhaps others of it; those before them are read again.
            self.records -= len(self._blocks.pop())
        rows = connection.execute(schema.NEWER, (self._workspace, self._newest, BLOCK)).fetchall()
        if rows:
            from mockpbx.adapters.store.columns import Columns  # with numpy, which nobody needs for no records

            self._add(Columns.of(rows))
        self.complete = self.complete or len(rows) < BLOCK
        return len(rows) == BLOCK

    def page(self, connection: sqlite3.Connection, query: RecordQuery) -> RecordPage:
        """Return one page of records, and how many there are, as of one moment."""
        connection.execute("BEGIN")
        try:
            while self.read_on(connection):
                pass
            ids, total = self._ids(query)
            order = schema.OLDEST_FIRST if query.ascending else schema.NEWEST_FIRST
            rows = connection.execute(f"{schema.BY_IDS} {order}", (json.dumps(ids),)).fetchall() if ids else []
        finally:
            connection.execute("COMMIT")
        if len(rows) < len(ids):  # somebody deletes by hand
            self._forget()
            return self.page(connection, query)
        return RecordPage([schema.stored(row) for row in rows], total)

    @property
    def _newest(self) -> int:
        return int(self._blocks[-1].ids[-1]) if self._blocks else 0

    def _forget(self) -> None:
        self._blocks, self.records = [], 0

    def _add(self, columns: Columns) -> None:
        self.records += len(columns)
        if self._blocks and len(self._blocks[-1]) + len(columns) <= BLOCK:
            columns = self._blocks.pop().and_then(columns)
        self._blocks.append(columns)

    def _ids(self, query: RecordQuery) -> tuple[list[int], int]:
        """Return the ids on a page, and how many records there are on all."""
        found = [(block, block.find(query.filters)) for block in self._blocks]
        total = sum(len(positions) for _, positions in found)
        skip = (query.page - 1) * query.limit
        if query.ascending:
            first, last = skip, skip + query.limit
        else:
            first, last = total - skip - query.limit, total - skip
        ids: list[int] = []
        before = 0
        for block, positions in found:
            some = positions[max(0, first - before) : max(0, last - before)]
            ids += block.ids[some].tolist()
            before += len(positions)
        return ids, total
