"""Every body, query and reply of the control API, one model each: snake_case in Python, camelCase on the wire.

Bodies are strict, and an unknown field is refused: a test that misspells one should not pass for the wrong reason.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, RootModel, StrictBool, StrictStr, model_validator

from mockpbx.contract.messages import CdrEvent, Message
from mockpbx.contract.vocabulary import Direction
from mockpbx.domain import scenario as s

#: A day: far enough for any call, and no typing error makes a server walk through a year.
LONGEST_ADVANCE = 86_400_000
#: Entries in one reply: what there is beyond is asked for with the reply's `next`.
MOST_ENTRIES = 1_000
LONGEST_WAIT = 60


def _scenario(value: object) -> object:
    if not isinstance(value, str | list):
        raise ValueError("expected the name of a scenario, or a list of steps")
    return value


class Body(Message):
    """Base of what a client sends."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class Query(Message):
    """Base of query strings: values come as text and are read as what they stand for."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


Scenario = Annotated[
    str | list[JsonValue],
    BeforeValidator(_scenario),
    Field(description="the name of a scenario or persona, or a list of steps"),
]
Cause = Annotated[s.Cause | None, Field(description="a cause of the contract's table")]
Iso = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Kinds = Annotated[list[str], Field(description="kinds of facts, such as DialStatusChanged; all where none is named")]
Call = Annotated[str | None, Field(description="entries of this session alone")]
After = Annotated[
    str | None,
    Field(description="entries after this one: the `next` of a reply, an id of the stream, or a number"),
]
Limit = Annotated[int, Field(ge=1, le=MOST_ENTRIES, description="most entries in the reply")]

# --- the server ------------------------------------------------------------------------------------------------------


class Health(Message):
    """How the server is."""

    status: Literal["ok", "stopping"]
    version: str
    uptime: Annotated[float, Field(description="wall seconds since the start")]
    workspaces: Annotated[int, Field(description="workspaces that are open now")]
    seed: Annotated[int, Field(description="seed of everything random in a call")]


class Alive(Message):
    """A plain yes or no, in words."""

    status: str


class Version(Message):
    """Which mockpbx this is."""

    name: str
    version: str
    contract: Annotated[str, Field(description="version of the published document that it keeps to")]


class Reset(Message):
    """What a reset did."""

    calls_ended: Annotated[int, Field(description="live calls that broke with cause 127")]
    records_removed: Annotated[int, Field(description="records issued since the server started")]
    now: Annotated[Iso, Field(description="the workspace's time")]


# --- how a workspace behaves -----------------------------------------------------------------------------------------


class Setting(Message):
    """One switch or knob."""

    value: JsonValue
    default: JsonValue
    description: str
    changed: Annotated[bool, Field(description="whether it differs from what the workspace started with")]


class Settings(Message):
    """All switches and knobs of a workspace by name, and the server's own, which only its start can set."""

    settings: dict[str, Setting]
    server: dict[str, JsonValue]


class PlanBody(RootModel[JsonValue]):
    """A dial plan as its file has it."""


class RuleBody(RootModel[JsonValue]):
    """One rule of a dial plan."""


class PlanReply(Message):
    """A dial plan as its file has it, and such a file's text."""

    plan: JsonValue
    yaml: str


class StepAbout(Message):
    """A step that a scenario may take."""

    word: str
    about: str
    json_schema: Annotated[
        JsonValue, Field(alias="schema", description="what may stand behind the word; it refers to the whole schema")
    ]


class PersonaAbout(Message):
    """A callee that comes with the emulator."""

    name: str
    about: str


class Scenarios(Message):
    """What scenarios are made of."""

    steps: list[StepAbout]
    personas: list[PersonaAbout]
    json_schema: Annotated[JsonValue, Field(alias="schema", description="JSON Schema of a scenario file")]


class ScenarioToCheck(Body):
    """A scenario: its steps, or a file's text. A list by itself is steps, too."""

    steps: list[JsonValue] | None = None
    yaml: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _steps(cls, value: object) -> object:
        return {"steps": value} if isinstance(value, list) else value


class CheckedScenario(Message):
    """A scenario in its shortest notation, and as the text of a file."""

    steps: list[JsonValue]
    yaml: str


class FaultBody(RootModel[JsonValue]):
    """A fault and when it strikes, as the catalogue describes it."""


class FaultAbout(RootModel[dict[str, JsonValue]]):
    """A fault that was set: its id, what it is, how often it struck, and whether it is exhausted."""


class Faults(Message):
    """The faults that are set, in the order in which they were."""

    faults: list[FaultAbout]


class FaultCatalogue(Message):
    """Every fault there is: its word, what it does, and the JSON Schema of what is to be sent."""

    faults: list[dict[str, JsonValue]]


class ClockBody(Body):
    """How time is to pass."""

    mode: Annotated[str, Field(description="real, a rate such as 20x, manual or auto")]


class ClockState(Message):
    """A workspace's clock."""

    mode: str
    now: Iso
    now_ms: Annotated[int, Field(description="virtual ms since 1970")]
    rate: Annotated[float, Field(description="virtual over wall time now; 0: it stands still until it is stepped")]
    next_deadline: Annotated[Iso | None, Field(description="when something is due next")]
    until_next_ms: Annotated[int | None, Field(description="virtual ms until then")]


class Advance(Body):
    """How far to step a clock that stands still."""

    ms: Annotated[int, Field(ge=0, le=LONGEST_ADVANCE)]


