"""Mutants of who is let in, and who hears what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mockpbx.contract.errors import PBXError, Unauthorized
from mockpbx.runtime.mutants.mutation import H, Mutant, Mutation
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
        "any-socket-token-accepted", "joining", "Connection Setup", "a socket comes in with an invalid token",
        "connect with the token invalid-1 and assert that your client reports the refusal",
        Lenient("socket", Unauthorized),
    ),
)  # fmt: skip
