"""What the exchange remembers of one call: the call itself, its scenario, and what that waits for."""

from __future__ import annotations

from dataclasses import dataclass, field

from mockpbx.contract.vocabulary import Direction
from mockpbx.domain import scenario as s
from mockpbx.domain.call import Call, State
from mockpbx.domain.perceptions import Perception
from mockpbx.domain.performance import AwaitSound, CannotGoOn, Listen, Performance
from mockpbx.domain.record import CallRecord

#: Acts that a scenario may take without letting time pass: beyond that it never will.
MOST_ACTS = 10_000

#: Perceptions that may wait for the scenario to ask for them.
MOST_NOTICED = 100


@dataclass(frozen=True, slots=True)
class Expected:
    """What the scenario waits for, and since when."""

    act: Listen | AwaitSound
    since: int


@dataclass(slots=True)
class Session:
    """A call, what its other end is doing, and what the exchange remembers of it."""

    call: Call
    performance: Performance
    announced: bool = False
    joined: bool = False
    left_at: int | None = None
    record: CallRecord | None = None
    instant: int = -1  # of the last act, and
    acts: int = 0  # how many there were at that instant
    turn: int = 0  # of the scenario; a timer that was set in an earlier one is stale
    expected: Expected | None = None
    noticed: list[Perception] = field(default_factory=list)  # since the last expectation was decided

    def notice(self, perception: Perception) -> None:
        """Remember what was perceived until the scenario asks for it; the latest, where it never asks."""
        self.noticed = [*self.noticed, perception][-MOST_NOTICED:]

    def count_act(self, now: int) -> None:
        """Count an act of the scenario. Raises CannotGoOn where it goes round in circles."""
        self.acts = self.acts + 1 if now == self.instant else 1
        self.instant = now
        if self.acts > MOST_ACTS:
            raise CannotGoOn(f"it took {MOST_ACTS} steps without letting time pass: put wait into its loop")


def steps_taken(call: Call) -> tuple[type[s.Step], ...]:
    """Return the steps that a call has behind it when a scenario begins.

    An inbound call rings at the client, and the client answers; a scenario that takes over finds the call as it is.
    """
    if call.direction is Direction.INBOUND or call.state is State.CONNECTED:
        return (s.Ring, s.Answer)
    return (s.Ring,) if call.state is State.RINGING else ()
