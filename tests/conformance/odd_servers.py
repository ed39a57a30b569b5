"""Servers that are not what they should be, in a few lines each, on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web


async def html(request: web.Request) -> web.Response:
    """The wrong host: a web site."""
    return web.Response(text="<!doctype html><title>Welcome</title><script>alert(1)</script>", content_type="text/html")


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPMovedPermanently("https://elsewhere.example/")


async def hang(request: web.Request) -> web.Response:
    """Accepts and never answers."""
    await asyncio.Event().wait()
    raise AssertionError


async def old_socket(request: web.Request) -> web.StreamResponse:
    """Good enough REST; Socket.IO 2 on Engine.IO 3 at the other end of the websocket."""
    if not request.path.startswith("/socket.io"):
        return web.json_response({"data": [], "meta": {}} if request.method == "GET" else {}, status=200)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str('96:0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":5000}2:40')
    async for _ in socket:
        pass
    return socket


async def broken_json(request: web.Request) -> web.Response:
    return web.Response(body=b'{"status": 200, "errors": "', content_type="application/json")


@asynccontextmanager
async def mortal(url: str, word: bytes) -> AsyncIterator[str]:
    """A server at another address, which dies of a word: every connection breaks, and nobody listens any more."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    writers: list[asyncio.StreamWriter] = []
    passing: list[asyncio.Task[None]] = []
    dead: list[bool] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if word in data:
                    await die()
                    return
                writer.write(data)
            writer.close()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if dead:
            writer.transport.abort()
        else:
            passing.append(asyncio.create_task(connect(reader, writer)))

    async def die() -> None:
        dead.append(True)
        for each in writers:
            each.transport.abort()
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        await asyncio.sleep(0)  # a server that closes while it accepts would leave a connection open behind it
        await asyncio.sleep(0)
        server.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        writers.append(back)
        if dead:
            back.transport.abort()
        else:
            await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        for each in writers:
            each.transport.abort()


@asynccontextmanager
async def running(handler) -> AsyncIterator[str]:
    """Serve everything by one handler; yields the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
