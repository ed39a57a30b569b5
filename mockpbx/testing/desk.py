"""One workspace of a running emulator, as a test works with it, and what the test knows of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mockpbx.evidence.dossier import Dossier, dossier_of
from mockpbx.evidence.finding import Finding
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.settings import WorkspaceSettings
from mockpbx.runtime.switchboard import workspace_key
from mockpbx.runtime.workspace import Workspace
from mockpbx.testing.checks import Checks
from mockpbx.testing.errors import Misuse, ProblemsFound
from mockpbx.testing.thread import ServerThread

if TYPE_CHECKING:
    from mockpbx.testing.planning import When

T = TypeVar("T")

#: Wall seconds that clients have at most to answer when the test is over; a bot whose event loop stands cannot.
SETTLING = 0.2
#: How the tokens begin that are made for tests.
MADE = "test-"


@dataclass(slots=True)
class Desk:
    """A workspace by its token; `folder` is where the test's sound files are named from, `checks` says what is bad."""

    thread: ServerThread
    token: str
    folder: Path
    checks: Checks
    seen: set[str] = field(default_factory=set)  # sessions of the calls that the test waited for
    told: dict[str, int] = field(default_factory=dict)  # number of the entry that was expected last, by session
    asserted: set[int] = field(default_factory=set)  # numbers of the entries that the test has asserted
    open_ends: list[When] = field(default_factory=list)  # numbers of which nothing was said
    is_open: bool = False
    _strangers: int = 0  # calls in other workspaces when this one was opened

    def open(self, settings: WorkspaceSettings, seed: int) -> None:
        """Open the workspace, with settings and a seed of its own."""
        self.is_open = True
        self.thread.ask(lambda: self.thread.server.open_workspace(self.token, settings, seed))
        self._strangers = self._calls_elsewhere()

    def close(self) -> None:
        """End its calls with their records, cut its sockets, forget it. Harmless when it is closed already."""
        was_open, self.is_open = self.is_open, False
        if was_open and self.thread.running:
            self.thread.begin(self.thread.server.close_workspace(self.token)).result()

    def forget(self) -> None:
        """Know nothing of what was: the workspace begins anew."""
        self.seen.clear()
        self.told.clear()
        self.asserted.clear()

    def ask(self, act: Callable[[Workspace], T]) -> T:
        """Return what `act` returns of the workspace, called where the emulator lives."""
        return self.thread.ask(lambda: act(self._workspace()))

    def begin(self, work: Callable[[Workspace], Coroutine[Any, Any, T]]) -> Future[T]:
        """Let a coroutine of the workspace run where the emulator lives."""
        return self.thread.begin(work(self.ask(lambda workspace: workspace)))

    def block(self, work: Callable[[Workspace], Coroutine[Any, Any, T]], name: str) -> T:
        """Return what a coroutine of the workspace returns, once it does.

        Raises Misuse on a thread whose event loop is running: it would stand still, and a bot on it.
        """
        __tracebackhide__ = True
        if not _runs_a_loop():
            return self.begin(work).result()
        raise Misuse(
            f"{name}() would block the event loop that this test and perhaps its bot run on: await that of "
            "`mockpbx.aio`, as in `call = await mockpbx.aio.wait_for_call()` and `await call.expect(...)`"
        )

    async def wait(self, work: Callable[[Workspace], Coroutine[Any, Any, T]]) -> T:
        """Await what a coroutine of the workspace returns."""
        return await asyncio.wrap_future(self.begin(work))

    def dossier(self, session_id: str) -> Dossier:
        """Return everything that is known of a call. Raises Misuse for one that is forgotten."""
        __tracebackhide__ = True
        dossier = self.ask(lambda workspace: dossier_of(workspace, session_id))
        if dossier is None:
            raise Misuse("This call is forgotten: the workspace was reset, or has had a thousand calls since")
        return dossier

    def dossiers(self) -> list[Dossier]:
        """Return everything that is known of every call, the oldest first."""

        def look(workspace: Workspace) -> list[Dossier]:
            found = (dossier_of(workspace, view.session_id) for view in reversed(workspace.calls.calls()))
            return [dossier for dossier in found if dossier is not None]

        return self.ask(look)

    def strays(self) -> list[Entry]:
        """Return the entries of sessions that are no calls of the workspace."""

        def look(workspace: Workspace) -> list[Entry]:
            return [entry for entry in workspace.journal if workspace.calls.find(entry.session_id or "") is None]

        return self.ask(look)

    def sessions(self) -> list[str]:
        """Return the sessions of all calls, the oldest first."""
        return self.ask(lambda workspace: [view.session_id for view in reversed(workspace.calls.calls())])

    def lint(self, dossiers: Iterable[Dossier], stray: Iterable[Finding], level: str, allow: object) -> None:
        """Fail where clients broke rules. Raises ProblemsFound, or Misuse."""
        __tracebackhide__ = True
        found = self.checks.lint(dossiers, stray, self.asserted, level=level, allow=allow)
        if found:
            raise ProblemsFound(found)

    def settle(self) -> None:
        """Return when what the clients have sent so far is handled."""
        self.begin(lambda workspace: workspace.clients.ping(SETTLING)).result()

    def why_no_call(self, number: str, within: float) -> str:
        """Return what to say to a test that waited for a call in vain."""

        def look(workspace: Workspace) -> list[str]:
            client = "A client is connected" if workspace.clients.connected else "No client is connected"
            said = [f"{client} with the token {self._shown_token()}; the URL is {self.thread.url}."]
            others = [view.number for view in workspace.calls.calls() if view.session_id not in self.seen]
            if others:
                said.append(f"Calls were placed to {', '.join(others)}.")
            if self.seen:
                said.append(f"{len(self.seen)} calls that the test has waited for before do not count.")
            return said

        wanted = "No call was placed" if number == "*" else f"No call to {number} was placed"
        said = [f"{wanted} within {within:g} s.", *self.ask(look)]
        strange = self._calls_elsewhere() - self._strangers
        if strange > 0:
            said.append(
                f"Meanwhile {strange} came with another token: give this one to the bot (mockpbx.token), in its REST "
                "requests and as auth.token of its socket."
            )
        return "\n".join(said)

    def _calls_elsewhere(self) -> int:
        """Return how many calls there are in other workspaces of the server."""
        key = workspace_key(self.token)
        return self.thread.ask(
            lambda: sum(len(each.calls.calls()) for each in self.thread.server.workspaces() if each.key != key)
        )

    def _shown_token(self) -> str:
        """Return the token as a message may show it: one that was made for the test whole, a user's own not."""
        return self.token if self.token.startswith(MADE) else f"{self.token[:3]}..."

    def _workspace(self) -> Workspace:
        if not self.is_open:
            raise Misuse("This mockpbx is not running: use it inside `with MockPBX() as pbx:`, before stop()")
        return self.thread.server.workspace_of(self.token)


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
