"""Handsets: live persons at the other ends of calls, who hear what the callee hears and may talk in its place."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Literal, Protocol

from mockpbx.contract.errors import InvalidRequest, PBXError
from mockpbx.domain import commands as c
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.scenario import Step, opened
from mockpbx.runtime.callbook import CallBook
from mockpbx.runtime.clock import ClockMode
from mockpbx.runtime.entries import HandsetPickedUp, HandsetPutDown, HandsetVoiced
from mockpbx.runtime.journal import Entry

if TYPE_CHECKING:
    from mockpbx.media.line import Line
    from mockpbx.runtime.handset import Handset, Page

#: The persona of a call that a person is to pick up, and the name under which a person takes over.
HANDSET = "handset"

Reason = Literal["unknown", "ended", "held", "clock"]
Hand = Literal["held", "talking"]


class OutOfReach(PBXError):
    """A call that cannot be picked up now, for a `reason` that a page can act on."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Workplace(Protocol):
    """What handsets need of their workspace."""

    calls: CallBook
    mode: ClockMode

    def wake(self) -> int:
        """Let everything happen that is due."""

    def line(self, session_id: str) -> Line | None:
        """Return the sound of a live call."""

    def step_of(self, session_id: str) -> tuple[int, Step] | None:
        """Return what a call's scenario is at, None where it is over."""

    def command(self, command: c.Command) -> None:
        """Carry out a command of whoever acts for the other end."""

    def luck_of_takeover(self, session_id: str) -> Random:
        """Return the luck of a scenario that takes over now."""

    def note(self, session_id: str | None, event: object) -> None:
        """Write a fact into the journal."""


class Handsets:
    """The handsets of a workspace, one a call at most; its journal's reader, too."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._held: dict[str, Handset] = {}

    def pick_up(self, session_id: str, page: Page, *, take_over: bool = False) -> Handset:
        """Put a live call into a page's hand; `take_over` from another one, which goes on talking here.

        Raises OutOfReach.
        """
        self._workplace.wake()
        view, line = self._workplace.calls.find(session_id), self._workplace.line(session_id)
        if view is None:
            raise OutOfReach("unknown", "No call has this sessionId here: it is unknown, or it ended too long ago")
        if line is None:
            raise OutOfReach("ended", "The call has ended: nobody is there to talk to any more")
        if not _real(self._workplace.mode):
            raise OutOfReach("clock", _needs_real_time(self._workplace.mode))
        holder = self._held.get(session_id)
        if holder is not None and not take_over:
            raise OutOfReach("held", "Another page holds this call: take it over, or put it down there")
        if holder is not None:
            self._dismiss(holder, "taken", "Another page took the call over")
        from mockpbx.runtime.handset import Handset

        handset = Handset(session_id, line, page, wanted=holder is not None and holder.wanted)
        self._held[session_id] = handset
        line.listener = handset.hear
        self._give_voice(handset)
        handset.told = handset.talking
        self._workplace.note(session_id, HandsetPickedUp(taken_over=holder is not None))
        if handset.told:
            self._workplace.note(session_id, HandsetVoiced(talking=True))
        return handset

    def hand(self, session_id: str) -> Hand | None:
        """Return whether a person holds a call, and whether it is the person whom the client hears."""
        handset = self._held.get(session_id)
        if handset is None:
            return None
        return "talking" if handset.talking else "held"

    def talk(self, handset: Handset) -> None:
        """Let the person speak in place of the scenario, before the answer: from then on. Raises InvalidRequest."""
        self._workplace.wake()
        session_id = handset.session_id
        if self._held.get(session_id) is not handset:
            return
        if handset.talking:
            handset.page.voice(True)
            return
        view = self._workplace.calls.find(session_id)
        if view is not None and view.status == "Busy":
            raise InvalidRequest("The call is busy: nobody can talk on it")
        handset.wanted = True
        luck = self._workplace.luck_of_takeover(session_id)
        self._workplace.command(c.Direct(session_id, opened(PERSONAS[HANDSET], luck), HANDSET))
        handset.line.source = handset.line.resting  # be it in the middle of a clip
        self._follow(handset)

    def put_down(self, handset: Handset) -> None:
        """Let go of a call: where the person talked it falls silent, and it goes on."""
        if self._held.get(handset.session_id) is handset:
            self._workplace.note(handset.session_id, self._release(handset, "gone"))

    def give_way(self, session_id: str) -> None:
        """Let a scenario that was asked for speak until the person asks to talk again."""
        handset = self._held.get(session_id)
        if handset is not None:
            handset.wanted = False
            self._follow(handset)

    def end(self, session_id: str) -> Sequence[object]:
        """The call ends. Returns what the journal says of that."""
        handset = self._held.get(session_id)
        if handset is None:
            return ()
        fact = self._release(handset, "ended")
        handset.page.dismiss("ended", "The call has ended")
        return (fact,)

    def clock_set(self) -> None:
        """Let go of every call where time does not pass as it does for a person any more."""
        if not _real(self._workplace.mode):
            for handset in list(self._held.values()):
                self._dismiss(handset, "clock", _needs_real_time(self._workplace.mode))

    def read(self, entry: Entry) -> None:
        """Follow what happens to a call: who speaks may have changed."""
        handset = self._held.get(entry.session_id or "")
        if handset is not None:
            self._follow(handset)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _dismiss(self, handset: Handset, why: Literal["taken", "clock"], sentence: str) -> None:
        self._workplace.note(handset.session_id, self._release(handset, why))
        handset.page.dismiss(why, sentence)

    def _release(self, handset: Handset, why: Literal["gone", "taken", "ended", "clock"]) -> HandsetPutDown:
        del self._held[handset.session_id]
        handset.line.listener = None
        handset.rest(wanted=False)
        handset.microphone.open = False
        return HandsetPutDown(why, handset.microphone.ledger)

    def _follow(self, handset: Handset) -> None:
        self._give_voice(handset)
        if handset.talking is not handset.told:
            handset.told = handset.talking
            handset.page.voice(handset.told)
            self._workplace.note(handset.session_id, HandsetVoiced(handset.told))

    def _give_voice(self, handset: Handset) -> None:
        """Let the microphone speak where nothing else does; what is said where nobody hears it is lost."""
        view = self._workplace.calls.find(handset.session_id)
        answered = view is not None and view.status == "Connected"
        free = not answered or self._workplace.step_of(handset.session_id) is None
        handset.rest(wanted=handset.wanted and free)
        handset.microphone.open = answered and handset.talking


def _real(mode: ClockMode) -> bool:
    return mode.rate == 1 and not mode.auto


def _needs_real_time(mode: ClockMode) -> str:
    return (
        f"The clock is {mode.name}, and a person can only talk and listen in real time: "
        'set it by PUT /__admin/clock {"mode": "real"}'
    )
