"""Engine.IO peers that say exactly what they are told to and keep answering pings, so that no silence closes them."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator

import aiohttp

POLLING, WEBSOCKET = "transport=polling&EIO=4", "transport=websocket&EIO=4"


class Peer:
    """What both kinds have in common: what was heard, `None` last where the server has closed."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.heard: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.pings = 0

    async def hear(self) -> str | bytes | None:
        """Return the next message that is no ping; None when the server closes."""
        return await asyncio.wait_for(self.heard.get(), 20)

    async def hear_end(self) -> list[str | bytes]:
        """Return what is still to be heard until the server closes."""
        heard = []
        while (message := await self.hear()) is not None:
            heard.append(message)
        return heard

    async def say(self, *messages: str | bytes) -> None:
        raise NotImplementedError

    async def _take(self, message: str | bytes) -> None:
        if message == "2":
            self.pings += 1
            with contextlib.suppress(ConnectionError, AssertionError):
                await self.say("3")
        else:
            self.heard.put_nowait(message)


class OnWebsocket(Peer):
    """A peer on a websocket from the start, or after an upgrade."""

    def __init__(self, sid: str, ws: aiohttp.ClientWebSocketResponse) -> None:
        super().__init__(sid)
        self.ws = ws

    async def say(self, *messages: str | bytes) -> None:
        for message in messages:
            await (self.ws.send_bytes(message) if isinstance(message, bytes) else self.ws.send_str(message))

    async def listen(self) -> None:
        async for message in self.ws:
            await self._take(message.data)
        self.heard.put_nowait(None)


class OnPolling(Peer):
    """A peer that polls; what it says at once leaves in one POST, one POST after the other."""

    def __init__(self, sid: str, http: aiohttp.ClientSession, url: str) -> None:
        super().__init__(sid)
        self.http = http
        self.url = f"{url}?{POLLING}&sid={sid}"
        self.posting = asyncio.Lock()

    async def say(self, *messages: str | bytes) -> None:
        async with self.posting:
            status, text = await post(self.http, self.url, payload(*messages))
        assert (status, text) == (200, "ok"), (status, text)

    async def listen(self) -> None:
        while True:
            status, text = await get(self.http, self.url)
            for part in text.split("\x1e") if status == 200 else ["1"]:
                if part == "1":
                    self.heard.put_nowait(None)
                    return
                if part != "6":
                    await self._take(base64.b64decode(part[1:]) if part[0] == "b" else part)


def payload(*messages: str | bytes) -> str:
    """Return the body that carries messages over polling."""
    parts = [m if isinstance(m, str) else "b" + base64.b64encode(m).decode() for m in messages]
    return "\x1e".join(parts)


async def get(http: aiohttp.ClientSession, url: str, **options) -> tuple[int, str]:
    async with http.get(url, **options) as reply:
        return reply.status, await reply.text()


async def post(http: aiohttp.ClientSession, url: str, body: str | bytes, **options) -> tuple[int, str]:
    async with http.post(url, data=body, **options) as reply:
        return reply.status, await reply.text()


async def session(http: aiohttp.ClientSession, url: str) -> str:
    """Open a session that polls, and return its id."""
    status, opening = await get(http, f"{url}?{POLLING}")
    assert status == 200
    return json.loads(opening[1:])["sid"]


@contextlib.asynccontextmanager
async def peer(url: str, transport: str) -> AsyncIterator[Peer]:
    """Connect to an Engine.IO path, such as http://localhost:1/socket.io/."""
    async with aiohttp.ClientSession() as http:
        made: OnWebsocket | OnPolling
        if transport == "websocket":
            ws = await http.ws_connect(f"{url}?{WEBSOCKET}", max_msg_size=0)
            made = OnWebsocket(json.loads((await ws.receive_str())[1:])["sid"], ws)
        else:
            made = OnPolling(await session(http, url), http, url)
        listening = asyncio.create_task(made.listen())
        try:
            yield made
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
