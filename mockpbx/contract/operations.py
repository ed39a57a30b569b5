"""The table of REST operations: it registers the handlers and writes the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockpbx.contract import errors as e
from mockpbx.contract import messages as m


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that an operation may answer with: when, and a sentence as it stands in `errors`."""

    error: type[e.PBXError]
    when: str
    example: str = ""

    @property
    def sentence(self) -> str:
        """The example, or else the error's own sentence."""
        return self.example or self.error.sentence


@dataclass(frozen=True, slots=True)
class Operation:
    """One REST operation.

    `request` is the body's model, or None where no body is read. `enveloped` replies are
    `{"status", "errors", "data"}`; the list of records alone is not (so the document shows it).
    `about` is the published text in short, `silent` what was measured where that says nothing. `example` is the
    target of the published example request.
    """

    id: str
    method: Literal["GET", "POST"]
    path: str
    section: str
    request: type[m.Message] | None
    reply: type[m.Message]
    enveloped: bool
    summary: str
    about: str
    silent: tuple[str, ...]
    failures: tuple[Failure, ...]
    example: str


_NO_TOKEN = (
    Failure(e.Unauthorized, "no token, an empty one, or another scheme than `Bearer`"),
    Failure(e.InvalidToken, "a token that the service does not know"),
)
_BROKEN = Failure(e.ServiceFailure, "the service's own failure")
_BODY = (
    Failure(e.InvalidRequest, "a body that is no JSON, or JSON but no object", "The request body is not valid JSON"),
    Failure(e.BodyTooLarge, "a body over 100 KiB", "The request body is larger than the limit of 102400 bytes"),
    Failure(
        e.UnsupportedBody,
        "an unknown charset or content encoding",
        "The content encoding 'rot13' is not supported: send gzip, deflate or none",
    ),
)
_EMPTY = "A body that is missing, empty, or neither JSON nor urlencoded counts as empty."
_EXTRA = "Fields that are not listed are ignored."

