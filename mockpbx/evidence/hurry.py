"""Where a call's clock left its client behind: much time passed on the call, hardly any for who was to act in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from mockpbx.contract.vocabulary import DialStatus, Direction, Party
from mockpbx.domain import events as e
from mockpbx.evidence.dossier import Dossier
from mockpbx.media import facts
from mockpbx.media.framing import RATE
from mockpbx.runtime.clock import clock_mode
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.journal import Entry

#: Ms on the call within which a client that thinks may be expected to have done something.
LONG: Final = 2_000
#: How much faster the call's time must have passed.
FASTER: Final = 5
#: Packets that must have come by the wall's clock, and how near to their own length (the lower and the upper bound).
MOST_OF: Final = 5
NEAR: Final = (0.7, 1.4)

#: What gives the client a turn, as far as it can know.
_TURNS = (facts.CalleeSoundEnded, facts.DigitReceived, facts.CheckpointReached)
#: What the client does.
_DONE = (
    e.RoomJoined,
    facts.CheckpointQueued,
    facts.PlayoutInterrupted,
    facts.DigitQueued,
    AudioRefused,
    EventRefused,
)
#: What comes in place of what the client did not do.
_OVER = (e.ExpectationMissed, e.ScenarioFailed, e.CallEnded)


@dataclass(frozen=True, slots=True)
class Hurry:
    """From its turn on the client did nothing until `end`: for `passed` ms of the call, `wall` ms of its own."""

    end: Entry
    passed: int
    wall: int

    def told(self, clock: str) -> str:
        """Return it in words."""
        passed, wall = self.passed / 1_000, self.wall / 1_000
        return f"{passed:,.1f} s passed on the call in {wall:,.2f} s of yours, since the clock is {clock}"


def hurries(dossier: Dossier, since: int = 0) -> Iterator[Hurry]:
    """Yield each time that the call went on without its client, behind the entry `since`.

    What a fault may have kept from the client is none, nor is anything on a clock that a test steps.
    """
    if not _hurried(dossier) or dossier.first(FaultStruck) or not dossier.first(e.RoomJoined):
        return
    arrivals = iter(() if dossier.sound is None else [each.at for each in dossier.sound.arrivals])
    arrived = next(arrivals, None)
    turn: Entry | None = None
    sounding = False
    last = dossier.entries[-1]
    for entry in dossier.entries:
        # What comes in the very millisecond of a turn answers it: such a client only reacts.
        while arrived is not None and arrived < entry.at:
            turn, arrived = None, next(arrivals, None)
        match entry.event:
            case facts.PlayoutStarted():
                sounding, turn = True, turn if dossier.sound else None  # its arrival says better when it acted
            case facts.PlayoutDrained() | facts.PlayoutInterrupted():
                sounding, turn = False, turn and entry
        if isinstance(entry.event, _DONE):
            turn = None
        elif entry.number >= since and _is_turn(entry):
            turn = turn or entry
        if entry.number <= since or turn is None or sounding:
            continue
        if isinstance(entry.event, _OVER) or (entry is last and dossier.record is None):
            passed, wall = entry.at - turn.at, entry.wall - turn.wall
            if passed > LONG and wall * FASTER < passed and not _client_hung_up(dossier, entry):
                yield Hurry(entry, passed, wall)
        if isinstance(entry.event, e.CallEnded):
            return


def wall_paced(dossier: Dossier) -> tuple[float, float, float] | None:
    """Return how a client paced its sound by the wall's clock: the median length of a packet in ms, and that of the
    intervals in which they came, in ms of the wall and of the call. None where it did not.

    Told by the packets that found the queue empty, which are all of them where the call's time is much faster.
    """
    if not _hurried(dossier) or dossier.sound is None or not dossier.sound.arrivals:
        return None
    packet = float(np.median([each.samples for each in dossier.sound.arrivals])) * 1_000 / RATE
    pairs = list(pairwise(dossier.all(facts.PlayoutStarted)))
    walls = np.array([two.wall - one.wall for one, two in pairs], dtype=np.float64)
    calls = np.array([two.at - one.at for one, two in pairs], dtype=np.float64)
    paced = (walls >= NEAR[0] * packet) & (walls <= NEAR[1] * packet) & (calls >= 2 * walls)
    if int(paced.sum()) < MOST_OF or 2 * int(paced.sum()) < len(pairs):
        return None
    return packet, float(np.median(walls[paced])), float(np.median(calls[paced]))


def _hurried(dossier: Dossier) -> bool:
    mode = clock_mode(dossier.settings.clock)
    return mode.auto or mode.rate > 1


def _is_turn(entry: Entry) -> bool:
    match entry.event:
        case e.DialStatusChanged(status):
            return status == DialStatus.CONNECTED
        case event:
            return isinstance(event, _TURNS)


def _client_hung_up(dossier: Dossier, entry: Entry) -> bool:
    client = Party.CALLER if dossier.call.direction is Direction.OUTBOUND else Party.CALLEE
    return isinstance(entry.event, e.CallEnded) and dossier.record is not None and dossier.record.hangup_by is client
