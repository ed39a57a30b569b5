"""Stands between clients and a server, and passes everything on unchanged: HTTP as a whole, websockets frame by frame.

Compression of websockets is declined on both sides, so that what passes is what was sent. Only what concerns one hop
(RFC 9110, 7.6.1) and the host is each connection's own.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from mockpbx.cassette.lines import Closed, Failed, Side
from mockpbx.cassette.recorder import Recorder
from mockpbx.cassette.transcription import Answered, Asked, Heard
from mockpbx.client.rest import why

HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
       "transfer-encoding", "upgrade"}  # fmt: skip
OWN = {"host", "content-length", "expect"}
LONGEST_HEADER = 65_536
CONNECT_WITHIN = 10.0  # s
CLOSE_WITHIN = 5.0  # s from one side's close frame to the other's
NO_CODE, LOST = 1005, 1006  # RFC 6455, 7.4.1: a close frame without a code, and none at all

OURS = {"content-type", "date", "server"}  # what aiohttp adds where the server said nothing

WebSocket = web.WebSocketResponse | ClientWebSocketResponse


class _Upstream(ClientWebSocketResponse):
    """The server's end of a tunnel."""

    def cut(self) -> None:
        """End the connection without another word: both sides have had theirs, or cannot be told."""
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.close()


class _Reply(web.Response):
    """A reply of the server, which tells no more than that did."""

    def __init__(self, *, headers: CIMultiDict[str], **parts: Any) -> None:
        super().__init__(headers=headers, **parts)
        self.told = {name.lower() for name in headers}


class Proxy:
    """`async with Proxy(upstream, host, port, recorder) as proxy` listens at `proxy.url`, any free port for 0.

    Entering raises OSError where the address cannot be had. `upstream` is an address without a slash at its end.
    """

    def __init__(self, upstream: str, host: str, port: int, recorder: Recorder) -> None:
        self.url = ""
        self._upstream = upstream
        self._address = (host, port)
        self._recorder = recorder
        self._requests = itertools.count(1)
        self._sockets = itertools.count(1)
        self._tunnels: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(_leave_out_ours)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN),
            ws_response_class=_Upstream,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )
        self._runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            shutdown_timeout=CLOSE_WITHIN,
        )
        try:
            await self._runner.setup()
            host, port = self._address
            site = web.TCPSite(self._runner, host, port)
            await site.start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tunnels = list(self._tunnels)
        for tunnel in tunnels:
            tunnel.cancel()
        await asyncio.gather(*tunnels, return_exceptions=True)
        await self._runner.cleanup()
        await self._http.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").strip().lower() == "websocket":
            return await self._tunnel(request)
        return await self._forward(request)

    # --- HTTP ---------------------------------------------------------------------------------------------------------

    async def _forward(self, request: web.Request, upgrade: dict[str, str] | None = None) -> web.StreamResponse:
        content = await request.read()
        take, now, number = self._recorder.take, self._recorder.now, next(self._requests)
        headers = _passed_on(request.headers)
        take(Asked(now(), number, request.method, request.raw_path, headers, content))
        headers.extend(upgrade or {})
        try:
            async with self._http.request(
                request.method, self._target(request), headers=headers, data=content or None, allow_redirects=False
            ) as reply:
                answer = await reply.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            sentence = f"{self._upstream} gave no reply: {why(error)}"
            take(Failed(now(), number, sentence))
            return _bad_gateway(sentence)
        take(Answered(now(), number, reply.status, reply.headers, answer))
        told = _passed_on(reply.headers)
        if request.method == "HEAD" and "Content-Length" in reply.headers:
            told["Content-Length"] = reply.headers["Content-Length"]
        return _Reply(status=reply.status, reason=reply.reason, headers=told, body=answer)

    def _target(self, request: web.Request) -> URL:
        return URL(self._upstream + request.raw_path, encoded=True)

    # --- websockets ---------------------------------------------------------------------------------------------------

    async def _tunnel(self, request: web.Request) -> web.StreamResponse:
        headers = request.headers
        named = [name.strip() for name in headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
        try:
            server = await self._http.ws_connect(
                self._target(request),
                headers=_without_handshake(_passed_on(headers)),
                protocols=named,
                autoping=False,
                autoclose=False,
                compress=0,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError:  # asked again as plain HTTP, for the server's own words
            return await self._forward(request, {"Connection": "Upgrade", "Upgrade": "websocket"})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            number, now = next(self._requests), self._recorder.now
            sentence = f"{self._upstream} took no websocket: {why(error)}"
            self._recorder.take(Asked(now(), number, request.method, request.raw_path, _passed_on(headers), b""))
            self._recorder.take(Failed(now(), number, sentence))
            return _bad_gateway(sentence)
        client = web.WebSocketResponse(
            autoping=False,
            autoclose=False,
            compress=False,
            max_msg_size=0,
            protocols=[server.protocol] if server.protocol else [],
        )
        assert isinstance(server, _Upstream)
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        try:
            await client.prepare(request)
            await self._pump(client, server)
        finally:
            self._tunnels.discard(task)
            server.cut()
            if request.transport is not None:
                request.transport.close()
            await server.close()
        return client

    async def _pump(self, client: web.WebSocketResponse, server: ClientWebSocketResponse) -> None:
        """Pass messages both ways until both sides have closed, or one was lost."""
        number = next(self._sockets)
        ways: dict[asyncio.Task[int], Side] = {
            asyncio.create_task(self._pass_on(client, server, number, "client")): "client",
            asyncio.create_task(self._pass_on(server, client, number, "server")): "server",
        }
        try:
            done, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            first = done.pop()
            self._recorder.take(Closed(self._recorder.now(), number, ways[first], first.result()))
            if rest and first.result() != LOST:
                await asyncio.wait(rest, timeout=CLOSE_WITHIN)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(self, source: WebSocket, target: WebSocket, number: int, sender: Side) -> int:
        """Pass messages on until the source closes, and return its code."""
        take, now = self._recorder.take, self._recorder.now
        with suppress(ConnectionError):  # a target that is lost says so by itself, the other way
            while True:
                message = await source.receive()
                match message.type:
                    case WSMsgType.TEXT:
                        take(Heard(now(), number, sender, message.data))
                        await target.send_str(message.data)
                    case WSMsgType.BINARY:
                        take(Heard(now(), number, sender, bytes(message.data)))
                        await target.send_bytes(message.data)
                    case WSMsgType.PING | WSMsgType.PONG:
                        await target.send_frame(message.data, message.type)
                    case WSMsgType.CLOSE:
                        await target.send_frame(_closing(message.data, message.extra), WSMsgType.CLOSE)
                        return message.data or NO_CODE
                    case _:
                        return LOST
        await asyncio.sleep(CLOSE_WITHIN)
        return LOST


def _closing(code: int, reason: str | None) -> bytes:
    return code.to_bytes(2) + (reason or "").encode() if code else b""


def _passed_on(headers: Any) -> CIMultiDict[str]:
    """Return the headers that go on to the other side: all but the hop's own, and those that `Connection` names."""
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    left = HOP | OWN | named
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left)


def _without_handshake(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if not name.lower().startswith("sec-websocket"))


def _bad_gateway(sentence: str) -> web.Response:
    """Return what the client gets in place of a reply, in the contract's envelope (section "Error Handling")."""
    return web.json_response({"status": 502, "errors": f"mockpbx record: {sentence}", "data": None}, status=502)


async def _leave_out_ours(request: web.Request, response: web.StreamResponse) -> None:
    if isinstance(response, _Reply):
        for name in OURS - response.told:
            response.headers.pop(name, None)
