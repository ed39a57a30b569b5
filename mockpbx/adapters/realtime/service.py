"""Projects the journals onto sockets, and sockets onto workspaces."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mockpbx.adapters.realtime.handlers import event_handlers
from mockpbx.adapters.realtime.rooms import Audience
from mockpbx.adapters.realtime.stream import prepare_audio
from mockpbx.contract.errors import LimitReached, PBXError
from mockpbx.contract.messages import CalleeAudio, Message, NewSession
from mockpbx.domain import events as e
from mockpbx.domain.record import CallRecord
from mockpbx.runtime.entries import ClientCutOff, ClientReturned, RecordLost
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.passed import AUDIO
from mockpbx.runtime.records import RecordStore
from mockpbx.runtime.settings import ServerSettings
from mockpbx.runtime.switchboard import Switchboard
from mockpbx.runtime.workspace import Workspace
from mockpbx.transport import Connection, ConnectionRefused, Namespace
from mockpbx.wire import cdr_event, message_of

if TYPE_CHECKING:  # what only mutants need is loaded for one
    from mockpbx.runtime.mutants import Mutation

#: What there is to say of a client that has not disconnected by itself.
LOST = "The connection was lost: the client did not say goodbye"


class RealtimeService:
    """The contract's namespace `/`. The `cdr` event of a call waits here for its row's commit.

    With a `mutation` it breaks the contract on purpose.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        store: RecordStore,
        settings: ServerSettings,
        mutation: Mutation | None = None,
    ) -> None:
        self._switchboard = switchboard
        self._store = store
        self._settings = settings
        self._mutation = mutation
        self._pending: set[asyncio.Task[None]] = set()

    def namespace(self) -> Namespace:
        """Return the namespace to serve."""
        prepared = {AUDIO: prepare_audio} if self._mutation is None else {}
        handlers = event_handlers(self._mutation)
        return Namespace(self._authenticate, self._connected, self._disconnected, handlers, prepared)

    def watch(self, workspace: Workspace) -> None:
        """Project a workspace from here on."""
        workspace.clients = audience = Audience(workspace, self._settings.most_rooms, self._mutation)
        workspace.journal.subscribe(partial(self._project, workspace, audience))

    async def drain(self) -> None:
        """Wait until every record that was issued is committed and its event sent."""
        while self._pending:
            # Tasks that are done already take no turn of the loop, in which they would let go of themselves.
            done, _ = await asyncio.wait(self._pending)
            self._pending -= done

    # --- sockets ------------------------------------------------------------------------------------------------------

    def _authenticate(self, auth: object) -> Workspace:
        try:
            workspace = self._switchboard.for_socket(auth)
        except PBXError as refusal:
            workspaces = (
                [] if self._mutation is None or self._mutation.holds("socket", refusal) else list(self._switchboard)
            )
            if not workspaces:
                raise ConnectionRefused(str(refusal)) from None
            workspace = workspaces[-1]
        if not workspace.faults.quiet and (message := workspace.faults.connection()) is not None:
            workspace.traffic.event("in", "connect", reply={"message": message}, error=message)
            raise ConnectionRefused(message)
        most = self._settings.most_sockets
        if len(_audience(workspace).sockets) >= most:
            sentence = str(LimitReached("Another socket of this workspace", most, "most_sockets"))
            workspace.traffic.event("in", "connect", reply={"message": sentence}, error=sentence)
            raise ConnectionRefused(sentence)
        return workspace

    def _connected(self, connection: Connection) -> None:
        workspace: Workspace = connection.identity
        audience = _audience(workspace)
        audience.sockets[connection.id] = connection
        workspace.traffic.event("in", "connect", client=connection.id)
        workspace.pace()
        for session_id in audience.deserted():
            if workspace.line(session_id) is not None:
                workspace.note(session_id, ClientReturned(connection.id))
        # The document's own example places its call without waiting for its socket, which may come second.
        for call in workspace.undialled():
            audience.tell_one(connection.id, NewSession(session_id=call.session_id, type=call.direction))

    def _disconnected(self, connection: Connection) -> None:
        workspace: Workspace = connection.identity
        goodbye = connection.said_goodbye
        if connection.cut_off is not None:
            workspace.note(None, ClientCutOff(connection.id, connection.cut_off))
        workspace.traffic.event(
            "in",
            "disconnect",
            {"goodbye": goodbye},
            client=connection.id,
            error=None if goodbye else _how_lost(connection),
        )
        left = _audience(workspace).remove(connection.id)
        workspace.pace()
        for session_id in left:
            workspace.leave(session_id, goodbye=goodbye)

    # --- the journal --------------------------------------------------------------------------------------------------

    def _project(self, workspace: Workspace, audience: Audience, entry: Entry) -> None:
        workspace.faults.read(entry)
        if isinstance(entry.event, e.RecordIssued):
            self._issue(workspace, audience, entry.event.record, entry.at)
            return
        message = message_of(entry)
        if self._mutation is not None:
            for delay, told in self._mutation.messages(entry, message):
                if delay:
                    workspace.later(delay, partial(_tell, audience, entry, told))
                else:
                    _tell(audience, entry, told)
        elif message is not None:
            _tell(audience, entry, message)

    def _issue(self, workspace: Workspace, audience: Audience, record: CallRecord, at: int) -> None:
        skew = 0 if workspace.faults.quiet else workspace.faults.record(record.session_id)
        record = _skewed(record, skew) if skew else record
        task = asyncio.ensure_future(self._publish(workspace, audience, record, at + skew))
        audience.activity += 1
        for waiting in (self._pending, audience.unsent):
            waiting.add(task)
            task.add_done_callback(waiting.discard)

    async def _publish(self, workspace: Workspace, audience: Audience, record: CallRecord, at: int) -> None:
        try:
            await self._store.issue(workspace.key, record, at)
        except Exception as error:  # whatever it is, the call's room is to be closed
            workspace.note(record.session_id, RecordLost(str(error) or type(error).__name__))
        else:
            audience.tell_room(record.session_id, cdr_event(record, workspace.settings.cause_text))
        finally:
            audience.close_room(record.session_id)
            workspace.faults.forget(record.session_id)


def _audience(workspace: Workspace) -> Audience:
    assert isinstance(workspace.clients, Audience), "every workspace that is opened is watched"
    return workspace.clients


def _how_lost(connection: Connection) -> str:
    return (
        LOST if connection.cut_off is None else f"The client was cut off, since it did not read: {connection.cut_off}"
    )


def _tell(audience: Audience, entry: Entry, message: Message) -> None:
    """Tell a fact to those whom it concerns."""
    match entry.event:
        case e.SessionAnnounced():
            audience.tell_all(message)
        case e.JoinRefused(client):
            audience.tell_one(client, message)
        case e.RoomJoined(client):
            audience.enter(entry.session_id or "", client)
            audience.tell_one(client, message)
        case _ if isinstance(message, CalleeAudio):  # a mutant's
            audience.emit_frame(message.session_id, message.audio_data)
        case _:
            audience.tell_room(entry.session_id or "", message)


def _skewed(record: CallRecord, ms: int) -> CallRecord:
    """Return a record as a clock that is `ms` ahead writes it."""
    answered_at = None if record.answered_at is None else record.answered_at + ms
    return replace(record, started_at=record.started_at + ms, answered_at=answered_at, ended_at=record.ended_at + ms)
