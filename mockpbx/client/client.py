"""The client: REST and the socket of one token, and the calls that it follows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import aiohttp

from mockpbx.client.call import Call, ConnectionDropped, ConnectionRestored, Event, Unreadable
from mockpbx.client.errors import ClientError, ConnectionFailed, TimedOut
from mockpbx.client.rest import Page, Rest
from mockpbx.client.socket import Socket
from mockpbx.contract import messages as m
from mockpbx.contract.channels import OUTGOING
from mockpbx.contract.errors import InvalidRequest
from mockpbx.contract.validation import read

_MODELS = {channel.event: channel.payload for channel in OUTGOING}


class Join(StrEnum):
    """When `place_call` joins the room."""

    ANNOUNCED = "as soon as newSession arrives"
    AT_ONCE = "as soon as the reply to the POST arrives"
    NOT = "not by itself"


class Client:
    """A client of one server with one token: `async with Client(url, token) as client`.

    Entering opens the socket and raises ConnectionRefused with the server's sentence, or ConnectionFailed. `timeout`
    bounds, in seconds, every request, handshake and acknowledgment. A broken socket is restored as python-socketio
    does (`attempts` times, pauses doubling from `delay` seconds) and its rooms are joined again; a call's handle
    outlives that.
    """

    def __init__(self, url: str, token: str, *, timeout: float = 10.0, attempts: int = 5, delay: float = 1.0) -> None:
        self.url = url
        self.timeout = timeout
        self._token = token
        self._attempts = attempts
        self._delay = delay
        self._http: aiohttp.ClientSession
        self._rest: Rest
        self._socket: Socket
        self._calls: dict[str, Call] = {}
        self._announced: set[str] = set()  # sessions whose newSession came before the reply to our POST
        self._placing = 0
        self._sessions: asyncio.Queue[m.NewSession | ConnectionFailed] = asyncio.Queue()
        self._errands: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if not re.fullmatch(r"[\x21-\x7e]*", self._token):
            raise ConnectionFailed("the token cannot be sent: expected printable ASCII characters without spaces")
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.timeout))
        try:
            self._rest = Rest(self.url, self._token, self._http, timeout=self.timeout)
            self._socket = Socket(
                self.url,
                self._token,
                self._http,
                self,
                timeout=self.timeout,
                attempts=self._attempts,
                delay=self._delay,
            )
            await self._socket.open()
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self._socket.close()
        await self._http.close()

    # --- calls --------------------------------------------------------------------------------------------------------

    async def place_call(self, number: str, *, join: Join = Join.ANNOUNCED) -> Call:
        """Place a call and return its handle. Raises RequestFailed with the server's sentence."""
        self._placing += 1
        try:
            placed = await self._rest.place_call(number)
            announced = placed.session_id in self._announced
        finally:
            self._placing -= 1
            if not self._placing:
                self._announced.clear()
        call = self.call(placed.session_id, placed.phone_number)
        call.wanted = join is not Join.NOT
        if join is Join.AT_ONCE or (join is Join.ANNOUNCED and announced):
            await call.join()
        return call

    def call(self, session_id: str, number: str | None = None) -> Call:
        """Return the handle of a session, for one that this client did not place a new one: then `join` it."""
        if session_id not in self._calls:
            self._calls[session_id] = Call(session_id, number, self)
        return self._calls[session_id]

    async def next_session(self, *, within: float | None = None) -> m.NewSession:
        """Return the next session announced to this token, in order since the client opened; inbound calls among them.

        Raises TimedOut after `within` seconds.
        """
        try:
            async with asyncio.timeout(within):
                session = await self._sessions.get()
        except TimeoutError:
            raise TimedOut(f"no session was announced within {within:g} s") from None
        if isinstance(session, ConnectionFailed):
            self._sessions.put_nowait(session)
            raise session
        return session

    async def hang_up(self, session_id: str) -> m.TerminatedCall:
        """Hang up over REST. Raises RequestFailed."""
        return await self._rest.hang_up(session_id)

    async def record(self, session_id: str) -> m.CallDetailRecord:
        """Return the record of a call. Raises RequestFailed, with status 404 where there is none yet."""
        return await self._rest.record(session_id)

    async def records(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        filters: Mapping[str, str | Sequence[str]] | None = None,
        sort_by: str | None = None,
        search: str | None = None,
    ) -> Page:
        """Return a page of records. `filters` is e.g. `{"destination": "$contains:0812"}`."""
        return await self._rest.records(page=page, limit=limit, filters=filters, sort_by=sort_by, search=search)

    # --- for the calls ------------------------------------------------------------------------------------------------

    async def emit(self, event: str, message: m.Message) -> None:
        """Send an event."""
        await self._socket.emit(event, message.model_dump(by_alias=True))

    async def request(self, event: str, message: m.Message) -> object:
        """Send an event and return what acknowledges it."""
        return await self._socket.request(event, message.model_dump(by_alias=True), self.timeout)

    # --- for the socket -----------------------------------------------------------------------------------------------

    def received(self, event: str, payload: object) -> None:
        """Take an event of the server; one that the contract does not know is ignored."""
        model = _MODELS.get(event)
        if model is None:
            return
        message: m.Message | Unreadable
        try:
            message = read(model, payload)
        except InvalidRequest as error:
            message = Unreadable(event, payload, str(error))
        if isinstance(message, m.NewSession):
            self._announce(message)
        else:
            self._deliver(message, payload)

    def dropped(self) -> None:
        """Tell every call that the socket broke."""
        for call in self._calls.values():
            call.take(ConnectionDropped())

    async def restored(self) -> None:
        """Join the rooms again, those too whose newSession may have been missed."""
        for call in list(self._calls.values()):
            call.take(ConnectionRestored())
            if call.wanted:
                message = m.JoinRoom.model_construct(session_id=call.session_id)
                await self._socket.put("joinRoom", message.model_dump(by_alias=True))

    def gone(self, error: ConnectionFailed) -> None:
        """Tell every call that nothing more will come."""
        for call in self._calls.values():
            call.take(error)
        self._sessions.put_nowait(error)

    def _announce(self, session: m.NewSession) -> None:
        self._sessions.put_nowait(session)
        call = self._calls.get(session.session_id)
        if call is not None and call.wanted:
            self._join(call)
        elif self._placing:
            self._announced.add(session.session_id)

    def _deliver(self, message: Any, payload: object) -> None:
        """Hand an event to its call; one that names no session (`exception`) concerns every call there is."""
        session_id = payload.get("sessionId") if isinstance(payload, dict) else None
        if not isinstance(session_id, str):
            for call in self._calls.values():
                call.take(message)
        elif session_id in self._calls:
            event: Event = message
            self._calls[session_id].take(event)
            if isinstance(message, m.CdrEvent):
                del self._calls[session_id]

    def _join(self, call: Call) -> None:
        async def quietly() -> None:
            with suppress(ClientError):  # if the connection went, joining follows its return
                await call.join()

        task = asyncio.ensure_future(quietly())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
