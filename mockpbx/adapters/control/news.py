"""Waiting for news, until there are some, the time is over, or the emulator stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mockpbx.runtime.journal import Journal

T = TypeVar("T")


class News:
    """What requests wait for; nobody waits any more once the emulator stops."""

    def __init__(self) -> None:
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def closing(self) -> bool:
        """Whether the emulator stops."""
        return self._closing.done()

    def close(self) -> None:
        """Let nobody wait any more."""
        if not self._closing.done():
            self._closing.set_result(None)

    async def within(self, seconds: float, wait: Callable[[float], Awaitable[T]]) -> T:
        """Return what a wait of so many wall seconds brings; once the emulator stops, what there is then."""
        waiting = asyncio.ensure_future(wait(seconds))
        either: set[asyncio.Future[Any]] = {waiting, self._closing}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else await wait(0)
        finally:
            waiting.cancel()

    async def wait(self, journal: Journal, started: int | None, number: int, seconds: float) -> bool:
        """Wait for entries behind `number` of the journal that `started` then.

        Returns whether there is reason to look, False when the wall seconds are over.
        """
        if self.closing or _is_elsewhere(journal, started, number):
            return True
        grown = journal.grown()
        try:
            done, _ = await asyncio.wait({grown, self._closing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            grown.cancel()
        return bool(done)


def _is_elsewhere(journal: Journal, started: int | None, number: int) -> bool:
    return (journal.started, journal.next - 1) != (started, number)
