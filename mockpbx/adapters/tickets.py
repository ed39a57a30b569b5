"""Tickets: paths that open one page once, soon, and without a token, which has no place in a URL."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

#: What the paths of tickets begin with.
BASE = "/__console/evidence/"
#: Wall seconds in which a ticket is to be used.
LIFETIME = 60.0
#: Tickets that are kept; the oldest goes where there is one more.
MOST = 1_000

#: Makes the page that a ticket is for. Raises a PBXError where it is gone meanwhile.
Page = Callable[[], Awaitable[web.Response]]


class Tickets:
    """The tickets that nobody has used yet, in the order of issue. `now` is in seconds of any beginning."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._open: dict[str, tuple[float, Page]] = {}

    def issue(self, page: Page) -> str:
        """Return a path that nobody can guess and that opens `page` once."""
        self._forget_expired()
        if len(self._open) == MOST:
            del self._open[next(iter(self._open))]
        name = secrets.token_urlsafe(16)
        self._open[name] = (self._now() + LIFETIME, page)
        return BASE + name

    def redeem(self, name: str) -> Page | None:
        """Return what a ticket is for; None for one that is unknown, used or too old."""
        self._forget_expired()
        _, page = self._open.pop(name, (0, None))
        return page

    def _forget_expired(self) -> None:
        now = self._now()
        while self._open and (first := next(iter(self._open))) and self._open[first][0] <= now:
            del self._open[first]
