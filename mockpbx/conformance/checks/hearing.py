"""What two members of a room were told, held against each other."""

from __future__ import annotations

from mockpbx.conformance.check import Unclear, Violated
from mockpbx.conformance.checks.record_views import FIELDS as RECORD
from mockpbx.conformance.checks.views import held_up
from mockpbx.conformance.run import Call, Run
from mockpbx.conformance.transcript import Heard

#: Frames by which two members' counts of one stretch may differ: what is on its way, at both ends.
ON_THE_WAY = 10
#: Seconds at the edges of a stretch that are left out of it.
EDGE = 0.3
#: Seconds of a frame, and those for which reading is not held up anywhere.
_FRAME, _LATE = 0.02, 0.1
#: Seconds after a join within which a member may be told again how far the call has come.
_JUST = 1.0
#: What the contract says of the events that are compared.
_FIELDS_OF = {
    "dialStatus": ("sessionId", "status"),
    "audio": ("sessionId", "audioData", "audioFormat"),
    "hangup": ("sessionId",),
    "cdr": RECORD,
}


def frames(call: Call, socket: str, since: float, until: float) -> list[Heard]:
    """Return the frames that reached a socket between two moments."""
    return [heard for heard in call.heard("audio", socket) if since <= heard.at <= until]


def same_events(call: Call, socket: str, event: str, since: float = 0) -> None:
    """Compare what the member and another were told from a moment on, by the contract's fields.

    Either may have heard of something shortly before that moment of which the other heard shortly behind it.
    """
    one, other = (_told(call, event, name) for name in (call.member, socket))
    mine, theirs = ([_read(heard) for heard in each if heard.at >= since] for each in (one, other))
    if not (_ends([_read(heard) for heard in one], theirs) and _ends([_read(heard) for heard in other], mine)):
        counts = f"{event} came {len(mine)} times to the member, {len(theirs)} times to the socket {socket}"
        raise Violated(counts if len(mine) != len(theirs) else f"{event} differed", *one[:5], *other[:5])


def same_sound(run: Run, call: Call) -> str:
    """Compare the sound of two members from the answer until one of them left: one's is how the other's begins."""
    left = call.marks.get("second_left")
    first = call.heard("audio")[:1]
    if left is None or not first or first[0].at < surely_there(call, "second"):
        raise Unclear("the two members were not there together when the sound began")
    for mine, theirs in zip(call.heard("audio"), call.heard("audio", "second"), strict=False):
        if _read(mine) != _read(theirs):
            raise Violated("a frame of the second member was another than the first one's", mine, theirs)
    one, other = (frames(call, name, 0, left - EDGE) for name in (call.member, "second"))
    if abs(len(one) - len(other)) > ON_THE_WAY:
        must_be_read(run, call, len(one) - len(other), (left - EDGE,), "second")
        raise Violated(f"{len(one)} frames reached the member, {len(other)} the second", *one[:2], *other[:2])
    return f"{len(other)} frames each"


def must_be_read(run: Run, call: Call, difference: int, cuts: tuple[float, ...], socket: str) -> None:
    """Raise Unclear where two counts up to a moment may differ because a socket's frames were read late there."""
    late = max(held_up(run, call, cut, call.member, socket) for cut in cuts)
    # Either socket may have been read so late.
    if late > _LATE and abs(difference) <= ON_THE_WAY + 2 * late / _FRAME:
        raise Unclear(f"frames were read up to {late * 1000:.0f} ms late when they were counted")


def surely_there(call: Call, socket: str) -> float:
    """Return when a socket was surely in the room: a little after its join was answered, or asked for."""
    moments = [heard.at for heard in call.heard("roomJoined", socket)] or [call.marks["joined"]]
    return moments[0] + EDGE


# --- inside -----------------------------------------------------------------------------------------------------------


def _told(call: Call, event: str, socket: str) -> list[Heard]:
    """Return the events of a name, but for a status that is told again to who has just joined.

    The contract is silent on whether a member is told how far the call has come.
    """
    found: list[Heard] = []
    joined = float("-inf")
    for heard in call.heard(socket=socket):
        if heard.event == "roomJoined":
            joined = heard.at
        elif heard.event == event:
            again = event == "dialStatus" and found and _read(heard) == _read(found[-1])
            if not (again and heard.at - joined <= _JUST):
                found.append(heard)
            joined = float("-inf") if event == "dialStatus" else joined
    return found


def _read(heard: Heard) -> dict[str, object]:
    """Return what the contract says of an event; a server may tell more, and to each member its own."""
    return {name: heard.payload.get(name) for name in _FIELDS_OF[heard.event]}


def _ends(whole: list[dict[str, object]], part: list[dict[str, object]]) -> bool:
    return not part or whole[-len(part) :] == part
