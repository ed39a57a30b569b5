"""What became of the call: its other end, its clients, its end."""

from __future__ import annotations

from mockpbx.contract.errors import NoSuchSession
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.evidence.causes.case import Case, clock, waiting
from mockpbx.evidence.causes.refusals import SENT_AS, unknown_session
from mockpbx.evidence.ending import how_it_ended, how_it_stands
from mockpbx.evidence.hurry import hurries
from mockpbx.evidence.telling import plain, waited_for
from mockpbx.media import facts as f
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.journal import Entry


def _steps(case: Case) -> tuple[s.Step, ...] | None:
    cast = case.dossier.call.cast
    return cast.scenario if cast is not None and isinstance(cast.scenario, tuple) else None


def press_unheard(case: Case) -> str | None:
    """The callee's key was too short to be detected."""
    for entry in case.named(e.CalleePressed) if case.missing.name == "Digit" else ():
        assert isinstance(entry.event, e.CalleePressed)
        if entry.number > case.since and entry.event.via == "in_band":
            return (
                f"the callee pressed {entry.event.digit} in band for {entry.event.duration} ms "
                f"at {case.moment(entry.at)}, and the service detected no digit: it needs 40 ms of a clear tone"
            )
    return None


def left_behind(case: Case) -> str | None:
    """The clock ran away from the client."""
    refused: list[AudioRefused | EventRefused] = [event for _, event in case.facts(AudioRefused)]
    refused += [event for _, event in case.facts(EventRefused)]
    if unknown_session(case) or any(event.reason != NoSuchSession.sentence for event in refused):
        return None
    # What the callee does is for the client to bring about only where the scenario waits for it.
    its_own = case.missing.name in SENT_AS or waiting(case) is not None
    for each in hurries(case.dossier, case.since):
        if its_own or isinstance(each.end.event, e.ExpectationMissed | e.ScenarioFailed):
            return (
                f"{each.told(case.dossier.settings.clock)}: a client that waits or thinks in wall time is left "
                'behind; give its test clock="real"'
            )
    return None


def scenario_cut(case: Case) -> str | None:
    """The scenario did not come so far."""
    cuts: list[tuple[Entry, e.ScenarioFailed | e.ScenarioStopped]] = []
    cuts += case.facts(e.ScenarioFailed)
    cuts += case.facts(e.ScenarioStopped)
    if not cuts:
        return None
    entry, event = cuts[0]
    how = "failed" if isinstance(event, e.ScenarioFailed) else "was cut short"
    waited = waiting(case)
    idle = f" while it waited for {waited_for(waited[1].expectation)}" if waited else ""
    return (
        f"the scenario {how} at its step {event.step} at {case.moment(entry.at)}{idle}: {plain(event.reason)}; "
        "the steps behind it were not taken"
    )


def scenario_waits(case: Case) -> str | None:
    """The scenario waits for the client."""
    waited = waiting(case)
    if case.dossier.record is not None or waited is None:
        return None
    entry, event = waited
    count = len(case.facts(e.CalleeListens))
    asked = [number for number, step in enumerate(_steps(case) or (), 1) if isinstance(step, s.EXPECTATIONS)]
    step = f" at its step {asked[count - 1]}" if len(asked) >= count else ""
    stands = clock(case.dossier)
    return (
        f"the scenario waits{step} for {waited_for(event.expectation)} since {case.moment(entry.at)}, "
        f"and the client has not done that{f'; {stands}' if stands else ''}"
    )


def no_such_press(case: Case) -> str | None:
    """The scenario does not press it."""
    steps = _steps(case)
    if steps is None or case.named(e.CalleePressed, f.DigitReceived):
        return None
    keys = "".join(step.keys for step in steps if isinstance(step, s.Press))
    digit = next((str(value) for field, value in case.missing.wanted if field.name == "digit"), "")
    if keys and (not digit or digit in keys.upper()):
        return None
    pressed = f"presses {keys} and no other key" if keys else "presses no key"
    return f"the scenario {plain(case.dossier.call.scenario)} {pressed}"


def ended_otherwise(case: Case) -> str | None:
    """The call ended."""
    return how_it_ended(case.dossier) if case.dossier.record is not None else None


def not_ended(case: Case) -> str | None:
    """The call goes on."""
    if case.dossier.record is not None:
        return None
    return "; ".join(filter(None, (how_it_stands(case.dossier), clock(case.dossier))))


def record_due(case: Case) -> str | None:
    """The record is not due yet."""
    ended, delay = case.dossier.ended_at, case.dossier.settings.record_delay
    if ended is None or case.dossier.first(e.RecordIssued):
        return None
    due = ended + round(delay * 1_000)
    stands = clock(case.dossier, due)
    return (
        f"the record is issued {delay:g} s (record_delay) after the end, at {case.moment(due)}"
        f"{f'; {stands}' if stands else ''}"
    )


def came_before(case: Case) -> str | None:
    """It came at another place."""
    before = [entry for entry in case.dossier.entries if entry.number <= case.since and case.missing.fits(entry.event)]
    if not before:
        return None
    return f"it came at {case.moment(before[-1].at)} and not again: mind the order of what is expected, and how often"


def never_joined(case: Case) -> str | None:
    """No client was in the room."""
    dossier = case.dossier
    if dossier.first(e.RoomJoined):
        return None
    struck = [event.fault for _, event in case.facts(FaultStruck) if event.what == "newSession"]
    if struck:
        return f"no client joined the call: the fault {struck[0]} had struck newSession"
    late = dossier.first(e.JoinRefused)
    if late is not None:
        return f"the client's joinRoom came at {case.moment(late.at)} only, when the call was over"
    return "no client joined the call's room (joinRoom), so nobody was told of its events or heard its sound"


def joined_late(case: Case) -> str | None:
    """The client was in the room too late."""
    joined, connected = case.dossier.first(e.RoomJoined), case.dossier.connected_at
    if joined is None or connected is None or joined.at <= connected:
        return None
    return (
        f"the client joined the room {joined.at - connected} ms after Connected: it was told of nothing before; "
        "join on newSession"
    )


def fault(case: Case) -> str | None:
    """A fault struck."""
    for entry, event in case.facts(FaultStruck):
        return (
            f"the fault {event.fault} struck {plain(event.what)} at {case.moment(entry.at)}: "
            "the client may have waited for what it lost or put off"
        )
    return None


def not_yet(case: Case) -> str | None:
    """It may come yet."""
    if case.dossier.record is not None:
        return None
    return clock(case.dossier) or f"the call goes on, {how_it_stands(case.dossier)}; it may come yet"
