"""Interruptions: the queue is emptied, its checkpoints never come, and the call goes on as before."""

from __future__ import annotations

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.acks import judge_alive
from mockpbx.conformance.checks.checkpoints import EARLY, LAG, Due, dues, frames, judge_lateness, name_of, told
from mockpbx.conformance.checks.sound import audible, no_echo
from mockpbx.conformance.run import Run, Take
from mockpbx.conformance.scenes.interrupting import AGAIN, SPEECH, STOPS_WITHIN
from mockpbx.conformance.scenes.speaking import AT_ONCE
from mockpbx.conformance.transcript import Heard, Said

_SECTION = "interruption, Behavior"


@check(
    "interruption-empties-queue",
    _SECTION,
    "right after an interruption nothing is queued: a checkpoint is told at once",
    "interrupting",
)
def empties(run: Run) -> str:
    """Judge by a checkpoint that was sent right behind the interruption."""
    take = run.take("interrupting")
    after = take.fact("after")
    _need_checkpoints(take)
    heard = _told(take, after)
    if heard is None:
        raise Violated("it did not come", take.fact("interruption"), after)
    judge_lateness(run, take, _due(take, after), heard)
    return f"after {(heard.at - after.at) * 1000:.0f} ms"


@check(
    "interruption-stops-sound",
    _SECTION,
    f"sound that is interrupted falls silent within {STOPS_WITHIN:g} s",
    "interrupting",
)
def stops(run: Run) -> str:
    """Judge by how much of the speech came back in all: the echo's own delay does not matter then."""
    take = run.take("interrupting")
    interruption = take.fact("interruption")
    echoes = audible(take.fact("echoes"))
    first = echoes.get(SPEECH[0].number)
    if first is None or first.reading:
        raise no_echo(run)
    begun = take.fact("spoken")[0].said[0].at
    spoken = interruption.at - begun
    heard = sum(echo.coverage * probe.seconds for probe in SPEECH if (echo := echoes.get(probe.number)) is not None)
    if heard <= spoken + STOPS_WITHIN:
        return f"{heard:.2f} s of the speech were heard, it was interrupted after {spoken:.2f} s"
    if (lag := run.lag.p99(begun, interruption.at + AT_ONCE)) > LAG:
        raise Unclear(f"the checker itself was {lag:.2f} s late")
    raise Violated(
        f"{heard:.2f} s of the speech were heard, though it was interrupted after {spoken:.2f} s", interruption
    )


@check(
    "interruption-clears-checkpoints",
    _SECTION,
    "a checkpoint whose sound was cut off is never told",
    "interrupting",
)
def drops(run: Run) -> None:
    """Judge the time to the end of the call, in which it would have been due."""
    take = run.take("interrupting")
    interruption, cut, after = take.fact("interruption"), take.fact("cut"), take.fact("after")
    _need_checkpoints(take)
    heard = _told(take, cut)
    if heard is None:
        return
    if heard.at < interruption.at:
        raise Unclear("it was told before the interruption")
    if not _at_once(take, after) and heard.at >= _begun(take) + take.fact("length") - EARLY:
        raise Unclear("the interruption had no effect at all")
    raise Violated(f"it was told {heard.at - interruption.at:.2f} s after the interruption", interruption, heard)


@check(
    "interruption-not-deaf",
    _SECTION,
    "what is sent after an interruption is played",
    "interrupting",
)
def not_deaf(run: Run) -> str:
    """Judge by the checkpoint behind it, and by its echo where there is one."""
    take = run.take("interrupting")
    again, behind, cut = take.fact("again"), take.fact("behind"), take.fact("cut")
    _need_checkpoints(take)
    early = _told(take, cut)
    heard = _told(take, behind)
    if not _at_once(take, take.fact("after")):
        raise Unclear("the queue was not empty before it")
    if early is not None and early.at < take.fact("interruption").at:
        raise Unclear("checkpoints come before their sound")
    echoes = audible(take.facts.get("echoes", {}))
    if SPEECH[0].number in echoes and AGAIN.number not in echoes:
        raise Violated("nothing of it came back, and what was said before the interruption did", *again.said[:3])
    if heard is None:
        raise Violated("the checkpoint behind it was never told", behind)
    due = _due(take, behind)
    half = (due.at - due.since) / 2
    if heard.at - due.since < half and frames(take, due.since, heard.at) * 0.02 < half:
        raise Violated(
            f"the checkpoint behind {2 * half:.2f} s of it was told after {heard.at - behind.at:.2f} s",
            *again.said[:3],
            behind,
            heard,
        )
    return f"the checkpoint behind it was told after {heard.at - behind.at:.2f} s"


@check(
    "interruption-of-nothing",
    _SECTION,
    "an interruption while nothing is queued does not end the call",
    "interrupting",
)
def of_nothing(run: Run) -> None:
    """Judge the time to the hang-up."""
    take = run.take("interrupting")
    idle = take.fact("idle")
    until = take.call.marks.get("hung_up")
    if until is None:
        raise Unclear("the scene did not come to the hang-up")
    judge_alive(take, idle.at, until, "an interruption of nothing")


def _told(take: Take, said: Said) -> Heard | None:
    return next((heard for heard in told(take) if name_of(heard) == said.payload["name"]), None)


def _due(take: Take, said: Said) -> Due:
    return next(one for one in dues(take) if one.said is said)


def _begun(take: Take) -> float:
    moment: float = take.fact("spoken")[0].said[0].at
    return moment


def _at_once(take: Take, said: Said) -> bool:
    heard = _told(take, said)
    return heard is not None and heard.at - said.at <= AT_ONCE


def _need_checkpoints(take: Take) -> None:
    """Raise Unclear where a checkpoint on an empty queue is not told at once even before anything is interrupted."""
    if not _at_once(take, take.fact("before")):
        raise Unclear("in this call not even a checkpoint on an empty queue was told at once")


CHECKS: tuple[Check, ...] = (empties, stops, drops, not_deaf, of_nothing)
