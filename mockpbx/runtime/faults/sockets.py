"""Faults of sockets: how they come in, and what becomes of their connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from mockpbx.runtime.faults.rule import Fault, Text


class Socket(Protocol):
    """A client's connection."""

    def cut(self) -> None:
        """Break the connection off, without a close frame."""

    def hang(self) -> None:
        """Leave it open, but send nothing and handle nothing that comes."""

    def recover(self) -> None:
        """End that; what was to pass meanwhile is lost."""


class Sockets(Protocol):
    """The sockets of a workspace."""

    #: Counts what passes between the clients and the service: virtual time waits for what follows from it.
    activity: int

    def present(self, session_id: str | None) -> Sequence[Socket]:
        """Return those that joined a call; all of them where none is named."""


class ConnectFault(Fault):
    """Base of the faults of sockets that come in with a good token."""

    of_calls: ClassVar[bool] = False

    def refusal(self) -> str:
        """Return the message of the CONNECT_ERROR."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ConnectRefused(ConnectFault):
    """A socket is refused with a CONNECT_ERROR."""

    message: Text = "Service unavailable"

    def refusal(self) -> str:
        """Return the message."""
        return self.message


class SocketFault(Fault):
    """Base of the faults that strike the sockets that are there at a moment.

    The moment is when the rule begins to hold: once, or in each call where it counts from the answer.
    """

    def strike(self, socket: Socket) -> Callable[[], None] | None:
        """Strike one socket. Returns what takes that back when the rule ends, None where nothing can."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class SocketDropped(SocketFault):
    """The sockets' connection is cut, without a close frame; a client that still polls is sent away."""

    def strike(self, socket: Socket) -> None:
        """Cut it."""
        socket.cut()


@dataclass(frozen=True, slots=True)
class HalfOpen(SocketFault):
    """The sockets' connection stays open, but nothing leaves and nothing that comes is handled until the rule ends."""

    def strike(self, socket: Socket) -> Callable[[], None]:
        """Hang it."""
        socket.hang()
        return socket.recover
