"""Namespaces, connections and events: the Socket.IO layer, strict as the JavaScript server's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web

from mockpbx.transport import packets
from mockpbx.transport.announced import Announced, Announcements, Known, Taker
from mockpbx.transport.engine import EngineSocket, Handling
from mockpbx.transport.packets import Packet, ProtocolError
from mockpbx.transport.prepared import PreparedAck, PreparedEvent
from mockpbx.transport.requests import EngineServer, new_id
from mockpbx.transport.tasks import spawn, tell

_log = logging.getLogger(__name__)

#: Seconds after which a session that has joined no namespace is closed (the JavaScript server's connectTimeout).
CONNECT_TIMEOUT = 45.0

#: What a client is told that could not be authenticated, for no fault of its own.
FAILED = "Internal server error"


class ConnectionRefused(Exception):
    """Raised by `Namespace.authenticate`; its text reaches the client as `{"message": text}` in a CONNECT_ERROR."""


class Connection:
    """One client in one namespace. `identity` is what `authenticate` returned for it.

    `ack_wanted` tells whether the event that is being handled asks for an acknowledgment, `said_goodbye` whether the
    client left by itself.
    """

    def __init__(self, socket: EngineSocket, namespace: str, sid: str, identity: Any) -> None:
        self.id = sid
        self.namespace = namespace
        self.identity = identity
        self.ack_wanted = False
        self.said_goodbye = False
        self._socket = socket

    def emit(self, event: str, *arguments: object) -> None:
        """Send an event, after everything sent before. Binary may be bytes, bytearray or memoryview."""
        self._send(packets.EVENT, [event, *arguments])

    def emit_prepared(self, event: PreparedEvent, attachment: bytes) -> None:
        """Send a prepared event of the default namespace with its `attachment`."""
        wire = self._socket.wire
        if wire is not None:
            wire.write(event.websocket(attachment))
        else:
            self._socket.send(event.text)
            self._socket.send(attachment)

    def acknowledge(self, number: int, *arguments: object) -> None:
        """Answer the client's event `number`."""
        self._send(packets.ACK, list(arguments), number)

    def acknowledge_prepared(self, number: int, ack: PreparedAck) -> None:
        """Answer the client's event `number` of the default namespace with a prepared acknowledgment."""
        wire = self._socket.wire
        if wire is not None:
            wire.write(ack.websocket(number))
        else:
            self._socket.send(ack.text(number))

    @property
    def cut_off(self) -> str | None:
        """Why this client was cut off, if it was because it did not read."""
        return self._socket.cut_off

    @property
    def waiting(self) -> int:
        """Bytes that were sent and still wait in this process for the client to take them."""
        return self._socket.waiting

    def hold(self) -> None:
        """Keep what is sent from here on, until `release`; before the upgrade nothing is held."""
        if self._socket.wire is not None:
            self._socket.wire.hold()

    def release(self) -> None:
        """Let what was held leave, in order."""
        if self._socket.wire is not None:
            self._socket.wire.release()

    def ping(self) -> asyncio.Future[None]:
        """Ask for a sign of life: done when the client has answered and what it sent before is handled, or has left."""
        return self._socket.ping()

    async def close(self) -> None:
        """Close the whole session of this client."""
        await self._socket.close()

    def cut(self) -> None:
        """Break the client's connection off, without a close frame."""
        self._socket.cut()

    def hang(self) -> None:
        """Leave the client's connection open but dead, until `recover`."""
        self._socket.hang()

    def recover(self) -> None:
        """Let pass again what comes and goes; what was lost stays lost."""
        self._socket.recover()

    def _send(self, kind: int, data: list[object], number: int | None = None) -> None:
        _send(self._socket, kind, self.namespace, data, number)


#: Handles one event: the connection and the event's arguments. What it returns, None apart, is the acknowledgment, a
#: tuple one of several arguments, a PreparedAck (in the default namespace) one that is encoded already; a function is
#: called with what sends one, for a handler that chooses the moment.
Handler = Callable[..., Awaitable[object]]

#: Is called with the connection and the arguments of an event that may come often, with a stand-in of a few bytes for
#: its one attachment. Returns what takes each from then on, in place of the handler, or None.
Prepare = Callable[..., Taker | None]


