"""What scenes act with: requests, sockets, calls, and waits that end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from mockpbx.client.address import base_of
from mockpbx.conformance.desk import UNSENT, Desk
from mockpbx.conformance.line import Line
from mockpbx.conformance.patience import Patience
from mockpbx.conformance.run import Call, Options, Take
from mockpbx.conformance.transcript import Closed, Exchange, Heard, Item

#: A length that is to be k + TUNED seconds is k, cut as in the contract's own sample or rounded to the nearest; rounded
#: up it is not. See Call.tuned.
TUNED = 0.2
#: Seconds that a second event, or sound that comes too late, has time to come.
LINGER = 1.0
#: Seconds that hanging up may take when the examination is broken off.
LEAVE_WITHIN = 5.0
#: Seconds by which newSession may overtake the reply on a connection of its own.
_OVERTAKES = 0.05
_POLL = 0.5  # s between two looks for a record


class Unplayable(Exception):
    """The scene cannot go on: one sentence says why. What it was to show stays open."""


class Stage:
    """One scene's view of the server. `now` is the loop's clock, in seconds.

    `let_in` lets the scenes begin that play beside this one.
    """

    def __init__(
        self,
        options: Options,
        take: Take,
        http: aiohttp.ClientSession,
        patience: Patience,
        let_in: Callable[[], None] = lambda: None,
    ) -> None:
        self.options = options
        self.take = take
        self.transcript = take.transcript
        self.let_in = let_in
        self.now: Callable[[], float] = asyncio.get_running_loop().time
        self._http = http
        self._base = base_of(options.url)
        self._desk = Desk(http, self._base, self.now)
        self._patience = patience
        self._lines: dict[str, Line] = {}
        self._requests: set[asyncio.Task[Exchange]] = set()

    # --- REST ---------------------------------------------------------------------------------------------------------

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = UNSENT,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Send a request and return the exchange, whatever it is; with the right token unless told otherwise."""
        bearer = self.options.token if token == "" else token
        # A call rings, even if the scene that places it is broken off.
        return await asyncio.shield(self._asking(method, path, body, bearer, headers))

    # --- sockets ------------------------------------------------------------------------------------------------------

    async def try_socket(self, name: str, auth: Any) -> Line:
        """Open a socket with this auth payload and return it, let in or not."""
        line = self._lines[name] = Line(name, self.transcript, self.now)
        await line.open(self._http, self._base, auth, self.options.reply_within)
        return line

    async def socket(self, name: str) -> Line:
        """Return the open socket of a name, with the right token. Raises Unplayable where the server refuses it."""
        line = self._lines.get(name)
        if line is None or not line.is_open:
            line = await self.try_socket(name, {"token": self.options.token})
        if not line.is_open:
            raise Unplayable("the server did not let a socket with the right token in")
        return line

    async def until(self, fits: Callable[[Item], bool], within: float | None = None, since: int = 0) -> Item | None:
        """Wait for an item of the transcript; None where none comes in time (that of a reply)."""
        return await self.transcript.until(fits, self.options.reply_within if within is None else within, since)

    async def until_heard(
        self, event: str, *, socket: str, session_id: str | None = None, within: float | None = None, **fields: object
    ) -> Heard | None:
        """Wait for an event at a socket, past ones too; None where none comes in time (that of a reply).

        Nothing more comes to a socket that is closed.
        """

        def fits(item: Item) -> bool:
            return (
                isinstance(item, Heard)
                and item.event == event
                and item.socket == socket
                and (session_id is None or item.session_id == session_id)
                and all(isinstance(item.payload, dict) and item.payload.get(k) == v for k, v in fields.items())
            )

        item = await self._until_closed(fits, socket, self.options.reply_within if within is None else within)
        return item if isinstance(item, Heard) else None

    # --- calls --------------------------------------------------------------------------------------------------------

    async def place(self, number: str, *, members: tuple[str, ...] = ("member",), patiently: bool = False) -> Call:
        """Place a call and let these sockets join its room as soon as it is announced; Unplayable where none came.

        Patiently, they join when the reply is there: a call that is dialled when it is joined has not come far then.
        """
        lines = [await self.socket(name) for name in members]
        since = len(self.transcript.items)
        asked = self._asking("POST", "/pbx/call", {"phoneNumber": number}, self.options.token)
        announced = None if patiently else await self._announced(members[0], since)
        joined = self.now()
        if announced is not None:
            await self._join(lines, announced)
        placed = await asyncio.shield(asked)
        session_id = placed.data.get("sessionId") if isinstance(placed.data, dict) else None
        if not isinstance(session_id, str) or not session_id:
            raise Unplayable(f"no call was placed: POST /pbx/call {outcome_of(placed)}")
        call = Call(number, placed, session_id, self.transcript, members[0], {"joined": joined})
        self.take.calls.append(call)
        if session_id != announced:
            await self.until_heard("newSession", socket=members[0], session_id=session_id, within=2)
            call.marks["joined"] = self.now()
            await self._join(lines, session_id)
        return call

    async def joined(self, socket: str, session_id: str) -> None:
        """Wait until a socket's join is answered."""
        await self._owed("join", "roomJoined", socket=socket, session_id=session_id)

    async def answered(self, call: Call) -> None:
        """Wait until somebody has answered: Connected, or sound. Raises Unplayable where nobody does."""

        def fits(item: Item) -> bool:
            if not isinstance(item, Heard) or item.socket != call.member or item.session_id != call.session_id:
                return False
            return item.event in ("audio", "hangup") or (
                item.event == "dialStatus" and item.payload.get("status") == "Connected"
            )

        within = self._patience.of("answer", self.options.timeout)
        item = await self._until_closed(fits, call.member, within)
        if isinstance(item, Closed):
            raise Unplayable(f"the connection was closed before anybody answered {call.number}")
        if not isinstance(item, Heard):
            self._patience.spent.add("answer")
            raise Unplayable(f"nobody answered {call.number} within {within:g} s")
        if item.event == "hangup":
            raise Unplayable(f"the call to {call.number} ended without an answer")
        call.marks["connected"] = item.at

    async def hang_up(self, call: Call, *, by: str = "rest", tune: str | None = None) -> None:
        """Hang up by `rest` or by `socket`, and wait for the hangup event.

        With `tune`, at a moment at which that figure of the record, `duration` or `billableSeconds`, is k + 0.2 s.
        """
        begun = self._beginning(call, tune)
        if begun is not None:
            elapsed = self.now() - begun
            await asyncio.sleep((TUNED - elapsed) % 1.0)
            call.tuned = tune
        call.hung_up_by = by
        call.marks["hung_up"] = self.now()
        if by == "rest":
            asked = await self.ask("POST", "/pbx/hangup", {"sessionId": call.session_id})
            if asked.failure is not None:
                raise Unplayable(f"the call could not be hung up: POST /pbx/hangup {outcome_of(asked)}")
        else:
            line = await self.socket(call.member)
            await line.say("hangup", {"sessionId": call.session_id})
        await self._owed("hangup", "hangup", socket=call.member, session_id=call.session_id)

    async def settle(self) -> None:
        """See every call to its record, and close the sockets."""
        known = [call.session_id for call in self.take.calls]
        await self._hang_up_all([session_id for session_id in self._placed() if session_id not in known])
        for call in self.take.calls:
            with contextlib.suppress(Unplayable):
                await self._end(call)
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    async def leave(self) -> None:
        """Hang up what may still be up and close the sockets, without waiting for any record."""
        async with asyncio.timeout(LEAVE_WITHIN):
            await asyncio.gather(*self._requests)
            ended = [heard.session_id for heard in self.transcript.of(Heard) if heard.event == "hangup"]
            await self._hang_up_all([session_id for session_id in self._placed() if session_id not in ended])
            await asyncio.gather(*(line.close() for line in self._lines.values()))

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _announced(self, socket: str, since: int) -> str | None:
        """Return the outbound session that a socket is told of before the reply to the POST; None where that is first.

        It may be somebody else's, of the same token: where the reply comes soon, that is what counts.
        """

        def replied(item: Item) -> bool:
            return isinstance(item, Exchange) and (item.method, item.path) == ("POST", "/pbx/call")

        def told(item: Item) -> bool:
            if not isinstance(item, Heard) or item.event != "newSession" or item.socket != socket:
                return False
            return isinstance(item.session_id, str) and item.payload.get("type") == "outbound"

        item = await self.until(lambda item: replied(item) or told(item), since=since)
        if not isinstance(item, Heard) or await self.until(replied, _OVERTAKES, since) is not None:
            return None
        return str(item.session_id)

    async def _join(self, lines: list[Line], session_id: str) -> None:
        # One behind the other: nothing orders what two sockets send, and the first that is in may start the dialling.
        for line in lines:
            await line.say("joinRoom", {"sessionId": session_id})
            await self.joined(line.name, session_id)

    async def _until_closed(self, fits: Callable[[Item], bool], socket: str, within: float) -> Item | None:
        """Return the item that fits, the closing of the socket where it is closed for good, None after all the time."""

        def ends(item: Item) -> bool:
            closed = isinstance(item, Closed) and item.socket == socket
            return fits(item) or (closed and not self._lines[socket].is_open)

        item = await self.until(ends, within)
        if isinstance(item, Closed):  # of an earlier life of this socket, perhaps: what fits may have come afterwards
            return next((each for each in self.transcript.items if fits(each)), item)
        return item

    def _unanswered(self) -> bool:
        """Return whether the last request got no reply: the server is down, or hangs."""
        last = next(reversed(list(self.transcript.of(Exchange))), None)
        return last is not None and last.failure is not None

    def _asking(
        self, method: str, path: str, body: Any, token: str | None, headers: Mapping[str, str] | None = None
    ) -> asyncio.Task[Exchange]:
        async def kept() -> Exchange:
            within = self.options.reply_within
            return self.transcript.add(
                await self._desk.ask(method, path, token=token, body=body, headers=headers, within=within)
            )

        asked = asyncio.create_task(kept())
        self._requests.add(asked)
        asked.add_done_callback(self._requests.discard)
        return asked

    def _placed(self) -> list[str]:
        """Return the sessions that a request of this scene has made, one that should have been refused, too."""
        asked = (item for item in self.transcript.of(Exchange) if (item.method, item.path) == ("POST", "/pbx/call"))
        told = (item.data.get("sessionId") for item in asked if isinstance(item.data, dict))
        return [session_id for session_id in told if isinstance(session_id, str) and session_id]

    async def _hang_up_all(self, session_ids: list[str]) -> None:
        await asyncio.gather(*(self.ask("POST", "/pbx/hangup", {"sessionId": each}) for each in session_ids))

    async def _owed(self, what: str, event: str, **where: Any) -> None:
        """Wait for an event that the server owes at once; not for long again where it stayed away before."""
        within = self._patience.of(what, self.options.reply_within)
        if await self.until_heard(event, within=within, **where) is None:
            self._patience.spent.add(what)

    def _beginning(self, call: Call, tune: str | None) -> float | None:
        if tune == "billableSeconds":
            return call.marks.get("connected")
        dialling = call.first("dialStatus") if tune == "duration" else None
        return dialling.at if dialling is not None else None

    async def _end(self, call: Call) -> None:
        hung_up = await self.until_heard("hangup", socket=call.member, session_id=call.session_id, within=0)
        if hung_up is None and call.hung_up_by != "rest":
            call.hung_up_by = call.hung_up_by or "rest"
            call.marks.setdefault("hung_up", self.now())
            await self.ask("POST", "/pbx/hangup", {"sessionId": call.session_id})
        if self._unanswered():
            return
        within = self._patience.of("record", self.options.record_within)
        deadline = self.now() + within
        event = await self.until_heard("cdr", socket=call.member, session_id=call.session_id, within=within)
        if event is None:
            self._patience.spent.add("record")
        await asyncio.sleep(LINGER)
        row_within = self._patience.of("row", self.options.reply_within)
        # Where the socket was closed there was no event to wait for: the record has as long as it would have had.
        deadline = self.now() + row_within if event is not None else max(deadline, self.now() + row_within)
        while True:
            call.detail = await self.ask("GET", f"/cdr/{quote(call.session_id, safe='')}")
            if call.detail.status == 200 or self._unanswered() or self.now() >= deadline:
                break
            await asyncio.sleep(_POLL)
        if call.detail.status != 200:
            self._patience.spent.add("row")
        destination = quote(f"$eq:{call.number}", safe="$:")
        call.listed = await self.ask("GET", f"/cdr?filter.destination={destination}")


def outcome_of(exchange: Exchange) -> str:
    """Return in a few words what a request came to."""
    if exchange.failure is not None:
        return f"got no reply: {exchange.failure}"
    errors = exchange.json.get("errors") if isinstance(exchange.json, dict) else None
    said = f": {errors}" if isinstance(errors, str) and errors else ""
    kind = (
        "" if isinstance(exchange.json, dict) else f" with {len(exchange.text)} characters of {exchange.content_type}"
    )
    return f"was answered {exchange.status}{kind}{said}"
