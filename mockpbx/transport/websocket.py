"""One websocket of aiohttp's: messages in, a wire out, and a close that waits for nobody for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp import __version__ as aiohttp_release

from mockpbx.transport import wire
from mockpbx.transport.packets import ProtocolError
from mockpbx.transport.wire import Wire

if TYPE_CHECKING:
    from mockpbx.transport.inbox import Inbox

#: How long a websocket may take to answer our close before it is dropped, in seconds.
CLOSE_TIMEOUT = 2.0

#: Pings and pongs of the websocket's own between two messages of a client, which sends one with each heartbeat.
MOST_CONTROL_FRAMES = 1_000

#: The releases of aiohttp whose inside is known to `inbox`: with any other, each message waits for its session's task.
FITTING = "3.14."


def _kind_of_response() -> type[web.WebSocketResponse]:
    if not aiohttp_release.startswith(FITTING):
        return web.WebSocketResponse
    from mockpbx.transport.inbox import Response

    return Response


class WebSocket:
    """A websocket that is open; `wire` is the way out."""

    def __init__(self, response: web.WebSocketResponse, wire: Wire) -> None:
        self.response = response
        self.wire = wire
        self._control_frames = 0  # since the last message

    @classmethod
    async def accept(cls, request: web.Request, *, max_message: int, backlog: int, patience: float) -> WebSocket:
        """Shake hands; messages over `max_message` bytes close with 1009. Raises HTTPBadRequest for a bad handshake."""
        # permessage-deflate would cost CPU and delay on 50 small frames a second.
        # aiohttp's figure is the first that is too large.
        response = _kind_of_response()(
            max_msg_size=max_message + 1, compress=False, autoping=False, timeout=CLOSE_TIMEOUT
        )
        await response.prepare(request)
        # uvloop's transports are no subclasses of asyncio's, but have all their methods.
        return cls(response, Wire(cast(asyncio.Transport, request.transport), backlog, patience))

    def listen(self, listener: Callable[[str | bytes], bool] | None) -> None:
        """Offer each message to `listener` as soon as it is read; `messages` has those for which it returns False.

        None takes away the listener, which the websocket keeps alive.
        """
        inbox: Inbox | None = getattr(self.response, "inbox", None)
        if inbox is not None:
            inbox.listener = None if listener is None else partial(self._offer, listener)

    def _offer(self, listener: Callable[[str | bytes], bool], message: str | bytes) -> bool:
        self._control_frames = 0
        return listener(message)

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Yield what the peer sends until either side closes, and answer its pings.

        One that sends more than MOST_CONTROL_FRAMES between two messages is dropped, and ProtocolError raised.
        """
        async for message in self.response:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._control_frames = 0
                yield message.data
                continue
            self._control_frames += 1
            if self._control_frames > MOST_CONTROL_FRAMES:
                self.wire.abort()  # to say goodbye is to read what else it has sent
                raise ProtocolError(f"more than {MOST_CONTROL_FRAMES} pings or pongs of the websocket in a row")
            if message.type is WSMsgType.PING:
                self.wire.write(wire.pong(message.data))
            await asyncio.sleep(0)  # they are rare, or a flood: everybody else gets a turn

    async def close(self) -> None:
        """Close; harmless when closed already. A peer that does not read is dropped after CLOSE_TIMEOUT."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.response.close(code=WSCloseCode.OK)
        except TimeoutError:
            self.wire.abort()
        failed = self.response.exception()
        if failed is not None:
            # The response keeps it, and the frames of both keep the session: a cycle.
            failed.with_traceback(None).__context__ = None
