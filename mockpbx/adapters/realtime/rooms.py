"""Who hears what: the sockets of a workspace, and the rooms of its calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from mockpbx.contract.channels import EVENT_OF
from mockpbx.contract.errors import LimitReached
from mockpbx.contract.messages import CalleeAudio, Message
from mockpbx.media.framing import FRAME_BYTES
from mockpbx.runtime.passed import AUDIO
from mockpbx.runtime.traffic import Traffic
from mockpbx.runtime.workspace import Workspace
from mockpbx.transport import Connection, PreparedEvent

if TYPE_CHECKING:  # what only mutants need is loaded for one
    from mockpbx.runtime.mutants import Mutation, Payload


class Room:
    """The sockets that joined one call, the call's `audio` event, prepared, and how often it was sent."""

    def __init__(self, session_id: str, traffic: Traffic) -> None:
        self.members: dict[str, Connection] = {}
        payload = CalleeAudio(session_id=session_id, audio_data=bytes(FRAME_BYTES)).model_dump(by_alias=True)
        self._audio = PreparedEvent(AUDIO, payload, "audioData", FRAME_BYTES)
        self.run = traffic.open_room(session_id, payload, FRAME_BYTES)

    def emit_frame(self, frame: bytes) -> None:
        """Send 20 ms of the callee's sound to every member."""
        if self.members:  # a frame that a fault held back may come when all have gone
            self.run.count += 1
            for connection in self.members.values():
                connection.emit_prepared(self._audio, frame)

    def emit_otherwise(self, payload: Payload) -> None:
        """Send sound as a mutant has it to every member."""
        if self.members:
            data = payload.get("audioData")
            size = len(data) if isinstance(data, bytes) else 0
            self.run.add(payload, size, payload.get("audioFormat"))
            for connection in self.members.values():
                connection.emit(AUDIO, payload)


