"""All calls of a workspace and their timers: commands in, events out, time as an argument."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from mockpbx.contract.errors import InvalidRequest, NoSuchSession
from mockpbx.contract.vocabulary import NORMAL_CLEARING, SYSTEM_ERROR, DialStatus, Direction, Party
from mockpbx.domain import commands as c
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.call import Call, Move, State
from mockpbx.domain.perceptions import SoundEnded, SoundFailed, meets
from mockpbx.domain.performance import (
    AwaitSound,
    CannotGoOn,
    Finish,
    Listen,
    Make,
    Pause,
    Performance,
    Tell,
    ms,
)
from mockpbx.domain.record import CallRecord, file_record
from mockpbx.domain.session import Expected, Session, steps_taken

#: What the clients are told of each move.
STATUS = {
    Move.DIAL: DialStatus.DIALING,
    Move.RING: DialStatus.RINGING,
    Move.FIND_BUSY: DialStatus.BUSY,
    Move.ANSWER: DialStatus.CONNECTED,
}

#: What a client does that hangs up on a phone that rings at its own end.
DECLINED = 21
#: How a call fails that waited for its answer too long, by where it was.
UNANSWERED = {State.DIALING: 18, State.RINGING: 19}

#: Why a scenario stops when a person acts for the other end.
TAKEN_OVER = "a person took over"


@dataclass(frozen=True, slots=True)
class Timing:
    """The exchange's knobs, in milliseconds; `hangup_when_left` is None where calls outlive their clients."""

    announce_delay: int = 0
    dial_delay: int = 1_000
    record_delay: int = 2_000
    ring_limit: int = 60_000
    call_limit: int = 4 * 60 * 60 * 1_000
    hangup_when_left: int | None = None
    cancel_is_no_answer: bool = False
    joining_answers: bool = True


