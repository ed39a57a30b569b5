"""What waits for a client that polls, and the one request that may wait for it."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import deque
from collections.abc import Callable

from mockpbx.transport.packets import ProtocolError

#: Packets in one polling reply. The Python client takes no more; what is left waits for the next poll.
MOST_POLLED = 16

#: Seconds between two looks whether a client that polls is still there: nothing else tells.
WATCH = 1.0


class Outbox:
    """Packets in the order sent, until a poll or the upgrade takes them."""

    def __init__(self) -> None:
        self._packets: deque[str | bytes] = deque()
        self._news = asyncio.Event()
        self.size = 0
        self.awaited = False

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: str | bytes) -> None:
        """Add a packet; `size` counts its bytes."""
        self._packets.append(packet)
        self.size += len(packet)
        self._news.set()

    def take(self, most: int) -> list[str | bytes]:
        """Return the oldest packets, at most so many."""
        taken = [self._packets.popleft() for _ in range(min(most, len(self._packets)))]
        self.size -= sum(map(len, taken))
        return taken

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
