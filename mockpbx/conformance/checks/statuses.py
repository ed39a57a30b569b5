"""dialStatus: what is told of a call until it is answered, or refused."""

from __future__ import annotations

from collections import Counter

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.shapes import STRING, field_problems, require, shown
from mockpbx.conformance.checks.views import (
    answered,
    each,
    early_frames,
    is_prompt,
    join_confirmed,
    lost,
    placed,
    readings,
    strangers,
    unknown_names,
    was_answered,
)
from mockpbx.conformance.run import Call, Run
from mockpbx.contract.vocabulary import DialStatus

_SECTION = "dialStatus"
_VALUES = "dialStatus, Possible Status Values"
_SHAPE = {"sessionId": STRING, "status": STRING}
_ORDER = {"Dialing": 0, "Ringing": 1, "Busy": 2, "Connected": 2}

#: Seconds: frames that end so shortly before Connected are those of the answered call, and it was told late.
_RUNS_ON = 0.2
#: Seconds between the join and the first sound after which the status of the answer cannot have been missed.
_THERE = 0.3


@check("dial-status-told", _SECTION, "those who joined are told of the call's progress by dialStatus", "listening")
def told(run: Run) -> str:
    """Judge by calls that were answered well after they were joined."""

    def judge(call: Call) -> None:
        if call.heard("dialStatus"):
            return
        confirmed = join_confirmed(call)
        if strangers(run, call, "dialStatus"):
            raise Unclear("dialStatus named another session")
        if confirmed is None or lost(call) or call.marks.get("connected", 0) - confirmed.at < _THERE:
            raise Unclear("the call was not joined long enough before its answer")
        raise Violated(f"no dialStatus came, though the call was answered{unknown_names(call)}", confirmed)

    return each(answered(run), judge)


@check(
    "dial-status-shape",
    "dialStatus, Payload Parameters",
    "dialStatus has sessionId and status, both texts",
    "listening",
)
def shape(run: Run) -> str:
    """Judge each dialStatus that came."""
    events = list(run.heard("dialStatus"))
    for heard in events:
        require("dialStatus", heard.payload, _SHAPE, heard)
    if not events:
        raise Unclear("no dialStatus came")
    return f"{len(events)} events"


@check("dial-status-spelling", _VALUES, "each status is Dialing, Ringing, Busy or Connected, spelt so", "listening")
def spelling(run: Run) -> str:
    """Judge each status that is a text."""
    events = [heard for heard in run.heard("dialStatus") if not field_problems(heard.payload, _SHAPE)]
    for heard in events:
        if heard.payload["status"] not in set(DialStatus):
            raise Violated(f"the status {shown(heard.payload['status'])} was told", heard)
    if not events:
        raise Unclear("no dialStatus came")
    return f"{len(events)} events"


@check(
    "dial-status-names-its-session",
    "dialStatus, Payload Parameters",
    "dialStatus bears the sessionId of the call that it tells of",
    "listening",
)
def names(run: Run) -> str:
    """Judge by members who were told of a session of nobody's, and of their own nothing."""

    def judge(call: Call) -> None:
        others = strangers(run, call, "dialStatus")
        if call.heard("dialStatus"):
            return
        if not others:
            raise Unclear("no dialStatus came")
        raise Violated(f"dialStatus named {shown(others[0].session_id)}, which nobody joined", *others[:5])

    return each(placed(run), judge)


@check("dialing-told", _VALUES, "a call begins with the status Dialing", "listening", "cancelled")
def dialing(run: Run) -> str:
    """Judge the calls that were joined at once."""

    def judge(call: Call) -> None:
        statuses = _told(call)
        if "Dialing" in statuses:
            return
        if not is_prompt(call):
            raise Unclear("the call was joined too late to be sure that Dialing was not told before")
        raise Violated(f"the first status was {statuses[0]}", *call.heard("dialStatus"))

    return each(placed(run), judge)


@check("ringing-told", _VALUES, "an answered call has told that it rings", "listening")
def ringing(run: Run) -> str:
    """Judge the answered calls whose beginning was seen."""

    def judge(call: Call) -> None:
        statuses = _told(call)
        if "Ringing" in statuses:
            return
        if "Dialing" not in statuses and not is_prompt(call):
            raise Unclear("the call was joined too late to be sure that Ringing was not told before")
        raise Violated(f"the call was answered and told only {', '.join(statuses)}", *call.heard("dialStatus"))

    return each(answered(run), judge)


@check("connected-told", _VALUES, "an answered call has told that it is Connected", "listening")
def connected(run: Run) -> str:
    """Judge the calls that had sound."""

    def judge(call: Call) -> None:
        statuses = _told(call)
        if "Connected" not in statuses:
            sound = call.heard("audio")
            raise Violated(
                f"{len(sound)} frames came, and no status but {', '.join(statuses)}",
                *call.heard("dialStatus"),
                *sound[:1],
            )

    return each(answered(run), judge)


@check("dial-status-order", _VALUES, "Dialing comes before Ringing, and Ringing before Busy or Connected", "listening")
def order(run: Run) -> str:
    """Judge every call by the statuses that were told."""

    def judge(call: Call) -> None:
        statuses = [status for status in _told(call) if status in _ORDER]
        if statuses != sorted(statuses, key=_ORDER.__getitem__):
            raise Violated(f"the order was {', '.join(statuses)}", *call.heard("dialStatus"))

    return each(placed(run), judge)


@check("dial-status-once", _VALUES, "each status of a call is told once", "listening")
def once(run: Run) -> str:
    """Judge every call."""

    def judge(call: Call) -> None:
        for status, count in Counter(_told(call)).items():
            if count > 1:
                raise Violated(f"{status} was told {count} times", *call.heard("dialStatus"))

    return each(placed(run), judge)


@check("connected-before-audio", _VALUES, "Connected is told before the callee's first sound", "listening")
def before_audio(run: Run) -> str:
    """Judge by sound that runs on through Connected; stray sound of a ringing phone is another matter."""

    def judge(call: Call) -> None:
        frames, told = early_frames(call)
        if frames and told.at - frames[-1].at <= _RUNS_ON:
            raise Violated(
                f"{len(frames)} frames came before Connected, the first {told.at - frames[0].at:.2f} s before",
                *frames[:3],
                told,
            )

    return each(answered(run), judge)


@check("busy-told", _VALUES, "a busy number is told by the status Busy, and never Connected", "busy")
def busy(run: Run) -> None:
    """Judge the call to the busy number, if its record says so."""
    take = run.take("busy")
    statuses = _told(take.call)
    shows = take.call.heard("dialStatus")
    if "Busy" in statuses:
        if "Connected" in statuses:
            raise Violated("both Busy and Connected were told", *shows)
        return
    if was_answered(take.call):
        raise Unclear("the busy number was answered")
    record = take.call.record or take.call.row
    if record is None:
        raise Unclear("the call has no record that says whether the number was busy")
    if record.get("disposition") != "BUSY" and record.get("hangupCauseCode") != 17:
        raise Unclear("the number was not busy, by its record")
    raise Violated(f"the number was busy, and {', '.join(statuses)} was told", *shows)


def _told(call: Call) -> list[str]:
    """Return the statuses that can be read. Raises Unclear where there are none: another check names that."""
    statuses = readings(call)
    if not statuses:
        raise Unclear("no dialStatus of the call came")
    return statuses


CHECKS: tuple[Check, ...] = (
    told,
    shape,
    spelling,
    names,
    dialing,
    ringing,
    connected,
    order,
    once,
    before_audio,
    busy,
)
