"""What a workspace knows of the clients that are connected to it. The Socket.IO adapter answers it."""

from __future__ import annotations

from typing import Protocol


class Clients(Protocol):
    """The sockets of one workspace."""

    #: Counts what passes between the clients and the service, frames apart.
    activity: int

    @property
    def connected(self) -> bool:
        """Whether there is any."""

    @property
    def waiting(self) -> int:
        """The most bytes that wait for any one client to read them."""

    def emit_frame(self, session_id: str, frame: bytes) -> None:
        """Send 20 ms of what the callee says, 320 bytes, to those who joined the call."""

    def hold(self) -> None:
        """Keep what is sent from here on, until `release`: a stretch of frames then leaves in one go."""

    def release(self) -> None:
        """Let what was held leave, in order."""

    async def ping(self, seconds: float) -> None:
        """Return when every client has answered a ping sent now and what it sent before is handled.

        Clients that leave, or take more than so many seconds of wall time, are not waited for.
        """


class Nobody:
    """No clients at all."""

    activity = 0
    connected = False
    waiting = 0

    def emit_frame(self, session_id: str, frame: bytes) -> None:
        """Send it to nobody."""

    def hold(self) -> None:
        """Hold nothing."""

    def release(self) -> None:
        """Let nothing leave."""

    async def ping(self, seconds: float) -> None:
        """Return at once."""
