"""All calls of a workspace and their timers: commands in, events out, time as an argument."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from mockpbx.contract.errors import NoSuchSession
from mockpbx.contract.vocabulary import NORMAL_CLEARING, DialStatus, Party
from mockpbx.domain import commands as c
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.call import Call, Move, State
from mockpbx.domain.record import CallRecord, file_record

#: What the clients are told of each move.
STATUS = {
    Move.DIAL: DialStatus.DIALING,
    Move.RING: DialStatus.RINGING,
    Move.FIND_BUSY: DialStatus.BUSY,
    Move.ANSWER: DialStatus.CONNECTED,
}


@dataclass(frozen=True, slots=True)
class Timing:
    """The exchange's knobs, in milliseconds; `hangup_when_left` is None where calls outlive their clients."""

    announce_delay: int = 0
    dial_delay: int = 1_000
    record_delay: int = 2_000
    call_limit: int = 4 * 60 * 60 * 1_000
    hangup_when_left: int | None = None
    cancel_is_no_answer: bool = False


@dataclass(slots=True)
class _Session:
    """A call, what its callee will do, and what the exchange remembers of it."""

    call: Call
    steps: Iterator[s.Step]
    announced: bool = False
    left_at: int | None = None
    record: CallRecord | None = None


class Exchange:
    """Answers `receive(command, now)`, `wake(now)` and `next_deadline()`; `now` is integer milliseconds."""

    def __init__(self, timing: Timing, scenario_for: Callable[[str], s.Scenario]) -> None:
        self._timing = timing
        self._scenario_for = scenario_for
        self._sessions: dict[str, _Session] = {}
        self._timers: list[tuple[int, int, c.Command]] = []
        self._order = count()

    def call(self, session_id: str) -> Call:
        """Return a live call. Raises NoSuchSession."""
        return self._live(session_id).call

    def find(self, session_id: str) -> Call | None:
        """Return a call whose record is not issued yet, ended or not."""
        session = self._sessions.get(session_id)
        return None if session is None else session.call

    def undialled(self) -> list[Call]:
        """Return the calls that have been announced and that nobody has dialled yet, oldest first."""
        sessions = self._sessions.values()
        return [session.call for session in sessions if session.announced and session.call.state is State.CREATED]

    def live_calls(self) -> list[Call]:
        """Return the calls that have not ended, oldest first."""
        return [session.call for session in self._sessions.values() if session.record is None]

    def unissued(self) -> list[str]:
        """Return the sessions that have ended and whose records are not issued yet, oldest first."""
        return [name for name, session in self._sessions.items() if session.record is not None]

    def next_deadline(self) -> int | None:
        """Return when `wake` has something to do, None where nothing is planned."""
        return self._timers[0][0] if self._timers else None

    def wake(self, now: int) -> list[tuple[str, e.Event]]:
        """Carry out the first command that is due at `now`; the caller asks again for the next.

        One at a time, so that each event can be stamped with its own deadline. Returns (session id, event) pairs.
        """
        if not self._timers or self._timers[0][0] > now:
            return []
        _, _, command = heapq.heappop(self._timers)
        return self.receive(command, now) if command.session_id in self._sessions else []

    def receive(self, command: c.Command, now: int) -> list[tuple[str, e.Event]]:
        """Carry out a command at `now`. Raises NoSuchSession where it needs a live call and there is none."""
        happened = _HANDLERS[type(command)](self, command, now)
        return [(command.session_id, event) for event in happened]

    # --- one method a command; the table at the end of the module names them ------------------------------------------

    def _place_call(self, command: c.PlaceCall, now: int) -> Iterator[e.Event]:
        call = Call(command.session_id, command.number, command.direction, placed_at=now)
        self._sessions[call.session_id] = _Session(call, iter(self._scenario_for(call.number)))
        self._at(now + self._timing.dial_delay, c.Dial(call.session_id))
        yield e.CallPlaced(call.number, call.direction)

    def _announce(self, command: c.AnnounceSession, now: int) -> Iterator[e.Event]:
        session = self._sessions.get(command.session_id)
        if session is None or session.announced:
            return
        due = session.call.placed_at + self._timing.announce_delay
        if now < due:
            self._at(due, command)
            return
        session.announced = True
        yield e.SessionAnnounced(session.call.direction)

    def _dial(self, command: c.Dial, now: int) -> Iterator[e.Event]:
        call = self._sessions[command.session_id].call
        if call.state is not State.CREATED:
            return
        yield from self._move(call, Move.DIAL, now)
        yield from self._take_step(c.TakeStep(call.session_id), now)

    def _join(self, command: c.JoinRoom, now: int) -> Iterator[e.Event]:
        try:
            session = self._live(command.session_id)
        except NoSuchSession:
            yield e.JoinRefused(command.client)
            return
        session.left_at = None
        yield e.RoomJoined(command.client)
        yield from self._dial(c.Dial(command.session_id), now)

    def _leave(self, command: c.LeaveRoom, now: int) -> Iterator[e.Event]:
        session = self._sessions.get(command.session_id)
        if session is None or session.record is not None:
            return
        session.left_at = now
        if self._timing.hangup_when_left is not None:
            self._at(now + self._timing.hangup_when_left, c.Abandon(command.session_id, since=now))
        yield e.RoomEmptied()

    def _abandon(self, command: c.Abandon, now: int) -> Iterator[e.Event]:
        session = self._sessions[command.session_id]
        if session.record is None and session.left_at == command.since:
            yield from self._end(session, now, Party.CALLER, NORMAL_CLEARING)

    def _take_step(self, command: c.TakeStep, now: int) -> Iterator[e.Event]:
        session = self._sessions[command.session_id]
        while session.record is None and (step := next(session.steps, None)) is not None:
            match step:
                case s.Wait(duration):
                    self._at(now + duration, command)
                    return
                case s.Ring():
                    yield from self._move(session.call, Move.RING, now)
                case s.FindBusy():
                    yield from self._move(session.call, Move.FIND_BUSY, now)
                case s.Answer():
                    yield from self._move(session.call, Move.ANSWER, now)
                    self._at(now + self._timing.call_limit, c.ReachTimeLimit(command.session_id))
                case s.Speak(sound):
                    yield e.CalleeSpoke(sound)
                case s.Press(digit, duration):
                    yield e.CalleePressed(digit, duration)
                case s.End(cause, by):
                    yield from self._end(session, now, by, cause)

    def _hang_up(self, command: c.HangUp, now: int) -> Iterator[e.Event]:
        yield from self._end(self._live(command.session_id), now, command.by, command.cause)

    def _reach_limit(self, command: c.ReachTimeLimit, now: int) -> Iterator[e.Event]:
        session = self._sessions[command.session_id]
        if session.record is None:
            yield from self._end(session, now, None, NORMAL_CLEARING)

    def _issue_record(self, command: c.IssueRecord, now: int) -> Iterator[e.Event]:
        session = self._sessions.get(command.session_id)
        if session is not None and session.record is not None:
            self._forget(command.session_id)
            yield e.RecordIssued(session.record)

    # --- shared -------------------------------------------------------------------------------------------------------

    def _live(self, session_id: str) -> _Session:
        session = self._sessions.get(session_id)
        if session is None or session.record is not None:
            raise NoSuchSession
        return session

    def _at(self, deadline: int, command: c.Command) -> None:
        heapq.heappush(self._timers, (deadline, next(self._order), command))

    def _forget(self, session_id: str) -> None:
        del self._sessions[session_id]
        # A call that ended early leaves its time limit in the heap for hours; sweep when most of the heap is such.
        if len(self._timers) > 8 * len(self._sessions) + 64:
            self._timers = [timer for timer in self._timers if timer[2].session_id in self._sessions]
            heapq.heapify(self._timers)

    @staticmethod
    def _move(call: Call, move: Move, now: int) -> Iterator[e.Event]:
        call.make(move, now)
        yield e.DialStatusChanged(STATUS[move])

    def _end(self, session: _Session, now: int, by: Party | None, cause: int) -> Iterator[e.Event]:
        call = session.call
        call.make(Move.END, now)
        session.record = file_record(
            session_id=call.session_id,
            destination=call.number,
            direction=call.direction,
            started_at=call.started_at,
            answered_at=call.answered_at,
            ended_at=now,
            by=by,
            cause=cause,
            cancel_is_no_answer=self._timing.cancel_is_no_answer,
        )
        self._at(now + self._timing.record_delay, c.IssueRecord(call.session_id))
        yield e.CallEnded(session.record)


_HANDLERS: dict[type[c.Command], Callable[..., Iterator[e.Event]]] = {
    c.PlaceCall: Exchange._place_call,
    c.AnnounceSession: Exchange._announce,
    c.Dial: Exchange._dial,
    c.JoinRoom: Exchange._join,
    c.LeaveRoom: Exchange._leave,
    c.Abandon: Exchange._abandon,
    c.TakeStep: Exchange._take_step,
    c.HangUp: Exchange._hang_up,
    c.ReachTimeLimit: Exchange._reach_limit,
    c.IssueRecord: Exchange._issue_record,
}
