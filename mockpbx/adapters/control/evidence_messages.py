"""Bodies, queries and replies of what calls tell (see `messages`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

from mockpbx.adapters.control.messages import LONGEST_WAIT, Body, JournalEntry, Query
from mockpbx.contract.messages import Message
from mockpbx.evidence.finding import Level
from mockpbx.evidence.measures import Metrics


def _position(value: object) -> object:
    if not isinstance(value, str) and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError("expected a call's sessionId, or how many calls to pass over")
    return value


Within = Annotated[
    float,
    Field(ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="wall seconds to wait"),
]


class AwaitCall(Body):
    """Which call to wait for: the first that there is, or comes, of those that fit."""

    number: Annotated[
        str, Field(max_length=64, description="number that is called: a pattern as in a dial plan, such as 0896*")
    ] = "*"
    after: Annotated[
        str | int,
        BeforeValidator(_position),
        Field(description="a call's sessionId: those placed after it; or how many of those that fit to pass over"),
    ] = 0
    within: Within = 5


class FactWanted(Message):
    """A fact by its name, such as `Digit`, beside it the fields that are to be so."""

    model_config = ConfigDict(extra="allow", populate_by_name=False)

    fact: str


class Expect(Body):
    """Facts that are to be found in a call in this order, other facts between them."""

    facts: Annotated[list[FactWanted], Field(min_length=1, max_length=1_000)]
    within: Within = 5
    after: Annotated[int, Field(ge=0, description="number of the entry behind which to look, such as a `next`")] = 0


class Expected(Message):
    """Whether all facts were found, and the entries that show them; otherwise why not, in words."""

    met: bool
    entries: list[JournalEntry]
    next: Annotated[int, Field(description="the `after` to ask with next")]
    explanation: Annotated[str | None, Field(description="timeline, nearest facts and likely cause; null where met")]


class CallMetrics(RootModel[Metrics]):
    """What was measured of a call, in seconds of its own time; null where there was nothing to measure."""

    model_config = ConfigDict(alias_generator=to_camel, defer_build=True)


class LevelQuery(Query):
    """Which findings."""

    level: Annotated[Level | None, Field(description="findings of this level, and worse ones")] = None


class FindingAbout(Message):
    """Something that a client's author should know, and what to do about it."""

    id: Annotated[str, Field(description="the rule's")]
    level: Level
    call: Annotated[str | None, Field(description="the session; null for what belongs to no call")]
    what: Annotated[str, Field(description="what was seen")]
    section: Annotated[str, Field(description="the contract's")]
    remedy: str
    at: Annotated[int | None, Field(description="virtual ms since 1970 when it was seen first")]
    count: int
    entries: Annotated[list[int], Field(description="numbers of the journal's entries that show it")]


class UntriedAbout(Message):
    """Rules that a call could not be held against."""

    call: Annotated[str, Field(description="the session")]
    rules: Annotated[list[str], Field(description="their ids")]
    why: str


class LateAbout(Message):
    """A call in which the emulator itself was late: what is said of times there may be the machine's doing."""

    call: Annotated[str, Field(description="the session")]
    why: str


class EvidenceTicket(Message):
    """Where a browser opens a call's evidence without a token: once, within a minute."""

    path: str


class Findings(Message):
    """Findings, call by call, the newest call first; what could not be tried; where the emulator itself was late."""

    findings: list[FindingAbout]
    untried: list[UntriedAbout]
    late: list[LateAbout]
