"""Mutants of REST: of replies, their envelope, what is refused, and which records a query finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockpbx.contract.errors import InvalidPhoneNumber, NoSuchSession, Unauthorized
from mockpbx.runtime.mutants.joining import Lenient
from mockpbx.runtime.mutants.mutation import Mutant, Mutation, Reply
from mockpbx.runtime.mutants.records import DETAIL, LIST
from mockpbx.runtime.mutants.telling import without
from mockpbx.runtime.records import Condition, RecordQuery

CALL, HANGUP = "POST /pbx/call", "POST /pbx/hangup"


@dataclass
class ReplyChanged(Mutation):
    """The body of replies with this HTTP status is another one, of these requests only."""

    change: Callable[[Any], Any]
    requests: tuple[str, ...]
    status: int = 200

    def reply(self, reply: Reply) -> Reply:
        """Change the body."""
        if reply.status != self.status or reply.request not in self.requests:
            return reply
        return replace(reply, body=self.change(reply.body))


@dataclass
class StatusChanged(Mutation):
    """Replies bear another HTTP status, in their envelope, too; all of these requests where any are named."""

    statuses: Mapping[int, int]
    requests: tuple[str, ...] = ()

    def reply(self, reply: Reply) -> Reply:
        """Change the status."""
        if reply.status not in self.statuses or (self.requests and reply.request not in self.requests):
            return reply
        status = self.statuses[reply.status]
        return replace(reply, status=status, body=reply.body | {"status": status})


class ErrorsAs200(Mutation):
    """Errors bear their status in the envelope only."""

    def reply(self, reply: Reply) -> Reply:
        """Answer 200 in HTTP."""
        return replace(reply, status=200) if reply.status >= 400 else reply


@dataclass
class QueryChanged(Mutation):
    """Other records are found than were asked for."""

    change: Callable[[RecordQuery], RecordQuery]

    def query(self, query: RecordQuery) -> RecordQuery:
        """Change the query."""
        return self.change(query)


class AnnouncedFirst(Mutation):
    """Clients hear of a session before the reply to its POST leaves."""

    def announces_first(self) -> bool:
        """Return that they do."""
        return True


def _inside(name: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what changes the fields of an object within a body."""
    return lambda body: body | {name: change(body[name])}


