"""Namespaces, connections and events: the Socket.IO layer, strict as the JavaScript server's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web
from engineio import packet as eio
from socketio import packet as sio

from mockpbx.transport.engine import EngineServer, EngineSocket, ProtocolError
from mockpbx.transport.prepared import PreparedEvent
from mockpbx.transport.tasks import spawn

_log = logging.getLogger(__name__)

#: Seconds after which a session that has joined no namespace is closed (the JavaScript server's connectTimeout).
CONNECT_TIMEOUT = 45.0

#: Names that the JavaScript server keeps for itself; a client that emits one is closed.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


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
        self._send(sio.EVENT, [event, *(_plain(argument) for argument in arguments)])

    def emit_prepared(self, event: PreparedEvent, attachment: bytes) -> None:
        """Send a prepared event of the default namespace with its `attachment`."""
        wire = self._socket.wire
        if wire is not None:
            wire.write(event.websocket(attachment))
        else:
            self._socket.post(eio.Packet(eio.MESSAGE, event.text))
            self._socket.post(eio.Packet(eio.MESSAGE, attachment))

    def acknowledge(self, number: int, *arguments: object) -> None:
        """Answer the client's event `number`."""
        self._send(sio.ACK, [_plain(argument) for argument in arguments], number)

    @property
    def waiting(self) -> int:
        """Bytes that were sent and still wait in this process for the client to read them; 0 before the upgrade."""
        return 0 if self._socket.wire is None else self._socket.wire.waiting

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
        _post(self._socket, sio.Packet(kind, data=data, namespace=self.namespace, id=number))


#: Handles one event: the connection and the event's arguments. What it returns, None apart, is the acknowledgment; a
#: function is called with what sends one, for a handler that wants to choose the moment.
Handler = Callable[..., Awaitable[object]]


@dataclass(slots=True)
class Namespace:
    """What happens in one namespace.

    `authenticate` gets the CONNECT packet's payload and returns an identity, or raises ConnectionRefused. `connected`
    runs after the CONNECT packet has been sent. Events of one client are handled one after the other, in order.
    """

    authenticate: Callable[[object], Any] = lambda auth: None
    connected: Callable[[Connection], None] = lambda connection: None
    disconnected: Callable[[Connection], None] = lambda connection: None
    events: Mapping[str, Handler] = field(default_factory=dict)