OPERATIONS = (
    Operation(
        "place_call",
        "POST",
        "/pbx/call",
        "1. Initiate Outgoing Call",
        m.PlaceCallRequest,
        m.PlacedCall,
        enveloped=True,
        summary="Initiate an outgoing call",
        about="Initiates a new outbound call to the specified phone number and names its session.",
        silent=(
            "This reply leaves first; then every socket of the same token gets `newSession`. A client that joins the "
            "room on `newSession` sees every status.",
            _EMPTY,
            _EXTRA,
        ),
        failures=(
            Failure(
                e.InvalidPhoneNumber, "a number that is missing, no string, or not 8 to 15 digits (a `+` may lead)"
            ),
            *_BODY,
            *_NO_TOKEN,
            Failure(e.CallNotInitiated, "the call could not be placed"),
            _BROKEN,
        ),
        example="/pbx/call",
    ),
    Operation(
        "hang_up",
        "POST",
        "/pbx/hangup",
        "2. Terminate Call",
        m.HangUpRequest,
        m.TerminatedCall,
        enveloped=True,
        summary="Terminate a call",
        about="Terminates an active call session. The call's room gets `hangup`, and its record follows as `cdr`.",
        silent=(
            "An unknown session, one that has ended and another token's all get the same 404; no format of the id is "
            "required.",
            _EMPTY,
            _EXTRA,
        ),
        failures=(
            Failure(e.InvalidRequest, "a session id that is missing or no string", "sessionId is required"),
            *_BODY,
            *_NO_TOKEN,
            Failure(e.NoSuchSession, "no live call of this token has the session id"),
            _BROKEN,
        ),
        example="/pbx/hangup",
    ),
    Operation(
        "list_records",
        "GET",
        "/cdr",
        "3. API: Retrieve Call Detail Records (CDR)",
        None,
        m.CallDetailRecord,
        enveloped=False,
        summary="Retrieve call detail records",
        about="Fetches a list of call detail records with support for pagination and filtering.",
        silent=(
            "Rows come newest first. A row is there from its `cdr` event on, never half finished.",
            "The reply has no `status` and `errors`; its errors come in the envelope all the same.",
            "A `page` or `limit` that only begins with a whole number counts as that number (`1.9`, `2x`); one that "
            "begins with none is a 400. A page that is missing, empty, 0 or negative is the first; one beyond the last "
            "is empty.",
            "Without a limit there are 100 rows on a page, which is also the most: more is cut to it. 0 shows no "
            "rows, only totals; -1 is the default; anything below is a 400.",
            "A statement is an operator, a colon and a value: `$gte:60`. Without an operator it is `$eq`. A value "
            "keeps its own colons.",
            "A field that is given twice must meet both statements; with `$or:` in front of them, either. "
            "`meta.filter` echoes them.",
            "A field that cannot be filtered, or an operator of the library (`$in`, `$btw`, `$null`, `$ilike`, `$sw`, "
            "`$not`) that this field does not support, is no filter: all rows, and still echoed.",
            "An operator that the library does not know, in other letter case too, is part of the value: no row "
            "matches the text, and where a number is expected it is a 400, as any other value that is none.",
            "HEAD gets 200 and no body.",
        ),
        failures=(
            Failure(
                e.InvalidRequest,
                "a page or limit that is no number, or a limit below -1",
                "limit must be -1 or more, got -2",
            ),
            Failure(
                e.InvalidRequest,
                "a filter of a numeric field with a value that is no number",
                "filter.duration must be a number, got 'long'",
            ),
            *_NO_TOKEN,
            _BROKEN,
        ),
        example="/cdr?page=1&limit=10&filter.destination=$contains:0812&filter.duration=$gte:30",
    ),
    Operation(
        "get_record",
        "GET",
        "/cdr/{sessionId}",
        "4. API: Get CDR Detail",
        None,
        m.CallDetailRecord,
        enveloped=True,
        summary="Get one call detail record",
        about="Retrieves detailed information for a specific call detail record by session ID.",
        silent=("HEAD gets 200 and no body.",),
        failures=(
            Failure(
                e.InvalidRequest,
                "a path with a broken %-escape",
                "The path has a % that is not followed by two hexadecimal digits",
            ),
            *_NO_TOKEN,
            Failure(e.NoSuchRecord, "no record of this token has the session id"),
            _BROKEN,
        ),
        example="/cdr/0198355b-f324-718b-95a4-625c43c654bc",
    ),
)


@dataclass(frozen=True, slots=True)
class FilterField:
    """A field of `GET /cdr` that may be filtered, with the operators the contract lists for it and its examples."""

    name: str
    operators: frozenset[str]
    numeric: bool
    examples: tuple[str, ...]


_NUMBER = frozenset({"$eq", "$gt", "$gte", "$lt", "$lte"})

#: Section "Supported Filter Fields and Operators".
FILTER_FIELDS = (
    FilterField(
        "destination", frozenset({"$eq", "$contains"}), numeric=False, examples=("$eq:08123456789", "$contains:0812")
    ),
    FilterField("duration", _NUMBER, numeric=True, examples=("$gte:60", "$lt:300")),
    FilterField("billableSeconds", _NUMBER, numeric=True, examples=("$gt:30", "$lte:180")),
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a path or query that is no filter; `least` is the least number that it takes."""

    name: str
    place: Literal["path", "query"]
    kind: Literal["integer", "string"]
    about: str
    example: object
    default: object = None
    least: int | None = None


#: Section "Query Parameters" and "Path Parameters", by operation; `sortBy` and `search` show in `meta` only.
PARAMETERS = {
    "list_records": (
        Parameter("page", "query", "integer", "Page number, starting from 1.", 1, default=1),
        Parameter("limit", "query", "integer", "Number of records per page, at most 100.", 10, default=100, least=-1),
        Parameter(
            "sortBy",
            "query",
            "string",
            "Order of the rows by their issue: `id:DESC` or `id:ASC`; anything else is ignored.",
            "id:DESC",
            default="id:DESC",
        ),
        Parameter("search", "query", "string", "Echoed in `meta`, with no effect on the rows.", "0812"),
    ),
    "get_record": (
        Parameter(
            "sessionId",
            "path",
            "string",
            "Unique session identifier for the CDR.",
            "0198355b-f324-718b-95a4-625c43c654bc",
        ),
    ),
}
