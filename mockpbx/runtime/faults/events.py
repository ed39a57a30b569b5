"""Faults of the events that the clients are told. What happened has happened all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockpbx.runtime.faults.delivery import UNTIL_NEXT, Delays
from mockpbx.runtime.faults.rule import Duration, Fault, to_ms

EventName = Literal["newSession", "roomJoined", "dialStatus", "dtmf", "checkPoint", "hangup", "cdr"]


@dataclass(frozen=True, slots=True)
class EventFault(Fault):
    """Base of the faults of events of one name."""

    event: EventName

    def concerns(self, what: str) -> bool:
        """Return whether it may strike events of the name `what`."""
        return what == self.event

    def delays(self) -> Delays:
        """Return when an event leaves."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class EventLate(EventFault):
    """An event leaves late; later events of its name wait for it."""

    seconds: Duration

    def delays(self) -> Delays:
        """Return the delay."""
        return (to_ms(self.seconds),)


@dataclass(frozen=True, slots=True)
class EventLost(EventFault):
    """An event never leaves."""

    def delays(self) -> Delays:
        """Return none."""
        return ()


@dataclass(frozen=True, slots=True)
class EventTwice(EventFault):
    """An event leaves twice."""

    def delays(self) -> Delays:
        """Return two."""
        return (0, 0)


@dataclass(frozen=True, slots=True)
class EventSwapped(EventFault):
    """An event leaves after the next event of its call; the last of a call, at the call's end."""

    def delays(self) -> Delays:
        """Return that of the next event."""
        return (UNTIL_NEXT,)
