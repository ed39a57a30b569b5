"""Mutants of call records: of the `cdr` event and of both REST views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from mockpbx.runtime.mutants.mutation import Mutant, Mutation, Payload, Reply
from mockpbx.runtime.mutants.telling import Events, without

EVENT, LIST, DETAIL = "cdr", "GET /cdr", "GET /cdr/{sessionId}"
EVERYWHERE: Final = (EVENT, LIST, DETAIL)


@dataclass
class RecordChanged(Mutation):
    """Records show something else in these views: `change` makes it of the right record."""

    change: Callable[[Payload], Payload]
    views: tuple[str, ...] = EVERYWHERE

    def events(self, event: str, payload: Payload) -> Events:
        """Change the `cdr` event."""
        return [(event, self.change(payload) if event == EVENT and EVENT in self.views else payload)]

    def reply(self, reply: Reply) -> Reply:
        """Change the records of a reply."""
        if reply.status != 200 or reply.request not in self.views:
            return reply
        data = reply.body["data"]
        shown = [self.change(row) for row in data] if isinstance(data, list) else self.change(data)
        return replace(reply, body=reply.body | {"data": shown})


def _field(name: str, change: Callable[..., object]) -> Callable[[Payload], Payload]:
    """Return what changes one field of a record."""
    return lambda row: row | {name: change(row[name])}


def _times(change: Callable[[str], str]) -> Callable[[Payload], Payload]:
    names = ("startTime", "answerTime", "endTime")
    return lambda row: row | {name: change(row[name]) for name in names if row[name] is not None}


_PARTIES = {"CALLER": "CALLEE", "CALLEE": "CALLER"}
_FIELDS = "cdr field"

RECORDS = (
    Mutant(
        "cdr-differs-from-rest", "records", _FIELDS, "the cdr event tells a duration one second longer than REST",
        "assert that the cdr event and GET /cdr agree", RecordChanged(_field("duration", lambda s: s + 1), (EVENT,)),
    ),
    Mutant(
        "duration-one-too-many", "records", _FIELDS, "duration is one second too long",
        "assert the duration of a call of known length", RecordChanged(_field("duration", lambda s: s + 1)),
    ),
    Mutant(
        "duration-in-milliseconds", "records", _FIELDS, "duration is in milliseconds",
        "assert the duration of a call of known length", RecordChanged(_field("duration", lambda s: s * 1_000)),
    ),
    Mutant(
        "duration-as-string", "records", _FIELDS, "duration is a text",
        "assert the duration as a number", RecordChanged(_field("duration", str)),
    ),
    Mutant(
        "billable-includes-ringing", "records", _FIELDS, "billableSeconds of an answered call counts its ringing",
        "assert billableSeconds of an answered call",
        RecordChanged(lambda row: row | {"billableSeconds": row["duration"] if row["answerTime"] else 0}),
    ),
    Mutant(
        "billable-unanswered", "records", _FIELDS, "billableSeconds of an unanswered call is its duration",
        "call a number that is busy and assert that nothing is billed",
        RecordChanged(lambda row: row if row["answerTime"] else row | {"billableSeconds": row["duration"] or 1}),
    ),
    Mutant(
        "disposition-in-lower-case", "records", _FIELDS, "disposition is in lower case",
        "assert the disposition by its exact spelling", RecordChanged(_field("disposition", str.lower)),
    ),
    Mutant(
        "busy-as-failed", "records", _FIELDS, "the disposition of a busy number is FAILED",
        "call a busy number (08000000017) and assert its disposition",
        RecordChanged(_field("disposition", lambda name: "FAILED" if name == "BUSY" else name)),
    ),
    Mutant(
        "no-answer-with-underscore", "records", _FIELDS, "NO ANSWER is spelt NO_ANSWER",
        "let a call go unanswered (08000000019) and assert its disposition",
        RecordChanged(_field("disposition", lambda name: name.replace(" ", "_"))),
    ),
    Mutant(
        "hangup-by-swapped", "records", _FIELDS, "hangupBy names the other party",
        "assert who hung up", RecordChanged(_field("hangupBy", lambda by: _PARTIES.get(by, by))),
    ),
    Mutant(
        "hangup-by-missing", "records", _FIELDS, "the field hangupBy is missing",
        "assert who hung up", RecordChanged(lambda row: without(row, "hangupBy")),
    ),
    Mutant(
        "cause-code-as-string", "records", _FIELDS, "hangupCauseCode is a text",
        "assert the cause code as a number", RecordChanged(_field("hangupCauseCode", str)),
    ),
    Mutant(
        "cause-always-normal", "records", "hangup cause code", "hangupCauseCode is 16, however the call ended",
        "call a number that is busy and assert the cause code", RecordChanged(_field("hangupCauseCode", lambda _: 16)),
    ),
    Mutant(
        "cause-text-missing", "records", _FIELDS, "the field hangupCauseText is missing",
        "assert the cause's text", RecordChanged(lambda row: without(row, "hangupCauseText")),
    ),
    Mutant(
        "answer-time-null", "records", _FIELDS, "answerTime of an answered call is null",
        "assert answerTime of an answered call", RecordChanged(_field("answerTime", lambda _: None)),
    ),
    Mutant(
        "answer-time-of-unanswered", "records", _FIELDS, "answerTime of an unanswered call is its end",
        "call a number that is busy and assert that answerTime is null",
        RecordChanged(lambda row: row | {"answerTime": row["answerTime"] or row["endTime"]}),
    ),
    Mutant(
        "times-without-zone", "records", _FIELDS, "the times lack their Z",
        "assert the times with their zone", RecordChanged(_times(lambda time: time.removesuffix("Z"))),
    ),
    Mutant(
        "destination-without-zero", "records", _FIELDS, "destination lacks its leading zero",
        "assert the destination as it was dialled",
        RecordChanged(_field("destination", lambda number: number.lstrip("0"))),
    ),
    Mutant(
        "created-at-missing", "records", "Response Fields", "createdAt is missing from both REST views",
        "assert createdAt of a record", RecordChanged(lambda row: without(row, "createdAt"), (LIST, DETAIL)),
    ),
)  # fmt: skip
