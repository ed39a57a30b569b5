"""How a call went, in a sentence, and its record with the reason for each of its figures."""

from __future__ import annotations

from typing import NamedTuple

from mockpbx.contract.vocabulary import HANGUP_CAUSES, NORMAL_CLEARING, Direction, Disposition
from mockpbx.domain import events as e
from mockpbx.domain.record import CallRecord
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.ending import how_it_ended
from mockpbx.evidence.page.words import about, ended_by, seconds
from mockpbx.runtime.journal_lines import iso
from mockpbx.wire import cdr_event

_UNANSWERED = {Disposition.BUSY: "Busy", Disposition.CANCEL: "Given up", Disposition.FAILED: "Failed"}


class Member(NamedTuple):
    """One member of the call record as the contract shows it, in JSON's notation, and why it is what it is."""

    name: str
    value: object
    because: str


def outcome_of(dossier: Dossier) -> str:
    """Return how the call went: answered or not, ended by whom, with which cause, when."""
    record = dossier.record
    if record is None:
        return _so_far(dossier)
    cause = f"({record.cause}, {getattr(HANGUP_CAUSES[record.cause], dossier.settings.cause_text)})"
    if record.answered_at is None:
        what = _UNANSWERED.get(record.disposition, "Not answered")
        how = f"{what}, ended by {ended_by(record)}" if record.hangup_by else what
        return f"{how} {cause} after {about(record.ended_at - record.started_at)}"
    unheld = "ended by itself" if record.cause == NORMAL_CLEARING else "broken off"
    how = f"ended by {ended_by(record)}" if record.hangup_by else unheld
    waited = about(record.answered_at - record.started_at)
    talked = about(record.ended_at - record.answered_at)
    return f"Answered after {waited}, {how} {cause} after {talked} of conversation"


def _so_far(dossier: Dossier) -> str:
    last = dossier.entries[-1].at if dossier.entries else dossier.call.placed_at
    if dossier.connected_at is not None:
        return f"Answered, {about(last - dossier.connected_at)} of conversation so far: the call goes on"
    return f"{dossier.call.status}, {about(last - dossier.call.placed_at)} so far: the call goes on"


def record_of(dossier: Dossier) -> list[Member]:
    """Return the members of the `cdr` event with their reasons, whose moments are seconds since the call was placed.

    Empty while the call goes on.
    """
    record = dossier.record
    if record is None:
        return []
    shown = cdr_event(record, dossier.settings.cause_text).wire()
    reasons = _reasons(record, dossier)
    return [Member(name, value, reasons.get(name, "")) for name, value in shown.items()]


def _reasons(record: CallRecord, dossier: Dossier) -> dict[str, str]:
    placed = dossier.call.placed_at
    start, end = seconds(record.started_at - placed), seconds(record.ended_at - placed)
    length = seconds(record.ended_at - record.started_at)
    billable = "nobody answered, and only the time after an answer is billed"
    answer = "nobody answered"
    if record.answered_at is not None:
        answered = seconds(record.answered_at - placed)
        answer = _truncated(f"the call was answered at {answered}", record.answered_at)
        talked = seconds(record.ended_at - record.answered_at)
        billable = f"the call was answered at {answered} and ended at {end}: {talked}, whole seconds only"
    dialled = dossier.truncated or dossier.first(e.DialStatusChanged) is not None
    began = f"dialling began at {start}" if dialled else f"dialling never began, so the start is the end, {start}"
    return {
        "destination": "it is the number that was called",
        "startTime": _truncated(began, record.started_at),
        "answerTime": answer,
        "endTime": _truncated(f"the call ended at {end}", record.ended_at),
        "duration": f"the call started at {start} and ended at {end}: {length}, whole seconds only",
        "billableSeconds": billable,
        "disposition": _why_filed(record),
        "hangupBy": _why_by(dossier, record),
        "hangupCauseCode": _why_cause(dossier, record),
        "hangupCauseText": f"cause {record.cause} is called so "
        + ("in the contract's table" if dossier.settings.cause_text == "contract" else "by Asterisk"),
    }


def _truncated(what: str, ms: int) -> str:
    return f"{what}, {iso(ms)[11:]}; times are shown truncated to whole seconds"


def _why_filed(record: CallRecord) -> str:
    match record.disposition:
        case Disposition.ANSWERED:
            return "the call was answered, whatever ended it"
        case Disposition.CANCEL:
            return f"{ended_by(record)} gave up before the answer"
        case Disposition.BUSY | Disposition.NO_ANSWER if record.cause != NORMAL_CLEARING:
            return f"nobody answered, and cause {record.cause} is filed so"
        case Disposition.NO_ANSWER:
            return "the client gave up before the answer, and the switch cancel_is_no_answer files that so"
        case _:
            return f"nobody answered, and cause {record.cause} is none that stands for busy or no answer"


def _why_by(dossier: Dossier, record: CallRecord) -> str:
    if record.hangup_by is None:
        return f"no party hung up; {how_it_ended(dossier)}"
    kind = "an outbound" if record.direction is Direction.OUTBOUND else "an inbound"
    return f"{how_it_ended(dossier)}; {ended_by(record)} is the {record.hangup_by} of {kind} call"


def _why_cause(dossier: Dossier, record: CallRecord) -> str:
    if record.hangup_by is not None and record.cause == NORMAL_CLEARING:
        return f"{ended_by(record)} hung up in the ordinary way"
    return how_it_ended(dossier)
