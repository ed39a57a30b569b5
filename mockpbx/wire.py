"""Domain to contract: the only place where facts become messages and records become rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from mockpbx.contract import messages as m
from mockpbx.contract.vocabulary import HANGUP_CAUSES, JoinStatus
from mockpbx.domain import events as e
from mockpbx.domain.record import CallRecord
from mockpbx.media import facts
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.records import StoredRecord

CauseTexts = Literal["contract", "asterisk"]


def message_of(entry: Entry) -> m.Message | None:
    """Return what the clients are told of a fact, None where it is not their business."""
    if isinstance(entry.event, e.JoinRefused):
        return m.RoomJoined(session_id=entry.session_id, status=JoinStatus.FAILED)
    if entry.session_id is None:
        return None
    session_id = entry.session_id
    match entry.event:
        case e.SessionAnnounced(direction):
            return m.NewSession(session_id=session_id, type=direction)
        case e.RoomJoined():
            return m.RoomJoined(session_id=session_id, status=JoinStatus.SUCCESS)
        case e.DialStatusChanged(status):
            return m.DialStatusChange(session_id=session_id, status=status)
        case facts.DigitReceived(digit):
            return m.DigitPressed(session_id=session_id, digit=digit)
        case facts.CheckpointReached(name):
            return m.CheckPointReached(session_id=session_id, name=name)
        case e.CallEnded():
            return m.CallEnded(session_id=session_id)
        case _:
            return None


def cdr_event(record: CallRecord, texts: CauseTexts = "contract") -> m.CdrEvent:
    """Return a record as the `cdr` event shows it."""
    return m.CdrEvent.model_validate(_row(record, texts))


def detail_record(stored: StoredRecord, texts: CauseTexts = "contract") -> m.CallDetailRecord:
    """Return a record as both REST views show it."""
    created = _shown(stored.created_at)
    return m.CallDetailRecord.model_validate(
        _row(stored.record, texts) | {"created_at": created, "updated_at": created}
    )


def _row(record: CallRecord, texts: CauseTexts) -> dict[str, object]:
    return {
        "session_id": record.session_id,
        "destination": record.destination,
        "start_time": _shown(record.started_at),
        "answer_time": None if record.answered_at is None else _shown(record.answered_at),
        "end_time": _shown(record.ended_at),
        "duration": record.duration,
        "billable_seconds": record.billable_seconds,
        "disposition": record.disposition,
        "hangup_by": record.hangup_by,
        "hangup_cause_code": record.cause,
        "hangup_cause_text": getattr(HANGUP_CAUSES[record.cause], texts),
    }


def _shown(ms: int) -> datetime:
    """Times are kept in milliseconds and shown truncated to whole seconds, as the document's own samples are."""
    return datetime.fromtimestamp(ms // 1000, UTC)
