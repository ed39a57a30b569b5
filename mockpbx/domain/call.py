"""A call as one literal transition table. An illegal move raises and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from mockpbx.contract.vocabulary import Direction, Party


class State(Enum):
    """Where a call is."""

    CREATED = auto()
    DIALING = auto()
    RINGING = auto()
    BUSY = auto()
    CONNECTED = auto()
    ENDED = auto()


class Move(Enum):
    """What may happen to it."""

    DIAL = auto()
    RING = auto()
    FIND_BUSY = auto()
    ANSWER = auto()
    END = auto()


#: Every legal move. The contract's order of dialStatus is read off here: no answer without ringing, nothing after the
#: end.
TRANSITIONS = {
    (State.CREATED, Move.DIAL): State.DIALING,
    (State.DIALING, Move.RING): State.RINGING,
    (State.DIALING, Move.FIND_BUSY): State.BUSY,
    (State.RINGING, Move.ANSWER): State.CONNECTED,
    (State.CREATED, Move.END): State.ENDED,
    (State.DIALING, Move.END): State.ENDED,
    (State.RINGING, Move.END): State.ENDED,
    (State.BUSY, Move.END): State.ENDED,
    (State.CONNECTED, Move.END): State.ENDED,
}


class IllegalMove(Exception):
    """A move that the table does not hold."""

    def __init__(self, state: State, move: Move) -> None:
        super().__init__(f"a call that is {state.name} cannot {move.name}")
        self.state = state
        self.move = move


@dataclass(slots=True)
class Call:
    """One call. Times are integer milliseconds on the workspace's clock, None until the moment has come."""

    session_id: str
    number: str
    direction: Direction
    placed_at: int
    state: State = State.CREATED
    started_at: int | None = None
    answered_at: int | None = None
    ended_at: int | None = None

    @property
    def client(self) -> Party:
        """Which party the client of the service is: it calls out, and is called in."""
        return Party.CALLER if self.direction is Direction.OUTBOUND else Party.CALLEE

    @property
    def remote(self) -> Party:
        """Which party the other end is."""
        return Party.CALLEE if self.direction is Direction.OUTBOUND else Party.CALLER

    def make(self, move: Move, now: int) -> None:
        """Make a move at `now`. Raises IllegalMove, and then nothing has changed."""
        try:
            self.state = TRANSITIONS[self.state, move]
        except KeyError:
            raise IllegalMove(self.state, move) from None
        match move:
            case Move.DIAL:
                self.started_at = now
            case Move.ANSWER:
                self.answered_at = now
            case Move.END:
                self.ended_at = now
