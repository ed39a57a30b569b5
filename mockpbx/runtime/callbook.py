"""What there is to say of each call: a projection of the journal, for those who look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mockpbx.contract.vocabulary import Direction
from mockpbx.domain import events as e
from mockpbx.domain.plan import Named
from mockpbx.domain.record import CallRecord
from mockpbx.runtime.journal import Entry

#: Journal entries that are kept with a call: far more than any call has that is to be looked at.
MOST_ENTRIES = 20_000


@dataclass(slots=True)
class CallView:
    """One call as it stands. Times are virtual ms, None until the moment has come; `ended` is wall ms."""

    session_id: str
    number: str
    direction: Direction
    caller: str | None
    scenario: str
    ordinal: int
    placed_at: int
    status: str = "Created"
    joined: bool = False
    failure: str | None = None  # why its scenario failed
    record: CallRecord | None = None
    ended: int | None = None
    cast: Named | None = None  # what its other end was to do
    entries: list[Entry] = field(default_factory=list)  # of the journal, the first MOST_ENTRIES
    truncated: bool = False  # whether there were more


class CallBook:
    """Every live call, and the last `capacity` ended ones that are younger than `age` seconds of wall time."""

    def __init__(self, capacity: int, age: float, wall: Callable[[], int]) -> None:
        self.age = age
        self._capacity = capacity
        self._wall = wall
        self._calls: dict[str, CallView] = {}
        self._ended: dict[str, CallView] = {}  # in the order in which they ended

    def calls(self) -> list[CallView]:
        """Return all calls, the newest first."""
        self._prune()
        return list(reversed(self._calls.values()))

    def find(self, session_id: str) -> CallView | None:
        """Return one call, None for what is unknown here or forgotten."""
        self._prune()
        return self._calls.get(session_id)

    def cast(self, session_id: str, scenario: Named) -> None:
        """Take note of what the other end of a call is to do."""
        self._calls[session_id].cast = scenario

    def clear(self) -> None:
        """Forget all of them."""
        self._calls.clear()
        self._ended.clear()

    def read(self, entry: Entry) -> None:
        """Take note of a journal entry."""
        event, name = entry.event, entry.session_id or ""
        if isinstance(event, e.CallPlaced):
            self._calls[name] = CallView(
                name, event.number, event.direction, event.caller, event.scenario, event.ordinal, entry.at
            )
        call = self._calls.get(name)
        if call is None:
            return
        call.truncated = len(call.entries) == MOST_ENTRIES
        if not call.truncated:
            call.entries.append(entry)
        match event:
            case e.DialStatusChanged(status):
                call.status = status.value
            case e.RoomJoined():
                call.joined = True
            case e.TakenOver(scenario):
                call.scenario = scenario
            case e.ScenarioFailed(step, reason):
                call.failure = f"step {step}: {reason}"
            case e.CallEnded(record):
                call.status, call.record, call.ended = "Ended", record, entry.wall
                self._ended[name] = call
                self._prune()

    def _prune(self) -> None:
        oldest = self._wall() - self.age * 1_000
        while self._ended:
            first = next(iter(self._ended.values()))
            if len(self._ended) <= self._capacity and (first.ended or 0) >= oldest:
                return
            del self._ended[first.session_id]
            self._calls.pop(first.session_id, None)