@dataclass(slots=True)
class Namespace:
    """What happens in one namespace.

    `authenticate` gets the CONNECT packet's payload and returns an identity, or raises ConnectionRefused. `connected`
    runs after the CONNECT packet has been sent. Events of one client are handled one after the other, in order. Where
    any of them fails, the log says so and the client's session goes on; it does not join where `authenticate` failed.
    `prepared` is for those of the default namespace that come so often that it matters what their handling costs.
    """

    authenticate: Callable[[object], Any] = lambda auth: None
    connected: Callable[[Connection], None] = lambda connection: None
    disconnected: Callable[[Connection], None] = lambda connection: None
    events: Mapping[str, Handler] = field(default_factory=dict)
    prepared: Mapping[str, Prepare] = field(default_factory=dict)


@dataclass(slots=True)
class _Peer:
    """One Engine.IO session: its namespaces, and the binary packet whose attachments are still to come."""

    socket: EngineSocket
    connections: dict[str, Connection] = field(default_factory=dict)
    announcements: Announcements = field(default_factory=Announcements)
    partial: Packet | Announced | None = None
    reaper: asyncio.TimerHandle | None = None

    def spare(self) -> None:
        """Keep a session for which CONNECT_TIMEOUT ran: it has joined a namespace, or is over."""
        if self.reaper is not None:
            self.reaper.cancel()
            self.reaper = None


