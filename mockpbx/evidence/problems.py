"""Problems that the journal of a call tells of: what was refused, what was cut, what was never finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mockpbx.contract.errors import NoSuchSession
from mockpbx.contract.vocabulary import DialStatus, Direction, Party
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.magic import magic_number
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.hurry import hurries, wall_paced
from mockpbx.evidence.lint.stream import paced, sent_last
from mockpbx.evidence.refused import of_kind, refusals
from mockpbx.evidence.rules import broken, counted, shown, shown_by
from mockpbx.media import facts
from mockpbx.media.framing import FRAME_MS, RATE
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.journal import Entry

#: Ms after the end of a call in which a client cannot know of it yet: messages under way then are nobody's fault.
UNDER_WAY = 500
#: Samples below this are silence: cutting it harms nobody.
AUDIBLE = 200
#: Steps that a script is made for: one that leaves them out has not tried what it was to try.
_TELLING = (*s.EXPECTATIONS, s.Press, s.Play, s.Say)


def problems(dossier: Dossier) -> list[Finding]:
    """Return what the journal of a call tells, in no particular order."""
    return [finding for find in _FINDERS for finding in find(dossier)]


def _of_the_call(dossier: Dossier) -> Iterator[Finding]:
    end = dossier.first(e.CallEnded)
    if end is None:
        yield from refusals(dossier.entries, dossier.connected_at)
        return
    after = [entry for entry in dossier.entries if entry.number > end.number and _of_no_session(entry)]
    numbers = {entry.number for entry in after}
    yield from refusals([entry for entry in dossier.entries if entry.number not in numbers], dossier.connected_at)
    late = [entry for entry in after if _since(dossier, end, entry) > UNDER_WAY]
    audio, events = of_kind(late, AudioRefused), of_kind(late, EventRefused)
    if audio:
        last = audio[-1].at - end.at
        yield shown_by("audio-after-hangup", f"{counted(len(audio), 'message')} until {last:,} ms after the end", audio)
    if events:
        yield from refusals(events)


def _of_no_session(entry: Entry) -> bool:
    return isinstance(entry.event, AudioRefused | EventRefused) and entry.event.reason == NoSuchSession.sentence


def _since(dossier: Dossier, end: Entry, entry: Entry) -> int:
    """Ms that the client had to learn of the end: of wall time, where the clock of the call does not run with it."""
    return entry.at - end.at if paced(dossier) else entry.wall - end.wall


def _never_joined(dossier: Dossier) -> Iterator[Finding]:
    if not dossier.call.joined and not dossier.truncated:
        yield broken("never-joined", "no client joined the call's room", dossier.call.placed_at)


def _left_open(dossier: Dossier) -> Iterator[Finding]:
    """Find a conversation that nobody ended. What was never answered ends by itself, or was never joined."""
    if dossier.record is None and dossier.call.joined and dossier.call.status == DialStatus.CONNECTED:
        last = dossier.entries[-1].at if dossier.entries else dossier.call.placed_at
        yield broken("call-left-open", f"the call is still up ({dossier.call.status}): nobody has hung up", last)


# --- the callee's scenario -------------------------------------------------------------------------------------------


def _scenario(dossier: Dossier) -> Iterator[Finding]:
    failed = dossier.all(e.ScenarioFailed)
    for entry in failed[:1]:
        yield shown_by("scenario-failed", f"step {entry.event.step}: {entry.event.reason}", failed)  # type: ignore[attr-defined]
    missed = [entry for entry in dossier.all(e.ExpectationMissed) if _tells(dossier, entry)]
    if missed:
        what = ", ".join(dict.fromkeys(_in_words(entry.event.expectation) for entry in missed))  # type: ignore[attr-defined]
        yield shown_by("expectation-missed", f"the callee waited in vain: {what}", missed)
    steps = _steps(dossier)
    if steps is not None and not failed and not dossier.truncated:
        yield from _unfinished(dossier, steps)


def _tells(dossier: Dossier, entry: Entry) -> bool:
    """Whether a miss is more than a generator's way to find out what to do next: that asks in order to know."""
    otherwise = entry.event.expectation.otherwise  # type: ignore[attr-defined]
    return otherwise == "hang_up" or (otherwise == "go_on" and _steps(dossier) is not None)


def _unfinished(dossier: Dossier, steps: Sequence[s.Step]) -> Iterator[Finding]:
    if dossier.all(e.ScenarioFinished, e.TakenOver):
        return
    stopped = dossier.first(e.ScenarioStopped)
    if stopped is not None:
        number, why = stopped.event.step, stopped.event.reason  # type: ignore[attr-defined]
    else:
        number = _reached(dossier, steps)
        why = "the call is still up" if dossier.record is None else "the call ended before it began"
    ahead = steps[number - 1 :]
    if stopped is not None and ahead and not isinstance(ahead[0], s.EXPECTATIONS):
        ahead = ahead[1:]  # it had begun, which is enough of a word or a key
    left = [step for step in ahead if isinstance(step, _TELLING)]
    if left:
        undone = ", ".join(s.word(step) for step in left[:3])
        what = f"{why} at step {number} of {len(steps)}; not done: {undone}"
        if stopped is None:
            yield broken("scenario-unfinished", what, dossier.call.placed_at)
        else:
            yield shown_by("scenario-unfinished", what, [stopped])


def _reached(dossier: Dossier, steps: Sequence[s.Step]) -> int:
    """The number of the first step that has left no fact behind."""
    left = Counter[str]()
    for entry in dossier.entries:
        left[_trace_of_fact(entry)] += 1
    for number, step in enumerate(steps, 1):
        trace = _trace_of_step(step)
        if trace and not left[trace]:
            return number
        left[trace] -= len(step.keys) if isinstance(step, s.Press) else 1
    return len(steps) + 1


