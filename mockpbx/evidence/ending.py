"""How a call ended, or what it waits for, in a sentence: who did it, and by which rule."""

from __future__ import annotations

from mockpbx.contract.vocabulary import HANGUP_CAUSES, NORMAL_CLEARING, SYSTEM_ERROR, Direction, Party
from mockpbx.domain import events as e
from mockpbx.domain.exchange import TAKEN_OVER
from mockpbx.domain.record import CallRecord
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.telling import moment, plain, waited_for

#: What the callee did, by the cause of a call that nobody answered.
_UNANSWERED = {17: "the callee was busy", 18: "the callee did not respond", 19: "the callee did not answer"}
_DECLINED = 21


def how_it_ended(dossier: Dossier) -> str:
    """Return who or what ended a call, and when. The call must have ended."""
    record = dossier.record
    assert record is not None
    at = moment(dossier, record.ended_at)
    if record.hangup_by is _client(dossier):
        declined = record.cause == _DECLINED
        before = "" if record.answered_at is not None else ", before the answer"
        return f"the client {'declined' if declined else 'hung up'} at {at}{'' if declined else before}"
    if record.hangup_by is not None:
        return _hung_up(dossier, record, at)
    return _broke(dossier, record, at)


def _client(dossier: Dossier) -> Party:
    return Party.CALLER if dossier.call.direction is Direction.OUTBOUND else Party.CALLEE


def _other_end(dossier: Dossier) -> str:
    return "the callee" if dossier.call.direction is Direction.OUTBOUND else "the caller"


def _hung_up(dossier: Dossier, record: CallRecord, at: str) -> str:
    who, stopped = _other_end(dossier), dossier.first(e.ScenarioStopped)
    if record.cause == _DECLINED:
        return f"{who} declined the call at {at} (cause {_DECLINED})"
    if record.answered_at is None:
        limit = dossier.settings.ring_limit
        return f"{who} gave up at {at}: nobody had answered within {limit:g} s (ring_limit)"
    if stopped is None or not isinstance(stopped.event, e.ScenarioStopped) or stopped.at != record.ended_at:
        return f"{who} hung up at {at}, as its scenario says"
    if stopped.event.reason == TAKEN_OVER:
        return f"{who} hung up at {at}, by hand"
    return f"{who} hung up at {at}: {plain(stopped.event.reason)} (step {stopped.event.step})"


def _broke(dossier: Dossier, record: CallRecord, at: str) -> str:
    failed = dossier.first(e.ScenarioFailed)
    finished = dossier.first(e.ScenarioFinished)
    scripted = finished is not None and finished.at == record.ended_at
    cause = f"cause {record.cause}: {HANGUP_CAUSES[record.cause].contract}"
    if failed is not None and isinstance(failed.event, e.ScenarioFailed) and record.cause == SYSTEM_ERROR:
        return f"the scenario failed at {at}, at its step {failed.event.step}: {plain(failed.event.reason)}"
    if record.answered_at is not None and record.cause == NORMAL_CLEARING:
        return f"the call reached its time limit of {dossier.settings.call_limit:g} s (call_limit) at {at}"
    if record.answered_at is None and record.cause == NORMAL_CLEARING:
        return f"the client hung up at {at}, before the answer (cancel_is_no_answer)"
    if record.cause in (18, 19) and not scripted:
        return f"nobody answered within {dossier.settings.ring_limit:g} s (ring_limit), at {at}"
    if record.cause in _UNANSWERED and record.answered_at is None:
        return f"{_UNANSWERED[record.cause]} ({cause}), the call ended at {at}"
    if scripted:
        return f"the call broke at {at} as its scenario says ({cause})"
    return f"the call was broken at {at} ({cause})"


def how_it_stands(dossier: Dossier) -> str:
    """Return what a live call is at, and who could move it on."""
    call = dossier.call
    if call.status == "Created":
        return f"dialling begins when a client joins, or after {dossier.settings.dial_delay:g} s (dial_delay)"
    since = next((moment(dossier, entry.at) for entry in reversed(dossier.all(e.DialStatusChanged))), "")
    where = f"the call is {call.status} since {since}"
    if call.status != "Connected" and call.direction is Direction.INBOUND:
        return f"{where}, until a client joins its room"
    if call.status != "Connected":
        return f"{where}, and its scenario has not gone on"
    listens, met = dossier.all(e.CalleeListens), dossier.all(e.ExpectationMet, e.ExpectationMissed)
    if len(listens) > len(met):
        event = listens[-1].event
        assert isinstance(event, e.CalleeListens)
        return f"{where}, and its scenario waits for {waited_for(event.expectation)}"
    if dossier.first(e.ScenarioFinished):
        return f"{where}, its scenario is over without hanging up, and the client has not hung up"
    return f"{where}, and nobody has hung up"
