"""What each event of a client does. The contract's table of channels says which there must be."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from mockpbx.contract import messages as m
from mockpbx.contract.channels import INCOMING, Incoming
from mockpbx.contract.errors import AudioRefused, InvalidRequest, NoSuchSession, PBXError, ServiceFailure
from mockpbx.contract.validation import read
from mockpbx.media.codecs import BadAudio
from mockpbx.runtime.mutants import Mutation
from mockpbx.runtime.workspace import Workspace
from mockpbx.transport import Connection
from mockpbx.transport.server import Handler
from mockpbx.transport.tasks import spawn

_log = logging.getLogger(__name__)


async def join_room(workspace: Workspace, connection: Connection, payload: object) -> None:
    """`joinRoom`: always answered by `roomJoined`, a malformed request by `failed`."""
    try:
        session_id = read(m.JoinRoom, payload).session_id
    except InvalidRequest:
        workspace.refuse_join(connection.id)
    else:
        workspace.join(session_id, connection.id)


async def audio(workspace: Workspace, connection: Connection, payload: object) -> object:
    """`audio`: always acknowledged, with a sentence where it was not taken."""
    return await _take_audio(workspace, payload, partial(workspace.play, ack_wanted=connection.ack_wanted))


async def unheard_audio(workspace: Workspace, connection: Connection, payload: object) -> object:
    """`audio`, acknowledged as ever and never played: a mutant's."""
    return await _take_audio(workspace, payload, lambda *_: None)


async def _take_audio(workspace: Workspace, payload: object, play: Callable[..., None]) -> object:
    try:
        message = read(m.ClientAudio, payload)
        samples = await workspace.uplink(message.session_id).decode(message.audio_format, message.audio_data)
        play(message.session_id, samples, message.audio_format, message.audio_data)
    except (AudioRefused, NoSuchSession, InvalidRequest, BadAudio) as refusal:
        workspace.refuse_audio(*_claimed(payload), str(refusal))
        return m.AudioAck(success=False, error=str(refusal)).wire()
    return m.AudioAck(success=True, error=None).wire()


async def check_point(workspace: Workspace, connection: Connection, payload: object) -> None:
    """`checkPoint`."""
    message = read(m.CheckPoint, payload)
    workspace.mark(message.session_id, message.name)


async def dtmf(workspace: Workspace, connection: Connection, payload: object) -> None:
    """`dtmf`."""
    message = read(m.PressDigit, payload)
    workspace.press(message.session_id, message.digit, message.duration)


async def interruption(workspace: Workspace, connection: Connection, payload: object) -> None:
    """`interruption`."""
    workspace.interrupt(read(m.Interruption, payload).session_id)


async def hangup(workspace: Workspace, connection: Connection, payload: object) -> None:
    """`hangup`."""
    workspace.hang_up(read(m.HangUp, payload).session_id)


#: Characters of a session id that a refused message claims, as the journal keeps it.
LONGEST_CLAIM = 64

Action = Callable[[Workspace, Connection, object], Awaitable[object]]

_ACTIONS: dict[str, Action] = {
    "joinRoom": join_room,
    "audio": audio,
    "checkPoint": check_point,
    "dtmf": dtmf,
    "interruption": interruption,
    "hangup": hangup,
}


def event_handlers(mutation: Mutation | None = None) -> dict[str, Handler]:
    """Return the handler of every incoming channel of the contract; one too few or too many fails here."""
    assert _ACTIONS.keys() == {channel.event for channel in INCOMING}, "handlers and channels differ"
    return {channel.event: _handler(channel, _ACTIONS[channel.event], mutation) for channel in INCOMING}


def _handler(channel: Incoming, action: Action, mutation: Mutation | None) -> Handler:
    handle = _guarded(channel, action)
    if mutation is not None:
        handle = _mutated(channel, handle, mutation)
    return handle if channel.ack is None else _acknowledging(handle)


def _acknowledging(handle: Handler) -> Handler:
    """Return the handler with its acknowledgment passed through the workspace's faults."""

    async def handle_and_acknowledge(connection: Connection, *arguments: object) -> object:
        answer = await handle(connection, *arguments)
        workspace: Workspace = connection.identity
        if workspace.faults.quiet or answer is None:
            return answer
        session_id, _ = _claimed(arguments[0] if arguments else None)

        def leave(acknowledge: Callable[[object], None]) -> None:
            workspace.clients.activity += 1
            acknowledge(answer)

        return lambda acknowledge: workspace.faults.ack(session_id, partial(leave, acknowledge))

    return handle_and_acknowledge


def _mutated(channel: Incoming, handle: Handler, mutation: Mutation) -> Handler:
    """Return the handler as a mutant has it: what it carries out, when, and how it acknowledges that."""
    unheard = None if channel.ack is None else _guarded(channel, unheard_audio)

    async def handle_otherwise(connection: Connection, *arguments: object) -> object:
        workspace: Workspace = connection.identity
        workspace.clients.activity += 1
        carried_out = mutation.incoming(channel.event, arguments[0] if arguments else None)
        answer = await unheard(connection, *arguments) if unheard is not None and not carried_out else None
        for delay, payload in carried_out:
            if delay:
                workspace.later(delay, partial(_carry_out, handle, connection, payload))
            else:
                answer = await handle(connection, payload)
        return mutation.ack(answer) if isinstance(answer, dict) else answer

    return handle_otherwise


def _carry_out(handle: Handler, connection: Connection, payload: object) -> None:
    async def carry_out() -> None:
        await handle(connection, payload)

    connection.identity.clients.activity += 1
    spawn(carry_out())


def _guarded(channel: Incoming, action: Action) -> Handler:
    """Return the handler of a channel: an action whose refusals and failures reach the client in the channel's form."""

    async def handle(connection: Connection, *arguments: object) -> object:
        workspace: Workspace = connection.identity
        workspace.clients.activity += 1
        payload = arguments[0] if arguments else None
        try:
            return await action(workspace, connection, payload)
        except PBXError as refusal:
            session_id, _ = _claimed(payload)
            workspace.refuse_event(session_id, channel.event, str(refusal))
            if workspace.settings.exceptions:
                connection.emit("exception", m.Refusal(message=f"{channel.event}: {refusal}").wire())
            return None
        except Exception:
            _log.exception("the handler of %r failed", channel.event)
            return _failed(workspace, connection, channel)

    return handle


def _failed(workspace: Workspace, connection: Connection, channel: Incoming) -> object:
    """Tell a client of the service's own failure, in the form that its event is answered in."""
    if channel.ack is not None:
        return m.AudioAck(success=False, error=ServiceFailure.sentence).wire()
    if workspace.settings.exceptions:
        connection.emit("exception", m.Refusal(message=f"{channel.event}: {ServiceFailure.sentence}").wire())
    return None


def _claimed(payload: object) -> tuple[str | None, int]:
    """Return the session that a refused message claims and the size of its audio, for the journal."""
    if not isinstance(payload, dict):
        return None, 0
    session_id, data = payload.get("sessionId"), payload.get("audioData")
    claimed = session_id[:LONGEST_CLAIM] if isinstance(session_id, str) else None
    return claimed, len(data) if isinstance(data, bytes) else 0