class SocketServer:
    """Serves namespaces over Engine.IO. Times in seconds, sizes in bytes; `cors_origin` None switches CORS off."""

    def __init__(
        self,
        namespaces: Mapping[str, Namespace],
        *,
        ping_interval: float = 25,
        ping_timeout: float = 20,
        max_message: int = 1_000_000,
        cors_origin: str | None = "*",
        backlog: int = 4_000_000,
        slow_reader_timeout: float = 10,
        request_timeout: float = 60,
        most_sessions: int = 10_000,
    ) -> None:
        self._namespaces = namespaces
        self._peers: dict[str, _Peer] = {}
        self._engine = EngineServer(
            self._on_message,
            opened=self._on_open,
            closed=self._on_close,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_message=max_message,
            cors_origin=cors_origin,
            backlog=backlog,
            slow_reader_timeout=slow_reader_timeout,
            request_timeout=request_timeout,
            most_sessions=most_sessions,
        )

    def attach(self, app: web.Application, path: str = "socket.io") -> None:
        """Serve at `/path/` of an aiohttp application."""
        self._engine.attach(app, path)

    async def close(self) -> None:
        """Close every session. Harmless when closed already."""
        await self._engine.close()

    # --- Engine.IO tells ----------------------------------------------------------------------------------------------

    def _on_open(self, socket: EngineSocket) -> None:
        peer = self._peers[socket.sid] = _Peer(socket)
        self._engine.newcomer(socket)
        peer.reaper = asyncio.get_running_loop().call_later(CONNECT_TIMEOUT, _reap, peer)

    def _on_close(self, socket: EngineSocket, reason: str) -> None:
        peer = self._peers.pop(socket.sid)
        peer.spare()
        for connection in list(peer.connections.values()):
            self._leave(peer, connection)

    def _on_message(self, socket: EngineSocket, data: str | bytes) -> Handling | None:
        peer = self._peers[socket.sid]
        if isinstance(data, bytes):
            packet = peer.partial
            if packet is None:
                raise ProtocolError("a binary message that no packet announced")
            if isinstance(packet, Announced):
                peer.partial = None
                return None if socket.hung else self._take(_joined(peer, "/"), packet, data)
            if not packet.attach(data):
                return None
            peer.partial = None
        else:
            if peer.partial is not None:
                raise ProtocolError("text where an attachment was due")
            announced = peer.announcements.read(data)
            if announced is not None:
                peer.partial = announced
                return None
            packet = packets.read(data)
            if packet.missing:
                peer.partial = packet
                return None
        return None if socket.hung else self._dispatch(peer, packet)

    # --- Socket.IO packets --------------------------------------------------------------------------------------------

    def _dispatch(self, peer: _Peer, packet: Packet) -> Handling | None:
        if packet.kind == packets.CONNECT:
            self._connect(peer, packet.namespace, packet.data)
            return None
        connection = _joined(peer, packet.namespace)
        if packet.kind == packets.DISCONNECT:
            connection.said_goodbye = True
            self._leave(peer, connection)
        elif packet.kind == packets.EVENT:
            return self._handle(connection, packet.data, packet.number)
        elif packet.kind != packets.ACK:
            raise ProtocolError("a packet that only a server sends")
        return None

    def _connect(self, peer: _Peer, name: str, auth: object) -> None:
        namespace = self._namespaces.get(name)
        if namespace is None:
            _send(peer.socket, packets.CONNECT_ERROR, name, {"message": "Invalid namespace"})
            return
        if name in peer.connections:
            raise ProtocolError("a CONNECT that is not the first")
        try:
            identity = namespace.authenticate({} if auth is None else auth)
        except ConnectionRefused as refusal:
            _send(peer.socket, packets.CONNECT_ERROR, name, {"message": str(refusal)})
            return
        except Exception:
            _log.exception("who joins %s could not be authenticated", name)
            _send(peer.socket, packets.CONNECT_ERROR, name, {"message": FAILED})
            return
        connection = Connection(peer.socket, name, new_id(), identity)
        _send(peer.socket, packets.CONNECT, name, {"sid": connection.id})
        peer.spare()
        self._engine.settled(peer.socket)
        peer.connections[name] = connection
        tell(namespace.connected, connection)

    def _leave(self, peer: _Peer, connection: Connection) -> None:
        del peer.connections[connection.namespace]
        peer.announcements = Announcements()  # whoever takes what it has announced does so for this connection
        tell(self._namespaces[connection.namespace].disconnected, connection)

    def _take(self, connection: Connection, announced: Announced, attachment: bytes) -> Handling | None:
        event = announced.event
        taker = event.taker
        if taker is None:
            taker = event.taker = self._taker(connection, event)
        if taker(attachment, announced.number):
            return None
        return self._handle(connection, event.complete(attachment), announced.number)

    def _taker(self, connection: Connection, event: Known) -> Taker:
        name, *arguments = event.arguments
        prepare = self._namespaces[connection.namespace].prepared.get(name) if isinstance(name, str) else None
        return (prepare and prepare(connection, *arguments)) or _leave_it

    def _handle(self, connection: Connection, data: object, number: int | None) -> Handling | None:
        name = data[0] if isinstance(data, list) else None
        handler = self._namespaces[connection.namespace].events.get(name) if isinstance(name, str) else None
        if handler is None or not isinstance(data, list):
            return None
        return _carry_out(handler, connection, data, number)


async def _carry_out(handler: Handler, connection: Connection, data: list[object], number: int | None) -> None:
    connection.ack_wanted = number is not None
    try:
        answer = await handler(connection, *data[1:])
        if number is not None and answer is not None:
            _acknowledge(connection, number, answer)
    except Exception:
        _log.exception("the handler of %r failed", data[0])


def _leave_it(attachment: bytes, number: int | None) -> bool:
    """Leave an event to its handler."""
    return False


def _acknowledge(connection: Connection, number: int, answer: object) -> None:
    if isinstance(answer, PreparedAck):
        connection.acknowledge_prepared(number, answer)
    elif callable(answer):
        answer(partial(connection.acknowledge, number))
    elif isinstance(answer, tuple):
        connection.acknowledge(number, *answer)
    else:
        connection.acknowledge(number, answer)


def _joined(peer: _Peer, namespace: str) -> Connection:
    """Return a peer's connection of a namespace. Raises ProtocolError for a peer that has not joined it."""
    connection = peer.connections.get(namespace)
    if connection is None:
        raise ProtocolError(f"a packet for namespace {namespace[:64]} before its CONNECT")
    return connection


def _reap(peer: _Peer) -> None:
    spawn(peer.socket.close())


def _send(socket: EngineSocket, kind: int, namespace: str, data: object, number: int | None = None) -> None:
    for message in packets.write(kind, namespace, number, data):
        socket.send(message)
