"""What has come on a websocket of aiohttp's: handed over in the moment in which it is read, or kept in line.

aiohttp wakes a task for each message, through a queue and a future, which for the 20 ms of a call costs as much as
handling them does. There is no public way around that: this is the one place that knows how aiohttp keeps messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp._websocket.writer import WebSocketWriter
from aiohttp.http import WebSocketReader

#: Half the bytes that may wait in line: beyond them the connection is not read any more.
MOST_WAITING = 2**16


class Inbox(WebSocketDataQueue):
    """The messages that wait. A text or binary one is offered to the `listener` where nothing is before it.

    Nothing is before it while somebody waits for a message and none is here: then all others have been handled.
    """

    listener: Callable[[str | bytes], bool] | None = None
    _idle = False

    def feed_data(self, data: Any, size: int) -> None:
        """Take what was read, a message or a control frame."""
        if self._idle and self.listener is not None and data.type in _MESSAGES and self.listener(data.data):
            return
        self._idle = False
        super().feed_data(data, size)

    async def read(self) -> Any:
        """Return the oldest that waits, once there is one. Raises what has broken the connection."""
        self._idle = not self._buffer
        try:
            return await super().read()
        finally:
            self._idle = False


_MESSAGES = (WSMsgType.TEXT, WSMsgType.BINARY)


class Response(web.WebSocketResponse):
    """A websocket that has an `inbox` once it is prepared. Without compression and pings of its own."""

    inbox: Inbox

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: WebSocketWriter) -> None:
        assert self._loop is not None, "it is being prepared"
        self._ws_protocol, self._writer = protocol, writer
        self._reader = self.inbox = Inbox(request.protocol, MOST_WAITING, loop=self._loop)
        self._parser = WebSocketReader(self.inbox, self._max_msg_size, compress=False, decode_text=True)
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)
