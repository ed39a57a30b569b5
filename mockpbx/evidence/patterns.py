"""What may be expected of a call, in the words of whoever writes the test: facts by name, narrowed by what they say.

`Connected`, `Digit("1")`, `Ended(by="CALLER", cause=16)`. A value is what the fact must say; in place of one, a
function of it may tell. Names, numbers and words may be patterns with `*` and `?`; of a reason a part is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter

from mockpbx.contract.channels import INCOMING
from mockpbx.contract.vocabulary import DialStatus as Status
from mockpbx.contract.vocabulary import Direction, Disposition, Party
from mockpbx.domain import events as e
from mockpbx.domain.scenario import EXPECTATIONS, Play, Say, word
from mockpbx.evidence.fields import (
    CAUSE,
    KEY,
    PART,
    SECONDS,
    TEXT,
    WHOLE,
    YES,
    Field,
    Kind,
    hint,
    nearest,
    one_of,
    told,
)
from mockpbx.evidence.measures import CallMeasured
from mockpbx.media import facts as f
from mockpbx.media.framing import RATE
from mockpbx.runtime import entries
from mockpbx.runtime.faults import FaultStruck as Struck
from mockpbx.runtime.faults.notation import FAULTS
from mockpbx.runtime.files.document import listed

# --- a fact ----------------------------------------------------------------------------------------------------------

Wanted = tuple[tuple[Field, object], ...]


@dataclass(frozen=True, slots=True, repr=False)
class Fact:
    """A fact of a call to expect: its name, the journal's classes of it, what it means, and what it must say.

    Call it to narrow it: `Digit("1")`. Values without a name bind to the fields in order. Raises TypeError for a field
    that it has not, ValueError for a value that the field never has. `fixed` is what the name itself says.
    """

    name: str
    kinds: tuple[type, ...] = field(compare=False)
    about: str = field(compare=False)
    fields: tuple[Field, ...] = field(default=(), compare=False)
    fixed: Wanted = field(default=(), compare=False)
    wanted: Wanted = ()

    def __call__(self, *values: object, **fields: object) -> Fact:
        """Return the fact narrowed to these values."""
        __tracebackhide__ = True
        if len(values) > len(self.fields):
            raise TypeError(f"{self.name} takes {self._fields()}, got {len(values)} value{'s'[: len(values) > 1]}")
        given = {each.name: value for each, value in zip(self.fields, values, strict=False)}
        names = [each.name for each in self.fields]
        for name in fields:
            if name not in names:
                raise TypeError(f"{self.name} has no field {told(name)}, it takes {self._fields()}{hint(name, names)}")
            if name in given:
                raise TypeError(f"{self.name} got {name} twice: give it once")
        given = {each.name: value for each, value in self.wanted} | given | fields
        wanted: list[tuple[Field, object]] = []
        for each in self.fields:
            if each.name in given:
                wanted.append((each, each.taken(given[each.name], self.name)))  # noqa: PERF401 - ends in the user's line
        return replace(self, wanted=tuple(wanted))

    def __repr__(self) -> str:
        shown = [told(value) if _leads(self, each) else f"{each.name}={told(value)}" for each, value in self.wanted]
        return f"{self.name}({', '.join(shown)})" if shown else self.name

    def fits(self, event: object) -> bool:
        """Return whether a journal event is this fact."""
        return isinstance(event, self.kinds) and not self.differences(event)

    def differences(self, event: object) -> list[str]:
        """Return in what an event of this kind differs from this fact, one phrase each, in the order of the fields."""
        found = (each.difference(value, event) for each, value in (*self.fixed, *self.wanted))
        return [difference for difference in found if difference is not None]

    def _fields(self) -> str:
        return listed([each.name for each in self.fields], "and") if self.fields else "no fields"


def _leads(fact: Fact, each: Field) -> bool:
    return each.bare and fact.fields[:1] == (each,)


def seen(event: object, like: Fact | None = None) -> Fact | None:
    """Return the fact that a journal event is, with what it says: what leads it, and what `like` asks for.

    None for an event that is no fact to expect.
    """
    fact = next((each for each in FACTS.values() if not each.fixed and isinstance(event, each.kinds)), None)
    if fact is None:
        return None
    asked = () if like is None else [each for each, _ in like.wanted]
    says = tuple((each, each.of(event)) for each in fact.fields if _leads(fact, each) or each in asked)
    return replace(fact, wanted=says)


# --- every fact of a call --------------------------------------------------------------------------------------------


def _own(name: str, kind: Kind, *, bare: bool = False) -> Field:
    return Field(name, kind, attrgetter(name), bare)


def _seconds(name: str) -> Field:
    return Field(name, SECONDS, lambda event: getattr(event, name) / RATE)


def _spoken(event: e.CalleeSpoke) -> str:
    match event.sound:
        case Play(clip=what) | Say(words=what):
            return what
        case other:
            return word(other)


_STATUS = _own("status", one_of(list(Status)), bare=True)
_NAME = _own("name", TEXT, bare=True)
_DIGIT = _own("digit", KEY, bare=True)
_DURATION = _own("duration", WHOLE)
_REASON = _own("reason", PART)
_EXPECTED = Field(
    "expected", one_of([word(each) for each in EXPECTATIONS]), lambda event: word(event.expectation), True
)
_ENDING = (_own("step", WHOLE), _REASON)
_RECORD = (
    Field("by", one_of(list(Party)), attrgetter("record.hangup_by"), optional=True),
    Field("cause", CAUSE, attrgetter("record.cause")),
    Field("disposition", one_of(list(Disposition)), attrgetter("record.disposition")),
    Field("duration", WHOLE, attrgetter("record.duration")),
    Field("billable_seconds", WHOLE, attrgetter("record.billable_seconds")),
    Field("answered", YES, lambda event: event.record.answered_at is not None),
)


def _fact(name: str, kind: type, about: str, *fields: Field) -> Fact:
    return Fact(name, (kind,), about, fields)


def _status(status: Status, about: str) -> Fact:
    return Fact(status, (e.DialStatusChanged,), about, fixed=((_STATUS, str(status)),))


Placed = _fact(
    "Placed",
    e.CallPlaced,
    "The call was created.",
    *(_own("number", TEXT, bare=True), _own("direction", one_of(list(Direction))), _own("scenario", TEXT)),
)
Announced = _fact("Announced", e.SessionAnnounced, "The clients were told of it: `newSession`.")
Joined = _fact("Joined", e.RoomJoined, "A client joined its room.")
JoinRefused = _fact("JoinRefused", e.JoinRefused, "A client came too late to join.")
RoomEmptied = _fact("RoomEmptied", e.RoomEmptied, "The last client left its room.", _own("goodbye", YES))
ClientReturned = _fact("ClientReturned", entries.ClientReturned, "A client is connected again while the room is empty.")
DialStatus = _fact("DialStatus", e.DialStatusChanged, "Dialling came this far: `dialStatus`.", _STATUS)
Dialing = _status(Status.DIALING, "Dialling began.")
Ringing = _status(Status.RINGING, "The phone rings.")
Connected = _status(Status.CONNECTED, "The call was answered.")
PlayoutStarted = _fact("PlayoutStarted", f.PlayoutStarted, "The callee begins to hear the client's sound.")
PlayoutDrained = _fact(
    "PlayoutDrained",
    f.PlayoutDrained,
    "All that the client sent was heard, `played` seconds.",
    _seconds("played"),
)
Underrun = _fact("Underrun", f.Underrun, "The client's sound came too late to go on without a gap.")
CheckpointQueued = _fact(
    "CheckpointQueued", f.CheckpointQueued, "A checkpoint waits for `ahead` seconds of sound.", _NAME, _seconds("ahead")
)
CheckpointReached = _fact("CheckpointReached", f.CheckpointReached, "The client was told `checkPoint`.", _NAME)
CheckpointCleared = _fact("CheckpointCleared", f.CheckpointCleared, "A checkpoint will not fire any more.", _NAME)
Interrupted = _fact(
    "Interrupted", f.PlayoutInterrupted, "The client took back `cleared` seconds of sound.", _seconds("cleared")
)
Digit = _fact("Digit", f.DigitReceived, "The callee pressed a key: `dtmf`.", _DIGIT, _own("in_band", YES))
DigitQueued = _fact("DigitQueued", f.DigitQueued, "The client pressed a key for `duration` ms.", _DIGIT, _DURATION)
DigitHeard = _fact("DigitHeard", f.DigitHeard, "The callee heard a key of the client's.", _DIGIT)
CalleeSpoke = _fact(
    "CalleeSpoke", e.CalleeSpoke, "The callee says a clip, words or a sound.", Field("what", TEXT, _spoken, bare=True)
)
CalleeSoundEnded = _fact("CalleeSoundEnded", f.CalleeSoundEnded, "What the callee said is over.")
CalleePressed = _fact("CalleePressed", e.CalleePressed, "The callee pushes a key for `duration` ms.", _DIGIT, _DURATION)
CalleeListens = _fact("CalleeListens", e.CalleeListens, "The scenario begins to wait for the client.", _EXPECTED)
ExpectationMet = _fact(
    "ExpectationMet", e.ExpectationMet, "The scenario got what it waited for.", _own("what", TEXT, bare=True), _EXPECTED
)
ExpectationMissed = _fact("ExpectationMissed", e.ExpectationMissed, "The scenario waited in vain.", _EXPECTED)
ScenarioFinished = _fact("ScenarioFinished", e.ScenarioFinished, "The scenario took its last step.")
ScenarioFailed = _fact("ScenarioFailed", e.ScenarioFailed, "The scenario could not go on.", *_ENDING)
ScenarioStopped = _fact("ScenarioStopped", e.ScenarioStopped, "The scenario was cut short.", *_ENDING)
TakenOver = _fact("TakenOver", e.TakenOver, "A person acts for the other end.", _own("scenario", TEXT, bare=True))
AudioRefused = _fact(
    "AudioRefused", entries.AudioRefused, "The client's `audio` was refused.", _REASON, _own("size", WHOLE)
)
EventRefused = _fact(
    "EventRefused",
    entries.EventRefused,
    "A client's event was refused.",
    *(_own("event", one_of([channel.event for channel in INCOMING]), bare=True), _REASON),
)
FaultStruck = _fact(
    "FaultStruck", Struck, "A fault that was set struck.", _own("fault", one_of(FAULTS), bare=True), _own("what", PART)
)
Ended = _fact("Ended", e.CallEnded, "The call is over.", *_RECORD)
RecordIssued = _fact("RecordIssued", e.RecordIssued, "The record is there: `cdr`.", *_RECORD)
Measured = _fact("Measured", CallMeasured, "The call's voice was measured.")

#: Every fact that a test may expect of a call, by its name.
FACTS: dict[str, Fact] = {
    fact.name: fact
    for fact in (
        *(Placed, Announced, Joined, JoinRefused, RoomEmptied, ClientReturned, DialStatus, Dialing, Ringing, Connected),
        *(
            PlayoutStarted,
            PlayoutDrained,
            Underrun,
            CheckpointQueued,
            CheckpointReached,
            CheckpointCleared,
            Interrupted,
        ),
        *(Digit, DigitQueued, DigitHeard, CalleeSpoke, CalleeSoundEnded, CalleePressed, CalleeListens),
        *(ExpectationMet, ExpectationMissed, ScenarioFinished, ScenarioFailed, ScenarioStopped, TakenOver),
        *(AudioRefused, EventRefused, FaultStruck, Ended, RecordIssued, Measured),
    )
}

#: What else people call them: the contract's events, the steps of a scenario, plain words.
_OTHER_NAMES = {
    **{kind.__name__.lower(): fact.name for fact in reversed(FACTS.values()) for kind in fact.kinds if not fact.fixed},
    **{
        "busy": 'DialStatus("Busy")',
        "answer": "Connected",
        "answered": "Connected",
        "ring": "Ringing",
        "dtmf": "Digit",
    },
    **{"press": "Digit", "hangup": "Ended", "hangedup": "Ended", "cdr": "RecordIssued", "record": "RecordIssued"},
    **{"newsession": "Announced", "joinroom": "Joined", "checkpoint": "CheckpointReached", "play": "CalleeSpoke"},
    **{"interruption": "Interrupted", "audio": "PlayoutStarted", "say": "CalleeSpoke", "reject": "Ended(cause=21)"},
    **{"noanswer": "Ended(cause=19)", "expectdigit": "DigitHeard", "expectcheckpoint": "CheckpointReached"},
}


def unknown(what: object) -> str:
    """Return the sentence about something that was expected and is no fact: which one it may have been."""
    name = what if isinstance(what, str) else getattr(what, "__name__", type(what).__name__)
    known = _OTHER_NAMES | {each.lower(): each for each in FACTS}
    near = known.get(name.lower()) or nearest(name, FACTS)
    meant = f"did you mean {near}? " if near else ""
    return f"{told(name)} is no fact of a call: {meant}There are: {', '.join(FACTS)}"


def fact_named(name: object, fields: Mapping[str, object] | None = None) -> Fact:
    """Return the fact of a JSON pattern; fields are in camelCase or snake_case. Raises ValueError with a sentence."""
    if not isinstance(name, str) or name not in FACTS:
        raise ValueError(unknown(name))
    try:
        return FACTS[name](**{_snake(each): value for each, value in (fields or {}).items()})
    except TypeError as error:
        raise ValueError(str(error)) from None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