class Exchange:
    """Answers `receive(command, now)`, `wake(now)` and `next_deadline()`; `now` is integer milliseconds."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self._sessions: dict[str, Session] = {}
        self._timers: list[tuple[int, int, c.Command]] = []
        self._order = count()
        self._due: int | None = None  # of the first timer that is not moot, as long as it is `known`
        self._known = True

    def call(self, session_id: str) -> Call:
        """Return a live call. Raises NoSuchSession."""
        return self._live(session_id).call

    def find(self, session_id: str) -> Call | None:
        """Return a call whose record is not issued yet, ended or not."""
        session = self._sessions.get(session_id)
        return None if session is None else session.call

    def step(self, session_id: str) -> tuple[int, s.Step] | None:
        """Return the number of the step that a call's scenario is at, and the step; None where it has none left."""
        session = self._sessions.get(session_id)
        if session is None or session.performance.over or session.performance.step is None:
            return None
        return session.performance.number, session.performance.step

    def attends(self, session_id: str) -> bool:
        """Return whether a scenario is under way that may want to know what the callee perceives."""
        session = self._sessions.get(session_id)
        return session is not None and not session.performance.over

    def undialled(self) -> list[Call]:
        """Return the calls that have been announced and whose fate still waits for a client, oldest first.

        Calls out that nobody has dialled yet, and calls in that ring.
        """
        waiting = {Direction.OUTBOUND: State.CREATED, Direction.INBOUND: State.RINGING}
        calls = [session.call for session in self._sessions.values() if session.announced]
        return [call for call in calls if call.state is waiting[call.direction]]

    def live_calls(self) -> list[Call]:
        """Return the calls that have not ended, oldest first."""
        return [session.call for session in self._sessions.values() if session.record is None]

    def unissued(self) -> list[CallRecord]:
        """Return the records of calls that have ended, and that are not issued yet, oldest call first."""
        return [session.record for session in self._sessions.values() if session.record is not None]

    def next_deadline(self) -> int | None:
        """Return when `wake` has something to do, None where nothing is planned."""
        if not self._known:
            while self._timers and self._moot(self._timers[0][2]):
                heapq.heappop(self._timers)
            self._due, self._known = self._timers[0][0] if self._timers else None, True
        return self._due

    def wake(self, now: int) -> list[tuple[str, e.Event]]:
        """Carry out the first command that is due at `now`; the caller asks again for the next.

        One at a time, so that each event can be stamped with its own deadline. Returns (session id, event) pairs.
        """
        due = self.next_deadline()
        if due is None or due > now:
            return []
        _, _, command = heapq.heappop(self._timers)
        return self.receive(command, now)

    def receive(self, command: c.Command, now: int) -> list[tuple[str, e.Event]]:
        """Carry out a command at `now`. Raises NoSuchSession where it needs a live call and there is none."""
        self._known = False
        happened = _HANDLERS[type(command)](self, command, now)
        return [(command.session_id, event) for event in happened]

    # --- the life of a call: one method a command; the table at the end of the module names them ----------------------

    def _place_call(self, command: c.PlaceCall, now: int) -> Iterator[e.Event]:
        inbound = command.direction is Direction.INBOUND
        call = Call(command.session_id, command.number, command.direction, placed_at=now)
        performance = Performance(command.steps, skipped=steps_taken(call))
        self._sessions[call.session_id] = Session(call, performance)
        if not inbound:
            self._at(now + self.timing.dial_delay, c.Dial(call.session_id))
        yield e.CallPlaced(call.number, call.direction, command.scenario, command.ordinal, command.caller)

    def _announce(self, command: c.AnnounceSession, now: int) -> Iterator[e.Event]:
        session = self._sessions.get(command.session_id)
        if session is None or session.announced:
            return
        call = session.call
        due = call.placed_at + self.timing.announce_delay
        if now < due:
            self._at(due, command)
            return
        session.announced = True
        yield e.SessionAnnounced(call.direction)
        if call.direction is Direction.INBOUND and call.state is State.CREATED:
            yield from self._move(call, Move.DIAL, now)
            yield from self._move(call, Move.RING, now)
            self._at(now + self.timing.ring_limit, c.ReachRingLimit(call.session_id))
            if session.joined:
                yield from self._joined(session, now)

    def _dial(self, command: c.Dial, now: int) -> Iterator[e.Event]:
        session = self._sessions[command.session_id]
        if session.call.state is not State.CREATED:
            return
        yield from self._move(session.call, Move.DIAL, now)
        yield from self._perform(session, now)

    def _join(self, command: c.JoinRoom, now: int) -> Iterator[e.Event]:
        try:
            session = self._live(command.session_id)
        except NoSuchSession:
            yield e.JoinRefused(command.client)
            return
        session.left_at, session.joined = None, True
        yield e.RoomJoined(command.client)
        if session.call.direction is Direction.OUTBOUND:
            yield from self._dial(c.Dial(command.session_id), now)
        else:
            yield from self._joined(session, now)

    def _joined(self, session: Session, now: int) -> Iterator[e.Event]:
        """Let a client that has joined answer an inbound call that rings."""
        if self.timing.joining_answers and session.call.state is State.RINGING:
            yield from self._answer(session, now)
            yield from self._perform(session, now)

    def _leave(self, command: c.LeaveRoom, now: int) -> Iterator[e.Event]:
        session = self._sessions.get(command.session_id)
        if session is None or session.record is not None:
            return
        session.left_at = now
        if self.timing.hangup_when_left is not None:
            self._at(now + self.timing.hangup_when_left, c.Abandon(command.session_id, since=now))
        yield e.RoomEmptied(command.goodbye)

    def _abandon(self, command: c.Abandon, now: int) -> Iterator[e.Event]:
        yield from self._client_hangs_up(self._live(command.session_id), now)

    def _hang_up(self, command: c.HangUp, now: int) -> Iterator[e.Event]:
        yield from self._client_hangs_up(self._live(command.session_id), now)

    def _break(self, command: c.Break, now: int) -> Iterator[e.Event]:
        yield from self._end(self._live(command.session_id), now, None, command.cause, "the call was broken")

    def _reach_limit(self, command: c.ReachTimeLimit, now: int) -> Iterator[e.Event]:
        reason = "the call reached its time limit"
        yield from self._end(self._live(command.session_id), now, None, NORMAL_CLEARING, reason)

    def _reach_ring_limit(self, command: c.ReachRingLimit, now: int) -> Iterator[e.Event]:
        session = self._live(command.session_id)
        if session.call.direction is Direction.INBOUND:
            yield from self._end(session, now, session.call.remote, NORMAL_CLEARING, "nobody answered")
        else:
            yield from self._end(session, now, None, UNANSWERED[session.call.state], "nobody answered")

    def _issue_record(self, command: c.IssueRecord, now: int) -> Iterator[e.Event]:
        session = self._sessions.get(command.session_id)
        if session is not None and session.record is not None:
            self._forget(command.session_id)
            yield e.RecordIssued(session.record)

    # --- its other end ------------------------------------------------------------------------------------------------

    def _go_on(self, command: c.GoOn, now: int) -> Iterator[e.Event]:
        session = self._live(command.session_id)
        if session.expected is not None and isinstance(session.expected.act, Listen):
            yield from self._miss(session, session.expected.act.expectation, now)
        else:
            yield from self._perform(session, now)

    def _perceive(self, command: c.Perceive, now: int) -> Iterator[e.Event]:
        session = self._sessions.get(command.session_id)
        if session is None or session.record is not None:
            return
        if isinstance(command.perception, SoundFailed):
            yield from self._fail_scenario(session, command.perception.reason, now)
            return
        expected = session.expected
        if isinstance(command.perception, SoundEnded):
            if expected is not None and isinstance(expected.act, AwaitSound):
                yield from self._perform(session, now)
            return
        session.notice(command.perception)
        if expected is not None and isinstance(expected.act, Listen):
            yield from self._meet(session, expected.act.expectation, expected.since, now)

    def _direct(self, command: c.Direct, now: int) -> Iterator[e.Event]:
        session = self._live(command.session_id)
        yield from self._stop_scenario(session, TAKEN_OVER)
        yield e.TakenOver(command.scenario)
        call = session.call
        session.performance = Performance(command.steps, skipped=steps_taken(call))
        session.turn += 1
        if call.state is not State.CREATED and (call.direction is Direction.OUTBOUND or call.state is State.CONNECTED):
            yield from self._perform(session, now)

    def _press_keys(self, command: c.PressKeys, now: int) -> Iterator[e.Event]:
        self._live(command.session_id)
        press = command.press
        yield e.CalleePressed(press.keys[0].upper(), ms(press.seconds), press.via, press.bounces)
        if press.keys[1:]:
            more = c.PressKeys(command.session_id, replace(press, keys=press.keys[1:]))
            self._at(now + ms(press.seconds) + ms(press.gap), more)

    def _answer_by_hand(self, command: c.AnswerByHand, now: int) -> Iterator[e.Event]:
        session = self._live(command.session_id)
        call = session.call
        if call.state in (State.BUSY, State.CONNECTED):
            raise InvalidRequest(f"The call is {call.state.name}: only a call that is not answered yet can be answered")
        if call.direction is Direction.INBOUND:
            if call.state is not State.RINGING:
                raise InvalidRequest("The call does not ring yet: its session has not been announced")
            yield from self._answer(session, now)
            yield from self._perform(session, now)
            return
        yield from self._stop_scenario(session, TAKEN_OVER)
        yield e.TakenOver("by hand")
        if call.state is State.CREATED:
            yield from self._move(call, Move.DIAL, now)
        if call.state is State.DIALING:
            yield from self._move(call, Move.RING, now)
        yield from self._answer(session, now)

    def _hang_up_by_hand(self, command: c.HangUpByHand, now: int) -> Iterator[e.Event]:
        session = self._live(command.session_id)
        call = session.call
        declines = call.remote is Party.CALLEE and call.state is not State.CONNECTED
        cause = command.cause if command.cause is not None else DECLINED if declines else NORMAL_CLEARING
        by = {NORMAL_CLEARING: call.remote, DECLINED: Party.CALLEE}.get(cause)
        yield from self._end(session, now, by, cause, TAKEN_OVER)

    def _perform(self, session: Session, now: int, outcome: s.Heard | None = None) -> Iterator[e.Event]:
        """Let the scenario go on until it waits for something."""
        session.turn += 1
        session.expected = None
        while session.record is None and not session.performance.over:
            try:
                session.count_act(now)
                act = session.performance.next_act(session.call.state, outcome)
            except CannotGoOn as error:
                yield from self._fail_scenario(session, str(error), now)
                return
            outcome = None
            match act:
                case Pause(duration):
                    self._at(now + duration, c.GoOn(session.call.session_id, session.turn))
                    return
                case AwaitSound():
                    session.expected = Expected(act, now)
                    return
                case Listen():
                    yield from self._listen(session, act, now)
                    return
                case Make(Move.ANSWER):
                    yield from self._answer(session, now)
                case Make(move):
                    yield from self._move(session.call, move, now)
                case Tell(event):
                    yield event
                case Finish(cause, by_remote):
                    yield from self._finish_scenario(session)
                    yield from self._end(session, now, session.call.remote if by_remote else None, cause)
                case None:
                    yield from self._finish_scenario(session)
                    if session.call.state in UNANSWERED:
                        self._at(now + self.timing.ring_limit, c.ReachRingLimit(session.call.session_id))

    def _listen(self, session: Session, act: Listen, now: int) -> Iterator[e.Event]:
        session.expected = Expected(act, now)
        self._at(now + ms(act.expectation.within), c.GoOn(session.call.session_id, session.turn))
        yield e.CalleeListens(act.expectation)
        yield from self._meet(session, act.expectation, now, now)

    def _meet(self, session: Session, expectation: s.Expectation, since: int, now: int) -> Iterator[e.Event]:
        """Let the scenario go on if what was noticed meets its expectation; what came before that is past."""
        for index, perception in enumerate(session.noticed):
            heard = meets(perception, expectation)
            if heard is not None:
                session.noticed = session.noticed[index + 1 :]
                yield e.ExpectationMet(expectation, heard.what, now - since)
                yield from self._perform(session, now, s.Heard(heard.what, (now - since) / 1_000))
                return

    def _miss(self, session: Session, expectation: s.Expectation, now: int) -> Iterator[e.Event]:
        session.noticed = []
        yield e.ExpectationMissed(expectation)
        match expectation.otherwise:
            case "go_on":
                yield from self._perform(session, now)
            case "hang_up":
                reason = f"{s.word(expectation)} was not met"
                yield from self._end(session, now, session.call.remote, NORMAL_CLEARING, reason)
            case "fail":
                reason = f"{s.word(expectation)} was not met within {expectation.within:g} s"
                yield from self._fail_scenario(session, reason, now)

    def _fail_scenario(self, session: Session, reason: str, now: int) -> Iterator[e.Event]:
        with suppress(CannotGoOn):  # one reason is enough
            session.performance.close()
        yield e.ScenarioFailed(session.performance.number, reason)
        yield from self._end(session, now, None, SYSTEM_ERROR)

    @staticmethod
    def _finish_scenario(session: Session) -> Iterator[e.Event]:
        try:
            session.performance.close()
        except CannotGoOn as error:
            yield e.ScenarioFailed(session.performance.number, str(error))
        else:
            yield e.ScenarioFinished()

    def _stop_scenario(self, session: Session, reason: str) -> Iterator[e.Event]:
        """Cut a scenario short that is under way."""
        performance, session.expected = session.performance, None
        if performance.over:
            return
        try:
            performance.close()
        except CannotGoOn as error:
            yield e.ScenarioFailed(performance.number, str(error))
        else:
            if performance.number:
                yield e.ScenarioStopped(performance.number, reason)

    # --- shared -------------------------------------------------------------------------------------------------------

    def _live(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None or session.record is not None:
            raise NoSuchSession
        return session

    def _moot(self, command: c.Command) -> bool:
        """Return whether a timer came too late: what it was set for has passed, or the call with it."""
        session = self._sessions.get(command.session_id)
        if session is None:
            return True
        match command:
            case c.IssueRecord() | c.AnnounceSession():
                return False
            case c.GoOn(turn=turn) if turn != session.turn:
                return True
            case c.Dial():
                return session.call.state is not State.CREATED
            case c.ReachRingLimit():
                return session.call.state not in UNANSWERED
            case c.Abandon(since=since) if since != session.left_at:
                return True
            case _:
                return session.record is not None

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

    def _answer(self, session: Session, now: int) -> Iterator[e.Event]:
        yield from self._move(session.call, Move.ANSWER, now)
        self._at(now + self.timing.call_limit, c.ReachTimeLimit(session.call.session_id))

    def _client_hangs_up(self, session: Session, now: int) -> Iterator[e.Event]:
        call, expected = session.call, session.expected
        if expected and isinstance(expected.act, Listen) and isinstance(expected.act.expectation, s.ExpectHangUp):
            yield e.ExpectationMet(expected.act.expectation, "", now - expected.since)
            yield from self._tell_of_hangup(session, (now - expected.since) / 1_000)
        declines = call.direction is Direction.INBOUND and call.state is not State.CONNECTED
        yield from self._end(session, now, call.client, DECLINED if declines else NORMAL_CLEARING, "the client hung up")

    def _tell_of_hangup(self, session: Session, after: float) -> Iterator[e.Event]:
        """Let a generator learn of the hang-up that it expected. Whatever else it would do, the call is over."""
        try:
            session.performance.next_act(session.call.state, s.Heard("", after))
        except CannotGoOn as error:
            session.performance.over = True
            yield e.ScenarioFailed(session.performance.number, str(error))
        else:
            yield from self._finish_scenario(session)

    def _end(self, session: Session, now: int, by: Party | None, cause: int, why: str = "") -> Iterator[e.Event]:
        yield from self._stop_scenario(session, why)
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
            cancel_is_no_answer=self.timing.cancel_is_no_answer,
        )
        self._at(now + self.timing.record_delay, c.IssueRecord(call.session_id))
        yield e.CallEnded(session.record)


_HANDLERS: dict[type[c.Command], Callable[..., Iterator[e.Event]]] = {
    c.PlaceCall: Exchange._place_call,
    c.AnnounceSession: Exchange._announce,
    c.Dial: Exchange._dial,
    c.JoinRoom: Exchange._join,
    c.LeaveRoom: Exchange._leave,
    c.Abandon: Exchange._abandon,
    c.HangUp: Exchange._hang_up,
    c.Break: Exchange._break,
    c.ReachTimeLimit: Exchange._reach_limit,
    c.ReachRingLimit: Exchange._reach_ring_limit,
    c.IssueRecord: Exchange._issue_record,
    c.GoOn: Exchange._go_on,
    c.Perceive: Exchange._perceive,
    c.Direct: Exchange._direct,
    c.PressKeys: Exchange._press_keys,
    c.AnswerByHand: Exchange._answer_by_hand,
    c.HangUpByHand: Exchange._hang_up_by_hand,
}
