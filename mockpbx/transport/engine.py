"""Engine.IO sessions on python-engineio, with one ordered way out and one ordered way in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from aiohttp import WSCloseCode, WSMsgType, web
from engineio import AsyncServer, packet
from engineio.async_drivers import aiohttp as driver
from engineio.async_socket import AsyncSocket
from engineio.exceptions import ContentTooLongError, QueueEmpty, UnknownPacketError
from engineio.packet import Packet

from mockpbx.transport.tasks import spawn
from mockpbx.transport.wire import Wire

_log = logging.getLogger(__name__)

#: How long a websocket may take to answer our close before it is dropped, in seconds.
CLOSE_TIMEOUT = 2.0

#: Packets in one polling reply. The Python client takes no more; what is left waits for the next poll.
MOST_POLLED = 16


class ProtocolError(Exception):
    """The peer broke the protocol: its connection is closed at once, as the JavaScript server does."""


#: What reading a packet raises when the peer breaks the protocol: ours, and whatever the codecs stumble over.
_BROKEN = (ProtocolError, ValueError, LookupError, TypeError, RecursionError)
_SEPARATOR = "\x1e"  # between the packets of one polling payload


class WebSocket:
    """An aiohttp websocket in the shape that python-engineio expects of a driver."""

    def __init__(self, handler: Callable[[WebSocket], Awaitable[None]], server: EngineServer) -> None:
        self._handler = handler
        self._server = server
        # permessage-deflate would cost CPU and delay on 50 small frames a second.
        self._response = web.WebSocketResponse(
            max_msg_size=server.max_http_buffer_size, compress=False, timeout=CLOSE_TIMEOUT
        )
        self.wire: Wire

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        """Upgrade the request and serve until the websocket closes."""
        request: web.Request = environ["aiohttp.request"]
        await self._response.prepare(request)
        # uvloop's transports are no subclasses of asyncio's, but have all their methods.
        self.wire = Wire(cast(asyncio.Transport, request.transport), self._server.backlog)
        await self._handler(self)
        return self._response

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Yield what the peer sends until either side closes."""
        async for message in self._response:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                yield message.data

    async def close(self) -> None:
        """Close; harmless when closed already. A peer that does not read is dropped after CLOSE_TIMEOUT."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._response.close(code=WSCloseCode.OK)
        except TimeoutError:
            self.wire.abort()


class EngineSocket(AsyncSocket):  # type: ignore[misc]
    """One Engine.IO session. Whatever leaves goes through `post`, in order, without waiting."""

    def __init__(self, server: EngineServer, sid: str) -> None:
        super().__init__(server, sid)
        self.closed: bool
        self.closing: bool
        self.wire: Wire | None = None
        self._websocket: WebSocket | None = None
        self._pings: deque[asyncio.Future[None] | None] = deque()  # not answered yet; None is the heartbeat's
        self.hung = False  # open but dead: see `hang`
        self._aside: Wire | None = None  # the wire of a session that hangs

    def ping(self) -> asyncio.Future[None]:
        """Ask the peer for a sign of life beside the heartbeat.

        The future is done when the pong is here, and so everything that the peer sent before it has been handled; or
        when the session is over or hangs.
        """
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.closed or self.hung:
            answered.set_result(None)
        else:
            self._pings.append(answered)
            self._send_now(Packet(packet.PING))
        return answered

    def post(self, message: Packet) -> None:
        """Send a packet: at once on a websocket, with the next poll before the upgrade."""
        if self.closed or self.hung:
            return
        if message.packet_type == packet.PING:
            self._pings.append(None)
        self._send_now(message)

    def _send_now(self, message: Packet) -> None:
        if self.wire is not None:
            self.wire.send(message.encode())
        else:
            self.queue.put_nowait(message)

    def hang(self) -> None:
        """Leave the session open but dead, as when a network in between forgets it, until `recover`.

        Nothing leaves, the heartbeat waits, and whoever handles messages is to handle none.
        """
        if not self.hung:
            self.hung, self._aside, self.wire = True, self.wire, None
            self._give_up_pings()

    def recover(self) -> None:
        """Let a session that hangs live again, without what was to pass meanwhile. Harmless for any other."""
        if self.hung:
            self.hung, self._aside, self.wire = False, None, self._aside
            if not self.closed:
                self.schedule_ping()  # does nothing where one is planned

    def cut(self) -> None:
        """Drop the connection as a broken network does. A peer that polls has none, and is told that it is closed."""
        if self._websocket is None:
            spawn(self.close(reason=self.server.reason.TRANSPORT_CLOSE))
        else:
            self._websocket.wire.abort()

    async def send(self, pkt: Packet) -> None:
        """Send a packet (the library's own way to `post`)."""
        self.post(pkt)

    async def poll(self) -> list[Packet]:
        """Return what waits for a poll, once something does; nothing when the session is over.

        Raises QueueEmpty where nothing came for as long as a live session can be quiet.
        """
        try:
            async with asyncio.timeout(self.server.ping_interval + self.server.ping_timeout):
                waiting = [await self.queue.get()]
        except TimeoutError:
            raise QueueEmpty from None
        while waiting[-1] is not None and len(waiting) < MOST_POLLED and not self.queue.empty():
            waiting.append(self.queue.get_nowait())
        if waiting[-1] is None:
            self.queue.put_nowait(waiting.pop())  # the next poll is to find the end, too
        return waiting

    async def check_ping_timeout(self) -> bool:
        """Close the session if its peer has not answered a ping in time; nobody else waits for that."""
        due = self.last_ping and self.last_ping + self.server.ping_timeout
        if not due or time.time() <= due or self.hung:
            return True
        spawn(self.close(reason=self.server.reason.PING_TIMEOUT))
        return False

    async def receive(self, pkt: Packet) -> None:
        """Take a packet from the client. Raises ProtocolError for one that a client must not send."""
        if pkt.packet_type == packet.MESSAGE:
            await self.server.on_message(self, pkt.data)
        elif pkt.packet_type == packet.PONG and (asked := self._pings.popleft() if self._pings else None) is not None:
            if not asked.done():
                asked.set_result(None)
        elif pkt.packet_type in (packet.PONG, packet.CLOSE, packet.UPGRADE):
            await super().receive(pkt)
        else:
            raise ProtocolError(f"unexpected Engine.IO packet {packet.packet_names[pkt.packet_type]}")

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take the packets of a POST, in order. Raises EngineIOError where one breaks the protocol."""
        body = bytearray()
        async for chunk in environ["wsgi.input"].iter_any():
            body += chunk
            if len(body) > self.server.max_http_buffer_size:
                raise ContentTooLongError
        try:
            for part in body.decode(errors="replace").split(_SEPARATOR):
                await self.receive(Packet(encoded_packet=part))
        except _BROKEN as error:
            _log.info("closed connection %s: %s", self.sid, error or type(error).__name__)
            raise UnknownPacketError from None

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Close the session. `abort` tells that the peer is gone or not to be told."""
        if self.closed or self.closing:
            return
        self.closing = True
        await self.server._trigger_event("disconnect", self.sid, reason, run_async=False)
        if self.wire is None:
            # A poll that hangs gets the CLOSE packet, or nothing at all.
            self.post(Packet(packet.CLOSE))
            self.queue.put_nowait(None)
        self.closed = True
        self._give_up_pings()
        if self._websocket is not None:
            await self._websocket.close()

    def _give_up_pings(self) -> None:
        while self._pings:
            asked = self._pings.popleft()
            if asked is not None and not asked.done():
                asked.set_result(None)

    async def _websocket_handler(self, ws: WebSocket) -> None:
        messages = ws.messages()
        if self.connected and not await self._upgrade(ws, messages):
            await ws.close()
            return
        self._websocket = ws
        self._open(ws.wire)
        reason = self.server.reason.TRANSPORT_CLOSE
        try:
            async for message in messages:
                await self._take(message)
                if self.closed:
                    break
        except _BROKEN as error:
            _log.info("closed connection %s: %s", self.sid, error or type(error).__name__)
            reason = self.server.reason.TRANSPORT_ERROR
        finally:
            await self.close(wait=False, abort=True, reason=reason)
            await ws.close()

    async def _take(self, message: str | bytes) -> None:
        # The shape of nearly every packet there is; the rest may take the library's longer way.
        if isinstance(message, bytes):
            await self.server.on_message(self, message)
        elif message[:1] == "4":
            await self.server.on_message(self, message[1:])
        else:
            await self.receive(Packet(encoded_packet=message))

    async def _upgrade(self, ws: WebSocket, messages: AsyncIterator[str | bytes]) -> bool:
        """Carry a polling session over to a websocket: probe, then upgrade. Returns whether that succeeded."""
        if await anext(messages, None) != "2probe":
            return False
        self.upgrading = True
        ws.wire.send("3probe")
        self.queue.put_nowait(Packet(packet.NOOP))  # lets a poll that hangs return
        self.upgraded = await anext(messages, None) == "5"
        self.upgrading = False
        return bool(self.upgraded)

    def _open(self, wire: Wire) -> None:
        """From here on everything leaves on the websocket, what still waits for a poll first."""
        self.connected = self.upgraded = True
        while not self.queue.empty():
            waiting = self.queue.get_nowait()
            if waiting is not None and waiting.packet_type != packet.NOOP:
                wire.send(waiting.encode())
        if self.hung:
            self._aside = wire
        else:
            self.wire = wire


class EngineServer(AsyncServer):  # type: ignore[misc]
    """python-engineio's server with our sessions in it."""

    def __init__(self, *, backlog: int, **options: Any) -> None:
        super().__init__(async_mode="aiohttp", **options)
        self.start_service_task: bool
        self._async = {**driver._async, "websocket": WebSocket}
        self.backlog = backlog
        self.on_message: Callable[[EngineSocket, str | bytes], Awaitable[None]]

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        if self.start_service_task:
            self.start_service_task = False
            self.service_task_handle = self.start_background_task(self._service_task)
        sid = self.generate_id()
        socket = self.sockets[sid] = EngineSocket(self, sid)
        socket.post(
            Packet(
                packet.OPEN,
                {
                    "sid": sid,
                    "upgrades": self._upgrades(sid, transport),
                    "pingInterval": round((self.ping_interval + self.ping_interval_grace_period) * 1000),
                    "pingTimeout": round(self.ping_timeout * 1000),
                    "maxPayload": self.max_http_buffer_size,
                },
            )
        )
        await self._trigger_event("connect", sid, environ, run_async=False)
        socket.schedule_ping()
        if transport == "websocket":
            try:
                return await socket.handle_get_request(environ)
            finally:
                self.sockets.pop(sid, None)
        socket.connected = True
        return self._ok(await socket.poll(), jsonp_index=jsonp_index)

    def _ok(self, packets: list[Packet] | None = None, headers: Any = None, jsonp_index: int | None = None) -> Any:
        reply = super()._ok(packets, headers, jsonp_index)
        # The JavaScript server says it in lower case, and clients compare.
        return reply if packets is not None else {**reply, "response": b"ok"}
