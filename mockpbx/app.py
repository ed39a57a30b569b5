"""The composition root: the only place that knows every room of the house."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import ValidationError

from mockpbx.adapters.console import ConsoleService
from mockpbx.adapters.control import ControlGate, Emulator
from mockpbx.adapters.entrance import Entrance
from mockpbx.adapters.guard import Guard
from mockpbx.adapters.limits import in_turn
from mockpbx.adapters.realtime import RealtimeService
from mockpbx.adapters.realtime.rooms import Audience
from mockpbx.adapters.rest import RestService
from mockpbx.adapters.store import SqliteStore
from mockpbx.adapters.store.keeper import keep_alive, keep_calls
from mockpbx.adapters.tickets import Tickets
from mockpbx.contract.errors import ConfigurationError
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Plan
from mockpbx.domain.scenario import Play
from mockpbx.runtime.callee import Unplayable, callee_named
from mockpbx.runtime.clock import Clock, clock_mode
from mockpbx.runtime.engine import Engine
from mockpbx.runtime.entries import ClientsDelayed, ClientsRecovered, RecordsDelayed
from mockpbx.runtime.files.document import ScenarioError
from mockpbx.runtime.journal import Reader
from mockpbx.runtime.machine import Machine, tell_of_clock
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings
from mockpbx.runtime.sounds import Beside, tried
from mockpbx.runtime.switchboard import Switchboard, workspace_key
from mockpbx.runtime.workspace import Workspace, wall_ms
from mockpbx.transport import SocketServer

if TYPE_CHECKING:
    from mockpbx.adapters.certificate import Certificate
    from mockpbx.evidence.measures import CallMeasured
    from mockpbx.evidence.tracer import Tracer
    from mockpbx.runtime.mutants import Mutation
    from mockpbx.runtime.plan_files import PlanFile

_log = logging.getLogger(__name__)

#: Seconds between two looks at the live calls.
KEEP_EVERY = 2.0
#: Seconds between two looks at the files of the dial plan.
WATCH_EVERY = 0.3
#: The longest request line or header in bytes, as Node's.
HEADER_LIMIT = 16_384


_HANDLES = {
    ClientsDelayed: "no handle is left for another connection: new clients wait until others leave (see ulimit -n)",
    ClientsRecovered: "new clients get in again",
}


class Server:
    """A whole emulator: `async with Server(...) as pbx` serves at `pbx.url` until the block ends.

    `plan` is the dial plan that each workspace starts with, beside that of the `dialplan` setting's file. Raises
    ConfigurationError for a port in use, a database that cannot be opened, a callee or a dial plan that cannot be read.
    """

    def __init__(
        self,
        server: ServerSettings | None = None,
        workspace: WorkspaceSettings | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.server = server or ServerSettings()
        self.workspace = workspace or WorkspaceSettings()
        self.seed = secrets.randbits(32) if self.server.seed is None else self.server.seed
        self.readers: list[Reader] = []  # of every workspace's journal, for those who embed
        self.plan = plan or Plan()
        self._engine = Engine()
        self._switchboard = Switchboard(
            self.server.token, self._open_workspace, self._engine.remove, self.server.most_workspaces
        )
        self._store: SqliteStore
        self._realtime: RealtimeService
        self._sockets: SocketServer
        self._control: ControlGate
        self._runner: web.AppRunner
        self._site: Entrance
        self._certificate: Certificate | None = None
        self._authority: Path | None = None
        self._tickets = Tickets()
        self._guard = Guard(self.server.host, self.server.allowed_host)
        self._chores: list[asyncio.Future[None]] = []
        self._machine = Machine()
        self._plan_file: PlanFile | None = None
        self._tracer = None if self.server.trace_dir is None else _tracer(self.server.trace_dir)
        self._wishes: dict[str, tuple[WorkspaceSettings, int]] = {}  # by workspace key, where it is not as all are
        self._stopped = False

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        host, port = self._runner.addresses[0][:2]
        scheme = "http" if self._certificate is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def authority(self) -> Path | None:
        """The file of the authority that clients are to trust, where a certificate was made on the spot."""
        return self._authority

    def workspace_of(self, token: str) -> Workspace:
        """Return the workspace of a token, opened on first use. Raises Unauthorized and its kin for a refused one."""
        return self._switchboard.workspace(token)

    def workspaces(self) -> list[Workspace]:
        """Return the workspaces that are open."""
        return list(self._switchboard)

    def open_workspace(self, token: str, settings: WorkspaceSettings, seed: int) -> Workspace:
        """Open the workspace of a token with settings and a seed of its own. Raises Unauthorized and its kin."""
        self._wishes[workspace_key(token)] = (settings, seed)
        return self.workspace_of(token)

    async def close_workspace(self, token: str) -> None:
        """End the calls of a token's workspace with their records, cut its sockets, and forget it."""
        workspace = self._switchboard.forget(token)
        self._wishes.pop(workspace_key(token), None)
        if workspace is not None:
            workspace.stop()
            await _settle(workspace)
            if isinstance(workspace.clients, Audience):
                await asyncio.gather(*(connection.close() for connection in workspace.clients.sockets.values()))
            self._engine.remove(workspace)

    async def start(self) -> None:
        """Open the database and listen."""
        self._check_callee()
        settings = self.server
        self._certificate = _certificate(settings)
        if settings.replay is not None:
            self._replay(settings.replay)
        if settings.dialplan is not None:
            from mockpbx.runtime.plan_files import PlanFile  # which many servers do without

            self._plan_file = PlanFile(settings.dialplan, PERSONAS)
            self.plan = self._read_plan(self._plan_file)
        self._store = await SqliteStore.open(settings.database or default_database())
        self._store.tell = self._tell_all
        mutation = None if settings.mutant is None else _mutation(settings.mutant)
        self._realtime = RealtimeService(self._switchboard, self._store, settings, mutation)
        self._sockets = SocketServer(
            {"/": self._realtime.namespace()},
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_message=settings.message_limit,
            cors_origin=settings.cors_origin or None,
            slow_reader_timeout=settings.slow_reader_timeout,
            request_timeout=settings.request_timeout,
            most_sessions=settings.most_connections,
        )
        app = web.Application(middlewares=[in_turn])
        self._sockets.attach(app)
        self._control = ControlGate(self._emulator())
        self._control.attach(app)
        rest = RestService(self._switchboard, self._store, settings, mutation)
        ConsoleService(self._tickets, self._guard).attach(app, rest.handle)
        rest.attach(app)
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
            keepalive_timeout=settings.request_timeout,  # of the first request's header, too
        )
        await self._runner.setup()
        try:
            tls = None if self._certificate is None else self._certificate.context
            self._site = Entrance(self._runner, settings, tls)
            await self._site.start()
        except OSError as error:
            await self._runner.cleanup()
            await self._store.close()
            raise ConfigurationError(_cannot_listen(settings, error)) from None
        try:
            self._publish_authority()
        except ConfigurationError:
            await self.stop()
            raise
        self._chores = [asyncio.ensure_future(chore) for chore in (self._keep_live_calls(), self._watch_plan())]

    async def stop(self) -> None:
        """End every call with a record, tell the clients, commit, close. Harmless when stopped already."""
        if self._stopped:
            return
        self._stopped = True
        self._switchboard.close()
        await self._site.stop()
        self._store.hurry()
        for workspace in self._switchboard:
            with _logged("workspace %s could not be stopped", workspace.key[:8]):
                workspace.stop()
        await self._engine.stop()
        for chore in self._chores:
            chore.cancel()
        await self._realtime.drain()
        if self._tracer is not None:
            await self._tracer.drain()
        self._control.close()
        if self._authority is not None and self.server.tls_ca is None:
            self._authority.unlink(missing_ok=True)  # it is worth nothing any more
        await self._sockets.close()
        await self._runner.cleanup()
        await self._store.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _publish_authority(self) -> None:
        if self._certificate is not None and self._certificate.authority is not None:
            file = self.server.tls_ca or data_folder() / f"ca-{urlsplit(self.url).port}.pem"
            self._certificate.publish(file)
            self._authority = file

    def _emulator(self) -> Emulator:
        return Emulator(
            switchboard=self._switchboard,
            server=self.server,
            workspace=self.workspace,
            seed=self.seed,
            plan=lambda: self.plan,
            sockets=lambda w: len(w.clients.sockets) if isinstance(w.clients, Audience) else 0,
            unread=_unread,
            uncommitted=lambda w: len(w.clients.unsent) if isinstance(w.clients, Audience) else 0,
            cadence=self._engine.cadence,
            lag=self._engine.lag,
            settle=_settle,
            forget_records=self._store.forget_new,
            stopping=lambda: self._stopped,
            trouble=lambda: self._store.trouble,
            tickets=self._tickets,
            guard=self._guard,
            turned_away=lambda: self._site.refused,
        )

    def _replay(self, file: Path) -> None:
        """Let the first call of each workspace be that of a call's evidence again. Raises ConfigurationError."""
        from mockpbx.evidence.replay import replay_from
        from mockpbx.runtime.plan_files import read_plan_value

        replay = replay_from(file)
        self.seed = replay.seed
        try:
            settings = self.workspace.model_dump(exclude_unset=True)
            self.workspace = WorkspaceSettings.model_validate(
                {**replay.settings, **settings, "first_call": replay.ordinal}
            )
            self.plan = read_plan_value(replay.plan, str(file), PERSONAS, Beside(file.parent))
        except (ValidationError, ScenarioError) as error:
            raise ConfigurationError(f"--replay: {file} is not of this version of mockpbx: {error}") from None

    def _check_callee(self) -> None:
        try:
            callee = callee_named(self.workspace.callee)
            if isinstance(callee, Play):
                tried(callee)  # which reads its file
        except Unplayable as error:
            raise ConfigurationError(f"--callee: {error}") from None

    def _read_plan(self, file: PlanFile) -> Plan:
        try:
            return file.read()
        except ScenarioError as error:
            raise ConfigurationError(f"--dialplan: {error}") from None

    async def _read_plan_again(self, file: PlanFile) -> None:
        """Read a dial plan that has changed; one with a mistake changes nothing, and the log says why.

        It is read beside the event loop, whose calls go on while its clips are read and its words spoken.
        """
        try:
            self.plan = await asyncio.to_thread(self._read_plan, file)
        except ConfigurationError as error:
            _log.error("%s; the plan from before stays", error)
            return
        for workspace in self._switchboard:
            workspace.start_with(self.plan)
        _log.info("read the dial plan again: %d rules", len(self.plan.rules))

    def _open_workspace(self, key: str) -> Workspace:
        settings, seed = self._wishes.get(key, (self.workspace, self.seed))
        start = settings.clock_start
        base = wall_ms() if start is None else round(start.timestamp() * 1_000)
        clock = Clock(time.monotonic_ns, base, clock_mode(settings.clock).rate)
        workspace = Workspace(key, clock, settings, seed, plan=self.plan)
        workspace.epilogue = partial(_epilogue, workspace)
        keep_calls(workspace, self._store)
        self._realtime.watch(workspace)
        if self._tracer is not None:
            self._tracer.watch(workspace)
        for reader in (self._control.tally.read, *self.readers):
            workspace.journal.subscribe(reader)
        self._engine.add(workspace)
        if self._store.trouble is not None:
            workspace.note(None, RecordsDelayed(self._store.trouble))
        return workspace

    def _look_at_machine(self) -> None:
        moved = self._machine.clock_set()
        if moved:
            _log.warning("the machine's clock was set by %+.1f s; calls go on by their own", moved / 1_000)
            for workspace in self._switchboard:
                tell_of_clock(workspace, moved)
        handles = self._machine.handles()
        if handles is not None:
            _log.warning(_HANDLES[type(handles)])
            self._tell_all(handles)

    def _tell_all(self, fact: object) -> None:
        """Let every workspace's journal have a fact of the server as a whole."""
        for workspace in self._switchboard:
            workspace.note(None, fact)

    def _forget_idle(self) -> None:
        for workspace in self._switchboard.forget_idle(self.server.workspace_idle):
            workspace.stop()
            self._engine.remove(workspace)

    async def _watch_plan(self) -> None:
        while self._plan_file is not None and self.server.watch:
            await asyncio.sleep(WATCH_EVERY)
            if self._plan_file.changed():
                await self._read_plan_again(self._plan_file)

    async def _keep_live_calls(self) -> None:
        """Keep every live call now and then, so that a kill costs a record no more than KEEP_EVERY of its length."""
        while True:
            await asyncio.sleep(KEEP_EVERY)
            for workspace in self._switchboard:
                with _logged("the calls of workspace %s could not be kept", workspace.key[:8]):
                    keep_alive(workspace, self._store)
            with _logged("the machine could not be looked at"):
                self._store.look()
                self._look_at_machine()
                self._forget_idle()


