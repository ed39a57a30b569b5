"""Call records: their fields in the event and in both REST views, one record per call."""

from __future__ import annotations

from typing import Any

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.figures import FIGURES
from mockpbx.conformance.checks.outcomes import ENDS
from mockpbx.conformance.checks.record_views import FIELDS, instant, record_of, shown_by, views_of
from mockpbx.conformance.checks.shapes import (
    NULL,
    NUMBER,
    STRING,
    Shape,
    either,
    one_of,
    require,
    shown,
)
from mockpbx.conformance.checks.views import each, placed
from mockpbx.conformance.run import Call, Run

_EVENT = "cdr, cdr field"
_ROW = "3. Retrieve Call Detail Records, Response Example"
_DETAIL = "4. Get CDR Detail, Response Fields"

_RECORD: Shape = {
    "sessionId": STRING,
    "destination": STRING,
    "startTime": STRING,
    "answerTime": either(STRING, NULL),
    "endTime": STRING,
    "duration": NUMBER,
    "billableSeconds": NUMBER,
    "disposition": STRING,
    "hangupBy": one_of("CALLER", "CALLEE", None),
    "hangupCauseCode": NUMBER,
    "hangupCauseText": STRING,
}
_STORED: Shape = {**_RECORD, "createdAt": STRING, "updatedAt": STRING}
_TIMES = ("startTime", "answerTime", "endTime", "createdAt", "updatedAt")

# --- fields -----------------------------------------------------------------------------------------------------------


def _shape(id: str, section: str, view: str, expects: str, table: Shape) -> Check:
    @check(id, section, expects, "listening", "cancelled")
    def judge(run: Run) -> str:
        def fits(call: Call) -> None:
            record = views_of(call).get(view)
            if record is None:
                raise Unclear(f"no record of a call was seen in {view}")
            require(f"the record in {view}", record, table, *shown_by(call, view))

        return each(placed(run), fits)

    return judge


event_shape = _shape("cdr-event-shape", _EVENT, "the cdr event", "the cdr event has all 11 fields of a record", _RECORD)
row_shape = _shape("cdr-row-shape", _ROW, "GET /cdr", "a record in the list has all 13 fields", _STORED)
detail_shape = _shape(
    "cdr-detail-shape", _DETAIL, "GET /cdr/{sessionId}", "a record's detail has all 13 fields", _STORED
)


@check("record-times-iso", _DETAIL, "times are ISO 8601 with a zone", "listening", "cancelled")
def times_iso(run: Run) -> str:
    """Judge each time that is a text, in all views."""

    def judge(call: Call) -> None:
        for view, record in _seen(call).items():
            for name in _TIMES:
                value = record.get(name)
                if isinstance(value, str) and instant(value) is None:
                    raise Violated(f"{name} in {view} is {shown(value)}", *shown_by(call, view))

    return each(placed(run), judge)


@check("record-views-agree", _EVENT, "the cdr event and both REST views show the same record", "listening", "cancelled")
def views_agree(run: Run) -> str:
    """Judge by the event's 11 fields, where two views have them; times by their whole seconds."""

    def judge(call: Call) -> None:
        views = list(_seen(call).items())
        if len(views) < 2:
            raise Unclear("the record was seen in one view only")
        (first, one), *others = views
        for view, record in others:
            for name in FIELDS:
                if name in one and name in record and not _same(name, one[name], record[name]):
                    got = f"{name} is {shown(one[name])} in {first} and {shown(record[name])} in {view}"
                    raise Violated(got, *shown_by(call, first), *shown_by(call, view))

    return each(placed(run), judge)


@check("record-destination", _DETAIL, "destination is the number that was called", "listening", "cancelled")
def destination(run: Run) -> str:
    """Judge by the number as it was sent."""

    def judge(call: Call) -> None:
        view, record = record_of(call)
        value = record.get("destination")
        if value != call.number:
            raise Violated(f"destination is {shown(value)}, and {call.number} was called", *shown_by(call, view))

    return each(placed(run), judge)


# --- one record -------------------------------------------------------------------------------------------------------


@check("one-record-per-call", _ROW, "each call has one record in the list", "listening", "cancelled")
def one_record(run: Run) -> str:
    """Judge by the page of records to the number that was called."""

    def judge(call: Call) -> None:
        page = call.listed.data if call.listed is not None else None
        if call.listed is None or not isinstance(page, list):
            raise Unclear("the list of records could not be read")
        rows = [row for row in page if isinstance(row, dict) and row.get("sessionId") == call.session_id]
        if len(rows) > 1:
            raise Violated(f"the list shows {len(rows)} records of one call", call.listed)
        if rows:
            return
        meta = call.listed.json.get("meta")
        if not _told(call) or not isinstance(meta, dict) or meta.get("totalItems") != len(page):
            raise Unclear("the call's record may be late, or on another page")
        raise Violated("the list does not show the call's record", call.listed)

    return each(placed(run), judge)


@check("record-detail-found", _DETAIL, "a call's record is found by its sessionId", "listening", "cancelled")
def detail_found(run: Run) -> str:
    """Judge by calls whose record was seen elsewhere."""

    def judge(call: Call) -> None:
        if call.detail is None or call.detail.failure is not None:
            raise Unclear("the record could not be asked for")
        if call.detail.status == 200:
            return
        if not _told(call) and call.row is None:
            raise Unclear("the call's record may be late")
        raise Violated(f"there is a record, and its detail was answered by {call.detail.status}", call.detail)

    return each(placed(run), judge)


# --- inside -----------------------------------------------------------------------------------------------------------


def _seen(call: Call) -> dict[str, dict[str, Any]]:
    views = views_of(call)
    if not views:
        raise Unclear("no record of a call was seen")
    return views


def _same(name: str, one: Any, other: Any) -> bool:
    moments = (instant(one), instant(other)) if name in _TIMES else (None, None)
    if moments[0] is not None and moments[1] is not None:
        return abs((moments[0] - moments[1]).total_seconds()) < 1
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _told(call: Call) -> bool:
    """Return whether the record's event came: from then on REST shows it."""
    return call.first("cdr") is not None


CHECKS: tuple[Check, ...] = (
    event_shape,
    row_shape,
    detail_shape,
    times_iso,
    views_agree,
    destination,
    one_record,
    detail_found,
    *FIGURES,
    *ENDS,
)
