"""The arithmetic of call records: lengths and times against what the checker measured itself.

Lengths come of milliseconds and times are shown cut to whole seconds, as in the contract's own sample (11 s from
05:17:28 to 05:17:40); a service that subtracts what it shows is right, too. It is one or the other in all its records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import floor
from typing import Any

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.record_views import instant, record_of, shown_by
from mockpbx.conformance.checks.shapes import is_number, shown
from mockpbx.conformance.checks.views import answered, each, is_unanswered, placed, was_answered
from mockpbx.conformance.run import Call, Run

_EVENT = "cdr, cdr field"
_DETAIL = "4. Get CDR Detail, Response Fields"

_WHOLE = "cut as in the contract's sample, rounded to the nearest, or between the times shown; not rounded up"

#: Seconds by which the service's own moments may lie beside what it tells of them.
_SLACK = 0.1
#: Seconds by which a hangup that nobody asked for may be told late.
_TOLD_LATE = 1.0
#: Seconds by which shown times may differ from the measured ones: each is cut to whole seconds.
_CUT = 1.0


@dataclass(frozen=True)
class Length:
    """The least and the most that something lasted, in seconds."""

    least: float
    most: float

    def holds(self, figure: float) -> bool:
        """Return whether whole seconds are such a length, cut or rounded."""
        return floor(max(0.0, self.least)) <= figure <= floor(self.most + 0.5)

    def __str__(self) -> str:
        return f"{self.least:.1f} to {self.most:.1f} s"


Beginning = Callable[[Call], tuple[float, float]]


def _initiated(call: Call) -> tuple[float, float]:
    """Return the earliest and the latest moment at which a call may have started: its POST, its first status."""
    told = [heard.at for heard in call.heard() if heard.event in ("dialStatus", "audio", "hangup")]
    return call.placed.sent_at, min(told, default=call.marks.get("hung_up", call.placed.at))


def _picked_up(call: Call) -> tuple[float, float]:
    """Return the moment at which a call was answered: Connected, or its first sound."""
    moments = [heard.at for heard in call.heard("audio")[:1]]
    moments += [heard.at for heard in call.heard("dialStatus") if heard.payload.get("status") == "Connected"]
    if not moments or not was_answered(call):
        raise Unclear("no call was seen to be answered")
    return min(moments), max(moments)


def _ended(call: Call) -> tuple[float, float]:
    """Return the earliest and the latest moment at which a call may have ended."""
    told, record = call.first("hangup"), call.first("cdr")
    if told is None or (record is not None and record.at < told.at):
        raise Unclear("the end of the call was not told, or behind its record")
    asked = call.marks.get("hung_up", told.at)
    return (asked if asked < told.at else told.at - _TOLD_LATE), told.at


def length(call: Call, beginning: Beginning) -> Length:
    """Return how long a call lasted from its beginning, or its answer. Raises Unclear where that was not seen."""
    earliest, latest = beginning(call)
    soonest, last = _ended(call)
    return Length(soonest - latest - _SLACK, last - earliest + _SLACK)


@dataclass(frozen=True)
class _Case:
    call: Call
    figure: float
    measured: Length
    shown: float | None  # seconds between the times that the record shows

    @property
    def by_milliseconds(self) -> bool:
        return self.measured.holds(self.figure)

    @property
    def by_what_is_shown(self) -> bool:
        return self.shown is not None and self.figure in (floor(self.shown), floor(self.shown + 0.5))


def _figure(id: str, expects: str, field: str, since: str, beginning: Beginning) -> Check:
    """Make the check of a figure of the record, which counts from the time `since` to the call's end."""

    @check(id, _EVENT, expects, "listening")
    def judge(run: Run) -> str:
        cases = list(_cases(run, field, since, beginning))
        if not cases:
            raise Unclear(f"no record shows {field} of a call whose length was seen")
        wrong = [case for case in cases if not case.by_milliseconds]
        if wrong and not all(case.by_what_is_shown for case in cases):
            case = wrong[0]
            beside = "" if case.shown is None else f", and the times shown lie {case.shown:g} s apart"
            got = f"{field} is {shown(case.figure)} where {case.measured} were measured{beside}"
            raise Violated(got, *shown_by(case.call, record_of(case.call)[0]))
        return f"{len(cases)} records"

    return judge