@contextmanager
def _logged(sentence: str, *values: object) -> Iterator[None]:
    """Write what fails into the log, and go on: a chore is never done for good."""
    try:
        yield
    except Exception:
        _log.exception(sentence, *values)


def _mutation(name: str) -> Mutation:
    """Return what a mutant does, and say aloud that this server is one."""
    from mockpbx.runtime.mutants.table import MUTANTS, mutation_of

    _log.warning("this server breaks the contract on purpose: %s (%s)", name, MUTANTS[name].breaks)
    return mutation_of(name)


def _tracer(folder: Path) -> Tracer:
    from mockpbx.evidence.tracer import Tracer

    return Tracer(folder)


def _epilogue(workspace: Workspace, session_id: str) -> list[CallMeasured]:
    """Return what the journal says of a call that has ended: what was measured of it."""
    from mockpbx.evidence.dossier import dossier_of
    from mockpbx.evidence.measures import CallMeasured
    from mockpbx.evidence.metrics import measure

    dossier = dossier_of(workspace, session_id)
    return [] if dossier is None else [CallMeasured(measure(dossier))]


def _unread(workspace: Workspace, session_id: str | None) -> list[int]:
    """Return the bytes that wait for each client of a workspace, or of one call, to read them."""
    clients = workspace.clients
    present = clients.present(session_id) if isinstance(clients, Audience) else ()
    return [connection.waiting for connection in present]


