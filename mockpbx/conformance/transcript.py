"""What was said and heard, in order: requests with their replies, and what passed on each socket.

Times are seconds of the checker's own monotonic clock since it began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

#: Stands for the JSON of a body that is none.
NO_JSON: Any = type("NoJson", (), {"__repr__": lambda self: "no JSON"})()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its reply. `token` is what the request bore, None without one; `failure` says why no reply came."""

    sent_at: float
    at: float
    method: str
    path: str
    token: str | None
    body: Any
    status: int = 0
    content_type: str = ""
    text: str = ""
    json: Any = NO_JSON
    failure: str | None = None

    @property
    def data(self) -> Any:
        """The envelope's `data`; None where there is none."""
        return self.json.get("data") if isinstance(self.json, dict) else None


@dataclass(frozen=True, slots=True)
class Opened:
    """A socket's CONNECT was confirmed."""

    at: float
    socket: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A socket was not let in. `answer` is the payload of CONNECT_ERROR, None where none came."""

    at: float
    socket: str
    answer: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A socket is closed; `by` tells which side began."""

    at: float
    socket: str
    by: str
    code: int | None


@dataclass(frozen=True, slots=True)
class Said:
    """An event that this side sent; `id` where it asked for an acknowledgment."""

    at: float
    socket: str
    event: str
    payload: Any
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of the server."""

    at: float
    socket: str
    event: str
    arguments: tuple[Any, ...]

    @property
    def payload(self) -> Any:
        """The first argument; None where there is none."""
        return self.arguments[0] if self.arguments else None

    @property
    def session_id(self) -> Any:
        """The payload's sessionId; None where it has none."""
        return self.payload.get("sessionId") if isinstance(self.payload, dict) else None


@dataclass(frozen=True, slots=True)
class Acked:
    """The server's acknowledgment of what was said."""

    at: float
    socket: str
    said: Said
    arguments: tuple[Any, ...]

    @property
    def payload(self) -> Any:
        """The first argument; None where there is none."""
        return self.arguments[0] if self.arguments else None


@dataclass(frozen=True, slots=True)
class Garbled:
    """What came on a socket and is no Socket.IO."""

    at: float
    socket: str
    raw: str
    reason: str


Item = Exchange | Opened | Refused | Closed | Said | Heard | Acked | Garbled
I = TypeVar("I", bound=Item)  # noqa: E741


@dataclass
class Transcript:
    """All of it, in the order in which it was noticed. It grows while the scene plays, and can be waited for."""

    items: list[Item] = field(default_factory=list)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def add(self, item: I) -> I:
        """Append an item and wake whoever waits."""
        self.items.append(item)
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()
        return item

    def of(self, kind: type[I]) -> Iterator[I]:
        """Iterate over the items of a kind."""
        return (item for item in self.items if isinstance(item, kind))

    async def until(self, fits: Callable[[Item], bool], within: float, since: int = 0) -> Item | None:
        """Return the first item from index `since` on that fits, None where none comes `within` seconds."""
        seen = since
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            for item in self.items[seen:]:
                if fits(item):
                    return item
            seen = max(seen, len(self.items))
            left = deadline - loop.time()
            if left <= 0:
                return None
            grown: asyncio.Future[None] = loop.create_future()
            self._waiting.append(grown)
            await asyncio.wait({grown}, timeout=left)
