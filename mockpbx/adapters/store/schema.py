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


KEEP_CALL = _insert("calls", CALL_COLUMNS, "REPLACE")
#: IGNORE: a record that is there already is never written again, so there is exactly one per call.
ISSUE_RECORD = _insert("records", RECORD_COLUMNS, "IGNORE")
FORGET_CALL = "DELETE FROM calls WHERE workspace = ? AND session_id = ?"
ALL_CALLS = f"SELECT {', '.join(CALL_COLUMNS)} FROM calls ORDER BY started_at, session_id"  # noqa: S608
LAST_RECORD = "SELECT COALESCE(MAX(id), 0) FROM records"
COUNT_NEW = "SELECT COUNT(*) FROM records WHERE workspace = ? AND id > ?"
FORGET_NEW = "DELETE FROM records WHERE workspace = ? AND id > ?"
SELECT_RECORD = f"SELECT {', '.join(CALL_COLUMNS[1:])}, created_at FROM records"  # noqa: S608


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
