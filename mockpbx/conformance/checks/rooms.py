"""joinRoom and roomJoined: who gets into a call's room, and that its events reach it and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.hearing import (
    EDGE,
    ON_THE_WAY,
    frames,
    must_be_read,
    same_events,
    same_sound,
    surely_there,
)
from mockpbx.conformance.checks.shapes import STRING, one_of, require, shown
from mockpbx.conformance.checks.views import CALL_EVENTS, each, lost, placed, strangers
from mockpbx.conformance.run import Call, Run, Take
from mockpbx.conformance.transcript import Closed, Heard, Item, Opened, Said

_SECTION = "roomJoined"
_FIELDS = "roomJoined, Payload Parameters"
_ROOM = "joinRoom"
_SHAPE = {"sessionId": STRING, "status": one_of("success", "failed")}


@check("join-answered", _SECTION, "every joinRoom is answered by roomJoined with its sessionId", "listening")
def is_answered(run: Run) -> str:
    """Judge every joinRoom of a call or of a session that nobody knows."""
    joins = list(_joins(run))
    for take, said in joins:
        if _answer(take, said) is None and not _cut_off(take, said):
            raise Violated(f"joinRoom of the socket {said.socket} was not answered", said)
    if not joins:
        raise Unclear("no socket could ask to join")
    return f"{len(joins)} joins"


@check("join-confirmed", _SECTION, "joining a call that goes on is confirmed by roomJoined success", "listening")
def confirmed(run: Run) -> str:
    """Judge the joins of the calls' first members."""

    def judge(call: Call) -> None:
        answer = call.first("roomJoined")
        if answer is None:
            raise Unclear("joinRoom was not answered")
        if call.first("newSession") is None and strangers(run, call, "newSession"):
            raise Unclear("another session than that of the reply was announced")
        if _reading(answer) == "failed":
            raise Violated("joining a call that goes on was answered by failed", answer)

    return each(placed(run), judge)


@check("room-joined-shape", _FIELDS, "roomJoined has sessionId and status, a text: success or failed", "listening")
def shape(run: Run) -> str:
    """Judge each roomJoined that answers a join of a session id."""
    answers = [answer for take, said in _joins(run) if (answer := _answer(take, said)) is not None]
    for answer in answers:
        require("roomJoined", answer.payload, _SHAPE, answer)
    if not answers:
        raise Unclear("no joinRoom was answered")
    return f"{len(answers)} events"


@check("unknown-session-join-fails", _SECTION, "joining a session that there is not is answered by failed", "listening")
def unknown_fails(run: Run) -> None:
    """Judge the join of a random id."""
    _must_fail(run.take("listening"), "joined_unknown", "a session that there is not")


@check("ended-session-join-fails", _SECTION, "joining a session that has ended is answered by failed", "cancelled")
def ended_fails(run: Run) -> None:
    """Judge the join behind the record of a call, or 5 s behind its hangup."""
    take = run.take("cancelled")
    said: Said = take.fact("joined_ended")
    if not any(heard.at < said.at for heard in take.call.heard("hangup") + take.call.heard("cdr")):
        raise Unclear("the call was not told to have ended when its room was joined")
    _must_fail(take, "joined_ended", "a session that has ended")


@check("joining-again-succeeds", _SECTION, "a member that joins again is confirmed again", "listening")
def again(run: Run) -> None:
    """Judge the second join of the second member."""
    _must_succeed(run.take("listening"), "joined_again", "joining again")


@check(
    "late-join-succeeds", _ROOM, "a socket that joins in the middle of a call gets its sound from then on", "listening"
)
def late(run: Run) -> str:
    """Judge by what the member is told from the answer to the join on."""
    take = run.take("listening")
    said: Said = take.fact("joined_late")
    since = _must_succeed(take, "joined_late", "joining in the middle of a call").at + EDGE
    until = take.call.marks.get("hung_up")
    if until is None:
        raise Unclear("the call was not hung up")
    there = frames(take.call, take.call.member, since, until)
    here = frames(take.call, "late", since, until)
    if lost(take.call) or lost(take.call, "late"):
        raise Unclear("a member's socket was closed by the server")
    if len(there) < 2 * ON_THE_WAY:
        raise Unclear("the member itself got too little sound after that join was answered")
    if not here or abs(len(there) - len(here)) > ON_THE_WAY:
        must_be_read(run, take.call, len(there) - len(here), (since, until), "late")
        raise Violated(f"{len(here)} frames reached the late member, {len(there)} the first one", said, *here[:3])
    return f"{len(here)} frames"