async def _settle(workspace: Workspace) -> None:
    """Return when every record that a workspace has issued is committed."""
    if isinstance(workspace.clients, Audience) and workspace.clients.unsent:
        await asyncio.wait(workspace.clients.unsent)


def _silent() -> logging.Logger:
    """Return a logger for aiohttp, which would write a broken request's header, token and all, into the log."""
    logger = logging.getLogger("mockpbx.http")
    logger.disabled = True
    return logger


def data_folder() -> Path:
    """Return the user's data directory."""
    from platformdirs import user_data_path

    return user_data_path("mockpbx", appauthor=False)


def default_database() -> Path:
    """Return the file of the call records in the user's data directory."""
    return data_folder() / "mockpbx.db"


def _certificate(settings: ServerSettings) -> Certificate | None:
    """Return what https is served with; None for http. Raises ConfigurationError."""
    cert, key = settings.tls_cert, settings.tls_key
    if settings.tls_ca is not None and not settings.tls:
        raise ConfigurationError("--tls-ca is where --tls puts the authority that it makes: give both, or neither")
    if cert is None and key is None and not settings.tls:
        return None
    from mockpbx.adapters import certificate

    if cert is not None and key is not None:
        return certificate.from_files(cert, key)
    if cert is not None or key is not None:
        given, missing = ("--tls-cert", "--tls-key") if cert is not None else ("--tls-key", "--tls-cert")
        raise ConfigurationError(f"{given} goes with {missing}: name both files, or let --tls make a certificate")
    return certificate.made((settings.host, *settings.allowed_host))


def _cannot_listen(settings: ServerSettings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {settings.port} on {settings.host} is in use; choose another with --port, or --port 0 for a free one"
        )
    reason = error.strerror or error
    return f"cannot listen on {settings.host} port {settings.port}: {reason}; choose with --host and --port"