class Audience:
    """The sockets of one workspace and the rooms of its calls.

    What leaves passes the server's `mutation`, if it has one, and then the workspace's faults.
    """

    def __init__(self, workspace: Workspace, most_rooms: int, mutation: Mutation | None = None) -> None:
        self._mutation = mutation
        self._most_rooms = most_rooms
        self._joined: Counter[str] = Counter()  # rooms by the socket that is in them
        self._traffic = workspace.traffic
        self._faults = workspace.faults
        self._faults.attach(workspace, self)
        self.sockets: dict[str, Connection] = {}
        #: Counts what passes between the clients and the service, frames apart.
        self.activity = 0
        #: Records whose commit the `cdr` event waits for: time must not pass them either.
        self.unsent: set[asyncio.Task[None]] = set()
        self._rooms: dict[str, Room] = {}
        self._deserted: set[str] = set()  # sessions whose rooms have emptied since a client connected last
        self._unanswered: dict[str, asyncio.Future[None]] = {}  # pings by client that were waited for in vain

    @property
    def connected(self) -> bool:
        """Whether there is any socket at all."""
        return bool(self.sockets)

    @property
    def waiting(self) -> int:
        """The most bytes that wait for any one client to read them."""
        return max((connection.waiting for connection in self.sockets.values()), default=0)

    def hold(self) -> None:
        """Keep what is sent to the clients from here on, until `release`."""
        for connection in self.sockets.values():
            connection.hold()

    def release(self) -> None:
        """Let what was held leave."""
        for connection in self.sockets.values():
            connection.release()

    async def ping(self, seconds: float) -> None:
        """Return when every client has answered a ping sent now, or left; what they sent before is handled then.

        A client that leaves a ping unanswered for so many seconds of wall time is not waited for until it answers.
        """
        if self.unsent:
            await asyncio.wait(self.unsent, timeout=seconds)
        silent = {n: answer for n, answer in self._unanswered.items() if n in self.sockets and not answer.done()}
        self._unanswered = silent
        pings = {name: connection.ping() for name, connection in self.sockets.items() if name not in silent}
        if pings:
            await asyncio.wait(pings.values(), timeout=seconds)
            self._unanswered |= {name: answer for name, answer in pings.items() if not answer.done()}

    def present(self, session_id: str | None) -> list[Connection]:
        """Return the sockets in a call's room; all of the workspace where no call is named."""
        if session_id is None:
            return list(self.sockets.values())
        room = self._rooms.get(session_id)
        return [] if room is None else list(room.members.values())

    def enter(self, session_id: str, client: str) -> None:
        """Put a socket into a call's room; it may have gone in the meantime."""
        connection = self.sockets.get(client)
        if connection is None:
            return
        if session_id not in self._rooms:
            self._rooms[session_id] = Room(session_id, self._traffic)
        self._joined[client] += client not in self._rooms[session_id].members
        self._rooms[session_id].members[client] = connection

    def check_room(self, session_id: str, client: str) -> None:
        """Raise LimitReached for a socket that is in as many rooms as it may be, and not in this one."""
        room = self._rooms.get(session_id)
        if self._joined[client] >= self._most_rooms and (room is None or client not in room.members):
            raise LimitReached("Another room of this socket", self._most_rooms, "most_rooms")

    def close_room(self, session_id: str) -> None:
        """Forget a call's room."""
        room = self._rooms.pop(session_id, None)
        if room is not None:
            self._joined.subtract(room.members.keys())
        self._deserted.discard(session_id)
        self._traffic.close_room(session_id)

    def remove(self, client: str) -> list[str]:
        """Forget a socket. Returns the sessions whose rooms are empty because of that."""
        self.sockets.pop(client, None)
        self._joined.pop(client, None)
        left = [name for name, room in self._rooms.items() if room.members.pop(client, None) and not room.members]
        self._deserted.update(left)
        for session_id in left:
            self._traffic.end_runs(session_id)
        return left

    def deserted(self) -> list[str]:
        """Return the sessions whose rooms have emptied, and still are, since this was asked last."""
        empty = [name for name in self._deserted if not self._rooms[name].members]
        self._deserted.clear()
        return empty

    def tell_all(self, message: Message) -> None:
        """Emit to every socket of the workspace."""
        self._emit(self._hearers(message, self.sockets.values()), message)

    def tell_one(self, client: str, message: Message) -> None:
        """Emit to one socket, if it is still there."""
        connection = self.sockets.get(client)
        if connection is not None:
            self._emit([connection], message)

    def tell_room(self, session_id: str, message: Message) -> None:
        """Emit to the members of a call's room."""
        room = self._rooms.get(session_id)
        if room is not None:
            self._emit(self._hearers(message, room.members.values()), message)

    def emit_frame(self, session_id: str, frame: bytes) -> None:
        """Send 20 ms of a call's sound to its room."""
        room = self._rooms.get(session_id)
        if room is None or not room.members:
            return
        send = room.emit_frame if self._mutation is None else partial(self._emit_otherwise, room, session_id)
        if self._faults.quiet:
            send(frame)
        else:
            self._faults.frame(session_id, partial(send, frame))

    def _emit_otherwise(self, room: Room, session_id: str, frame: bytes) -> None:
        """Send 20 ms of sound as the mutant does."""
        assert self._mutation is not None
        payload = CalleeAudio(session_id=session_id, audio_data=frame).model_dump(by_alias=True)
        for event, changed in self._mutation.events(AUDIO, payload):
            if event == AUDIO:
                room.emit_otherwise(changed)
            else:
                self._deliver(room.members.values(), session_id, event, changed)

    def _hearers(self, message: Message, members: Collection[Connection]) -> Collection[Connection]:
        if self._mutation is None:
            return members
        return self._mutation.hearers(EVENT_OF[type(message)], members, self.sockets.values())

    def _emit(self, connections: Collection[Connection], message: Message) -> None:
        if not connections:
            return
        event, payload = EVENT_OF[type(message)], message.wire()
        session_id: str | None = payload.get("sessionId")
        if self._mutation is None:
            self._leave(connections, session_id, event, payload)
            return
        for name, changed in self._mutation.events(event, payload):
            self._leave(connections, session_id, name, changed)

    def _leave(self, connections: Collection[Connection], session_id: str | None, event: str, payload: Payload) -> None:
        if self._faults.quiet:
            self._send(connections, session_id, event, payload)
        else:
            send = partial(self._send, connections, session_id, event, payload)
            self._faults.event(payload.get("sessionId"), event, send)

    def _send(self, connections: Collection[Connection], session_id: str | None, event: str, payload: Payload) -> None:
        """Send to those who are there when it leaves."""
        self.activity += 1
        self._deliver(connections, session_id, event, payload)

    def _deliver(
        self, connections: Collection[Connection], session_id: str | None, event: str, payload: Payload
    ) -> None:
        there = [connection for connection in connections if connection.id in self.sockets]
        if there:
            client = there[0].id if len(there) == 1 else None
            self._traffic.event("out", event, payload, call=session_id, client=client, clients=len(there))
        for connection in there:
            connection.emit(event, payload)
