"""What a played client has to do with the network: a knock at the door, and a websocket for each recorded one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
from aiohttp import WSMsgType

from mockpbx.client.errors import ConnectionFailed
from mockpbx.client.rest import why

CONNECT_WITHIN = HANDSHAKE_WITHIN = 10.0  # s
NO_CODE = 1005


async def knock(url: str) -> None:
    """Raise ConnectionFailed where nothing answers at an address."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except TimeoutError:
        raise ConnectionFailed(f"nothing answers at {url} within {CONNECT_WITHIN:g} s") from None
    except OSError as error:
        raise ConnectionFailed(f"nothing answers at {url}: {why(error)}") from None
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


class LiveSocket:
    """`hear` is told each message but Engine.IO's heartbeats, `ended` the code if the server closes."""

    def __init__(self, hear: Callable[[str | bytes], None], ended: Callable[[int], None]) -> None:
        self.settled = asyncio.get_running_loop().create_future()  # taken or refused: what follows may be said
        self._hear = hear
        self._ended = ended
        self._connection: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether anything can be said."""
        return self._connection is not None and not self._connection.closed

    async def connect(self, http: aiohttp.ClientSession, url: str) -> str | None:
        """Connect; return why that failed, None where it did not."""
        try:
            async with asyncio.timeout(HANDSHAKE_WITHIN):
                self._connection = await http.ws_connect(url, compress=0, max_msg_size=0)
                await self._connection.receive()  # Engine.IO's handshake
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.settle()
            return why(error) if str(error) else "no handshake"
        self._reading = asyncio.create_task(self._read(self._connection))
        return None

    def settle(self) -> None:
        """Learn that the server has taken or refused it."""
        if not self.settled.done():
            self.settled.set_result(None)

    async def say(self, message: str | bytes) -> None:
        """Send a message; one that comes too late is lost."""
        assert self._connection is not None
        with suppress(ConnectionError):
            if isinstance(message, str):
                await self._connection.send_str(message)
            else:
                await self._connection.send_bytes(message)

    async def close(self) -> None:
        """Close it, and hear nothing more."""
        if self._connection is None:
            return
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._connection.close()

    async def _read(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(ConnectionError):
            async for message in connection:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                if message.data == "2":
                    await connection.send_str("3")
                else:
                    self._hear(message.data)
        self.settle()
        self._ended(connection.close_code or NO_CODE)
