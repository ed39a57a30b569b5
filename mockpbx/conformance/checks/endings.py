"""hangup and cdr: that a call's end is told, soon, once, and that nothing but its record follows."""

from __future__ import annotations

from mockpbx.conformance.check import Check, Level, Unclear, Unobservable, Violated, check
from mockpbx.conformance.checks.shapes import STRING, require, shown
from mockpbx.conformance.checks.views import after_hangup, each, held_up, join_confirmed, lost, placed, stall, strangers
from mockpbx.conformance.run import Call, Run
from mockpbx.conformance.transcript import Heard
from mockpbx.contract.vocabulary import Party

_EVENT = "hangup"
_REQUEST = "hangup, Behavior"
_SHAPE = {"sessionId": STRING}

#: Seconds from a hang-up to its event, and from the last frame to it.
_SOON, _AT_ONCE = 2.0, 0.5
#: Seconds for which the checker's own loop may stand still while it waits for them.
_LATE = 0.2


@check("hangup-told", _EVENT, "those who joined a call are told of its end by hangup", "listening")
def told(run: Run) -> str:
    """Judge every call that is over: by its record, or because its hang-up was confirmed."""

    def judge(call: Call) -> None:
        if call.heard("hangup"):
            return
        if strangers(run, call, "hangup"):
            raise Unclear("hangup named another session")
        if lost(call) or (join_confirmed(call) is None and not call.heard("dialStatus")):
            raise Unclear("the call was not joined to its end")
        record = call.first("cdr") or (call.detail if _has_record(call) else None)
        if record is None:
            raise Unclear("nothing tells that the call is over")
        raise Violated("the call has its record and no hangup came", record)

    return each(placed(run), judge)


@check("hangup-once", _EVENT, "hangup is told once", "listening")
def once(run: Run) -> str:
    """Judge every call of which it was told."""
    return each(placed(run), lambda call: _once(call, "hangup"))


@check(
    "hangup-names-its-session",
    "hangup, Payload Parameters",
    "hangup bears the sessionId of the call that has ended",
    "listening",
)
def names(run: Run) -> str:
    """Judge by members who were told of the end of a session of nobody's, and of their own's not."""

    def judge(call: Call) -> None:
        if call.heard("hangup"):
            return
        others = [heard for heard in strangers(run, call, "hangup") if isinstance(heard.session_id, str)]
        if not others:
            raise Unclear("no hangup came")
        raise Violated(f"hangup named {shown(others[0].session_id)}, which nobody joined", *others[:3])

    return each(placed(run), judge)


@check("hangup-shape", "hangup, Payload Parameters", "hangup has sessionId, a text", "listening")
def shape(run: Run) -> str:
    """Judge each hangup that came."""
    events = list(run.heard("hangup"))
    for heard in events:
        require("hangup", heard.payload, _SHAPE, heard)
    if not events:
        raise Unclear("no hangup came")
    return f"{len(events)} events"


@check("hangup-by-rest", "2. Terminate Call", "POST /pbx/hangup ends the call within 2 s", "listening")
def by_rest(run: Run) -> str:
    """Judge by the hangup event."""
    return each(placed(run), lambda call: _soon(run, call, "rest"))


@check("hangup-by-socket", _REQUEST, "the client's hangup event ends the call within 2 s", "speaking")
def by_socket(run: Run) -> str:
    """Judge by the hangup event that comes back."""
    return each(placed(run), lambda call: _soon(run, call, "socket"))


@check(
    "hangup-ends-no-other-call",
    "2. Terminate Call",
    "POST /pbx/hangup ends the call that it names and no other of the same token",
    "listening",
    "cancelled",
)
def ends_no_other(run: Run) -> None:
    """Judge by an answered call that is up while another is hung up."""
    call, other = run.take("listening").call, run.take("cancelled").call
    asked, until = other.marks.get("hung_up"), call.marks.get("hung_up")
    if asked is None or until is None or not call.marks.get("connected", until) < asked < until - _AT_ONCE:
        raise Unobservable("one call was not hung up while another was up")
    if lost(call):
        raise Unclear("the server closed the member's socket")
    ended = [heard for heard in call.heard("hangup") if asked <= heard.at <= min(asked + _SOON, until)]
    if ended and (call.record or {}).get("hangupBy") == Party.CALLEE:
        raise Unclear("the callee hung up at that time")
    if ended:
        raise Violated("a call ended when another was hung up", other.placed, *ended)


@check("callee-hangup-told", _EVENT, "those who joined are told when the callee hangs up", "callee-hangup")
def by_callee(run: Run) -> None:
    """Judge the call whose callee hangs up: a record came before anybody else ended it."""
    take = run.take("callee-hangup")
    call = take.call
    if call.hung_up_by != "callee":
        raise Unclear(f"the callee was not seen to hang up: {take.trouble}")
    if strangers(run, call, "hangup") and not call.heard("hangup"):
        raise Unclear("hangup named another session")
    if not call.heard("hangup"):
        raise Violated("the record of a call that its callee had ended came, and no hangup", *call.heard("cdr"))


