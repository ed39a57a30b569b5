"""A workspace: everything that one bearer token owns. The noun from the users' world.

Joins the exchange (calls and timers) to the lines (their sound) on one clock, and writes the journal. Every method acts
at the clock's now, after everything that was due before has happened: a timer's event is stamped with its deadline.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from mockpbx.contract.errors import InvalidRequest, NotConnected
from mockpbx.contract.vocabulary import SYSTEM_ERROR, Direction
from mockpbx.domain import commands as c
from mockpbx.domain import events as e
from mockpbx.domain.call import Call, State
from mockpbx.domain.exchange import Exchange
from mockpbx.domain.magic import answered, magic_number
from mockpbx.domain.perceptions import Perception, SoundFailed
from mockpbx.domain.plan import Dialplan, Named, Plan
from mockpbx.domain.record import CallRecord, file_record
from mockpbx.domain.scenario import Step, opened
from mockpbx.media import facts
from mockpbx.media.recording import Arrival
from mockpbx.runtime.agenda import Action, Agenda
from mockpbx.runtime.callbook import CallBook
from mockpbx.runtime.callee import Unplayable, callee_named, perception_of
from mockpbx.runtime.clients import Clients, Nobody
from mockpbx.runtime.clock import Clock, ClockMode, clock_mode, shared_wake
from mockpbx.runtime.entries import (
    AudioRefused,
    ClockSet,
    DialplanSet,
    EventRefused,
    SettingsChanged,
    WorkspaceReset,
)
from mockpbx.runtime.faults import Faultboard
from mockpbx.runtime.handsets import Handsets
from mockpbx.runtime.journal import Excerpt, Journal
from mockpbx.runtime.lines import Lines
from mockpbx.runtime.recordings import Recordings
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.stepper import Stepper
from mockpbx.runtime.traffic import Traffic

if TYPE_CHECKING:  # what needs numpy is loaded with the first call
    from mockpbx.media.line import Line
    from mockpbx.media.pcm import Samples
    from mockpbx.runtime.uplink import Uplink

#: Ms of wall time that a late tick makes up for; what lies further back is lost to the media.
CATCH_UP = 1_000
#: Nanoseconds of wall time that catching up takes in a row: then other workspaces and all clients get a turn.
LONGEST_WAKE = 5_000_000
#: Ended calls that a workspace can still tell of.
MOST_CALLS = 1_000


class ClockRuns(InvalidRequest):
    """A clock that runs by itself was to be stepped by hand."""


def wall_ms() -> int:
    """Return the wall time in ms since 1970."""
    return time.time_ns() // 1_000_000


class Workspace:
    """One token's calls, records, journal, clock, dial plan, faults, seed and switches.

    `key` names it in the store and in logs. `settings` and `plan` are what it starts with, and goes back to at a reset.
    """

    def __init__(
        self,
        key: str,
        clock: Clock,
        settings: WorkspaceSettings,
        seed: int,
        *,
        plan: Plan | None = None,
        wall: Callable[[], int] = wall_ms,
    ) -> None:
        self.key = key
        self.clock = clock
        self.settings = settings
        self.mode: ClockMode = clock_mode(settings.clock)
        self.clients: Clients = Nobody()
        self.on_sooner: Callable[[], None] = lambda: None
        #: What the journal is to say of a call that has just ended, beside that.
        self.epilogue: Callable[[str], Sequence[object]] = lambda _: ()
        self.slipped = 0  # ms of media time lost so far
        self.used_at = wall()  # wall ms of its last use
        self.dialplan = Dialplan(plan or Plan())
        self.journal = Journal(settings.journal_limit, settings.journal_age, wall)
        self.calls = CallBook(MOST_CALLS, settings.journal_age, wall)
        self.recordings = Recordings(settings.recording_limit, settings.journal_age, wall)
        self.traffic = Traffic(self._moment, wall, settings.journal_age)
        self.stepper = Stepper(self)
        self._initial = (settings, self.dialplan.plan)
        self.seed = seed
        self._wall = wall
        self._placed = 0  # calls so far
        self._exchange = Exchange(settings.timing())
        self._agenda = Agenda()
        self._lines = Lines(seed)
        self.cadence = self._lines.cadence  # how late its frames leave, where time is real
        self._perceived: deque[tuple[str, Perception]] = deque()
        self._instant: int | None = None  # what is happening now happens at this virtual ms
        self._behind = False  # more was due than one wake could do: the engine goes on with it
        self.faults = Faultboard(self._luck_of_faults(), self.clock.now)
        self.handsets = Handsets(self)
        self.journal.subscribe(self.calls.read)
        self.journal.subscribe(self.handsets.read)
        self.pace()

    # --- the life of a call -------------------------------------------------------------------------------------------

    def place_call(self, session_id: str, number: str) -> None:
        """Create a call to a valid number; the dial plan tells what its other end does."""
        ordinal, luck = self._next_call()
        chosen = self._scenario_for(number, luck)
        steps = opened(chosen.scenario, luck)
        self._receive(c.PlaceCall(session_id, number, steps, chosen.name, ordinal))
        self.calls.cast(session_id, chosen)

    def receive_call(self, session_id: str, number: str, caller: str, scenario: Named | None = None) -> None:
        """Create a call from `caller` to the client's `number`; without `scenario` the dial plan tells."""
        ordinal, luck = self._next_call()
        chosen = scenario or self._scenario_for(caller, luck)
        steps = opened(chosen.scenario, luck)
        self._receive(c.PlaceCall(session_id, number, steps, chosen.name, ordinal, Direction.INBOUND, caller))
        self.calls.cast(session_id, chosen)

    def announce(self, session_id: str) -> None:
        """Let the clients know of a session: the reply to its POST has left."""
        self._receive(c.AnnounceSession(session_id))

    def undialled(self) -> list[Call]:
        """Return the calls that have been announced and still wait for a client, who may be the one that comes now."""
        self.wake()
        return self._exchange.undialled()

    def join(self, session_id: str, client: str) -> None:
        """Let a client into the call's room, or refuse it; the journal tells which."""
        self._receive(c.JoinRoom(session_id, client))

    def leave(self, session_id: str, *, goodbye: bool = False) -> None:
        """The last client of the call's room is gone; without a `goodbye` its connection was lost."""
        self._receive(c.LeaveRoom(session_id, goodbye))

    def hang_up(self, session_id: str) -> None:
        """The client ends the call. Raises NoSuchSession."""
        self._receive(c.HangUp(session_id))

    def command(self, command: c.Command) -> None:
        """Carry out a command of whoever acts for the other end (see `runtime/hands.py`). Raises NoSuchSession."""
        self._receive(command)

    def call(self, session_id: str) -> Call:
        """Return a live call. Raises NoSuchSession."""
        self.wake()
        return self._exchange.call(session_id)

    def live_calls(self) -> list[Call]:
        """Return the calls that have not ended, oldest first."""
        return self._exchange.live_calls()

    def step_of(self, session_id: str) -> tuple[int, Step] | None:
        """Return the number of the step that a call's scenario is at, and the step; None where it is at none."""
        return self._exchange.step(session_id)

    def line(self, session_id: str) -> Line | None:
        """Return the sound of a live call, None for any other."""
        return self._lines.find(session_id)

    @property
    def idle(self) -> bool:
        """Whether nobody would miss it: no socket and no call. Records that are still due are issued at its `stop`."""
        return not (self.clients.connected or self._exchange.live_calls())

    def stop(self) -> None:
        """The emulator stops: every call ends with cause 127, every record is issued now."""
        within, self._instant = self._instant, self.wake()  # no call ends by itself meanwhile
        try:
            for call in self._exchange.live_calls():
                self._receive(c.Break(call.session_id, SYSTEM_ERROR))
            for record in self._exchange.unissued():
                self._receive(c.IssueRecord(record.session_id))
        finally:
            self._instant = within

    def provisional_records(self, now: int) -> list[CallRecord]:
        """Return what all calls' records would be if the emulator died at `now`, and those that wait to be issued."""
        records = (self.provisional_record(call.session_id, now) for call in self._exchange.live_calls())
        return [*self._exchange.unissued(), *(record for record in records if record is not None)]

    def provisional_record(self, session_id: str, now: int) -> CallRecord | None:
        """Return what the record of a call would be if the emulator died at `now`; None for one that is not here."""
        call = self._exchange.find(session_id)
        if call is None:
            return None
        return file_record(
            session_id=session_id,
            destination=call.number,
            direction=call.direction,
            started_at=call.started_at,
            answered_at=call.answered_at,
            ended_at=now,
            by=None,
            cause=SYSTEM_ERROR,
        )

    # --- its sound ----------------------------------------------------------------------------------------------------

    def uplink(self, session_id: str) -> Uplink:
        """Return the way in of the call's client audio. Raises NoSuchSession, or NotConnected before the answer."""
        self.wake()
        self._audible(self._exchange.call(session_id))
        return self._lines.uplink(session_id)

    def play(
        self,
        session_id: str,
        samples: Samples,
        audio_format: str = "pcm16",
        data: bytes | None = None,
        *,
        ack_wanted: bool | None = None,
    ) -> None:
        """Queue sound for the callee; `data` is what it was decoded from, in `audio_format`.

        Raises NoSuchSession, NotConnected or QueueFull; the call is unharmed.
        """
        now = self.wake()
        call = self._exchange.call(session_id)
        self._audible(call)
        line = self._lines[session_id]
        if call.state is not State.CONNECTED and self.settings.audio_before_answer == "discard":
            line.playout.discard(samples)
        else:
            happened = line.playout.play(samples)
            if self.settings.recording_limit:
                sent = samples.astype("<i2").tobytes() if data is None else data
                self.recordings.arrive(session_id, Arrival(now, audio_format, sent, len(samples), ack_wanted))
            if happened:
                self._happen(now, session_id, happened)

    def press(self, session_id: str, digit: str, duration_ms: float) -> None:
        """Queue a DTMF tone for the callee. Raises NoSuchSession, NotConnected or QueueFull."""
        now = self.wake()
        call = self._exchange.call(session_id)
        self._audible(call)
        if call.state is State.CONNECTED or self.settings.audio_before_answer == "queue":
            happened = self._lines[session_id].playout.press(digit, duration_ms)
            self._happen(now, session_id, [*happened, facts.DigitQueued(digit.upper(), round(duration_ms))])

    def mark(self, session_id: str, name: str) -> None:
        """Queue a checkpoint. Raises NoSuchSession."""
        now = self.wake()
        self._exchange.call(session_id)
        self._happen(now, session_id, [self._lines[session_id].playout.mark(name)])

    def interrupt(self, session_id: str) -> None:
        """Empty the call's playback queue. Raises NoSuchSession."""
        now = self.wake()
        self._exchange.call(session_id)
        happened = self._lines[session_id].playout.interrupt()
        self._lines.uplink(session_id).reset()
        if self.settings.interruption_fires_checkpoints:
            cleared = [fact for fact in happened if isinstance(fact, facts.CheckpointCleared)]
            happened += [facts.CheckpointReached(fact.name) for fact in cleared]
        self._happen(now, session_id, happened)

    # --- what else there is to note -----------------------------------------------------------------------------------

    def refuse_audio(self, session_id: str | None, size: int, reason: str, why: str = "other") -> None:
        """Note client audio of `size` bytes that was not taken, and why: in a sentence, and in a word."""
        line = self._lines.find(session_id)
        if line is not None:
            line.refuse(size)
        self.note(session_id, AudioRefused(reason, size, why))

    def refuse_event(self, session_id: str | None, event: str, reason: str) -> None:
        """Note a client's event that was not taken, and why."""
        self.note(session_id, EventRefused(event, reason))

    def refuse_join(self, client: str) -> None:
        """Refuse a request that names no session at all."""
        self.note(None, e.JoinRefused(client))

    def note(self, session_id: str | None, event: object) -> None:
        """Write a fact of somebody else's into the journal."""
        self.journal.append(self.wake(), session_id, event)

    # --- how it behaves -----------------------------------------------------------------------------------------------

    def configure(self, settings: WorkspaceSettings) -> None:
        """Turn switches; the clock goes on from where it is."""
        changed = {name: value for name, value in settings if value != getattr(self.settings, name)}
        if not changed:
            return
        self.wake()
        if "clock" in changed:
            self.set_clock(settings.clock)
        others = tuple(name for name in changed if name != "clock")
        if others:
            self._apply_settings(settings)
            self.note(None, SettingsChanged(others))

    def set_clock(self, name: str) -> None:
        """Let time pass in another mode. Raises ValueError for what is none."""
        self.wake()
        self.mode = clock_mode(name)
        self.settings = self.settings.model_copy(update={"clock": self.mode.name})
        self.pace()
        self.note(None, ClockSet(self.mode.name))
        self.handsets.clock_set()

    def set_plan(self, plan: Plan) -> None:
        """Let other rules tell what numbers do; sequences start over."""
        self.dialplan.replace(plan)
        self.note(None, DialplanSet(len(plan.rules)))

    def put_first(self, plan: Plan) -> None:
        """Let more rules tell what numbers do, before those that there are."""
        self.dialplan.put_first(plan)
        self.note(None, DialplanSet(len(self.dialplan.plan.rules)))

    def start_with(self, plan: Plan) -> None:
        """Start with another dial plan from the next reset on; from now on where none has been set since the start."""
        settings, started_with = self._initial
        self._initial = (settings, plan)
        if self.dialplan.plan is started_with:
            self.set_plan(plan)

    def reset(self) -> None:
        """Go back to how the workspace started: live calls break, their records are issued, the journal begins anew."""
        self.stop()
        settings, plan = self._initial
        self._agenda.clear()
        self.recordings.clear()
        self.calls.clear()
        self.dialplan.replace(plan)
        self._apply_settings(settings)
        self.mode = clock_mode(settings.clock)
        self.pace()
        if settings.clock_start is not None:
            self.clock.begin(round(settings.clock_start.timestamp() * 1_000))
        self.faults.restart(self._luck_of_faults())
        self._placed = 0
        self._lines.restart()
        self.journal.restart()
        self.traffic.restart()
        self.note(None, WorkspaceReset())

    def _apply_settings(self, settings: WorkspaceSettings) -> None:
        self.settings = settings
        self._exchange.timing = settings.timing()
        self.journal.capacity, self.journal.age = settings.journal_limit, settings.journal_age
        self.recordings.budget = settings.recording_limit
        self.calls.age = self.recordings.age = self.traffic.age = settings.journal_age

    # --- time ---------------------------------------------------------------------------------------------------------

    @property
    def steps_itself(self) -> bool:
        """Whether time jumps from deadline to deadline: the clock is `auto`, and nobody is missed who should be there.

        A live call needs a client, and the first may still come; for a record that is due none has to be waited for.
        """
        return self.mode.auto and (self.clients.connected or not self._exchange.live_calls())

    def pace(self) -> None:
        """Let time pass as the clock's mode says. A clock that jumps is real while a call waits for its client."""
        self.used_at = self._wall()
        self.clock.rate = 1.0 if self.mode.auto and not self.steps_itself else self.mode.rate
        self.on_sooner()

    def later(self, ms: int, action: Action) -> None:
        """Carry out an action `ms` of virtual time from now."""
        self._agenda.add(self.wake() + ms, action)
        self.on_sooner()

    def next_deadline(self) -> int | None:
        """Return when something is due next, in virtual ms; None where nothing is planned."""
        earliest = self._lines.next_deadline()
        for due in (self._exchange.next_deadline(), self._agenda.next_deadline()):
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    async def advance(self, ms: int, wanted: Callable[[], bool] = lambda: True) -> Excerpt:
        """Step a clock that stands still by `ms`, past every deadline on the way (see `Stepper`).

        Returns what happened. Raises ClockRuns for a clock that needs no steps.
        """
        if self.mode.auto or self.mode.rate:
            raise ClockRuns(
                f"The clock is {self.mode.name} and runs by itself; only a manual one is stepped: "
                'set it by PUT /__admin/clock {"mode": "manual"}'
            )
        return await self.stepper.advance(ms, wanted)

    def wake(self) -> int:
        """Let everything happen that is due, in order, each at its own moment. Returns the virtual time.

        All that one wake could not do is left to the engine; time stands at it meanwhile.
        """
        if self._instant is not None:
            return self._instant  # whoever asks does so because of what happens now
        now = self.clock.now()
        due = self.next_deadline()
        if due is None or due > now:
            return now
        if (self._behind and self.clock.rate) or not self._ripe(due, now):
            return due
        return self.catch_up()

    def catch_up(self, early: int = 0) -> int:
        """Let everything happen that is due, for LONGEST_WAKE at most where time runs by itself.

        Returns the virtual time: that of what is due next, where that was not all. `early` says by how many ms this
        may be before the moment that was meant.
        """
        now, wall = self.clock.now(), self.clock.wall
        until = wall() + LONGEST_WAKE if self.clock.rate else math.inf
        self._slip(now)
        self._behind = False
        due = self.next_deadline()
        while due is not None and self._ripe(due, now, early):
            due = self.pass_moment(due)
            if due is not None and due <= now and wall() > until:
                self._behind = True
                break
        return now if due is None else min(due, now)

    def _ripe(self, due: int, now: int, early: int = 0) -> bool:
        """Return whether what is due next is to happen now.

        A tick waits for the wake that it shares with others: one that some wakes do, because they are late, and others
        leave to the next, would come off its grid. What comes behind it, and waits for nobody, it goes before.
        """
        if due > now:
            return False
        if shared_wake(due) <= now + early:
            return True
        planned = (self._exchange.next_deadline(), self._agenda.next_deadline())
        return any(each is not None and each <= now for each in planned)

    def pass_moment(self, due: int) -> int | None:
        """Let everything happen that is due at the next moment, which is `due`. Returns the one after it."""
        self._instant = due
        try:
            while True:
                # A timer goes before a tick of the same millisecond: a call that ends now says nothing more.
                if due == self._exchange.next_deadline():
                    self._record(due, self._exchange.wake(due))
                elif due == self._agenda.next_deadline():
                    self._agenda.carry_out(due)
                else:
                    self._tick(due)
                following = self.next_deadline()
                if following != due:
                    return following
        finally:
            self._instant = None

    def _receive(self, command: c.Command) -> None:
        now, within = self.wake(), self._instant
        self.used_at = self._wall()
        self._instant = now
        try:
            self._record(now, self._exchange.receive(command, now))
        finally:
            self._instant = within
        self.on_sooner()

    def _record(self, at: int, happened: list[tuple[str, e.Event]]) -> None:
        for session_id, event in happened:
            self._write(at, session_id, self._apply(at, session_id, event))
            self.journal.append(at, session_id, event)
            if isinstance(event, e.CallEnded):
                self._write(at, session_id, self.epilogue(session_id))
                self.cadence.end(session_id)
            if isinstance(event, e.CallPlaced | e.CallEnded) and self.mode.auto:
                self.pace()
        self._tell_scenarios(at)

    def _apply(self, at: int, session_id: str, event: e.Event) -> list[object]:
        """Let an event take effect on the call's line. Returns what happened there, before the event itself."""
        match event:
            case e.CallPlaced(ordinal=ordinal):
                self._lines.open(session_id, self.settings.playout_limit, ordinal)
            case e.CallEnded():
                self.recordings.end(session_id)
                return [*self.handsets.end(session_id), *self._lines.close(session_id)]
            case _ if self._lines.find(session_id) is not None:
                try:
                    self._lines.apply(at, session_id, event)
                except Unplayable as error:
                    self._perceived.append((session_id, SoundFailed(str(error))))
        return []

    def _tick(self, at: int) -> None:
        recording = self.settings.recording_limit > 0
        for session_id, line, (said, heard, happened) in self._lines.tick(at):
            if happened:
                self._write(at, session_id, happened)
            if recording:
                self.recordings.add(session_id, at, said, heard, line.playout.waiting)
            self.clients.emit_frame(session_id, said)
        if self.mode.rate == 1.0:
            self.cadence.tick(at, self.clock.late_by(at))
        self._tell_scenarios(at)

    def _slip(self, now: int) -> None:
        due, reach = self._lines.next_deadline(), round(CATCH_UP * max(1.0, self.clock.rate))
        # Who stays behind gives up half a second at a time, since the journal tells of each.
        if due is None or due >= now - (reach * 3 // 2 if self._behind else reach):
            return
        stood = self.next_deadline() or due  # where time has stood: what else is due happens behind the slip
        lost = self._lines.slip(now - reach)
        if lost:
            self.slipped += lost
            self._write(stood, None, [facts.MediaSlipped(lost)])

    # --- inside -------------------------------------------------------------------------------------------------------

    def _happen(self, at: int, session_id: str, happened: Sequence[object]) -> None:
        within, self._instant = self._instant, at
        try:
            self._write(at, session_id, happened)
            self._tell_scenarios(at)
        finally:
            self._instant = within

    def _write(self, at: int, session_id: str | None, happened: Sequence[object]) -> None:
        for fact in happened:
            self.journal.append(at, session_id, fact)
            if session_id is not None and self._exchange.attends(session_id):
                perception = perception_of(fact)
                if perception is not None:
                    self._perceived.append((session_id, perception))

    def _tell_scenarios(self, at: int) -> None:
        """Let scenarios know what their callees have perceived, which may lead to more."""
        while self._perceived:
            session_id, perception = self._perceived.popleft()
            self._record(at, self._exchange.receive(c.Perceive(session_id, perception), at))
            self.on_sooner()

    def _audible(self, call: Call) -> None:
        if call.state is not State.CONNECTED and self.settings.audio_before_answer == "refuse":
            raise NotConnected

    def _moment(self) -> int:
        """Return the virtual time of what happens now; unlike `wake` it lets nothing else happen."""
        return self.clock.now() if self._instant is None else self._instant

    def _luck_of_faults(self) -> Random:
        return Random(f"{self.seed}: faults")

    def luck_of_takeover(self, session_id: str) -> Random:
        """Return the luck of a scenario that takes over a live call now. Raises NoSuchSession."""
        elapsed = self.wake() - self._exchange.call(session_id).placed_at
        return Random(f"{self.seed}: call {self._lines[session_id].ordinal}, taken over after {elapsed} ms")

    def _next_call(self) -> tuple[int, Random]:
        """Return the ordinal of the call that comes now, and its luck, which follows from it."""
        ordinal = self.settings.first_call + self._placed
        self._placed += 1
        return ordinal, Random(f"{self.seed}: call {ordinal}")

    def _scenario_for(self, number: str, luck: Random) -> Named:
        magic = magic_number(number)
        if magic is not None:
            return Named(magic.behaviour, magic.steps)
        ruled = self.dialplan.choose(number, luck)
        return ruled or Named(self.settings.callee, answered(callee_named(self.settings.callee)))
