"""A workspace: everything that one bearer token owns. The noun from the users' world.

Joins the exchange (calls and timers) to the lines (their sound) on one clock, and writes the journal. Every method acts
at the clock's now, after everything that was due before has happened: a timer's event is stamped with its deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mockpbx.contract.errors import NotConnected
from mockpbx.contract.vocabulary import NORMAL_CLEARING, SYSTEM_ERROR, DialStatus, Party
from mockpbx.domain import commands as c
from mockpbx.domain import events as e
from mockpbx.domain.call import Call, State
from mockpbx.domain.dialplan import scenario_for
from mockpbx.domain.exchange import Exchange
from mockpbx.domain.record import CallRecord, file_record
from mockpbx.media import facts
from mockpbx.media.line import Line, listen
from mockpbx.media.pcm import RATE, Samples, to_bytes
from mockpbx.runtime.callee import callee_named, source_of
from mockpbx.runtime.clips import load
from mockpbx.runtime.clock import Clock
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.journal import Journal
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.ticker import Ticker
from mockpbx.runtime.uplink import Uplink

#: Receives each 20 ms of what a callee says: session id, 320 bytes.
FrameReader = Callable[[str, bytes], None]


class Workspace:
    """One token's calls, records, journal, clock, seed and switches. `key` names it in the store and in logs."""

    def __init__(self, key: str, clock: Clock, settings: WorkspaceSettings, seed: int) -> None:
        self.key = key
        self.clock = clock
        self.settings = settings
        self.journal = Journal(settings.journal_limit)
        self.slipped = 0  # ms of media time lost so far
        self.on_frame: FrameReader = lambda session_id, frame: None
        self.on_sooner: Callable[[], None] = lambda: None
        self._callee = callee_named(settings.callee)
        self._exchange = Exchange(settings.timing(), lambda number: scenario_for(number, self._callee))
        self._ticker = Ticker()
        self._lines: dict[str, Line] = {}
        self._uplinks: dict[str, Uplink] = {}
        self._seed = seed
        self._placed = 0

    # --- the life of a call -------------------------------------------------------------------------------------------

    def place_call(self, session_id: str, number: str) -> None:
        """Create a call to a valid number."""
        self._receive(c.PlaceCall(session_id, number))

    def announce(self, session_id: str) -> None:
        """Let the clients know of a session: the reply to its POST has left."""
        self._receive(c.AnnounceSession(session_id))

    def undialled(self) -> list[Call]:
        """Return the calls that have been announced and not dialled yet: a client that connects now can still join."""
        self.wake()
        return self._exchange.undialled()

    def join(self, session_id: str, client: str) -> None:
        """Let a client into the call's room, or refuse it; the journal tells which."""
        self._receive(c.JoinRoom(session_id, client))

    def leave(self, session_id: str) -> None:
        """The last client of the call's room is gone."""
        self._receive(c.LeaveRoom(session_id))

    def hang_up(self, session_id: str) -> None:
        """The client ends the call. Raises NoSuchSession."""
        self._receive(c.HangUp(session_id, Party.CALLER, NORMAL_CLEARING))

    def stop(self) -> None:
        """The emulator stops: every call ends with cause 127, every record is issued now."""
        for call in self._exchange.live_calls():
            self._receive(c.HangUp(call.session_id, None, SYSTEM_ERROR))
        for session_id in self._exchange.unissued():
            self._receive(c.IssueRecord(session_id))

    def provisional_records(self) -> list[CallRecord]:
        """Return what the records of all live calls would be if the emulator died now."""
        now = self.wake()
        records = (self.provisional_record(call.session_id, now) for call in self._exchange.live_calls())
        return [record for record in records if record is not None]

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
        return self._uplinks[session_id]

    def play(self, session_id: str, samples: Samples) -> None:
        """Queue sound for the callee. Raises NoSuchSession, NotConnected or QueueFull; the call is unharmed."""
        now = self.wake()
        call = self._exchange.call(session_id)
        self._audible(call)
        line = self._lines[session_id]
        if call.state is not State.CONNECTED and self.settings.audio_before_answer == "discard":
            line.playout.discard(samples)
        else:
            self._write(now, session_id, line.playout.play(samples))

    def press(self, session_id: str, digit: str, duration_ms: float) -> None:
        """Queue a DTMF tone for the callee. Raises NoSuchSession, NotConnected or QueueFull."""
        now = self.wake()
        call = self._exchange.call(session_id)
        self._audible(call)
        if call.state is State.CONNECTED or self.settings.audio_before_answer == "queue":
            happened = self._lines[session_id].playout.press(digit, duration_ms)
            self._write(now, session_id, [*happened, facts.DigitQueued(digit.upper(), round(duration_ms))])

    def mark(self, session_id: str, name: str) -> None:
        """Queue a checkpoint. Raises NoSuchSession."""
        now = self.wake()
        self._exchange.call(session_id)
        self._write(now, session_id, [self._lines[session_id].playout.mark(name)])

    def interrupt(self, session_id: str) -> None:
        """Empty the call's playback queue. Raises NoSuchSession."""
        now = self.wake()
        self._exchange.call(session_id)
        happened = self._lines[session_id].playout.interrupt()
        self._uplinks[session_id].reset()
        self._write(now, session_id, happened)
        if self.settings.interruption_fires_checkpoints:
            cleared = [fact for fact in happened if isinstance(fact, facts.CheckpointCleared)]
            self._write(now, session_id, [facts.CheckpointReached(fact.name) for fact in cleared])

    # --- what clients sent in vain ------------------------------------------------------------------------------------

    def refuse_audio(self, session_id: str | None, size: int, reason: str) -> None:
        """Note client audio of `size` bytes that was not taken, and why."""
        line = self._lines.get(session_id or "")
        if line is not None:
            line.refuse(size)
        self._write(self.wake(), session_id, [AudioRefused(reason, size)])

    def refuse_event(self, session_id: str | None, event: str, reason: str) -> None:
        """Note a client's event that was not taken, and why."""
        self._write(self.wake(), session_id, [EventRefused(event, reason)])

    def refuse_join(self, client: str) -> None:
        """Refuse a request that names no session at all."""
        self._write(self.wake(), None, [e.JoinRefused(client)])

    # --- time ---------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> int | None:
        """Return when something is due next, in virtual ms; None where nothing is planned."""
        timer, tick = self._exchange.next_deadline(), self._ticker.next_deadline()
        if timer is None or tick is None:
            return tick if timer is None else timer
        return min(timer, tick)

    def advance(self, ms: int) -> None:
        """Step a clock that stands still by `ms`, stopping at every deadline on the way."""
        target = self.clock.now() + ms
        while (due := self.next_deadline()) is not None and due <= target:
            self.clock.step(due - self.clock.now())
            self.wake()
        self.clock.step(target - self.clock.now())

    def wake(self) -> int:
        """Let everything happen that is due, in order, each at its own moment. Returns the virtual time."""
        now = self.clock.now()
        self._slip(now)
        while (due := self.next_deadline()) is not None and due <= now:
            # A timer goes before a tick of the same millisecond: a call that ends now says nothing more.
            if due == self._exchange.next_deadline():
                self._record(due, self._exchange.wake(due))
            else:
                self._tick(due)
        return now

    def _receive(self, command: c.Command) -> None:
        now = self.wake()
        self._record(now, self._exchange.receive(command, now))
        self.on_sooner()

    def _record(self, at: int, happened: list[tuple[str, e.Event]]) -> None:
        for session_id, event in happened:
            self._write(at, session_id, self._apply(at, session_id, event))
            self.journal.append(at, session_id, event)

    def _apply(self, at: int, session_id: str, event: e.Event) -> list[object]:
        """Let an event take effect on the call's line. Returns what happened there, before the event itself."""
        match event:
            case e.CallPlaced():
                self._placed += 1
                self._lines[session_id] = Line(round(self.settings.playout_limit * RATE), self._placed)
                self._uplinks[session_id] = Uplink()
            case e.DialStatusChanged(DialStatus.CONNECTED):
                self._ticker.add(session_id, self._lines[session_id], at)
            case e.CalleeSpoke(sound):
                line = self._lines[session_id]
                line.source = source_of(sound, load, np.random.default_rng([self._seed, line.ordinal]))
            case e.CalleePressed(digit, duration):
                self._lines[session_id].press(digit, duration)
            case e.CallEnded():
                self._ticker.remove(session_id)
                del self._uplinks[session_id]
                return self._lines.pop(session_id).stop()
        return []

    def _tick(self, at: int) -> None:
        phase = self._ticker.due(at)
        if phase is None:
            return
        lines = list(phase.lines.items())
        steps = [line.step() for _, line in lines]
        digits = listen([line for _, line in lines], [said for said, _ in steps])
        for (session_id, _), (said, happened), heard in zip(lines, steps, digits, strict=True):
            self._write(at, session_id, [*happened, *heard])
            self.on_frame(session_id, to_bytes(said))

    def _slip(self, now: int) -> None:
        lost = self._ticker.slip(now)
        if lost:
            self.slipped += lost
            self._write(now, None, [facts.MediaSlipped(lost)])

    # --- inside -------------------------------------------------------------------------------------------------------

    def _write(self, at: int, session_id: str | None, happened: Sequence[object]) -> None:
        for fact in happened:
            self.journal.append(at, session_id, fact)

    def _audible(self, call: Call) -> None:
        if call.state is not State.CONNECTED and self.settings.audio_before_answer == "refuse":
            raise NotConnected
