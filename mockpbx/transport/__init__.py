"""A strict Socket.IO server (protocol 5 on Engine.IO 4) that behaves on the wire as the JavaScript one does.

Usable by itself: it knows namespaces, connections and events, and nothing of calls. Engine.IO's handshake and polling
come from python-engineio, the packet codec from python-socketio; the order of things, the websocket and the fast path
for frames are its own.
"""

from mockpbx.transport.prepared import PreparedEvent
from mockpbx.transport.server import Connection, ConnectionRefused, Namespace, SocketServer

__all__ = ["Connection", "ConnectionRefused", "Namespace", "PreparedEvent", "SocketServer"]
