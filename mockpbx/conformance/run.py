"""What a whole examination saw: its options, a take of each scene, the calls in them, the checker's own lateness."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from mockpbx.conformance.check import Unclear
from mockpbx.conformance.transcript import Acked, Exchange, Heard, Said, Transcript


@dataclass(frozen=True, slots=True)
class Options:
    """What the checker is told. Numbers are strings; `timeout` is seconds that a ring or a record may take."""

    url: str
    token: str
    number: str
    wrong_token: str
    busy_number: str | None = None
    no_answer_number: str | None = None
    callee_hangup_number: str | None = None
    echo_number: str | None = None
    timeout: float = 75.0
    max_calls: int | None = None

    @property
    def reply_within(self) -> float:
        """Seconds within which the server has to answer what needs nobody else: a request, a join, an ack."""
        return min(self.timeout, 10.0)

    @property
    def record_within(self) -> float:
        """Seconds from the end of a call within which its record is waited for."""
        return min(self.timeout, 30.0)


@dataclass
class Call:
    """One call as the checker saw it. `member` is the socket that joined its room first, whose view counts.

    `marks` are moments that its scene noted: `joined` (joinRoom sent), `connected` (as told, or the first sound),
    `hung_up` (the hang-up sent). `tuned` tells which figure's length was made to be k + 0.2 s: `duration` or
    `billableSeconds`; such a figure must be exactly k.
    """

    number: str
    placed: Exchange
    session_id: str
    transcript: Transcript
    member: str
    marks: dict[str, float] = field(default_factory=dict)
    hung_up_by: str | None = None  # rest, socket or callee
    tuned: str | None = None
    detail: Exchange | None = None  # GET /cdr/{sessionId}, the last that was asked
    listed: Exchange | None = None  # the page of GET /cdr that should show it

    def heard(self, event: str | None = None, socket: str | None = None) -> list[Heard]:
        """Return what a socket (the member) was told of this call, in order."""
        return [
            item
            for item in self.transcript.of(Heard)
            if item.socket == (socket or self.member)
            and item.session_id == self.session_id
            and event in (None, item.event)
        ]

    def said(self, event: str | None = None) -> list[Said]:
        """Return what the checker sent for this call, in order."""
        return [
            item
            for item in self.transcript.of(Said)
            if isinstance(item.payload, dict)
            and item.payload.get("sessionId") == self.session_id
            and event in (None, item.event)
        ]

    def acks(self) -> list[Acked]:
        """Return the acknowledgments of what the checker sent for this call."""
        mine = {id(said) for said in self.said()}
        return [item for item in self.transcript.of(Acked) if id(item.said) in mine]

    def first(self, event: str, **fields: object) -> Heard | None:
        """Return the member's first event of a name, with these fields."""
        return next(
            (
                heard
                for heard in self.heard(event)
                if all(heard.payload.get(name) == value for name, value in fields.items())
            ),
            None,
        )

    @property
    def answered(self) -> bool:
        """Whether somebody answered, as far as the events tell."""
        return "connected" in self.marks

    @property
    def record(self) -> dict[str, Any] | None:
        """The payload of the member's first `cdr` event; None where none came."""
        event = self.first("cdr")
        return event.payload if event is not None else None

    @property
    def row(self) -> dict[str, Any] | None:
        """The call's row in the list; None where it is not there."""
        rows = self.listed.data if self.listed is not None else None
        if not isinstance(rows, list):
            return None
        return next((row for row in rows if isinstance(row, dict) and row.get("sessionId") == self.session_id), None)


@dataclass
class Take:
    """What one scene saw. `facts` are what it found out, by name; `trouble` says why it did not play to its end."""

    scene: str
    transcript: Transcript = field(default_factory=Transcript)
    calls: list[Call] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    trouble: str | None = None

    @property
    def call(self) -> Call:
        """The scene's call. Raises Unclear where none was placed."""
        if not self.calls:
            raise Unclear(f"no call could be placed: {self.trouble}")
        return self.calls[0]

    def fact(self, name: str) -> Any:
        """Return what the scene found out. Raises Unclear where it did not come so far."""
        if name not in self.facts:
            raise Unclear(f"the scene `{self.scene}` did not come so far: {self.trouble}")
        return self.facts[name]


class Lag:
    """How late the checker's own loop is: what it measures of others can be no better."""

    _EVERY = 0.005  # s

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._task = asyncio.create_task(self._measure())

    async def stop(self) -> None:
        """Measure no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def p99(self, since: float, until: float) -> float:
        """Return the 99th percentile of the lateness in seconds between two moments of the loop's clock."""
        late = sorted(by for at, by in self._late if since <= at <= until)
        return late[ceil(len(late) * 0.99) - 1] if late else 0.0

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._EVERY
            await asyncio.sleep(self._EVERY)
            self._late.append((loop.time(), loop.time() - due))


@dataclass
class Run:
    """All takes so far, by scene."""

    options: Options
    takes: dict[str, Take] = field(default_factory=dict)
    lag: Lag = field(default_factory=Lag)

    def take(self, scene: str) -> Take:
        """Return a scene's take. Raises Unclear where it was not played."""
        if scene not in self.takes:
            raise Unclear(f"the scene `{scene}` was not played")
        return self.takes[scene]

    def calls(self) -> Iterator[Call]:
        """Iterate over all calls."""
        return (call for take in self.takes.values() for call in take.calls)

    def answered_calls(self) -> list[Call]:
        """Return the calls that were answered. Raises Unclear where there are none."""
        found = [call for call in self.calls() if call.answered]
        if not found:
            reasons = [take.trouble for take in self.takes.values() if take.trouble]
            raise Unclear(f"no call was answered: {reasons[0] if reasons else 'none was tried'}")
        return found

    def exchanges(self) -> Iterator[Exchange]:
        """Iterate over all requests."""
        return (item for take in self.takes.values() for item in take.transcript.of(Exchange))

    def heard(self, event: str | None = None) -> Iterator[Heard]:
        """Iterate over all events of the server."""
        return (
            item for take in self.takes.values() for item in take.transcript.of(Heard) if event in (None, item.event)
        )