class TotalUnfiltered(Mutation):
    """The total of a filtered list is that of the whole one, as it was last told."""

    def __init__(self) -> None:
        self._total = 0

    def reply(self, reply: Reply) -> Reply:
        """Remember the total of a list without a filter, and tell it of lists with one."""
        if reply.request != LIST or reply.status != 200:
            return reply
        meta = reply.body["meta"]
        if "filter" not in meta:
            self._total = meta["totalItems"]
            return reply
        pages = -(-self._total // max(meta["itemsPerPage"], 1))
        return replace(reply, body=reply.body | {"meta": meta | {"totalItems": self._total, "totalPages": pages}})


def _page_total(body: Any) -> Any:
    return body | {"meta": body["meta"] | {"totalItems": len(body["data"])}}


def _without_filters_behind_page_1(query: RecordQuery) -> RecordQuery:
    return replace(query, filters=()) if query.page > 1 else query


def _billable_alone(query: RecordQuery) -> RecordQuery:
    if len(query.filters) < 2:
        return query
    return replace(query, filters=tuple(each for each in query.filters if each[0] != "billableSeconds"))


def _turned_where_filtered(query: RecordQuery) -> RecordQuery:
    return replace(query, ascending=not query.ascending) if query.filters else query


def _gt(query: RecordQuery) -> RecordQuery:
    def stricter(condition: Condition) -> Condition:
        return replace(condition, operator=">") if condition.operator == ">=" else condition

    return replace(query, filters=tuple((field, tuple(map(stricter, some))) for field, some in query.filters))


_INITIATE, _TERMINATE, _RETRIEVE, _GET = (
    "1. Initiate Outgoing Call", "2. Terminate Call", "3. Retrieve Call Detail Records", "4. Get CDR Detail",
)  # fmt: skip
_CODES = "HTTP Status Codes"
_ERRORS = "Common Error Responses"

REST = (
    Mutant(
        "post-201", "rest", _INITIATE, "a call that was placed is answered by 201",
        "assert that your client takes 200 and nothing else", StatusChanged({200: 201}, (CALL,)),
    ),
    Mutant(
        "post-errors-null", "rest", _INITIATE, "errors is null instead of empty where all went well",
        "assert that errors is an empty text", ReplyChanged(lambda body: body | {"errors": None}, (CALL, HANGUP)),
    ),
    Mutant(
        "post-status-as-string", "rest", _INITIATE, 'status is the text "200"',
        "assert status as a number", ReplyChanged(lambda body: body | {"status": "200"}, (CALL, HANGUP)),
    ),
    Mutant(
        "post-without-session", "rest", _INITIATE, "sessionId is missing from the reply",
        "assert that your client has the session's id",
        ReplyChanged(_inside("data", lambda data: without(data, "sessionId")), (CALL,)),
    ),
    Mutant(
        "post-session-numeric", "rest", _INITIATE, "sessionId is a number",
        "assert that sessionId is text",
        ReplyChanged(_inside("data", lambda data: data | {"sessionId": int(data["sessionId"][:8], 16)}), (CALL,)),
    ),
    Mutant(
        "post-session-of-a-stranger", "rest", _INITIATE, "sessionId in the reply names no session",
        "assert that the reply's sessionId is that of newSession",
        ReplyChanged(_inside("data", lambda data: data | {"sessionId": data["sessionId"][::-1]}), (CALL,)),
    ),
    Mutant(
        "post-without-data", "rest", _INITIATE, "the reply lacks its envelope: data is all of it",
        "assert the reply's envelope", ReplyChanged(lambda body: body["data"], (CALL,)),
    ),
    Mutant(
        "post-number-changed", "rest", _INITIATE, "phoneNumber comes back in international form",
        "assert that phoneNumber comes back as it was dialled",
        ReplyChanged(_inside("data", lambda data: data | {"phoneNumber": f"+62{data['phoneNumber'][1:]}"}), (CALL,)),
    ),
    Mutant(
        "new-session-before-reply", "rest", "Event Flow Diagram", "newSession leaves before the reply to the POST",
        "assert that your client copes with a session whose id it does not know yet", AnnouncedFirst(),
    ),
    Mutant(
        "invalid-number-accepted", "rest", _ERRORS, "a number that is none is called",
        "dial abc and assert that your client reports the refusal", Lenient("rest", InvalidPhoneNumber),
    ),
    Mutant(
        "missing-token-accepted", "rest", "Authentication", "requests with a wrong token, or none, are carried out",
        "send a request without a token and assert 401", Lenient("rest", Unauthorized),
    ),
    Mutant(
        "unauthorized-as-403", "rest", _CODES, "a missing or wrong token is answered by 403",
        "send a request without a token and assert 401", StatusChanged({401: 403}),
    ),
    Mutant(
        "bad-request-as-422", "rest", _CODES, "bad parameters are answered by 422",
        "dial abc and assert 400", StatusChanged({400: 422}),
    ),
    Mutant(
        "not-found-as-500", "rest", _CODES, "what is not found is answered by 500",
        "ask for a record that does not exist and assert 404", StatusChanged({404: 500}),
    ),
    Mutant(
        "errors-as-200", "rest", _CODES, "errors bear HTTP status 200",
        "assert that your client looks at an error's envelope", ErrorsAs200(),
    ),
    Mutant(
        "errors-as-list", "rest", _ERRORS, "errors of bad parameters is a list of sentences",
        "dial abc and assert the sentence that your client reports",
        ReplyChanged(lambda body: body | {"errors": [body["errors"]]}, (CALL, HANGUP, LIST, DETAIL), 400),
    ),
    Mutant(
        "unknown-hangup-accepted", "rest", _TERMINATE, "hanging up an unknown session is answered by 200",
        "hang up a call that has ended and assert 404", Lenient("rest", NoSuchSession),
    ),
    Mutant(
        "detail-without-envelope", "rest", _GET, "the detail comes without its envelope",
        "fetch a record by GET /cdr/{sessionId}", ReplyChanged(lambda body: body["data"], (DETAIL,)),
    ),
    Mutant(
        "detail-not-found", "rest", _GET, "a record that there is comes as 404",
        "fetch a record by GET /cdr/{sessionId}", StatusChanged({200: 404}, (DETAIL,)),
    ),
    Mutant(
        "list-with-envelope", "rest", _RETRIEVE, "the list comes in an envelope, its rows within data",
        "fetch records by GET /cdr", ReplyChanged(lambda body: {"status": 200, "errors": "", "data": body}, (LIST,)),
    ),
    Mutant(
        "cdr-page-from-zero", "rest", _RETRIEVE, "pages count from 0: page=1 shows the second",
        "fetch page 1 and assert its rows", QueryChanged(lambda query: replace(query, page=query.page + 1)),
    ),
    Mutant(
        "cdr-total-of-page", "rest", _RETRIEVE, "totalItems counts the page's rows only",
        "fetch a page of one and assert totalItems", ReplyChanged(_page_total, (LIST,)),
    ),
    Mutant(
        "cdr-total-as-string", "rest", _RETRIEVE, "totalItems is a text",
        "assert totalItems as a number",
        ReplyChanged(_inside("meta", lambda meta: meta | {"totalItems": str(meta["totalItems"])}), (LIST,)),
    ),
    Mutant(
        "cdr-sorted-ascending", "rest", _RETRIEVE, "the oldest record comes first",
        "fetch two records and assert that the newest comes first",
        QueryChanged(lambda query: replace(query, ascending=not query.ascending)),
    ),
    Mutant(
        "filter-ignored", "rest", "Supported Filter Fields and Operators", "filters have no effect",
        "filter by destination and assert the rows", QueryChanged(lambda query: replace(query, filters=())),
    ),
    Mutant(
        "filter-lost-behind-page-1", "rest", "Supported Filter Fields and Operators",
        "filters have no effect on page 2 and those behind it",
        "filter by duration and fetch page 2 of one record", QueryChanged(_without_filters_behind_page_1),
    ),
    Mutant(
        "filter-billable-alone", "rest", "Supported Filter Fields and Operators",
        "filter.billableSeconds has no effect beside another filter",
        "filter by destination and billableSeconds and assert the rows", QueryChanged(_billable_alone),
    ),
    Mutant(
        "cdr-total-unfiltered", "rest", _RETRIEVE, "totalItems of a filtered list counts all records",
        "filter by duration and assert totalItems", TotalUnfiltered(),
    ),
    Mutant(
        "cdr-filtered-ascending", "rest", _RETRIEVE, "the oldest record comes first where a filter is set",
        "filter by destination and assert that the newest record comes first", QueryChanged(_turned_where_filtered),
    ),
    Mutant(
        "gte-as-gt", "rest", "Supported Filter Fields and Operators", "$gte finds what is greater only",
        "filter by $gte with a record's own duration and assert that it is found", QueryChanged(_gt),
    ),
    Mutant(
        "limit-ignored", "rest", _RETRIEVE, "limit has no effect",
        "fetch a page of one and assert its rows", QueryChanged(lambda query: replace(query, limit=100)),
    ),
)  # fmt: skip
