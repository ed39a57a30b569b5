"""The Socket.IO connection: the only module that touches python-socketio, which is untyped.

Each connection is a fresh AsyncClient, and reconnecting is done here, with that library's own delays. Its built-in
reconnection dies silently when a proxy answers nonsense, waits for the handshake without limit, and goes on trying a
refused token. Events keep their order: the library starts a task per packet, in order, and a synchronous handler with
an unbounded queue behind it never lets one overtake another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
import socketio

from mockpbx.client.address import base_of, socket_path
from mockpbx.client.errors import ConnectionFailed, ConnectionRefused, TimedOut
from mockpbx.client.rest import why

DELAY_MAX = 5.0
JITTER = 0.5

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())


class Listener(Protocol):
    """Who is told what the socket sees. None of these may raise."""

    def received(self, event: str, payload: object) -> None:
        """Take an event of the server."""

    def dropped(self) -> None:
        """Learn that the connection broke; attempts to restore it follow."""

    async def restored(self) -> None:
        """Learn that it is back; what this emits leaves before anything that others wait to emit."""

    def gone(self, error: ConnectionFailed) -> None:
        """Learn that it will not come back."""


class Socket:
    """A connection that restores itself. After `gone` every method raises that error.

    `attempts` reconnections are tried, the first after about `delay` seconds, each pause twice the one before.
    """

    def __init__(
        self,
        url: str,
        token: str,
        http: aiohttp.ClientSession,
        listener: Listener,
        *,
        timeout: float,
        attempts: int,
        delay: float,
    ) -> None:
        self._url = base_of(url)
        self._token = token
        self._http = http
        self._listener = listener
        self._timeout = timeout
        self._attempts = attempts
        self._delay = delay
        self._sio: Any = None
        self._settled = asyncio.Event()  # connected, or gone for good: emitting need not wait
        self._gone: ConnectionFailed | None = None
        self._restoring: asyncio.Task[None] | None = None
        self._unanswered: set[asyncio.Future[object]] = set()

    async def open(self) -> None:
        """Connect. Raises ConnectionRefused with the server's sentence, or ConnectionFailed."""
        self._sio = await self._connect()
        self._settled.set()

    async def close(self) -> None:
        """Send what was emitted, then say goodbye."""
        if self._restoring is not None:
            self._restoring.cancel()
            await asyncio.gather(self._restoring, return_exceptions=True)
        sio, self._sio = self._sio, None
        self._give_up(ConnectionFailed("this client has been closed"), tell=False)
        if sio is not None:
            # Closing overtakes what the library's writer has not sent yet.
            if sio.connected:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(sio.eio.queue.join(), self._timeout)
            await self._discard(sio)

    async def emit(self, event: str, payload: object) -> None:
        """Send an event; while the connection is being restored, wait for it."""
        await self._send(event, payload, None)

    async def request(self, event: str, payload: object, within: float) -> object:
        """Send an event and return its acknowledgment's first argument."""
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._unanswered.add(answer)

        def answered(*arguments: object) -> None:
            if not answer.done():
                answer.set_result(arguments[0] if arguments else None)

        try:
            async with asyncio.timeout(within):
                await self._send(event, payload, answered)
                return await answer
        except TimeoutError as error:
            if isinstance(error, TimedOut):
                raise
            raise TimedOut(f"the server did not acknowledge `{event}` within {within:g} s") from None
        finally:
            self._unanswered.discard(answer)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _send(self, event: str, payload: object, callback: Callable[..., None] | None) -> None:
        if not self._settled.is_set():
            try:
                await asyncio.wait_for(self._settled.wait(), self._timeout)
            except TimeoutError:
                raise TimedOut(f"`{event}` was not sent: the connection is down") from None
        if self._gone is not None:
            raise ConnectionFailed(f"`{event}` was not sent: {self._gone}")
        await self._put(event, payload, callback)

    async def _put(self, event: str, payload: object, callback: Callable[..., None] | None = None) -> None:
        try:
            await self._sio.emit(event, payload, callback=callback)
        except socketio.exceptions.SocketIOError as error:
            raise ConnectionFailed(f"`{event}` was not sent: {error}") from None

    async def put(self, event: str, payload: object) -> None:
        """Send an event at once, from `Listener.restored`."""
        await self._put(event, payload)

    async def _connect(self) -> Any:
        sio = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, http_session=self._http, logger=_log, engineio_logger=_log
        )
        refusals: list[str] = []

        def received(event: str, *arguments: object) -> None:
            self._listener.received(event, arguments[0] if arguments else None)

        def refused(reason: object = None) -> None:
            refusals.append(_sentence(reason))

        def disconnected(reason: object = None) -> None:
            if sio is self._sio:
                self._lost(str(reason))

        sio.on("*", received)
        sio.on("connect_error", refused)
        sio.on("disconnect", disconnected)
        try:
            async with asyncio.timeout(self._timeout):
                await sio.connect(
                    self._url,
                    auth={"token": self._token},
                    transports=["websocket"],
                    socketio_path=socket_path(self._url),
                    wait_timeout=self._timeout,
                )
            if sio.eio.state != "connected":
                raise ConnectionFailed(f"{self._url} closed the socket at once")
        except TimeoutError:
            await self._discard(sio)
            raise ConnectionFailed(
                f"{self._url} did not answer the Socket.IO handshake within {self._timeout:g} s"
            ) from None
        except ConnectionFailed:
            raise
        except socketio.exceptions.ConnectionError as error:
            if sio.failed_namespaces:
                raise ConnectionRefused(refusals[-1] if refusals else "refused without a reason") from None
            raise ConnectionFailed(self._explain(error)) from None
        except Exception as error:  # the library lets through whatever a stranger's answer makes it stumble over
            await self._discard(sio)
            raise ConnectionFailed(f"{self._url} does not speak Socket.IO: {error}") from None
        return sio

    async def _discard(self, sio: Any) -> None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(sio.disconnect(), self._timeout)

    def _lost(self, reason: str) -> None:
        self._sio = None
        self._settled.clear()
        for answer in self._unanswered:
            if not answer.done():
                answer.set_exception(ConnectionFailed("the connection was lost before the acknowledgment came"))
        if reason == socketio.AsyncClient.reason.SERVER_DISCONNECT:
            # As the JavaScript client: whom the server sends away does not come back by itself.
            self._give_up(ConnectionFailed(f"{self._url} closed the connection"))
        elif not self._attempts:
            self._give_up(ConnectionFailed(f"the connection to {self._url} was lost"))
        else:
            self._listener.dropped()
            self._restoring = asyncio.ensure_future(self._restore())

    async def _restore(self) -> None:
        failure = ConnectionFailed("never tried")
        for attempt in range(self._attempts):
            pause = min(self._delay * 2**attempt, DELAY_MAX)
            await asyncio.sleep(pause * random.uniform(1 - JITTER, 1 + JITTER))
            try:
                self._sio = await self._connect()
                await self._listener.restored()
            except ConnectionRefused as error:
                self._give_up(error)
                return
            except ConnectionFailed as error:
                failure = error
            else:
                self._settled.set()
                return
        self._give_up(
            ConnectionFailed(f"the connection was lost and {self._attempts} attempts did not restore it: {failure}")
        )

    def _give_up(self, error: ConnectionFailed, *, tell: bool = True) -> None:
        if self._gone is None:
            self._gone = error
            self._settled.set()
            if tell:
                self._listener.gone(error)

    def _explain(self, error: BaseException) -> str:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, aiohttp.WSServerHandshakeError):
                return (
                    f"{self._url} answered the Socket.IO handshake with HTTP {cause.status}: "
                    "is this the Outgoing Call Service?"
                )
            if isinstance(cause, aiohttp.ClientConnectorError):
                return f"nothing answers at {self._url}: {why(cause)}"
            cause = cause.__cause__ or cause.__context__
        return f"{self._url} does not speak Socket.IO: {error}"


def _sentence(reason: object) -> str:
    message = reason.get("message") if isinstance(reason, dict) else reason
    return str(message) if message else "refused without a reason"
