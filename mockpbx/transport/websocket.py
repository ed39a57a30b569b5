"""One websocket of aiohttp's: messages in, a wire out, and a close that waits for nobody for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from aiohttp import WSCloseCode, WSMsgType, web

from mockpbx.transport.wire import Wire

#: How long a websocket may take to answer our close before it is dropped, in seconds.
CLOSE_TIMEOUT = 2.0

#: Messages of one client that are taken in a row, where so many have come at once: a flood is to delay no frames.
MOST_AT_A_TIME = 8


class WebSocket:
    """A websocket that is open; `wire` is the way out."""

    def __init__(self, response: web.WebSocketResponse, wire: Wire) -> None:
        self.response = response
        self.wire = wire

    @classmethod
    async def accept(cls, request: web.Request, *, max_message: int, backlog: int, patience: float) -> WebSocket:
        """Shake hands; messages over `max_message` bytes close with 1009. Raises HTTPBadRequest for a bad handshake."""
        # permessage-deflate would cost CPU and delay on 50 small frames a second.
        # aiohttp's figure is the first that is too large.
        response = web.WebSocketResponse(max_msg_size=max_message + 1, compress=False, timeout=CLOSE_TIMEOUT)
        await response.prepare(request)
        # uvloop's transports are no subclasses of asyncio's, but have all their methods.
        return cls(response, Wire(cast(asyncio.Transport, request.transport), backlog, patience))

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Yield what the peer sends until either side closes; after each MOST_AT_A_TIME everybody else gets a turn."""
        count = 0
        async for message in self.response:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                yield message.data
            count += 1
            if count % MOST_AT_A_TIME == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Close; harmless when closed already. A peer that does not read is dropped after CLOSE_TIMEOUT."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.response.close(code=WSCloseCode.OK)
        except TimeoutError:
            self.wire.abort()
