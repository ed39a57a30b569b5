"""An emulator in a thread of its own, with an event loop of its own: for tests of any kind, blocking or not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from mockpbx.app import Server
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings
from mockpbx.testing.errors import Misuse

T = TypeVar("T")


class ServerThread:
    """A running emulator. `start` raises ConfigurationError, such as for a port in use."""

    def __init__(self, server: ServerSettings, workspace: WorkspaceSettings | None = None) -> None:
        self._settings = (server, workspace)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self.server: Server

    def __repr__(self) -> str:
        return f"<mockpbx at {self.url}>" if self.running else "<mockpbx, not running>"

    @property
    def running(self) -> bool:
        """Whether it is there to be asked."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def url(self) -> str:
        """Where it listens. Raises Misuse while it does not run."""
        __tracebackhide__ = True
        if not self.running:
            raise _gone()
        return self.server.url

    def start(self) -> None:
        """Start the emulator; it listens when this returns. Raises Misuse where it runs already."""
        __tracebackhide__ = True
        if self.running:
            raise Misuse("This mockpbx runs already: start another MockPBX for a second one")
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="mockpbx", daemon=True)
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self._thread.join()
            raise

    def stop(self) -> None:
        """End every call with a record, stop listening, and let the thread end. Harmless when stopped already."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def ask(self, act: Callable[[], T]) -> T:
        """Return what `act` returns, called where the emulator lives; raises what it raises."""
        __tracebackhide__ = True
        if threading.current_thread() is self._thread:
            return act()
        answer: Future[T] = Future()
        self._call(_answer, answer, act)
        return answer.result()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Let a coroutine run where the emulator lives."""
        __tracebackhide__ = True
        if not self.running:
            work.close()
            raise _gone()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        __tracebackhide__ = True
        if not self.running:
            raise _gone()
        self._loop.call_soon_threadsafe(function, *arguments)

    def _run(self, started: Future[None]) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: Future[None]) -> None:
        try:
            self.server = Server(*self._settings)
            await self.server.start()
        except BaseException as error:
            started.set_exception(error)
            return
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        started.set_result(None)
        await self._stopping.wait()
        await self.server.stop()


def _answer(answer: Future[T], act: Callable[[], T]) -> None:
    try:
        answer.set_result(act())
    except BaseException as error:
        answer.set_exception(error)


def _gone() -> Misuse:
    return Misuse("This mockpbx is not running: use it inside `with MockPBX() as pbx:`, or call start() first")
