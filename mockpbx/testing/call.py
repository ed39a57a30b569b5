"""A call as a test sees it: what happened, what was heard, and what its other end may still do."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mockpbx.contract.messages import CdrEvent
from mockpbx.contract.vocabulary import HANGUP_CAUSES
from mockpbx.domain import scenario as s
from mockpbx.evidence import waiting
from mockpbx.evidence.diagnosis import explain
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding, Level
from mockpbx.evidence.findings import findings
from mockpbx.evidence.judging import Judgement, first
from mockpbx.evidence.measures import Metrics
from mockpbx.evidence.metrics import measure
from mockpbx.evidence.patterns import Fact, unknown
from mockpbx.evidence.timeline import timeline
from mockpbx.media import facts
from mockpbx.media.framing import RATE
from mockpbx.media.recording import Sound
from mockpbx.runtime import hands
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.workspace import Workspace
from mockpbx.testing.desk import Desk
from mockpbx.testing.errors import ExpectationFailed, Misuse
from mockpbx.testing.planning import Given, only_or_all, scenario_of, step_of
from mockpbx.wire import cdr_event

#: Wall seconds that a test waits at most, unless it says otherwise.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Length:
    """So much sound, in samples at 8 kHz."""

    samples: int

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return self.samples / RATE


class CallFacts:
    """What Call and AsyncCall share: everything that needs no waiting. Each answer is about this moment."""

    def __init__(self, desk: Desk, session_id: str) -> None:
        self._desk = desk
        self.session_id = session_id

    def __repr__(self) -> str:
        call = self.dossier().call
        return f"<call to {call.number}, {call.status}>"

    def dossier(self) -> Dossier:
        """Return everything that is known of it."""
        return self._desk.dossier(self.session_id)

    @property
    def number(self) -> str:
        """The number that was dialled."""
        return self.dossier().call.number

    @property
    def status(self) -> str:
        """How it stands: Created, Dialing, Ringing, Busy, Connected or Ended."""
        return self.dossier().call.status

    @property
    def record(self) -> CdrEvent | None:
        """Its record as the `cdr` event shows it; None while it goes on."""
        dossier = self.dossier()
        return None if dossier.record is None else cdr_event(dossier.record, dossier.settings.cause_text)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its entries in the journal."""
        return self.dossier().entries

    @property
    def metrics(self) -> Metrics:
        """What was measured of its voice (see `Metrics`), in seconds."""
        return measure(self.dossier())

    @property
    def findings(self) -> list[Finding]:
        """What its client's author should know."""
        return findings(self.dossier())

    def lint(self, level: Level = "warning", allow: Collection[str] = ()) -> None:
        """Fail where its client broke a rule of this level, or of a worse one: `call.lint(allow=["burst"])`.

        What the test has expected is no finding; rules, their levels and remedies are those of `mockpbx lint --list`.
        Raises ProblemsFound; Misuse for an unknown rule.
        """
        __tracebackhide__ = True
        self._desk.lint([self.dossier()], [], level, allow)

    @property
    def sound(self) -> Sound:
        """Both sides as 8 kHz samples, and what the client sent. Raises Misuse where nothing was recorded."""
        sound = self.dossier().sound
        if sound is None:
            raise Misuse("There is nothing to hear of this call: nobody has answered it, or recording_limit is 0")
        return sound

    @property
    def heard(self) -> Length:
        """What the callee has heard of the client."""
        return Length(self._ledger().played)

    @property
    def cleared(self) -> Length:
        """What the client's own interruptions took back."""
        return Length(self._ledger().cleared)

    @property
    def discarded(self) -> Length:
        """What was still queued when the call ended, and so never heard."""
        return Length(self._ledger().discarded)

    @property
    def queued(self) -> Length:
        """What waits to be heard."""
        return Length(self._ledger().queued)

    def timeline(self) -> str:
        """Return what happened, as text."""
        return timeline(self.dossier())

    def write_evidence(self, folder: Path | str, name: str = "") -> Path:
        """Write the call's page, its sound and its journal into a folder. Returns the page's path."""
        from mockpbx.evidence.page import write_evidence

        return write_evidence(self.dossier(), Path(folder), name or f"{self.number}-{self.session_id[-6:]}")

    # --- its other end, by hand ---------------------------------------------------------------------------------------

    def answer(self) -> None:
        """Answer it; its scenario stops."""
        self._by_hand(lambda workspace: hands.answer(workspace, self.session_id))

    def hang_up(self, cause: int | None = None) -> None:
        """Hang up, decline it while it rings (cause 21), or let it fail with a cause of the contract's table.

        Raises Misuse for another cause.
        """
        __tracebackhide__ = True
        if cause is not None and cause not in HANGUP_CAUSES:
            known = ", ".join(map(str, HANGUP_CAUSES))
            raise Misuse(f"hang_up(): expected one of the contract's causes {known}, got {cause!r}")
        self._by_hand(lambda workspace: hands.hang_up(workspace, self.session_id, cause))

    def press(self, keys: str, **how: Any) -> None:
        """Press keys, whatever the scenario does; `how` is as for the step Press."""
        __tracebackhide__ = True
        step = step_of(s.Press(keys, **how), self._desk.folder)
        assert isinstance(step, s.Press)
        self._by_hand(lambda workspace: hands.press(workspace, self.session_id, step))

    def play(self, clip: str) -> None:
        """Play a packaged clip or a sound file, in place of the scenario."""
        __tracebackhide__ = True
        self._sound(s.Play(clip))

    def say(self, words: str, voice: str = "id") -> None:
        """Say words (the extra `speech`), in place of the scenario."""
        __tracebackhide__ = True
        self._sound(s.Say(words, voice))

    def perform(self, *what: s.Step | Given) -> None:
        """Let other steps, a persona or a generator take over from here, as in `when(...).then(...)`."""
        __tracebackhide__ = True
        scenario = scenario_of(only_or_all(what), self._desk.folder)
        self._by_hand(lambda workspace: hands.perform(workspace, self.session_id, scenario))

    def _sound(self, given: s.Sound) -> None:
        step = step_of(given, self._desk.folder)
        assert isinstance(step, s.Sound)
        self._by_hand(lambda workspace: hands.sound(workspace, self.session_id, step))

    def _by_hand(self, act: Callable[[Workspace], None]) -> None:
        self._desk.ask(act)

    def _ledger(self) -> facts.Ledger:
        def look(workspace: Workspace) -> facts.Ledger:
            workspace.wake()
            line = workspace.line(self.session_id)
            if line is not None:
                return line.playout.audio
            view = workspace.calls.find(self.session_id)
            entries = [] if view is None else reversed(view.entries)
            stopped = (entry.event for entry in entries if isinstance(entry.event, facts.MediaStopped))
            return next((event.audio for event in stopped), facts.Ledger())

        return self._desk.ask(look)

    # --- waiting, for Call and AsyncCall ------------------------------------------------------------------------------

    async def _expected(self, workspace: Workspace, wanted: Sequence[Fact], within: float) -> Judgement:
        told = self._desk.told.get(self.session_id, 0)
        judgement = await waiting.expected(workspace, self.session_id, wanted, told, within)
        self._desk.told[self.session_id] = judgement.since
        self._desk.asserted |= {entry.number for entry in judgement.matched}
        return judgement

    def _met(self, wanted: Sequence[Fact], judgement: Judgement) -> list[Entry]:
        __tracebackhide__ = True
        if judgement.missing is not None:
            raise ExpectationFailed(explain(self.dossier(), wanted, judgement, self._desk.strays()))
        return list(judgement.matched)

    def _ended(self, issued: bool, within: float) -> CdrEvent:
        __tracebackhide__ = True
        record = self.record
        if record is None or not issued:
            missing = "its record was not issued" if record else "it goes on"
            raise ExpectationFailed(
                f"expected the end of the call within {within:g} s, but {missing}\n\n{self.timeline()}"
            )
        return record

    def expect_never(self, *facts: Fact) -> None:
        """Fail where one of these facts has happened in the whole call so far. Raises ExpectationFailed."""
        __tracebackhide__ = True
        dossier = self.dossier()
        for fact in _facts(facts):
            entry = first(dossier.entries, fact)
            if entry is not None:
                shown = timeline(dossier, highlight=(entry,))
                raise ExpectationFailed(f"expected that {fact!r} never happens, but it did\n\n{shown}")


