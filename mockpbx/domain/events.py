"""What has happened to a call: past tense, frozen. The journal adds the session, the number and the time."""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.contract.vocabulary import DialStatus, Direction
from mockpbx.domain.record import CallRecord
from mockpbx.domain.scenario import Sound


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class CallPlaced(Event):
    """A session was created."""

    number: str
    direction: Direction


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
    """The last client left the room; the call goes on."""


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
    """The callee presses a key for `duration` ms."""

    digit: str
    duration: int


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The call is over; no sound, checkpoint or digit follows."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class RecordIssued(Event):
    """The record is due: the `cdr` event and both REST views show it from its commit on."""

    record: CallRecord
