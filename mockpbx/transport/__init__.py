"""A strict Socket.IO server (protocol 5 on Engine.IO 4) that behaves on the wire as the JavaScript one does.

Usable by itself: `SocketServer` knows namespaces, connections and events, `EngineServer` below it knows sessions and
messages, and neither knows anything of calls. Both serve at a path of an aiohttp application.
"""

from mockpbx.transport.engine import EngineSocket
from mockpbx.transport.prepared import PreparedAck, PreparedEvent
from mockpbx.transport.requests import EngineServer
from mockpbx.transport.server import Connection, ConnectionRefused, Namespace, SocketServer

__all__ = [
    "Connection",
    "ConnectionRefused",
    "EngineServer",
    "EngineSocket",
    "Namespace",
    "PreparedAck",
    "PreparedEvent",
    "SocketServer",
]
