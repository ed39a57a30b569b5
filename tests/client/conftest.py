"""A network that fails when it is told to, and strangers that are no Outgoing Call Service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from mockpbx.client import Client


class Network:
    """A TCP forwarder between a client and a server: `cut` breaks what is open, `closed` refuses what is new."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.closed = False
        self.swallows = False
        self.swallowed = asyncio.Event()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def stop(self) -> None:
        self._server.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.closed:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._open |= {writer, far_writer}
        for source, sink, upward in ((reader, far_writer, True), (far_reader, writer, False)):
            pump = asyncio.ensure_future(self._pump(source, sink, upward))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, upward: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if upward and self.swallows:
                    self.swallowed.set()
                else:
                    sink.write(data)
        self._open.discard(sink)
        sink.transport.abort()


@pytest.fixture
async def network(serve) -> AsyncIterator[Callable[..., Awaitable[tuple[Network, str, str]]]]:
    """Return a starter of a server behind a network: the network, its URL, and the server's own."""
    running: list[Network] = []

    async def start(**settings) -> tuple[Network, str, str]:
        pbx = await serve(**settings)
        host, port = pbx.url.removeprefix("http://").split(":")
        between = Network(host, int(port))
        running.append(between)
        return between, await between.start(), pbx.url

    yield start
    for between in running:
        await between.stop()


@pytest.fixture
async def stranger() -> AsyncIterator[Callable[[Callable], Awaitable[str]]]:
    """Serve whatever a handler answers, on every path; returns the URL."""
    runners: list[web.AppRunner] = []

    async def start(handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def mute() -> AsyncIterator[str]:
    """Serve nothing at all: connections are accepted and left alone."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in writers:
        writer.transport.abort()


@pytest.fixture
async def client(serve) -> AsyncIterator[Client]:
    """A client of a server whose clocks run twenty times as fast, and which dials when somebody has joined."""
    pbx = await serve(clock="20x", dial_delay=3_600)
    async with Client(pbx.url, "dev") as opened:
        yield opened
