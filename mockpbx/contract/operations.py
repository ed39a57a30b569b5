"""The table of REST operations: it registers the handlers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockpbx.contract import messages as m


@dataclass(frozen=True, slots=True)
class Operation:
    """One REST operation.

    `request` is the body's model, or None where no body is read. `enveloped` replies are
    `{"status", "errors", "data"}`; the list of records alone is not (so the document shows it).
    """

    id: str
    method: Literal["GET", "POST"]
    path: str
    section: str
    request: type[m.Message] | None
    reply: type[m.Message]
    enveloped: bool = True


OPERATIONS = (
    Operation("place_call", "POST", "/pbx/call", "1. Initiate Outgoing Call", m.PlaceCallRequest, m.PlacedCall),
    Operation("hang_up", "POST", "/pbx/hangup", "2. Terminate Call", m.HangUpRequest, m.TerminatedCall),
    Operation(
        "list_records",
        "GET",
        "/cdr",
        "3. API: Retrieve Call Detail Records (CDR)",
        None,
        m.CallDetailRecord,
        False,
    ),
    Operation("get_record", "GET", "/cdr/{sessionId}", "4. API: Get CDR Detail", None, m.CallDetailRecord),
)


@dataclass(frozen=True, slots=True)
class FilterField:
    """A field of `GET /cdr` that may be filtered, with the operators the contract lists for it."""

    name: str
    operators: frozenset[str]
    numeric: bool


_NUMBER = frozenset({"$eq", "$gt", "$gte", "$lt", "$lte"})

#: Section "Supported Filter Fields and Operators".
FILTER_FIELDS = (
    FilterField("destination", frozenset({"$eq", "$contains"}), numeric=False),
    FilterField("duration", _NUMBER, numeric=True),
    FilterField("billableSeconds", _NUMBER, numeric=True),
)
