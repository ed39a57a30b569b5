"""The composition root: the only place that knows every room of the house."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from mockpbx.adapters.realtime import RealtimeService
from mockpbx.adapters.rest import RestService
from mockpbx.adapters.store import SqliteStore
from mockpbx.adapters.store.keeper import keep_calls
from mockpbx.contract.errors import ConfigurationError
from mockpbx.domain import events as e
from mockpbx.domain.scenario import Clip
from mockpbx.media.mp3 import warm_up
from mockpbx.media.wav import NotAudio
from mockpbx.runtime.callee import callee_named
from mockpbx.runtime.clips import load
from mockpbx.runtime.clock import Clock
from mockpbx.runtime.engine import Engine
from mockpbx.runtime.journal import Entry, Reader
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings
from mockpbx.runtime.switchboard import Switchboard
from mockpbx.runtime.workspace import Workspace
from mockpbx.transport import SocketServer

#: Seconds between two looks at the live calls.
KEEP_EVERY = 2.0
#: The longest request line or header in bytes, as Node's.
HEADER_LIMIT = 16_384


class MockPBX:
    """A whole emulator: `async with MockPBX(...) as pbx` serves at `pbx.url` until the block ends.

    `rate` is the speed of its clocks: 1 is real, 20 twenty times as fast. Raises ConfigurationError for a port in use,
    a database that cannot be opened or a callee that does not exist.
    """

    def __init__(
        self,
        server: ServerSettings | None = None,
        workspace: WorkspaceSettings | None = None,
        *,
        rate: float = 1.0,
    ) -> None:
        self.server = server or ServerSettings()
        self.workspace = workspace or WorkspaceSettings()
        self.seed = secrets.randbits(32) if self.server.seed is None else self.server.seed
        self.readers: list[Reader] = []  # of every workspace's journal, for those who embed
        self._rate = rate
        self._switchboard = Switchboard(self.server.token, self._open_workspace)
        self._store: SqliteStore
        self._realtime: RealtimeService
        self._sockets: SocketServer
        self._runner: web.AppRunner
        self._site: web.TCPSite
        self._keeping: asyncio.Future[None]
        self._engine = Engine()
        self._warming: asyncio.Future[None] | None = None
        self._stopped = False

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Open the database and listen."""
        self._check_callee()
        settings = self.server
        self._store = await SqliteStore.open(settings.database or default_database())
        self._realtime = RealtimeService(self._switchboard, self._store)
        self._sockets = SocketServer(
            {"/": self._realtime.namespace()},
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_message=settings.message_limit,
            cors_origin=settings.cors_origin or None,
        )
        app = web.Application()
        self._sockets.attach(app)
        RestService(self._switchboard, self._store, settings).attach(app)
        # Bodies come as they were sent: the limit and the refusals of the body parser are ours.
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=5,
            auto_decompress=False,
            logger=_silent(),
            max_line_size=HEADER_LIMIT,
            max_field_size=HEADER_LIMIT,
        )
        await self._runner.setup()
        try:
            self._site = web.TCPSite(self._runner, settings.host, settings.port)
            await self._site.start()
        except OSError as error:
            await self._runner.cleanup()
            await self._store.close()
            raise ConfigurationError(_cannot_listen(settings, error)) from None
        self._keeping = asyncio.ensure_future(self._keep_live_calls())

    async def stop(self) -> None:
        """End every call with a record, tell the clients, commit, close. Harmless when stopped already."""
        if self._stopped:
            return
        self._stopped = True
        self._switchboard.close()
        await self._site.stop()
        self._store.hurry()
        for workspace in self._switchboard:
            workspace.stop()
        self._engine.stop()
        self._keeping.cancel()
        await self._realtime.drain()
        await self._sockets.close()
        await self._runner.cleanup()
        if self._warming is not None:
            await self._warming
        await self._store.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _check_callee(self) -> None:
        callee = callee_named(self.workspace.callee)
        if isinstance(callee, Clip):
            try:
                load(callee.name)
            except NotAudio as error:
                raise ConfigurationError(f"--callee: {error}") from None

    def _open_workspace(self, key: str) -> Workspace:
        clock = Clock(time.monotonic_ns, base=time.time_ns() // 1_000_000, rate=self._rate)
        workspace = Workspace(key, clock, self.workspace, self.seed)
        keep_calls(workspace, self._store)
        self._realtime.watch(workspace)
        for reader in (self._warm_up, *self.readers):
            workspace.journal.subscribe(reader)
        self._engine.add(workspace)
        return workspace

    async def _keep_live_calls(self) -> None:
        """Keep every live call now and then, so that a kill costs a record no more than KEEP_EVERY of its length."""
        while True:
            await asyncio.sleep(KEEP_EVERY)
            for workspace in self._switchboard:
                for record in workspace.provisional_records():
                    self._store.keep(workspace.key, record)

    def _warm_up(self, entry: Entry) -> None:
        """Load the MP3 decoder while the first call is ringing: its import takes 0.1 s, which must not stall a tick."""
        if self._warming is None and isinstance(entry.event, e.CallPlaced):
            self._warming = asyncio.get_running_loop().run_in_executor(None, warm_up)


def _silent() -> logging.Logger:
    """Return a logger for aiohttp, which would write a broken request's header, token and all, into the log."""
    logger = logging.getLogger("mockpbx.http")
    logger.disabled = True
    return logger


def default_database() -> Path:
    """Return the file of the call records in the user's data directory."""
    from platformdirs import user_data_path

    return user_data_path("mockpbx", appauthor=False) / "mockpbx.db"


def _cannot_listen(settings: ServerSettings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {settings.port} on {settings.host} is in use; choose another with --port, or --port 0 for a free one"
        )
    reason = error.strerror or error
    return f"cannot listen on {settings.host} port {settings.port}: {reason}; choose with --host and --port"