def _trace_of_fact(entry: Entry) -> str:
    match entry.event:
        case e.DialStatusChanged(status):
            return status.value
        case e.CalleeSpoke():
            return "sound"
        case e.CalleePressed():
            return "key"
        case e.ExpectationMet() | e.ExpectationMissed():
            return "expectation"
        case _:
            return ""


def _trace_of_step(step: s.Step) -> str:
    match step:
        case s.Ring():
            return "Ringing"
        case s.Answer():
            return "Connected"
        case s.Press():
            return "key"
        case _ if isinstance(step, s.SOUNDS):
            return "sound"
        case _ if isinstance(step, s.EXPECTATIONS):
            return "expectation"
        case _:
            return ""


def _steps(dossier: Dossier) -> Sequence[s.Step] | None:
    """Return the steps that were written for this call; those of a magic number or the default callee were not."""
    cast = dossier.call.cast
    if cast is None or cast.name == dossier.settings.callee or magic_number(dossier.call.number) is not None:
        return None
    return cast.scenario if isinstance(cast.scenario, list | tuple) else None


def _in_words(expectation: s.Expectation) -> str:
    return f"{s.word(expectation)} within {expectation.within:g} s"


# --- the clock -------------------------------------------------------------------------------------------------------


def _left_behind(dossier: Dossier) -> Iterator[Finding]:
    """Find what the client missed as the clock ran away from it: an expectation, the whole call, its own pace."""
    late = [entry for entry in dossier.all(AudioRefused, EventRefused) if _of_no_session(entry)]
    clock, told, shows = dossier.settings.clock, list[str](), list[Entry]()
    for each in hurries(dossier):
        match each.end.event:
            case e.ExpectationMissed() if _tells(dossier, each.end):
                shows.append(each.end)
            case e.ScenarioFailed():
                shows.append(each.end)
            case e.CallEnded() if late and not shows:
                shows += late  # it did act, when all was over; who had nothing more to do is not left behind
            case _:
                continue
        told.append(each.told(clock))
    paced = wall_paced(dossier)
    if paced is not None:
        packet, wall, call = paced
        told.insert(0, f"{packet:.0f} ms of sound came every {wall:.0f} ms of yours, {call:,.0f} ms of the call")
        yield broken("left-behind", told[0], dossier.all(facts.PlayoutStarted)[0].at, len(told))
    elif told:
        yield shown_by("left-behind", told[0], shows)


# --- the client's own hang-up ----------------------------------------------------------------------------------------


def _cut(dossier: Dossier) -> Iterator[Finding]:
    record, stopped = dossier.record, dossier.first(facts.MediaStopped)
    client = Party.CALLER if dossier.call.direction is Direction.OUTBOUND else Party.CALLEE
    if record is None or stopped is None or record.hangup_by is not client:
        return
    behind = _cleared_at_the_end(dossier, stopped)
    names = ", ".join(shown(entry.event.name) for entry in behind[:3])  # type: ignore[attr-defined]
    if behind:
        what = f"{counted(len(behind), 'checkpoint')} never reached: {names}"
        yield shown_by("checkpoint-cleared-at-hangup", what, behind)
    lost = _lost(dossier, stopped.event)  # type: ignore[arg-type]
    if lost:
        where = f", before checkpoint {names}" if behind else ""
        what = f"the client hung up {lost / RATE:.2f} s before the end of what it had sent{where}"
        yield shown_by("audio-cut-at-hangup", what, [stopped])


def _lost(dossier: Dossier, stopped: facts.MediaStopped) -> int:
    """Samples that were cut; 0 where all of them are silence."""
    audio = stopped.audio.discarded
    if dossier.settings.audio_before_answer == "discard":
        audio = min(audio, _waiting(dossier))  # the others were thrown away before the answer
    tail = None if dossier.sound is None or dossier.sound.truncated else sent_last(dossier.sound.arrivals, audio)
    if tail is not None and not (np.abs(tail.astype(np.int32)) >= AUDIBLE).any():
        audio = 0
    return audio + stopped.keys.discarded


def _waiting(dossier: Dossier) -> int:
    if dossier.sound is None or not len(dossier.sound.queue):
        return 0
    end = int(dossier.sound.times[-1])
    return int(dossier.sound.queue[-1]) + sum(each.samples for each in dossier.sound.arrivals if each.at >= end)


def _cleared_at_the_end(dossier: Dossier, stopped: Entry) -> list[Entry]:
    """The checkpoints that went with the line, and not with an interruption right before."""
    before = [entry for entry in dossier.entries if entry.number < stopped.number]
    cleared: list[Entry] = []
    while before and isinstance(before[-1].event, facts.CheckpointCleared):
        cleared.insert(0, before.pop())
    return [] if before and isinstance(before[-1].event, facts.PlayoutInterrupted) else cleared


def _slipped(dossier: Dossier) -> Iterator[Finding]:
    if dossier.sound is None or len(dossier.sound.times) < 2:
        return
    steps = np.diff(dossier.sound.times)
    held = np.flatnonzero(steps > FRAME_MS)
    if len(held):
        lost = int((steps[held] - FRAME_MS).sum())
        yield broken(
            "media-slipped", f"{lost:,} ms of the call's sound fell out", int(dossier.sound.times[held[0]]), len(held)
        )


# ---------------------------------------------------------------------------------------------------------------------


_FINDERS: tuple[Callable[[Dossier], Iterator[Finding]], ...] = (
    _of_the_call,
    _never_joined,
    _left_open,
    _scenario,
    _left_behind,
    _cut,
    _slipped,
)