@check(
    "outsider-hears-nothing", _ROOM, "what is told of a call reaches nobody who has not joined its room", "listening"
)
def outsiders(run: Run) -> str:
    """Judge each event of this run's calls, at each socket, by what the socket had joined when it came."""
    known = {call.session_id for call in placed(run)}
    count = 0
    for take in run.takes.values():
        joined: set[tuple[str, object]] = set()
        for item in take.transcript.items:
            if isinstance(item, Said) and item.event == "joinRoom" and isinstance(item.payload, dict):
                joined.add((item.socket, _hashable(item.payload.get("sessionId"))))
            elif isinstance(item, Heard) and item.event in CALL_EVENTS and _hashable(item.session_id) in known:
                count += 1
                if (item.socket, item.session_id) not in joined:
                    raise Violated(f"{item.event} reached the socket {item.socket}, which had not joined", item)
    if not any(item.socket == "outsider" for item in run.take("listening").transcript.of(Opened)):
        raise Unclear("no socket stayed outside")
    return f"{count} events"


@check("every-member-hears", _ROOM, "every socket in a call's room is told the same", "listening")
def members(run: Run) -> str:
    """Judge by statuses and sound of two members, by hangup and cdr of those who stayed."""
    take = run.take("listening")
    call = take.call
    if any(lost(call, name) for name in (call.member, "second", "late")):
        raise Unclear("a member's socket was closed by the server")
    remark = same_sound(run, call)
    same_events(call, "second", "dialStatus", since=surely_there(call, "second"))
    if "joined_late" in take.facts and "failed" not in [_reading(h) for h in call.heard("roomJoined", "late")]:
        same_events(call, "late", "hangup")
        same_events(call, "late", "cdr")
    return remark


@check("leaving-changes-nothing", _ROOM, "a call goes on for the others when one of its sockets leaves", "listening")
def leaving(run: Run) -> str:
    """Judge by the sound behind the moment at which the second member closed its socket."""
    call = run.take("listening").call
    left, until = call.marks.get("second_left"), call.marks.get("hung_up")
    if left is None or until is None:
        raise Unclear(f"the scene did not come so far: {run.take('listening').trouble}")
    before = frames(call, call.member, left - 1, left)
    if len(before) < ON_THE_WAY or lost(call):
        raise Unclear("there was no sound when the socket left")
    ended = [heard for heard in call.heard("hangup") if heard.at < until]
    after = frames(call, call.member, left + EDGE, until)
    if ended or not after:
        raise Violated("the call was over when one of two members had closed its socket", *ended)
    return f"{len(after)} frames"


# --- inside -----------------------------------------------------------------------------------------------------------


def _joins(run: Run) -> Iterator[tuple[Take, Said]]:
    for take in run.takes.values():
        for said in take.transcript.of(Said):
            if said.event == "joinRoom" and isinstance(said.payload, dict) and isinstance(_asked(said), str):
                yield take, said


def _asked(said: Said) -> object:
    return said.payload.get("sessionId")


def _answer(take: Take, said: Said) -> Heard | None:
    """Return the answer to a join: as many joins of the session the socket sent before, as many answers it has had."""
    items = take.transcript.items
    earlier = sum(isinstance(i, Said) and _asks(i, said) for i in items[: items.index(said)])
    answers = [i for i in take.transcript.of(Heard) if i.socket == said.socket and i.event == "roomJoined"]
    own = [answer for answer in answers if answer.session_id == _asked(said)]
    return own[earlier] if earlier < len(own) else None


def _asks(item: Item, said: Said) -> bool:
    return isinstance(item, Said) and (item.socket, item.event, item.payload) == (said.socket, said.event, said.payload)


def _cut_off(take: Take, said: Said) -> bool:
    """Return whether the socket closed within a second of the join: then nothing could answer it."""
    return any(item.socket == said.socket and item.at < said.at + 1 for item in take.transcript.of(Closed))


def _reading(answer: Heard) -> object:
    """Return the answer's status in spite of its spelling."""
    status = answer.payload.get("status")
    if isinstance(status, bool):
        return "success" if status else "failed"
    return status.strip().lower() if isinstance(status, str) else status


def _must_fail(take: Take, fact: str, what: str) -> None:
    answer = _answer(take, take.fact(fact))
    if answer is None:
        raise Unclear("joinRoom was not answered")
    if _reading(answer) == "success":
        raise Violated(f"joining {what} was answered by {shown(answer.payload.get('status'))}", answer)


def _must_succeed(take: Take, fact: str, what: str) -> Heard:
    """Return the answer to a join. Raises Violated where that is failed, Unclear where there is none."""
    said: Said = take.fact(fact)
    first = take.call.first("roomJoined")
    if first is not None and _reading(first) == "failed":
        raise Unclear("no join was confirmed")
    answer = _answer(take, said)
    if answer is None:
        raise Unclear("joinRoom was not answered")
    if _reading(answer) == "failed":
        raise Violated(f"{what} was answered by {shown(answer.payload.get('status'))}", said, answer)
    return answer


def _hashable(value: object) -> object:
    return value if isinstance(value, str) else None


CHECKS: tuple[Check, ...] = (
    is_answered,
    confirmed,
    shape,
    unknown_fails,
    ended_fails,
    again,
    late,
    outsiders,
    members,
    leaving,
)
