"""What a mutant may change: the places where things pass between the service and its clients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from mockpbx.contract.errors import PBXError
from mockpbx.contract.messages import Message
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.records import RecordQuery

Payload = dict[str, Any]
H = TypeVar("H")

Area = Literal["rest", "joining", "events", "timing", "audio", "acks", "records"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of REST to `request`, such as `POST /pbx/call`: its HTTP status and its body, read as JSON."""

    request: str
    status: int
    body: Any


class Mutation:
    """A faithful service. Each mutant's class changes what passes in one of these places.

    It only tells what passes instead, the adapters carry it out. Delays are ms of virtual time.
    """

    def messages(self, entry: Entry, message: Message | None) -> Sequence[tuple[int, Message]]:
        """Return what a call's clients are told of a fact, and how late; `message` is what they ought to be told."""
        return [] if message is None else [(0, message)]

    def events(self, event: str, payload: Payload) -> Sequence[tuple[str, Payload]]:
        """Return the events that leave in place of one."""
        return [(event, payload)]

    def hearers(self, event: str, members: Collection[H], everybody: Collection[H]) -> Collection[H]:
        """Return which of a workspace's sockets get an event that is meant for `members`."""
        return members

    def incoming(self, event: str, payload: object) -> Sequence[tuple[int, object]]:
        """Return what is carried out in place of a client's event, and how late."""
        return [(0, payload)]

    def ack(self, ack: Payload) -> object:
        """Return the acknowledgment that leaves; none where that is None."""
        return ack

    def holds(self, door: str, refusal: PBXError) -> bool:
        """Return whether a refusal is upheld, at the `door` rest or socket."""
        return True

    def announces_first(self) -> bool:
        """Return whether clients hear of a session before the reply to its POST leaves."""
        return False

    def query(self, query: RecordQuery) -> RecordQuery:
        """Return which records are looked up where these were asked for."""
        return query

    def reply(self, reply: Reply) -> Reply:
        """Return the reply that leaves."""
        return reply


#: The names of the places.
HOOKS = tuple(name for name in vars(Mutation) if not name.startswith("_"))
FAITHFUL = Mutation()


@dataclass(frozen=True)
class Mutant:
    """One way to break the contract: its name, the contract's section, what it breaks, and what would notice it."""

    name: str
    area: Area
    section: str
    breaks: str
    notice: str
    mutation: Mutation


def watched(mutation: Mutation, on_strike: Callable[[], None]) -> Mutation:
    """Return the mutation; whenever it changes something, `on_strike` is called."""
    for hook in HOOKS:
        setattr(mutation, hook, _watched(getattr(mutation, hook), getattr(FAITHFUL, hook), on_strike))
    return mutation


def _watched(mutated: Callable[..., Any], faithful: Callable[..., Any], on_strike: Callable[[], None]) -> Any:
    def watch(*arguments: Any) -> Any:
        result = mutated(*arguments)
        if result != faithful(*arguments):
            on_strike()
        return result

    return watch