@dataclass(slots=True)
class _Peer:
    """One Engine.IO session: its namespaces, and the binary packet whose attachments are still to come."""

    socket: EngineSocket
    connections: dict[str, Connection] = field(default_factory=dict)
    partial: sio.Packet | None = None


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
    ) -> None:
        self._namespaces = namespaces
        self._peers: dict[str, _Peer] = {}
        self._closed = False
        self._engine = EngineServer(
            backlog=backlog,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=max_message,
            cors_allowed_origins=[] if cors_origin is None else cors_origin,
            cors_credentials=False,
            http_compression=False,
            logger=_quiet(),
        )
        self._engine.on_message = self._on_message
        self._engine.on("connect", self._on_open)
        self._engine.on("disconnect", self._on_close)

    def attach(self, app: web.Application, path: str = "socket.io") -> None:
        """Serve at `/path/` of an aiohttp application."""
        self._engine.attach(app, path)

    async def close(self) -> None:
        """Close every session and stop the heartbeat. Harmless when closed already."""
        await asyncio.gather(*(peer.socket.close() for peer in list(self._peers.values())))
        if not self._closed:
            self._closed = True
            await self._engine.shutdown()

    # --- Engine.IO tells ----------------------------------------------------------------------------------------------

    def _on_open(self, sid: str, environ: object) -> None:
        peer = self._peers[sid] = _Peer(self._engine.sockets[sid])
        asyncio.get_running_loop().call_later(CONNECT_TIMEOUT, self._reap, peer)

    def _on_close(self, sid: str, reason: str) -> None:
        peer = self._peers.pop(sid, None)
        if peer is not None:
            for connection in list(peer.connections.values()):
                self._leave(peer, connection)

    def _reap(self, peer: _Peer) -> None:
        if not peer.connections and not peer.socket.closed:
            spawn(peer.socket.close())

    async def _on_message(self, socket: EngineSocket, data: str | bytes) -> None:
        peer = self._peers[socket.sid]
        if isinstance(data, bytes):
            packet = peer.partial
            if packet is None:
                raise ProtocolError("a binary message that no packet announced")
            if not packet.add_attachment(data):
                return
            peer.partial = None
        else:
            if peer.partial is not None or not isinstance(data, str):
                raise ProtocolError("text where an attachment was due")
            packet = sio.Packet(encoded_packet=data)
            if packet.attachment_count:
                peer.partial = packet
                return
        if not socket.hung:
            await self._dispatch(peer, packet)

    # --- Socket.IO packets --------------------------------------------------------------------------------------------

    async def _dispatch(self, peer: _Peer, packet: sio.Packet) -> None:
        namespace = packet.namespace or "/"
        connection = peer.connections.get(namespace)
        if packet.packet_type == sio.CONNECT:
            self._connect(peer, namespace, connection, packet)
        elif connection is None:
            raise ProtocolError(f"a packet for namespace {namespace} before its CONNECT")
        elif packet.packet_type == sio.DISCONNECT:
            connection.said_goodbye = True
            self._leave(peer, connection)
        elif packet.packet_type in (sio.EVENT, sio.BINARY_EVENT):
            await self._handle(connection, packet)
        elif packet.packet_type not in (sio.ACK, sio.BINARY_ACK):
            raise ProtocolError(f"unknown packet type {packet.packet_type}")

    def _connect(self, peer: _Peer, name: str, known: Connection | None, packet: sio.Packet) -> None:
        namespace = self._namespaces.get(name)
        if namespace is None:
            _post(
                peer.socket,
                sio.Packet(sio.CONNECT_ERROR, data={"message": "Invalid namespace"}, namespace=name),
            )
            return
        if known is not None or not (isinstance(packet.data, dict) or packet.data is None):
            raise ProtocolError("a CONNECT that is not the first, or whose payload is not an object")
        try:
            identity = namespace.authenticate(packet.data or {})
        except ConnectionRefused as refusal:
            _post(peer.socket, sio.Packet(sio.CONNECT_ERROR, data={"message": str(refusal)}, namespace=name))
            return
        connection = Connection(peer.socket, name, self._engine.generate_id(), identity)
        _post(peer.socket, sio.Packet(sio.CONNECT, data={"sid": connection.id}, namespace=name))
        peer.connections[name] = connection
        namespace.connected(connection)

    def _leave(self, peer: _Peer, connection: Connection) -> None:
        del peer.connections[connection.namespace]
        self._namespaces[connection.namespace].disconnected(connection)

    async def _handle(self, connection: Connection, packet: sio.Packet) -> None:
        data = packet.data
        if not isinstance(data, list) or not data or not isinstance(data[0], str) or data[0] in RESERVED:
            raise ProtocolError("an event without a name that a client may use")
        handler = self._namespaces[connection.namespace].events.get(data[0])
        if handler is None:
            return
        connection.ack_wanted = packet.id is not None
        try:
            answer = await handler(connection, *data[1:])
        except Exception:
            _log.exception("the handler of %r failed", data[0])
            return
        if packet.id is None or answer is None:
            return
        if callable(answer):
            answer(partial(connection.acknowledge, packet.id))
        else:
            connection.acknowledge(packet.id, answer)


def _quiet() -> logging.Logger:
    """Return a logger for python-engineio, which reports every client's mistake as an error of the server's."""
    logger = logging.getLogger("mockpbx.transport.engineio")
    logger.setLevel(logging.CRITICAL)
    return logger


def _post(socket: EngineSocket, packet: sio.Packet) -> None:
    encoded = packet.encode()
    for part in encoded if isinstance(encoded, list) else [encoded]:
        socket.post(eio.Packet(eio.MESSAGE, part))


def _plain(value: object) -> object:
    """Return `value` with all binary as bytes: anything else breaks the library's encoding of it."""
    match value:
        case bytearray() | memoryview():
            return bytes(value)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return value
