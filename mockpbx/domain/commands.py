"""What may be asked of the exchange: imperative, frozen. Timers hold commands too, so there is one way to act."""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.contract.vocabulary import Direction, Party


@dataclass(frozen=True, slots=True)
class Command:
    """Base: every command concerns one session."""

    session_id: str


@dataclass(frozen=True, slots=True)
class PlaceCall(Command):
    """Create a call. The caller mints the session id, since ids are random and the domain is not."""

    number: str
    direction: Direction = Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class AnnounceSession(Command):
    """Tell the clients that the session exists (the reply to the POST has left)."""


@dataclass(frozen=True, slots=True)
class Dial(Command):
    """Start dialling, unless that has begun already."""


@dataclass(frozen=True, slots=True)
class JoinRoom(Command):
    """A client asks to receive the call's events."""

    client: str


@dataclass(frozen=True, slots=True)
class LeaveRoom(Command):
    """The last client of the call's room is gone."""


@dataclass(frozen=True, slots=True)
class Abandon(Command):
    """The grace time of a room that emptied at `since` is over."""

    since: int


@dataclass(frozen=True, slots=True)
class TakeStep(Command):
    """Let the callee's scenario go on."""


@dataclass(frozen=True, slots=True)
class HangUp(Command):
    """End the call; `by` is None where neither party did it."""

    by: Party | None
    cause: int


@dataclass(frozen=True, slots=True)
class ReachTimeLimit(Command):
    """The call has lasted as long as a call may."""


@dataclass(frozen=True, slots=True)
class IssueRecord(Command):
    """Publish the record of an ended call."""
