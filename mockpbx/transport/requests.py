"""What each HTTP request means to an Engine.IO server: a handshake, a poll, packets, an upgrade, or a mistake."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import aiohttp
from aiohttp import web

from mockpbx.transport.engine import BASE64, EngineSocket, Handling
from mockpbx.transport.packets import ProtocolError
from mockpbx.transport.tasks import tell
from mockpbx.transport.websocket import WebSocket

#: How the JavaScript server refuses a request: the code and the words for it.
TRANSPORT_UNKNOWN = (0, "Transport unknown")
SESSION_UNKNOWN = (1, "Session ID unknown")
BAD_METHOD = (2, "Bad handshake method")
BAD_REQUEST = (3, "Bad request")
FORBIDDEN = (4, "Forbidden")
BAD_VERSION = (5, "Unsupported protocol version")
#: In words of our own, since that server knows no such limit.
TOO_MANY = (3, "The server has its most sessions: close some")

#: Seconds for which a session that the server has closed waits for the poll that is to hear of it.
LINGER = 30.0

_SEPARATOR = "\x1e"  # between the packets of one polling payload
_CORS_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"


def new_id() -> str:
    """Return an id that nobody guesses (120 bits)."""
    return secrets.token_urlsafe(15)


class EngineServer:
    """Serves Engine.IO sessions. Times in seconds, sizes in bytes; `cors_origin` None switches CORS off.

    `message` is called with the session and each message, text or bytes; what it returns, unless that is None, is
    awaited before the session's next one is handled.
    `opened` is called with a new session, `closed` with one that is over and the reason. Where any of them fails, the
    log says so and the session goes on. `request_timeout` is for the body of a POST, `slow_reader_timeout` for a client
    that takes nothing of what waits for it. A session beyond `most_sessions` is refused, unless there is one that
    `newcomer` has named: the oldest of those makes room.
    """

    def __init__(
        self,
        message: Callable[[EngineSocket, str | bytes], Handling | None],
        *,
        opened: Callable[[EngineSocket], None] = lambda socket: None,
        closed: Callable[[EngineSocket, str], None] = lambda socket, reason: None,
        ping_interval: float = 25,
        ping_timeout: float = 20,
        max_message: int = 1_000_000,
        cors_origin: str | None = "*",
        backlog: int = 4_000_000,
        slow_reader_timeout: float = 10,
        request_timeout: float = 60,
        most_sessions: int = 10_000,
    ) -> None:
        self.on_message = message
        self.on_open = opened
        self.on_close = closed
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.max_message = max_message
        self.cors_origin = cors_origin
        self.backlog = backlog
        self.slow_reader_timeout = slow_reader_timeout
        self.request_timeout = request_timeout
        self.most_sessions = most_sessions
        self.sessions: dict[str, EngineSocket] = {}
        self._newcomers: dict[str, EngineSocket] = {}

    def attach(self, app: web.Application, path: str = "engine.io") -> None:
        """Serve at `/path/` of an aiohttp application, whose shutdown closes every session."""

        async def close(_: web.Application) -> None:
            await self.close()

        app.router.add_route("*", f"/{path.strip('/')}/", self._handle)
        app.on_shutdown.append(close)

    async def close(self) -> None:
        """Close every session. Harmless when closed already."""
        await asyncio.gather(*(session.close() for session in list(self.sessions.values())))

    def newcomer(self, session: EngineSocket) -> None:
        """Let a session make room where there is none left, until it is over or `settled`."""
        self._newcomers[session.sid] = session

    def settled(self, session: EngineSocket) -> None:
        """Let a session stay, whoever comes."""
        self._newcomers.pop(session.sid, None)

    def forget(self, session: EngineSocket, *, linger: bool = False) -> None:
        """Drop a session that is over: now, or when it has been told or had the time to ask."""
        self.settled(session)
        if linger:
            asyncio.get_running_loop().call_later(LINGER, self.forget, session)
        else:
            self.sessions.pop(session.sid, None)

    # --- Requests -----------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        cors = self._cors(request)
        if cors and request.method == "OPTIONS":
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=cors)
        response = await self._answer(request)
        if not response.prepared:
            response.headers.update(cors)
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        transport, sid = request.query.get("transport"), request.query.get("sid")
        version_fits = request.query.get("EIO") == "4"
        asks_upgrade = _asks_upgrade(request)
        if transport not in ("polling", "websocket"):
            return _refusal(TRANSPORT_UNKNOWN)
        if not self._welcome(request):
            return _refusal(FORBIDDEN, HTTPStatus.FORBIDDEN)
        session = None
        if sid:
            session = self.sessions.get(sid)
            if session is None:
                return _refusal(SESSION_UNKNOWN)
            if not version_fits:
                return _refusal(BAD_REQUEST)
        elif request.method != "GET":
            return _refusal(BAD_METHOD)
        if (transport == "websocket") != asks_upgrade or "j" in request.query:  # clients of protocol 4 have no JSONP
            return _refusal(BAD_REQUEST)
        if session is None and version_fits and not await self._room():
            return _refusal(TOO_MANY, HTTPStatus.SERVICE_UNAVAILABLE)
        if session is None:
            return await self._open(request, transport) if version_fits else _refusal(BAD_VERSION)
        if asks_upgrade:
            return await self._upgrade(session, request)
        return await self._poll_or_post(session, request)

    async def _open(self, request: web.Request, transport: str) -> web.StreamResponse:
        if transport == "polling":
            session = self._session()
            return _payload([self._opening(session, ["websocket"])])
        websocket = await self._accept(request)
        if websocket is None:
            return _refusal(BAD_REQUEST)
        session = self._session(websocket)
        await session.serve(websocket)
        return websocket.response

    async def _room(self) -> bool:
        """Whether there is room for one more session, after a newcomer has gone where there was none."""
        if len(self.sessions) >= self.most_sessions and self._newcomers:
            oldest = self._newcomers.pop(next(iter(self._newcomers)))
            await oldest.close()
            self.forget(oldest)
        return len(self.sessions) < self.most_sessions

    def _session(self, websocket: WebSocket | None = None) -> EngineSocket:
        session = EngineSocket(self, new_id())
        self.sessions[session.sid] = session
        if websocket is not None:
            websocket.wire.send(self._opening(session, []))
        tell(self.on_open, session)
        return session

    def _opening(self, session: EngineSocket, upgrades: list[str]) -> str:
        opening = {
            "sid": session.sid,
            "upgrades": upgrades,
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": self.max_message,
        }
        return "0" + json.dumps(opening, separators=(",", ":"))

    async def _upgrade(self, session: EngineSocket, request: web.Request) -> web.StreamResponse:
        websocket = await self._accept(request)
        if websocket is None:
            return _refusal(BAD_REQUEST)
        await session.upgrade(websocket)
        return websocket.response

    async def _accept(self, request: web.Request) -> WebSocket | None:
        try:
            return await WebSocket.accept(
                request, max_message=self.max_message, backlog=self.backlog, patience=self.slow_reader_timeout
            )
        except web.HTTPBadRequest:
            return None

    async def _poll_or_post(self, session: EngineSocket, request: web.Request) -> web.Response:
        if not session.polling or request.method not in ("GET", "POST"):
            return _refusal(BAD_REQUEST)
        try:
            if request.method == "GET":
                return _payload(await session.poll(lambda: request.transport is None or request.transport.is_closing()))
            if session.closed:
                return _refusal(SESSION_UNKNOWN)
            await session.take_post(self._packets(request))
        except ProtocolError:
            return _refusal(BAD_REQUEST)
        except _TooLarge:
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return web.Response(text="ok", content_type="text/html", headers=_NO_STORE)

    async def _packets(self, request: web.Request) -> AsyncIterator[str]:
        """Yield the packets of a POST. Raises ProtocolError for a body that is cut short, _TooLarge for a long one."""
        if request.headers.get("Content-Type") == "application/octet-stream":
            raise ProtocolError("a binary body, which protocol 4 does not have")
        if (request.content_length or 0) > self.max_message:
            raise _TooLarge
        body = bytearray()
        try:
            async with asyncio.timeout(self.request_timeout):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > self.max_message:
                        raise _TooLarge
        except (TimeoutError, OSError, aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError):
            raise ProtocolError("a POST that was not complete") from None
        for packet in body.decode(errors="replace").split(_SEPARATOR):
            yield packet

    # --- Origins ------------------------------------------------------------------------------------------------------

    def _welcome(self, request: web.Request) -> bool:
        """Whether a page of that origin may connect. Browsers ask nobody before they open a websocket."""
        return self.cors_origin in (None, "*", request.headers.get("Origin", self.cors_origin))

    def _cors(self, request: web.Request) -> dict[str, str]:
        if self.cors_origin is None:
            return {}
        headers = {"Access-Control-Allow-Origin": self.cors_origin}
        vary = [] if self.cors_origin == "*" else ["Origin"]
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = _CORS_METHODS
            vary.append("Access-Control-Request-Headers")
            if asked := request.headers.get("Access-Control-Request-Headers"):
                headers["Access-Control-Allow-Headers"] = asked
        return headers | ({"Vary": ", ".join(vary)} if vary else {})


class _TooLarge(Exception):
    """A POST is larger than what a message may be; the session goes on."""


def _asks_upgrade(request: web.Request) -> bool:
    upgrade, connection = request.headers.get("Upgrade", ""), request.headers.get("Connection", "")
    return upgrade.lower() == "websocket" and "upgrade" in connection.lower()


_NO_STORE = {"Cache-Control": "no-store"}


def _payload(packets: list[str | bytes]) -> web.Response:
    parts = [packet if isinstance(packet, str) else BASE64 + base64.b64encode(packet).decode() for packet in packets]
    return web.Response(text=_SEPARATOR.join(parts), headers=_NO_STORE)


def _refusal(reason: tuple[int, str], status: int = HTTPStatus.BAD_REQUEST) -> web.Response:
    code, message = reason
    text = json.dumps({"code": code, "message": message}, separators=(",", ":"))
    return web.Response(status=status, text=text, content_type="application/json")
