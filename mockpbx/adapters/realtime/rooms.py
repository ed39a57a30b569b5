"""Who hears what: the sockets of a workspace, and the rooms of its calls."""

from __future__ import annotations

from collections.abc import Iterable

from mockpbx.contract.channels import EVENT_OF
from mockpbx.contract.messages import CalleeAudio, Message
from mockpbx.media.pcm import FRAME_BYTES
from mockpbx.transport import Connection, PreparedEvent


class Room:
    """The sockets that joined one call, and the call's `audio` event, prepared."""

    def __init__(self, session_id: str) -> None:
        self.members: dict[str, Connection] = {}
        payload = CalleeAudio(session_id=session_id, audio_data=b"").model_dump(by_alias=True)
        self._audio = PreparedEvent(EVENT_OF[CalleeAudio], payload, "audioData", FRAME_BYTES)

    def emit_frame(self, frame: bytes) -> None:
        """Send 20 ms of the callee's sound to every member."""
        for connection in self.members.values():
            connection.emit_prepared(self._audio, frame)


class Audience:
    """The sockets of one workspace and the rooms of its live calls."""

    def __init__(self) -> None:
        self.sockets: dict[str, Connection] = {}
        self._rooms: dict[str, Room] = {}

    def enter(self, session_id: str, client: str) -> None:
        """Put a socket into a call's room; it may have gone in the meantime."""
        connection = self.sockets.get(client)
        if connection is None:
            return
        if session_id not in self._rooms:
            self._rooms[session_id] = Room(session_id)
        self._rooms[session_id].members[client] = connection

    def close_room(self, session_id: str) -> None:
        """Forget a call's room."""
        self._rooms.pop(session_id, None)

    def remove(self, client: str) -> list[str]:
        """Forget a socket. Returns the sessions whose rooms are empty because of that."""
        self.sockets.pop(client, None)
        left = [name for name, room in self._rooms.items() if room.members.pop(client, None) and not room.members]
        for session_id in left:
            del self._rooms[session_id]
        return left

    def tell_all(self, message: Message) -> None:
        """Emit to every socket of the workspace."""
        _emit(self.sockets.values(), message)

    def tell_one(self, client: str, message: Message) -> None:
        """Emit to one socket, if it is still there."""
        connection = self.sockets.get(client)
        if connection is not None:
            _emit([connection], message)

    def tell_room(self, session_id: str, message: Message) -> None:
        """Emit to the members of a call's room."""
        room = self._rooms.get(session_id)
        if room is not None:
            _emit(room.members.values(), message)

    def emit_frame(self, session_id: str, frame: bytes) -> None:
        """Send 20 ms of a call's sound to its room."""
        room = self._rooms.get(session_id)
        if room is not None:
            room.emit_frame(frame)


def _emit(connections: Iterable[Connection], message: Message) -> None:
    event, payload = EVENT_OF[type(message)], message.wire()
    for connection in connections:
        connection.emit(event, payload)
