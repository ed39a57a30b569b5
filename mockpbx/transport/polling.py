"""What waits for a client that polls, and the one request that may wait for it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from collections import deque
from collections.abc import Callable

from mockpbx.transport.packets import ProtocolError

_log = logging.getLogger(__name__)

#: Packets in one polling reply. The Python client takes no more; what is left waits for the next poll.
MOST_POLLED = 16

#: Seconds between two looks whether a client that polls is still there: nothing else tells.
WATCH = 1.0


class Outbox:
    """Packets in the order sent, until a poll or the upgrade takes them.

    A client that does not come for them is to be cut off as one that stops reading is: when more than `backlog` bytes
    wait, or when it has taken none for `patience` seconds; `cut_off` tells why then.
    """

    def __init__(self, backlog: int, patience: float) -> None:
        self._packets: deque[str | bytes] = deque()
        self._news = asyncio.Event()
        self._backlog = backlog
        self._patience = patience
        self._waits_since = 0.0  # when something was taken last, or began to wait where nothing did
        self.size = 0
        self.awaited = False
        self.cut_off: str | None = None

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: str | bytes) -> None:
        """Add a packet; `size` counts its bytes."""
        if not self._packets:
            self._waits_since = time.monotonic()
        self._packets.append(packet)
        self.size += len(packet)
        self._news.set()

    def take(self, most: int) -> list[str | bytes]:
        """Return the oldest packets, at most so many."""
        taken = [self._packets.popleft() for _ in range(min(most, len(self._packets)))]
        self.size -= sum(map(len, taken))
        self._waits_since = time.monotonic()
        return taken

    def look(self) -> bool:
        """Return whether the client is to be cut off now, for good: what waited for it is dropped then."""
        if self.cut_off is not None:
            return False
        if self.size > self._backlog:
            self.cut_off = f"more than {self._backlog} bytes wait for it"
        elif self._packets and time.monotonic() - self._waits_since > self._patience:
            self.cut_off = f"{self.size} bytes wait for it, and it has taken none for {self._patience:g} s"
        if self.cut_off is None:
            return False
        _log.warning("cut off a client that stopped polling: %s", self.cut_off)
        self._packets.clear()
        self.size = 0
        return True

    def release(self) -> None:
        """Let a request that waits return, with or without packets."""
        self._news.set()

    async def wait(self, gone: Callable[[], bool]) -> None:
        """Wait for a packet, for `release`, or until the client that waits is gone. `awaited` tells of it meanwhile."""
        if self._packets:
            return
        self._news.clear()
        self.awaited = True
        try:
            while not self._news.is_set() and not gone():
                try:
                    async with asyncio.timeout(WATCH):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            self.awaited = False


def from_base64(text: str) -> bytes:
    """Return the bytes of a binary packet in text. Raises ProtocolError where it is no base64."""
    try:
        return base64.b64decode(text + "==")  # padding is optional for the JavaScript server, and too much does no harm
    except binascii.Error:
        raise ProtocolError("a binary packet that is no base64") from None
