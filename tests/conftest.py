"""A real server for every test that needs one: on loopback, on a free port, its records in memory."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from yarl import URL

from mockpbx.app import Server
from mockpbx.domain.plan import Plan
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

pytest_plugins = ["pytester"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: one worker more than processors, since many tests wait for real time."""
    return (os.cpu_count() or 1) + 1


StartServer = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[StartServer]:
    """Start servers: `await serve(clock="20x", dial_delay=0, ...)`; any setting by its name."""
    running: list[Server] = []

    async def start(*, plan: Plan | None = None, **settings) -> Server:
        server = {name: settings.pop(name) for name in list(settings) if name in ServerSettings.model_fields}
        server = {"port": 0, "database": ":memory:", "seed": 1} | server
        pbx = Server(ServerSettings(**server), WorkspaceSettings(**settings), plan)
        await pbx.start()
        running.append(pbx)
        return pbx

    yield start
    for pbx in running:
        await pbx.stop()


class Api:
    """Plain HTTP to a server: paths and query strings go out exactly as they are written."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str | None = "dev") -> None:
        self.http = http
        self.url = url
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, headers=None, **body) -> tuple[int, object]:
        """Return the status and the JSON of the reply, or its text where it is no JSON."""
        url = URL(self.url + path, encoded=True)
        async with self.http.request(method, url, headers=self.headers | (headers or {}), **body) as reply:
            return reply.status, await reply.json() if reply.content_type == "application/json" else await reply.text()

    async def get(self, path: str, **options) -> tuple[int, object]:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, json=None, **options) -> tuple[int, object]:
        return await self.ask("POST", path, json=json, **options)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
