"""The tables, and how records become rows. A workspace is named by its key; tokens are nowhere in the file."""

from __future__ import annotations

from mockpbx.contract.vocabulary import Direction, Disposition, Party
from mockpbx.domain.record import CallRecord
from mockpbx.runtime.records import StoredRecord

VERSION = 1

#: `records` holds what the API shows, numbered in the order of issue. `calls` holds what the record of each call would
#: be if the emulator died now: a row from the POST on, gone when its record is issued. Times are ms since 1970.
_COLUMNS = """
    workspace    TEXT    NOT NULL,
    session_id   TEXT    NOT NULL,
    destination  TEXT    NOT NULL,
    direction    TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    answered_at  INTEGER,
    ended_at     INTEGER NOT NULL,
    hangup_by    TEXT,
    cause        INTEGER NOT NULL,
    disposition  TEXT    NOT NULL
"""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS calls ({_COLUMNS}, PRIMARY KEY (workspace, session_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS},
    duration         INTEGER NOT NULL,
    billable_seconds INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    UNIQUE (workspace, session_id)
);
CREATE INDEX IF NOT EXISTS records_by_workspace ON records (workspace, id);
"""

CALL_COLUMNS = (
    "workspace", "session_id", "destination", "direction", "started_at", "answered_at", "ended_at", "hangup_by",
    "cause", "disposition",
)  # fmt: skip
RECORD_COLUMNS = (*CALL_COLUMNS, "duration", "billable_seconds", "created_at")


def _insert(table: str, columns: tuple[str, ...], conflict: str) -> str:
    return f"INSERT OR {conflict} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


#: Kept in any order, what is known last of a call stays.
KEEP_CALL = (
    f"INSERT INTO calls ({', '.join(CALL_COLUMNS)}) VALUES ({', '.join('?' * len(CALL_COLUMNS))}) "  # noqa: S608
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in CALL_COLUMNS[2:])} "
    "WHERE excluded.ended_at >= calls.ended_at"
)
#: Of the workspace's calls with these session ids, a JSON list; never back.
LIVE_UNTIL = (
    "UPDATE calls SET ended_at = ? WHERE workspace = ? AND session_id IN (SELECT value FROM json_each(?)) "
    "AND ended_at < ?"
)
#: IGNORE: a record that is there already is never written again, so there is exactly one per call.
ISSUE_RECORD = _insert("records", RECORD_COLUMNS, "IGNORE")
FORGET_CALL = "DELETE FROM calls WHERE workspace = ? AND session_id = ?"
ALL_CALLS = f"SELECT {', '.join(CALL_COLUMNS)} FROM calls ORDER BY started_at, session_id"  # noqa: S608
LAST_RECORD = "SELECT COALESCE(MAX(id), 0) FROM records"
COUNT_NEW = "SELECT COUNT(*) FROM records WHERE workspace = ? AND id > ?"
FORGET_NEW = "DELETE FROM records WHERE workspace = ? AND id > ?"
#: What changes the tables, by name: so it stands in logbooks.
STATEMENTS = {
    "KEEP_CALL": KEEP_CALL,
    "LIVE_UNTIL": LIVE_UNTIL,
    "ISSUE_RECORD": ISSUE_RECORD,
    "FORGET_CALL": FORGET_CALL,
    "FORGET_NEW": FORGET_NEW,
}
SELECT_RECORD = f"SELECT {', '.join(CALL_COLUMNS[1:])}, created_at FROM records"  # noqa: S608
#: Ids come as a JSON list: a page may have more of them than a statement may have parameters.
BY_IDS = f"{SELECT_RECORD} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608
OLDEST_FIRST, NEWEST_FIRST = "ASC", "DESC"
IS_THERE = "SELECT 1 FROM records WHERE id = ?"
NEWER = (
    "SELECT id, duration, billable_seconds, destination FROM records WHERE workspace = ? AND id > ? ORDER BY id LIMIT ?"
)
#: Who has records, the latest first; each step is one look into the index.
WORKSPACES = """
WITH RECURSIVE found (workspace) AS (
    SELECT MIN(workspace) FROM records
    UNION ALL
    SELECT (SELECT MIN(workspace) FROM records WHERE workspace > found.workspace) FROM found
    WHERE found.workspace IS NOT NULL
)
SELECT workspace FROM found WHERE workspace IS NOT NULL
ORDER BY (SELECT MAX(id) FROM records WHERE records.workspace = found.workspace) DESC
"""


def knows(name: str, parameters: tuple[object, ...]) -> bool:
    """Return whether there is such a statement with so many parameters; another version's may be others."""
    return STATEMENTS.get(name, "").count("?") == len(parameters)


def call_row(workspace: str, record: CallRecord) -> tuple[object, ...]:
    """Return a record as a row of `calls`."""
    return (
        workspace,
        record.session_id,
        record.destination,
        record.direction.value,
        record.started_at,
        record.answered_at,
        record.ended_at,
        record.hangup_by and record.hangup_by.value,
        record.cause,
        record.disposition.value,
    )


def record_row(workspace: str, record: CallRecord, created_at: int) -> tuple[object, ...]:
    """Return a record as a row of `records`."""
    return (*call_row(workspace, record), record.duration, record.billable_seconds, created_at)


def record_of(row: tuple[str, str, str, int, int | None, int, str | None, int, str]) -> CallRecord:
    """Return the record of a row's columns from `session_id` to `disposition`."""
    session_id, destination, direction, started_at, answered_at, ended_at, hangup_by, cause, disposition = row
    return CallRecord(
        session_id=session_id,
        destination=destination,
        direction=Direction(direction),
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        hangup_by=None if hangup_by is None else Party(hangup_by),
        cause=cause,
        disposition=Disposition(disposition),
    )


def stored(row: tuple[object, ...]) -> StoredRecord:
    """Return what a row of SELECT_RECORD holds."""
    *columns, created_at = row
    return StoredRecord(record_of(tuple(columns)), created_at)  # type: ignore[arg-type]
