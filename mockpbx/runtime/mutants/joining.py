"""Mutants of who is let in, and who hears what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from mockpbx.contract.errors import PBXError, Unauthorized
from mockpbx.runtime.mutants.mutation import H, Mutant, Mutation, Payload
from mockpbx.runtime.mutants.taking import Ignored
from mockpbx.runtime.mutants.telling import Lost, Rewritten


@dataclass
class Lenient(Mutation):
    """Refusals of a kind are not upheld at a door, rest or socket."""

    door: str
    refusal: type[PBXError]

    def holds(self, door: str, refusal: PBXError) -> bool:
        """Return whether it is another refusal, or another door."""
        return door != self.door or not isinstance(refusal, self.refusal)


class HeardByAll(Mutation):
    """What is told of a call reaches every socket of its token."""

    def hearers(self, event: str, members: Collection[H], everybody: Collection[H]) -> Collection[H]:
        """Return all, where there are any who are no members."""
        return everybody if len(everybody) > len(members) else members


class HeardByOne(Mutation):
    """What is told to several sockets reaches only the first."""

    def hearers(self, event: str, members: Collection[H], everybody: Collection[H]) -> Collection[H]:
        """Return one of them."""
        return list(members)[:1] if len(members) > 1 else members


@dataclass
class HeardInEveryRoom(Mutation):
    """What is told of a call reaches every socket that has joined any call which goes on."""

    _inside: dict[int, object] = field(default_factory=dict)

    def hearers(self, event: str, members: Collection[H], everybody: Collection[H]) -> Collection[H]:
        """Return all who were told of a call, and not yet of its end."""
        if event in ("newSession", "roomJoined"):
            return members
        hearers = [each for each in everybody if each in members or id(each) in self._inside]
        for each in members:
            if event == "hangup":
                self._inside.pop(id(each), None)
            else:
                self._inside[id(each)] = each  # kept, so that no other has its id
        return hearers if len(hearers) > len(members) else members


@dataclass
class HangupOfAll(Mutation):
    """The end of a call is told as the end of every call that goes on, to their members."""

    _live: dict[str, None] = field(default_factory=dict)
    _inside: dict[int, object] = field(default_factory=dict)

    def events(self, event: str, payload: Payload) -> Sequence[tuple[str, Payload]]:
        """Tell the end of each."""
        if event == "dialStatus":
            self._live[payload["sessionId"]] = None
        if event != "hangup":
            return [(event, payload)]
        self._live.pop(payload["sessionId"], None)
        return [(event, payload | {"sessionId": each}) for each in (payload["sessionId"], *self._live)]

    def hearers(self, event: str, members: Collection[H], everybody: Collection[H]) -> Collection[H]:
        """Return who has joined any call."""
        if event != "newSession":
            self._inside.update((id(each), each) for each in members)
        if event != "hangup":
            return members
        hearers = [each for each in everybody if id(each) in self._inside]
        return hearers if len(hearers) > len(members) else members


JOINING = (
    Mutant(
        "join-always-succeeds", "joining", "roomJoined", "joining an unknown session is confirmed by success",
        "join a session that does not exist and assert what your client does",
        Rewritten("roomJoined", {"status": "failed"}, "status", lambda _: "success"),
    ),
    Mutant(
        "join-always-fails", "joining", "roomJoined", "joining is answered by failed, though it has succeeded",
        "assert that your client looks at the status of roomJoined",
        Rewritten("roomJoined", {"status": "success"}, "status", lambda _: "failed"),
    ),
    Mutant(
        "join-status-in-capitals", "joining", "roomJoined", "the status of roomJoined is SUCCESS or FAILED",
        "assert the status of roomJoined by its exact spelling", Rewritten("roomJoined", {}, "status", str.upper),
    ),
    Mutant(
        "join-status-as-boolean", "joining", "roomJoined", "the status of roomJoined is true or false",
        "assert the status of roomJoined", Rewritten("roomJoined", {}, "status", lambda status: status == "success"),
    ),
    Mutant(
        "room-joined-lost", "joining", "roomJoined", "joinRoom is never answered",
        "assert that your client waits for roomJoined, and not for ever", Lost("roomJoined"),
    ),
    Mutant(
        "join-ignored", "joining", "joinRoom", "joinRoom has no effect at all",
        "assert that your client notices that it never gets into the room", Ignored("joinRoom"),
    ),
    Mutant(
        "events-to-non-members", "joining", "joinRoom", "a call's events reach sockets that have not joined it",
        "let two clients share a token and assert that one is not told of the other's call", HeardByAll(),
    ),
    Mutant(
        "events-to-one-only", "joining", "joinRoom", "of several sockets only the first is told",
        "let two clients share a token and assert that both are told", HeardByOne(),
    ),
    Mutant(
        "events-to-other-calls", "joining", "joinRoom", "a call's events reach those who have joined another call",
        "hold two calls at once and assert that neither is told of the other", HeardInEveryRoom(),
    ),
    Mutant(
        "hangup-of-all", "joining", "hangup", "hangup is told of every call when one of them ends",
        "hold two calls at once, hang one up and assert that the other goes on", HangupOfAll(),
    ),
    Mutant(
        "any-socket-token-accepted", "joining", "Connection Setup", "a socket comes in with an invalid token",
        "connect with the token invalid-1 and assert that your client reports the refusal",
        Lenient("socket", Unauthorized),
    ),
)  # fmt: skip