@check(
    "hangup-follows-sound",
    _EVENT,
    "hangup is told within 0.5 s of the call's last frame",
    "listening",
    level=Level.SHOULD,
)
def follows_sound(run: Run) -> str:
    """Judge every call that had sound until its end."""

    def judge(call: Call) -> None:
        ended = _told_first(call)
        frames = [heard for heard in call.heard("audio") if heard.at <= ended.at]
        if len(frames) < 50:
            raise Unclear("the call had no sound")
        silent = ended.at - frames[-1].at
        if silent <= _AT_ONCE:
            return
        _must_be_timely(run, frames[-1].at, ended.at)
        late = held_up(run, call, frames[-1].at, call.member)
        if silent - late <= _AT_ONCE:
            raise Unclear(f"hangup was told {silent:.2f} s after the last frame, and frames up to {late:.2f} s late")
        raise Violated(f"hangup was told {silent:.2f} s after the last frame", frames[-1], ended)

    return each(placed(run), judge)


@check(
    "nothing-after-hangup",
    _EVENT,
    "no dialStatus, dtmf or checkPoint comes behind hangup",
    "listening",
)
def nothing_after(run: Run) -> str:
    """Judge by the order on the member's socket; see no-audio-after-hangup for sound."""

    def judge(call: Call) -> None:
        events = after_hangup(call, "dialStatus", "dtmf", "checkPoint")
        if events:
            raise Violated(f"{events[0].event} came behind hangup", call.heard("hangup")[0], *events[:5])

    return each(placed(run), judge)


@check("cdr-told", "cdr", "those who joined a call are told its record by the event cdr", "listening")
def cdr_told(run: Run) -> str:
    """Judge every call whose record REST shows."""

    def judge(call: Call) -> None:
        if call.heard("cdr"):
            return
        if lost(call) or (join_confirmed(call) is None and not call.heard("dialStatus")):
            raise Unclear("the call was not joined to its end")
        if not _has_record(call) or call.detail is None:
            raise Unclear(f"no record of the call came within {run.options.record_within:g} s, nor does REST show it")
        raise Violated("REST shows the record and no cdr event came", call.detail)

    return each(placed(run), judge)


@check("cdr-once", "cdr", "the record is told once", "listening")
def cdr_once(run: Run) -> str:
    """Judge every call of which it was told."""
    return each(placed(run), lambda call: _once(call, "cdr"))


@check("cdr-follows-hangup", "cdr", "cdr comes behind hangup", "listening")
def cdr_follows(run: Run) -> str:
    """Judge by the order on the member's socket."""

    def judge(call: Call) -> None:
        order = [heard for heard in call.heard() if heard.event in ("hangup", "cdr")]
        if {heard.event for heard in order} != {"hangup", "cdr"}:
            raise Unclear("hangup and cdr did not both come")
        if order[0].event == "cdr":
            raise Violated("cdr came before hangup", *order)

    return each(placed(run), judge)


# --- inside -----------------------------------------------------------------------------------------------------------


def _once(call: Call, event: str) -> None:
    events = call.heard(event)
    if not events:
        raise Unclear(f"no {event} came")
    if len(events) > 1:
        raise Violated(f"{event} of one call came {len(events)} times", *events[:5])


def _soon(run: Run, call: Call, by: str) -> None:
    """Judge a call that was hung up in this way, and in no other before."""
    if call.hung_up_by != by or "hung_up" not in call.marks:
        raise Unclear(f"no call was hung up by {by}")
    asked = call.marks["hung_up"]
    ended = _told_first(call)
    if ended.at - asked <= _SOON:
        return
    _must_be_timely(run, asked, ended.at)
    raise Violated(f"hangup was told {ended.at - asked:.1f} s after it was asked for", ended)


def _told_first(call: Call) -> Heard:
    """Return the call's hangup. Raises Unclear where none came, or it stood behind the record: others name that."""
    ended = call.first("hangup")
    if ended is None:
        raise Unclear("hangup was never told")
    record = call.first("cdr")
    if record is not None and record.at < ended.at:
        raise Unclear("hangup was told behind cdr")
    return ended


def _must_be_timely(run: Run, since: float, until: float) -> None:
    stood = stall(run, since, until)
    if stood > _LATE:
        raise Unclear(f"the checker itself stood still for {stood * 1000:.0f} ms")


def _has_record(call: Call) -> bool:
    return call.row is not None or (call.detail is not None and call.detail.status == 200)


CHECKS: tuple[Check, ...] = (
    told,
    once,
    names,
    shape,
    by_rest,
    by_socket,
    ends_no_other,
    by_callee,
    follows_sound,
    nothing_after,
    cdr_told,
    cdr_once,
    cdr_follows,
)
