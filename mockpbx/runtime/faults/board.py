"""The faults of a workspace: set, listed and removed here, asked by the adapters at every hook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from random import Random
from typing import Protocol, TypeVar

from mockpbx.contract.errors import InvalidRequest, NotFound
from mockpbx.contract.vocabulary import DialStatus
from mockpbx.domain import events as e
from mockpbx.domain.scenario import word
from mockpbx.runtime.faults.acks import AckFault
from mockpbx.runtime.faults.delivery import AT_ONCE, Delays, Lane, Send, together
from mockpbx.runtime.faults.events import EventFault
from mockpbx.runtime.faults.frames import FrameFault
from mockpbx.runtime.faults.http import HttpFault, RequestDropped
from mockpbx.runtime.faults.notation import describe
from mockpbx.runtime.faults.records import RecordFault
from mockpbx.runtime.faults.rule import Fault, FaultStruck, Rule, to_ms
from mockpbx.runtime.faults.sockets import ConnectFault, SocketFault, Sockets
from mockpbx.runtime.faults.standing import Draw, KnownCall, Standing
from mockpbx.runtime.journal import Entry

#: Rules that may stand at once: every hook asks each of them.
MOST_RULES = 1_000
#: Characters of a request's path that the journal keeps.
MOST_SHOWN = 200

F = TypeVar("F", bound=Fault)
_AUDIO = "audio"
_EVENTS = "events"


class NoSuchFault(NotFound):
    """No rule stands under this id."""

    sentence = "No fault has this id: it is unknown or was removed"


class Stage(Protocol):
    """Where faults take place: a workspace."""

    def wake(self) -> int:
        """Return the virtual ms of what is happening right now."""

    def later(self, ms: int, action: Callable[[], None]) -> None:
        """Carry out an action in so many ms of virtual time."""

    def note(self, session_id: str | None, event: object) -> None:
        """Write a fact into the journal."""


class Faultboard:
    """The rules of one workspace, and what they hold back.

    `luck` seeds them, `now` returns virtual ms until there is a stage to ask. While it is `quiet` no hook has anything
    to do, and adapters ask none.
    """

    def __init__(self, luck: Random, now: Callable[[], int]) -> None:
        self.quiet = True
        self._now = now
        self._stage: Stage
        self._sockets: Sockets
        self._waiting: set[asyncio.Future[bool]] = set()  # HTTP requests; whether they may go on
        self._start(luck)

    def _start(self, luck: Random) -> None:
        self._luck = luck
        self._ids = count(1)
        self._standing: dict[str, Standing] = {}
        self._calls: dict[str, KnownCall] = {}
        self._lanes: dict[tuple[str, str], Lane] = {}

    def attach(self, stage: Stage, sockets: Sockets) -> None:
        """Let faults act on a workspace and its sockets."""
        self._stage, self._sockets, self._now = stage, sockets, stage.wake

    # --- what is set --------------------------------------------------------------------------------------------------

    def add(self, rule: Rule) -> str:
        """Set a rule from now on. Returns its id. Raises InvalidRequest where too many stand already."""
        if len(self._standing) >= MOST_RULES:
            raise InvalidRequest(f"At most {MOST_RULES} faults may be set at once: remove some")
        standing = Standing(str(next(self._ids)), rule, self._now(), self._luck.getrandbits(64))
        self._standing[standing.id] = standing
        self._settle()
        for moment in self._moments(standing):
            wait = self._wait(standing, moment)
            strike = partial(self._strike_sockets, standing, moment)
            if wait:
                self._stage.later(wait, strike)
            else:
                strike()
        return standing.id

    def remove(self, fault_id: str) -> None:
        """Remove a rule; what it holds back leaves in its time. Raises NoSuchFault."""
        try:
            standing = self._standing.pop(fault_id)
        except KeyError:
            raise NoSuchFault from None
        standing.take_back(standing.ends)
        for call in self._calls.values():
            self._sum_up(standing, call, self._stage.note)
        self._settle()

    def clear(self) -> None:
        """Remove all rules."""
        for fault_id in list(self._standing):
            self.remove(fault_id)

    def restart(self, luck: Random) -> None:
        """Begin anew, as a workspace does that is reset."""
        self.end()
        self._start(luck)

    def end(self) -> None:
        """Remove all rules with all that they hold back: it never leaves, and requests that wait are dropped."""
        for standing in self._standing.values():
            standing.take_back(standing.ends)
        self._standing.clear()
        self._lanes.clear()
        self._settle()
        for request in self._waiting:
            _decide(request, go_on=False)

    def listing(self) -> list[dict[str, object]]:
        """Return the rules as JSON in the order in which they were set (see `describe`)."""
        return [describe(standing, self._now()) for standing in self._standing.values()]

    # --- hooks, one for each place where things pass ------------------------------------------------------------------

    async def http(self, method: str, path: str, session_id: str | None = None, number: str | None = None) -> None:
        """Let a request through in its time, with the session or the number that it names.

        Raises RequestRefused or RequestDropped.
        """
        known = self._known(session_id)
        call = KnownCall(session_id or "", number or "") if known is None and (session_id or number) else known
        what = f"{method} {path}"
        for standing, fault, _ in self._striking(HttpFault, what, call):
            self._stage.note(None if known is None else known.session_id, _struck(standing, what[:MOST_SHOWN]))
            await self._pass(fault.hold())

    def connection(self) -> str | None:
        """Return why a socket is refused, None where it may come in."""
        for standing, fault, _ in self._striking(ConnectFault, "", None):
            self._stage.note(None, _struck(standing, "a socket"))
            return fault.refusal()
        return None

    def ack(self, session_id: str | None, send: Send) -> None:
        """Let the acknowledgment of a call's `audio` leave."""
        delays: Delays = AT_ONCE
        for standing, fault, _ in self._striking(AckFault, _AUDIO, self._known(session_id)):
            self._stage.note(session_id, _struck(standing, _AUDIO))
            delays = together(delays, fault.delays())
        for delay in delays:
            if delay:
                self._stage.later(int(delay), send)
            else:
                send()

    def event(self, session_id: str | None, event: str, send: Send) -> None:
        """Let an event leave that its clients are told of a call."""
        delays: Delays = AT_ONCE
        for standing, fault, _ in self._striking(EventFault, event, self._known(session_id)):
            self._note_soon(session_id, _struck(standing, event))
            delays = together(delays, fault.delays())
        self._send((session_id or "", _EVENTS), event, send, delays)

    def frame(self, session_id: str, send: Send) -> None:
        """Let 20 ms of a call's sound leave."""
        delays: Delays = AT_ONCE
        for standing, fault, draw in self._striking(FrameFault, _AUDIO, self._known(session_id)):
            if draw.count == 1:
                self._note_soon(session_id, _struck(standing, "a frame, the first of this call"))
            delays = together(delays, fault.delays(draw))
        self._send((session_id, _AUDIO), _AUDIO, send, delays)

    def record(self, session_id: str) -> int:
        """Return by how many ms the times of a call's record are off."""
        offset = 0
        for standing, fault, _ in self._striking(RecordFault, "", self._known(session_id)):
            self._note_soon(session_id, _struck(standing, "the record"))
            offset += fault.offset()
        return offset

    # --- what it knows of the calls -----------------------------------------------------------------------------------

    def read(self, entry: Entry) -> None:
        """Take note of a journal entry, before the clients are told of it."""
        session_id = entry.session_id or ""
        match entry.event:
            case e.CallPlaced(number=number, ordinal=ordinal):
                self._calls[session_id] = KnownCall(session_id, number, ordinal)
            case e.DialStatusChanged(DialStatus.CONNECTED) if session_id in self._calls:
                call = self._calls[session_id]
                call.connected_at = entry.at
                for standing in self._standing.values():
                    if call in self._moments(standing):
                        strike = partial(self._strike_sockets, standing, call)
                        self._stage.later(self._wait(standing, call), strike)
            case e.CallEnded() if session_id in self._calls:
                for standing in self._standing.values():
                    self._sum_up(standing, self._calls[session_id], self._note_soon)

    def forget(self, session_id: str) -> None:
        """A call's last event has been sent: let go of it, and of what waits for a next one."""
        call = self._calls.pop(session_id, None)
        if call is not None:
            for standing in self._standing.values():
                standing.draws.pop(call.ordinal, None)
        lane = self._lanes.get((session_id, _EVENTS))
        if lane is not None:
            lane.flush()
            self._settle((session_id, _EVENTS))

    # --- the sockets' moments -----------------------------------------------------------------------------------------

    def _moments(self, standing: Standing) -> Sequence[KnownCall | None]:
        """Return the calls in each of which a rule of sockets has a moment; only None where it has one at all."""
        if not isinstance(standing.rule.fault, SocketFault):
            return ()
        if standing.rule.when.after_connected is None:
            return (None,)
        return [call for call in self._calls.values() if call.connected_at is not None]

    def _wait(self, standing: Standing, moment: KnownCall | None) -> int:
        return max(0, int(standing.start(moment) - self._now()))

    def _strike_sockets(self, standing: Standing, moment: KnownCall | None) -> None:
        fault, when = standing.rule.fault, standing.rule.when
        if self._standing.get(standing.id) is not standing or not isinstance(fault, SocketFault):
            return
        calls: Sequence[KnownCall | None] = (moment,)
        if moment is None:
            standing.spent = True
            if when.call is not None or when.number is not None:
                calls = list(self._calls.values())
        ends: list[Callable[[], None]] = []
        for call in calls:
            session_id = None if call is None else call.session_id
            sockets = self._sockets.present(session_id)
            if sockets and standing.strike(self._now(), call) is not None:
                self._stage.note(session_id, _struck(standing, _counted(len(sockets), "socket")))
                ends += [end for socket in sockets if (end := fault.strike(socket)) is not None]
        standing.ends += ends
        if ends and when.lasts is not None:
            self._stage.later(to_ms(when.lasts), partial(standing.take_back, ends))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _striking(self, family: type[F], what: str, call: KnownCall | None) -> Iterator[tuple[Standing, F, Draw]]:
        """Yield the rules of a family that strike this, in the order in which they were set."""
        for standing in tuple(self._standing.values()):
            fault = standing.rule.fault
            if isinstance(fault, family) and fault.concerns(what):
                draw = standing.strike(self._now(), call)
                if draw is not None:
                    yield standing, fault, draw

    def _known(self, session_id: str | None) -> KnownCall | None:
        return self._calls.get(session_id or "")

    def _send(self, key: tuple[str, str], kind: str, send: Send, delays: Delays) -> None:
        lane = self._lanes.get(key)
        if lane is None:
            if delays == AT_ONCE:
                send()
                return
            lane = self._lanes[key] = Lane()
        for wait in lane.send(kind, send, delays, self._now()):
            self._stage.later(wait, partial(self._release, key))
        self._settle(key)

    def _release(self, key: tuple[str, str]) -> None:
        if key in self._lanes:
            self._lanes[key].release()
            self._settle(key)

    def _settle(self, key: tuple[str, str] | None = None) -> None:
        """Let go of a lane that is empty, and know whether there is anything to ask for at all."""
        if key is not None and key in self._lanes and self._lanes[key].empty:
            del self._lanes[key]
        self.quiet = not self._standing and not self._lanes

    async def _pass(self, ms: int) -> None:
        """Return when so many ms have passed. Raises RequestDropped where the board ends before that."""
        if not ms:
            return
        passed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.add(passed)
        self._stage.later(ms, partial(self._let_in, passed))
        try:
            if not await passed:
                raise RequestDropped
        finally:
            self._waiting.discard(passed)

    def _let_in(self, request: asyncio.Future[bool]) -> None:
        self._sockets.activity += 1  # what it brings about, and its reply, belong to this instant
        _decide(request, go_on=True)

    def _sum_up(self, standing: Standing, call: KnownCall, note: Callable[[str | None, object], None]) -> None:
        draw = standing.draws.get(call.ordinal)
        if isinstance(standing.rule.fault, FrameFault) and draw is not None and draw.count:
            note(call.session_id, _struck(standing, f"{_counted(draw.count, 'frame')} of this call"))

    def _note_soon(self, session_id: str | None, struck: object) -> None:
        """Note a strike behind what is happening right now, which the journal is still telling its readers."""
        self._stage.later(0, partial(self._stage.note, session_id, struck))


def _struck(standing: Standing, what: str) -> FaultStruck:
    return FaultStruck(word(type(standing.rule.fault)), what)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _decide(request: asyncio.Future[bool], *, go_on: bool) -> None:
    with suppress(asyncio.InvalidStateError):  # it has been decided, or its client has given up
        request.set_result(go_on)