class Call(CallFacts):
    """A call, for a test that blocks while it waits."""

    def expect(self, *facts: Fact, within: float = PATIENCE) -> list[Entry]:
        """Wait until these facts have happened in this order, after those expected before; others may come between.

        Returns their journal entries. Raises ExpectationFailed as soon as the call cannot bring them any more, or when
        `within` seconds of wall time are over.
        """
        __tracebackhide__ = True
        wanted = _facts(facts)
        check_patience(within)
        judgement = self._desk.block(lambda workspace: self._expected(workspace, wanted, within), "call.expect")
        return self._met(wanted, judgement)

    def wait(self, within: float = PATIENCE) -> CdrEvent:
        """Wait until the call is over and its record issued. Returns the record. Raises ExpectationFailed."""
        __tracebackhide__ = True
        issued = self._desk.block(lambda workspace: waiting.ended(workspace, self.session_id, within), "call.wait")
        return self._ended(issued, within)


class AsyncCall(CallFacts):
    """A call, for a test that awaits."""

    async def expect(self, *facts: Fact, within: float = PATIENCE) -> list[Entry]:
        """Await these facts in this order; as `Call.expect`."""
        __tracebackhide__ = True
        wanted = _facts(facts)
        check_patience(within)
        judgement = await self._desk.wait(lambda workspace: self._expected(workspace, wanted, within))
        return self._met(wanted, judgement)

    async def wait(self, within: float = PATIENCE) -> CdrEvent:
        """Await the end of the call and its record; as `Call.wait`."""
        __tracebackhide__ = True
        issued = await self._desk.wait(lambda workspace: waiting.ended(workspace, self.session_id, within))
        return self._ended(issued, within)


def check_patience(within: float) -> None:
    """Refuse what is no number of seconds to wait. Raises Misuse."""
    __tracebackhide__ = True
    if not isinstance(within, int | float) or not 0 <= within < math.inf:
        raise Misuse(f"within: expected seconds from 0 on, got {within!r}")


def _facts(given: Sequence[object]) -> list[Fact]:
    """Return what is expected, if it is facts. Raises Misuse."""
    __tracebackhide__ = True
    if not given:
        raise Misuse('Nothing is expected: name facts, such as expect(Connected, Digit("1"))')
    for fact in given:
        if not isinstance(fact, Fact):
            raise Misuse(unknown(fact))
    return [fact for fact in given if isinstance(fact, Fact)]
