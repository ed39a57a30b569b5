"""What has happened to a call: past tense, frozen. The journal adds the session, the number and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockpbx.contract.vocabulary import DialStatus, Direction
from mockpbx.domain.record import CallRecord
from mockpbx.domain.scenario import Expectation, Sound


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class CallPlaced(Event):
    """A session was created; `scenario` names what its other end will do, `caller` who calls in.

    With the workspace's seed the `ordinal` tells what luck the call has.
    """

    number: str
    direction: Direction
    scenario: str
    ordinal: int = 1
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class SessionAnnounced(Event):
    """The clients of the workspace may know of the session from here on."""

    direction: Direction


@dataclass(frozen=True, slots=True)
class RoomJoined(Event):
    """A client joined the call's room."""

    client: str


@dataclass(frozen=True, slots=True)
class JoinRefused(Event):
    """A client asked for the room of a call that is not live here."""

    client: str


@dataclass(frozen=True, slots=True)
class RoomEmptied(Event):
    """The last client left the room, with a `goodbye` or because its connection was lost; the call goes on."""

    goodbye: bool = False


@dataclass(frozen=True, slots=True)
class DialStatusChanged(Event):
    """Dialling has come this far."""

    status: DialStatus


@dataclass(frozen=True, slots=True)
class CalleeSpoke(Event):
    """The callee's side of the line carries this sound from here on."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class CalleePressed(Event):
    """The callee presses a key for `duration` ms (see `Press` for how)."""

    digit: str
    duration: int
    via: Literal["both", "event", "in_band"] = "both"
    bounces: int = 0


@dataclass(frozen=True, slots=True)
class CalleeListens(Event):
    """The scenario waits for this."""

    expectation: Expectation


@dataclass(frozen=True, slots=True)
class ExpectationMet(Event):
    """It came: `what` (the digit, the checkpoint's name), `after` ms."""

    expectation: Expectation
    what: str
    after: int


@dataclass(frozen=True, slots=True)
class ExpectationMissed(Event):
    """It did not come within its time."""

    expectation: Expectation


@dataclass(frozen=True, slots=True)
class ScenarioFinished(Event):
    """The scenario has taken its last step."""


@dataclass(frozen=True, slots=True)
class ScenarioFailed(Event):
    """The scenario cannot go on with its step number `step`, for this reason; the call breaks."""

    step: int
    reason: str


@dataclass(frozen=True, slots=True)
class ScenarioStopped(Event):
    """The scenario was cut short at its step number `step`."""

    step: int
    reason: str


@dataclass(frozen=True, slots=True)
class TakenOver(Event):
    """A person acts for the other end from here on."""

    scenario: str


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The call is over; no sound, checkpoint or digit follows."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class RecordIssued(Event):
    """The record is due: the `cdr` event and both REST views show it from its commit on."""

    record: CallRecord
