"""What may be asked of the exchange: imperative, frozen. Timers hold commands too, so there is one way to act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mockpbx.contract.vocabulary import Direction
from mockpbx.domain.perceptions import Perception
from mockpbx.domain.scenario import Press, Step


@dataclass(frozen=True, slots=True)
class Command:
    """Base: every command concerns one session."""

    session_id: str


@dataclass(frozen=True, slots=True)
class PlaceCall(Command):
    """Create a call. The caller mints the session id, since ids are random and the domain is not.

    `steps` is what the other end does, under the name of `scenario`; `ordinal` counts the calls of the workspace.
    `caller` is who calls in an inbound call.
    """

    number: str
    steps: Iterable[Step]
    scenario: str = "steps"
    ordinal: int = 1
    direction: Direction = Direction.OUTBOUND
    caller: str | None = None


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
    """The last client of the call's room is gone: with a `goodbye` by itself, else its connection was lost."""

    goodbye: bool = False


@dataclass(frozen=True, slots=True)
class Abandon(Command):
    """The grace time of a room that emptied at `since` is over."""

    since: int


@dataclass(frozen=True, slots=True)
class GoOn(Command):
    """The pause or the patience of the scenario is over, unless it has gone on since: then `turn` is another."""

    turn: int


@dataclass(frozen=True, slots=True)
class Perceive(Command):
    """The callee perceives something on its line."""

    perception: Perception


@dataclass(frozen=True, slots=True)
class Direct(Command):
    """A person takes over the other end: its scenario stops, and these steps take its place under a new name."""

    steps: Iterable[Step]
    scenario: str


@dataclass(frozen=True, slots=True)
class PressKeys(Command):
    """A person presses keys at the other end, whatever its scenario does."""

    press: Press


@dataclass(frozen=True, slots=True)
class AnswerByHand(Command):
    """A person answers: the other end's phone, or the client's where the call is inbound."""


@dataclass(frozen=True, slots=True)
class HangUpByHand(Command):
    """A person hangs up or declines at the other end, or lets the call fail with a cause."""

    cause: int | None = None


@dataclass(frozen=True, slots=True)
class HangUp(Command):
    """The client ends the call."""


@dataclass(frozen=True, slots=True)
class Break(Command):
    """The call ends by neither party's doing."""

    cause: int


@dataclass(frozen=True, slots=True)
class ReachTimeLimit(Command):
    """The call has lasted as long as a call may."""


@dataclass(frozen=True, slots=True)
class ReachRingLimit(Command):
    """The call has waited for its answer as long as a call may."""


@dataclass(frozen=True, slots=True)
class IssueRecord(Command):
    """Publish the record of an ended call."""