def _cases(run: Run, field: str, since: str, beginning: Beginning) -> Iterator[_Case]:
    for call in placed(run):
        try:
            record = record_of(call)[1]
            measured = length(call, beginning)
        except Unclear:
            continue
        if is_number(record.get(field)):
            yield _Case(call, record[field], measured, _between(record, since))


def _between(record: dict[str, Any], since: str) -> float | None:
    begun, ended = (instant(record.get(name), zoneless=True) for name in (since, "endTime"))
    return None if begun is None or ended is None else (ended - begun).total_seconds()


duration = _figure(
    "duration",
    f"duration is the whole seconds from the call's start to its end, {_WHOLE}",
    "duration",
    "startTime",
    _initiated,
)
billable = _figure(
    "billable-seconds",
    f"billableSeconds is the whole seconds from the answer to the end, {_WHOLE}",
    "billableSeconds",
    "answerTime",
    _picked_up,
)


@check("unanswered-is-not-billed", _EVENT, "billableSeconds of a call that nobody answered is 0", "cancelled")
def unbilled(run: Run) -> str:
    """Judge the calls without an answer."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        value = record.get("billableSeconds")
        if not is_number(value):
            raise Unclear("billableSeconds is no number")
        if value != 0:
            raise Violated(f"billableSeconds is {shown(value)}", *shown_by(call, view))

    return each(_unanswered(run), judge)


@check("unanswered-has-no-answer-time", _DETAIL, "answerTime of a call that nobody answered is null", "cancelled")
def no_answer_time(run: Run) -> str:
    """Judge the calls without an answer."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        if record.get("answerTime") is not None:
            raise Violated(f"answerTime is {shown(record['answerTime'])}", *shown_by(call, view))

    return each(_unanswered(run), judge)


@check("answered-has-answer-time", _DETAIL, "answerTime of an answered call is the time of the answer", "listening")
def answer_time(run: Run) -> str:
    """Judge the calls with an answer."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        if record.get("answerTime", "") is None:
            raise Violated("answerTime of an answered call is null", *shown_by(call, view))

    return each(answered(run), judge)


@check("record-times-in-order", _DETAIL, "a call starts, is answered and ends in this order", "listening", "cancelled")
def in_order(run: Run) -> str:
    """Judge every record by the times that it has."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        times = [
            moment
            for name in ("startTime", "answerTime", "endTime")
            if (moment := instant(record.get(name), zoneless=True)) is not None
        ]
        if len(times) < 2:
            raise Unclear("the record has no times that can be read")
        if times != sorted(times):
            raise Violated(f"the times are {', '.join(map(datetime.isoformat, times))}", *shown_by(call, view))

    return each(placed(run), judge)


@check("record-times-add-up", _DETAIL, "the times shown lie as far apart as the call lasted", "listening")
def add_up(run: Run) -> str:
    """Judge by what was measured: from the start, and from the answer."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        told = 0
        for since, beginning in (("startTime", _initiated), ("answerTime", _picked_up)):
            apart = _between(record, since)
            if apart is None or (since == "answerTime" and not was_answered(call)):
                continue
            measured = length(call, beginning)
            told += 1
            if not measured.least - _CUT <= apart <= measured.most + _CUT:
                got = f"from {since} to endTime are {apart:g} s, and {measured} were measured"
                raise Violated(got, *shown_by(call, view))
        if not told:
            raise Unclear("the record has no times that can be read")

    return each(placed(run), judge)


def _unanswered(run: Run) -> list[Call]:
    found = [call for call in placed(run) if is_unanswered(call)]
    if not found:
        raise Unclear("no call was seen to end without an answer")
    return found


FIGURES: tuple[Check, ...] = (duration, billable, unbilled, no_answer_time, answer_time, in_order, add_up)
