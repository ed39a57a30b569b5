"""newSession: who is told of a call, once, and with which id."""

from __future__ import annotations

from collections import Counter

from mockpbx.conformance.check import Check, Level, Unclear, Violated, check
from mockpbx.conformance.checks.shapes import STRING, one_of, require, shown
from mockpbx.conformance.checks.views import each, placed, strangers
from mockpbx.conformance.run import Call, Run
from mockpbx.conformance.transcript import Closed, Heard, Opened

_SECTION = "newSession"
_SHAPE = {"sessionId": STRING, "type": one_of("outbound", "inbound")}

#: Seconds that a call has to last before it means something that it was not announced.
_LONG = 5.0
#: Seconds by which newSession has to come before the reply to be before it: both have a connection of their own.
_BEFORE = 0.01
#: Calls that it takes to tell an order from a race.
_RACES = 3


@check(
    "new-session-told",
    _SECTION,
    "every socket of the token is told of a new call, whether it joins it or not",
    "listening",
)
def told(run: Run) -> str:
    """Judge by the sockets that were open from before the call to its end."""

    def judge(call: Call) -> None:
        missed = [name for name in _watching(call) if not call.heard("newSession", name)]
        if not missed:
            return
        if strangers(run, call, "newSession"):
            raise Unclear("another session than that of the reply was announced")
        if _lasted(call) < _LONG:
            raise Unclear("the call did not last long enough to be sure that it was not announced")
        raise Violated(f"no newSession of the call came to {_listed(missed)}", call.placed)

    return each(placed(run), judge)


@check("new-session-once", _SECTION, "a call is announced once to each socket", "listening")
def once(run: Run) -> str:
    """Judge every socket that was told at all."""

    def judge(call: Call) -> None:
        events = [heard for heard in _announcements(call) if heard.session_id == call.session_id]
        if not events:
            raise Unclear("no newSession of the call came")
        for name, count in Counter(heard.socket for heard in events).items():
            if count > 1:
                raise Violated(f"newSession of one call came {count} times to {name}", *events[:10])

    return each(placed(run), judge)


@check("new-session-shape", "newSession, Payload Parameters", "newSession has sessionId and type, texts", "listening")
def shape(run: Run) -> str:
    """Judge each newSession that came, of other people's calls too."""
    events = list(run.heard("newSession"))
    for heard in events:
        require("newSession", heard.payload, _SHAPE, heard)
    if not events:
        raise Unclear("no newSession came")
    return f"{len(events)} events"


@check(
    "new-session-type",
    "newSession, Payload Parameters",
    "a call that was placed by POST /pbx/call is announced with the type outbound",
    "listening",
)
def outbound(run: Run) -> str:
    """Judge what is said of this run's calls."""

    def judge(call: Call) -> None:
        events = [heard for heard in _announcements(call) if heard.session_id == call.session_id]
        if not events:
            raise Unclear("no newSession of the call came")
        for heard in events:
            if isinstance(heard.payload.get("type"), str) and heard.payload["type"] != "outbound":
                raise Violated(f"an outbound call was announced as {shown(heard.payload['type'])}", heard)

    return each(placed(run), judge)


@check(
    "new-session-names-the-reply",
    "newSession, Payload Parameters",
    "newSession and the reply to POST /pbx/call bear the same sessionId",
    "listening",
)
def same_id(run: Run) -> str:
    """Judge by what the member's socket was told after the POST."""

    def judge(call: Call) -> None:
        if call.first("newSession") is not None:
            return
        others = strangers(run, call, "newSession")
        if not others:
            raise Unclear("no newSession came")
        came = shown(others[0].session_id)
        raise Violated(
            f"the reply named {shown(call.session_id)}, and newSession named {came}", call.placed, *others[:3]
        )

    return each(placed(run), judge)


@check(
    "session-ids-unique",
    "1. Initiate Outgoing Call, Response Parameters",
    "every call has a sessionId of its own",
    "listening",
    "cancelled",
)
def unique(run: Run) -> str:
    """Judge all calls of the run."""
    calls = placed(run)
    if len(calls) < 2:
        raise Unclear("only one call was placed")
    for session_id, count in Counter(call.session_id for call in calls).items():
        if count > 1:
            shows = [call.placed for call in calls if call.session_id == session_id]
            raise Violated(f"{count} calls were given the sessionId {shown(session_id)}", *shows[:10])
    return f"{len(calls)} calls"


@check(
    "new-session-after-reply",
    "WebSocket Integration, Event Flow Diagram",
    "newSession comes behind the reply to POST /pbx/call",
    "listening",
    "cancelled",
    level=Level.SHOULD,
)
def after_reply(run: Run) -> str:
    """Judge by several calls: reply and event come by connections of their own, and one may overtake the other."""
    first = [(call, heard) for call in placed(run) if (heard := call.first("newSession")) is not None]
    early = [(call, heard) for call, heard in first if heard.at < call.placed.at]
    if not first or (len(early) == len(first) < _RACES):
        raise Unclear(f"{len(first)} calls were announced: too few to tell an order from a race")
    if len(early) < len(first):
        return f"behind it in {len(first) - len(early)} of {len(first)} calls"
    if min(call.placed.at - heard.at for call, heard in early) < _BEFORE:
        raise Unclear("newSession came before the reply in every call, by less than the two connections can differ")
    call, heard = early[0]
    raise Violated(f"newSession came before the reply in all of {len(early)} calls", heard, call.placed)


def _announcements(call: Call) -> list[Heard]:
    return [heard for heard in call.transcript.of(Heard) if heard.event == "newSession"]


def _watching(call: Call) -> list[str]:
    """Return the sockets that were open before the call was placed, and stayed."""
    end = max((heard.at for heard in call.heard()), default=call.placed.at)
    gone = {item.socket for item in call.transcript.of(Closed) if item.at <= end or item.by == "server"}
    opened = [item.socket for item in call.transcript.of(Opened) if item.at <= call.placed.sent_at]
    return [name for name in dict.fromkeys(opened) if name not in gone]


def _lasted(call: Call) -> float:
    end = max((heard.at for heard in call.heard("hangup")), default=call.marks.get("hung_up", call.placed.at))
    return end - call.placed.sent_at


def _listed(names: list[str]) -> str:
    return f"the socket {names[0]}" if len(names) == 1 else f"the sockets {', '.join(names)}"


CHECKS: tuple[Check, ...] = (told, once, shape, outbound, same_id, unique, after_reply)
