"""A call's record in the three places that show it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from mockpbx.conformance.check import Unclear
from mockpbx.conformance.run import Call
from mockpbx.conformance.transcript import Item

EVENT, ROW, DETAIL = "the cdr event", "GET /cdr", "GET /cdr/{sessionId}"

#: Fields of the event; REST shows two more, createdAt and updatedAt.
FIELDS = (
    "sessionId",
    "destination",
    "startTime",
    "answerTime",
    "endTime",
    "duration",
    "billableSeconds",
    "disposition",
    "hangupBy",
    "hangupCauseCode",
    "hangupCauseText",
)

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


def views_of(call: Call) -> dict[str, dict[str, Any]]:
    """Return the call's record by view, those that show one: detail, list, event."""
    detail = call.detail.data if call.detail is not None and call.detail.status == 200 else None
    seen = {DETAIL: detail, ROW: call.row, EVENT: call.record}
    return {view: record for view, record in seen.items() if isinstance(record, dict)}


def record_of(call: Call) -> tuple[str, dict[str, Any]]:
    """Return a call's record and the view that shows it. Raises Unclear where none does."""
    for view, record in views_of(call).items():
        return view, record
    raise Unclear("no record of a call was seen")


def shown_by(call: Call, view: str) -> list[Item]:
    """Return what shows a view of the record."""
    items: dict[str, Item | None] = {DETAIL: call.detail, ROW: call.listed, EVENT: call.first("cdr")}
    item = items[view]
    return [] if item is None else [item]


def instant(text: Any, *, zoneless: bool = False) -> datetime | None:
    """Return the moment that an ISO 8601 text with a zone names; None for anything else.

    With `zoneless` a text without a zone is taken for UTC.
    """
    found = _ISO.fullmatch(text) if isinstance(text, str) else None
    if found is None or not (found[2] or zoneless):
        return None
    try:
        moment = datetime.fromisoformat(found[0])
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except ValueError:
        return None
