"""What holds in the course of every call, however odd its client is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mockpbx.conformance.checks.shapes import shown
from mockpbx.conformance.fuzz.breach import Breach, Rule
from mockpbx.conformance.fuzz.player import WITNESS, Played
from mockpbx.conformance.fuzz.sockets import ROOM
from mockpbx.conformance.transcript import Exchange, Heard, Said


def _calls(played: Played) -> Iterator[Breach]:
    if WITNESS in played.gone():
        return
    for session_id in dict.fromkeys(played.calls):
        told = [heard for heard in played.of_call(session_id) if heard.event in ROOM]  # no others are in the contract
        yield from _course(_without_snapshots(played.of_call(session_id)))
        for event in ("hangup", "cdr"):
            if not any(heard.event == event for heard in told):
                items = tuple(heard for heard in told if heard.event != "audio")
                yield Breach(f"a call has its {event}", f"no {event} came of {session_id}", items[-4:], late=True)
        asked = [item for item in played.transcript.of(Exchange) if item.path == f"/cdr/{session_id}"]
        if asked and told and told[-1].event == "cdr" and not any(item.status == 200 for item in asked):
            got = f"it was answered {asked[-1].status}"
            yield Breach("a record that was told of is found", got, (told[-1], asked[-1]), late=True)


def _without_snapshots(told: list[Heard]) -> list[Heard]:
    """Return what a member is told of one call, without statuses that were told again upon a joinRoom."""
    kept: list[Heard] = []
    status, has_joined = None, False
    for heard in told:
        if heard.event == "roomJoined":
            has_joined = True
        elif heard.event == "dialStatus":
            again = has_joined and heard.payload.get("status") == status
            has_joined, status = False, heard.payload.get("status")
            kept += [] if again else [heard]
        elif heard.event in ROOM:
            kept.append(heard)
    return kept


def _course(told: list[Heard]) -> Iterator[Breach]:
    """Judge the order of what a member is told of one call."""
    seen: list[Heard] = []
    for heard in told:
        events = [each.event for each in seen]
        statuses = [each.payload.get("status") for each in seen if each.event == "dialStatus"]
        status = heard.payload.get("status") if heard.event == "dialStatus" else None
        if "hangup" in events and heard.event not in ("cdr",):
            yield Breach("nothing follows hangup but cdr", f"{heard.event} came after hangup", (seen[-1], heard))
        elif heard.event == "cdr" and ("cdr" in events or "hangup" not in events):
            yield Breach("cdr comes once, after hangup", "it came again, or before", (*seen[-2:], heard))
        elif status is not None and statuses and _rank(status) <= _rank(statuses[-1]):
            yield Breach("a call's status goes on", f"{status} came after {statuses[-1]}", (seen[-1], heard))
        elif heard.event == "audio" and statuses and "Connected" not in statuses:  # who joins late is told none
            yield Breach("sound comes from Connected on", "a frame came before", (heard,))
        if heard.event != "audio" or not seen or seen[-1].event != "audio":
            seen.append(heard)


def _rank(status: object) -> int:
    ranks = {"Dialing": 0, "Ringing": 1, "Busy": 2, "Connected": 2}
    return ranks.get(str(status), -1)


def _checkpoints(played: Played) -> Iterator[Breach]:
    for session_id in dict.fromkeys(played.calls):
        sent = [
            said
            for said in played.transcript.of(Said)
            if said.event == "checkPoint"
            and isinstance(said.payload, dict)
            and said.payload.get("sessionId") == session_id
        ]
        if played.spoilt or not all(isinstance(said.payload.get("name"), str) for said in sent):
            continue  # what a server makes of another type is its own affair
        names = [said.payload["name"] for said in sent]
        told = [heard for heard in played.of_call(session_id) if heard.event == "checkPoint"]
        heard_names = [heard.payload.get("name") for heard in told]
        if Counter(map(str, heard_names)) - Counter(names):
            got = f"there came {', '.join(map(shown, heard_names[-4:]))}"
            yield Breach("a checkpoint was sent, and comes once", got, (*sent[-4:], *told[-4:]))
        elif len({said.socket for said in sent}) == 1 and not _within(heard_names, names):
            yield Breach("checkpoints come in the order sent", "they came in another", (*sent[-6:], *told[-6:]))


def _within(part: list[object], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(any(each == other for other in rest) for each in part)


RULES: tuple[Rule, ...] = (_checkpoints, _calls)