# --- the journal -----------------------------------------------------------------------------------------------------


class JournalEntry(Message):
    """One fact: its number, its virtual time in two ways, its wall time, its session, and what happened."""

    number: int
    at: Annotated[int, Field(description="virtual ms since 1970")]
    time: Annotated[Iso, Field(description="the same moment")]
    wall: Annotated[int, Field(description="wall ms since 1970")]
    call: str | None
    kind: str
    data: dict[str, JsonValue]


class JournalPage(Message):
    """Entries in order. `truncated`: older entries that belong to the answer are gone, so it is not complete."""

    entries: list[JournalEntry]
    next: Annotated[str, Field(description="the `after` to ask with next")]
    first: Annotated[int, Field(description="number of the oldest entry that is still kept")]
    started: Annotated[int, Field(description="tells this journal from the one before a reset")]
    truncated: bool


class Advanced(JournalPage):
    """What happened while the clock was stepped. `more`: so much that it takes `next` to get the rest."""

    now: Iso
    now_ms: int
    more: bool


class JournalQuery(Query):
    """Which entries."""

    after: After = None
    call: Call = None
    kind: Kinds = Field(default_factory=list)
    limit: Limit = MOST_ENTRIES
    wait: Annotated[
        float,
        Field(
            ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="wall seconds to wait where there is no entry yet"
        ),
    ] = 0


class StreamQuery(Query):
    """Which entries; the header Last-Event-ID goes before `after`."""

    after: After = None
    call: Call = None
    kind: Kinds = Field(default_factory=list)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Count(Body):
    """Which entries: those whose `data` has all of the pattern. In its strings `*` stands for anything."""

    pattern: dict[str, JsonValue] = Field(default_factory=dict)
    after: After = None
    call: Call = None
    kind: Annotated[Kinds, BeforeValidator(_listed)] = Field(default_factory=list)


class Find(Count):
    """Which entries, and how many of them."""

    limit: Limit = MOST_ENTRIES


class Counted(Message):
    """How many entries there are."""

    count: int
    next: str
    first: int
    started: int
    truncated: bool


# --- calls -----------------------------------------------------------------------------------------------------------


class CallsQuery(Query):
    """Which calls."""

    live: Annotated[bool | None, Field(description="only live ones, or only ended ones")] = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100


class CallSummary(Message):
    """A call as it stands."""

    session_id: str
    number: Annotated[str, Field(description="who is called")]
    direction: Direction
    caller: Annotated[str | None, Field(description="who calls in")]
    scenario: str
    status: str
    live: bool
    joined: Annotated[bool, Field(description="whether a client has joined its room")]
    performing: Annotated[bool, Field(description="whether its scenario, or a sound of it, goes on or is to begin")]
    handset: Annotated[Literal["held", "talking"] | None, Field(description="in a person's hand, who may be its voice")]
    placed_at: Iso
    failure: Annotated[str | None, Field(description="why its scenario failed")]
    record: CdrEvent | None


class Calls(Message):
    """Calls, the newest first."""

    calls: list[CallSummary]
    next: Annotated[str, Field(description="the journal's `after` for what happens from here on")]


class Samples(Message):
    """A ledger in samples at 8 kHz: accepted = played + cleared + discarded + queued."""

    accepted: int
    played: int
    cleared: int
    discarded: int
    queued: int


class LiveLine(Message):
    """A live call's sound."""

    queue_ms: Annotated[float, Field(description="what waits to be heard by the callee, in ms")]
    audio: Samples
    keys: Samples
    underruns: int
    frames: Annotated[int, Field(description="frames of 20 ms since the answer")]


class AtStep(Message):
    """Where a scenario is."""

    number: int
    word: str
    step: JsonValue


class RecordingAbout(Message):
    """What there is to hear of a call. `truncated`: frames are missing at its end."""

    seconds: float
    truncated: bool


class CallDetail(CallSummary):
    """A call as it stands, with what is going on in it."""

    line: LiveLine | None
    step: AtStep | None
    recording: RecordingAbout | None


class Ring(Body):
    """An inbound call to be."""

    caller: Annotated[str, Field(alias="from", description="who calls")]
    number: Annotated[str, Field(alias="to", description="the client's number, which is called")]
    scenario: Annotated[Scenario | None, Field(description="null: what the dial plan says of the caller")] = None


class Rung(Message):
    """The call that was started."""

    session_id: str


class Nothing(Body):
    """No field at all."""


class HangUpByHand(Body):
    """How the other end is to end the call: it hangs up or declines, or the call fails with a cause."""

    cause: Cause = None


class PressByHand(Body):
    """Keys for the other end to press (see the step `press`)."""

    keys: s.Keys
    seconds: s.Seconds = 0.2
    gap: s.Seconds = 0.1
    via: Literal["both", "event", "in_band"] = "both"
    bounces: Annotated[int, Field(ge=0, le=5)] = 0


class PlayByHand(RootModel[dict[str, JsonValue]]):
    """A sound for the other end: the fields of the step `play`, or any sound step such as `{"tone": 440}`."""


class SayByHand(Body):
    """Words for the other end to say."""

    words: s.Words
    voice: s.Words = "id"


class HandsetHello(Message):
    """The first message of a page that picks up a call; `takeOver` from another page that holds it."""

    token: StrictStr | None = None
    admin_token: StrictStr | None = None
    take_over: StrictBool = False


class ScenarioByHand(Body):
    """Another scenario for the other end, from here on."""

    scenario: Scenario
