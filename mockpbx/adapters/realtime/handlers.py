"""What each event of a client does. The contract's table of channels says which there must be."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mockpbx.adapters.realtime.refusals import why
from mockpbx.adapters.realtime.rooms import Audience
from mockpbx.adapters.realtime.stream import TAKEN, TAKEN_PREPARED
from mockpbx.contract import messages as m
from mockpbx.contract.channels import INCOMING, Incoming
from mockpbx.contract.errors import (
    AudioRefused,
    InvalidRequest,
    LimitReached,
    NoSuchSession,
    PBXError,
    ServiceFailure,
)
from mockpbx.contract.validation import read
from mockpbx.domain.events import JoinRefused
from mockpbx.runtime.files.document import hint, shown
from mockpbx.runtime.passed import Passed
from mockpbx.runtime.workspace import Workspace
from mockpbx.transport import Connection
from mockpbx.transport.server import Handler
from mockpbx.transport.tasks import spawn

if TYPE_CHECKING:  # what only mutants need is loaded for one
    from mockpbx.runtime.mutants import Mutation

_log = logging.getLogger(__name__)


async def join_room(workspace: Workspace, connection: Connection, payload: object) -> None:
    """`joinRoom`: always answered by `roomJoined`, a malformed request by `failed`."""
    try:
        session_id = read(m.JoinRoom, payload).session_id[:LONGEST_ID]
    except InvalidRequest:
        workspace.refuse_join(connection.id)
        return
    try:
        if isinstance(workspace.clients, Audience):
            workspace.clients.check_room(session_id, connection.id)
    except LimitReached as refusal:
        workspace.refuse_event(session_id, "joinRoom", str(refusal))
        workspace.note(session_id, JoinRefused(connection.id))
    else:
        workspace.join(session_id, connection.id)


async def audio(workspace: Workspace, connection: Connection, payload: object) -> object:
    """`audio`: always acknowledged, with a sentence where it was not taken."""
    return await _take_audio(workspace, payload, partial(workspace.play, ack_wanted=connection.ack_wanted))


async def unheard_audio(workspace: Workspace, connection: Connection, payload: object) -> object:
    """`audio`, acknowledged as ever and never played: a mutant's."""
    return await _take_audio(workspace, payload, lambda *_: None)


async def _take_audio(workspace: Workspace, payload: object, play: Callable[..., object]) -> object:
    try:
        message = read(m.ClientAudio, payload)
        samples = await workspace.uplink(message.session_id).decode(message.audio_format, message.audio_data)
        play(message.session_id, samples, message.audio_format, message.audio_data)
    except (AudioRefused, NoSuchSession, InvalidRequest) as refusal:
        workspace.refuse_audio(*_claimed(payload), str(refusal), why(refusal))
        return m.AudioAck(success=False, error=str(refusal)).wire()
    return TAKEN


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


#: Characters of a session id that is asked for; no call has so long a one.
LONGEST_ID = 200
#: Characters of a session id that a refused message claims, as the journal keeps it.
LONGEST_CLAIM = 64
#: Characters of the name of an event that the contract does not have, as it is shown.
LONGEST_EVENT = 64


class Outcome(NamedTuple):
    """What came of an event: its acknowledgment, if it has one, and the sentence of its refusal."""

    ack: object = None
    error: str | None = None


Action = Callable[[Workspace, Connection, object], Awaitable[object]]
Carried = Callable[..., Awaitable[Outcome]]

_ACTIONS: dict[str, Action] = {
    "joinRoom": join_room,
    "audio": audio,
    "checkPoint": check_point,
    "dtmf": dtmf,
    "interruption": interruption,
    "hangup": hangup,
}


class EventHandlers(Mapping[str, Handler]):
    """A handler for every name of an event: one that the contract does not have is noted, and that is all."""

    def __init__(self, known: dict[str, Handler]) -> None:
        self._known = known

    def __getitem__(self, event: str) -> Handler:
        return self._known.get(event) or partial(_note_stranger, event)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def event_handlers(mutation: Mutation | None = None) -> EventHandlers:
    """Return the handler of every incoming channel of the contract; one too few or too many fails here."""
    assert _ACTIONS.keys() == {channel.event for channel in INCOMING}, "handlers and channels differ"
    return EventHandlers({channel.event: _handler(channel, _ACTIONS[channel.event], mutation) for channel in INCOMING})


def _handler(channel: Incoming, action: Action, mutation: Mutation | None) -> Handler:
    carry_out = _guarded(channel, action)
    if mutation is not None:
        carry_out = _mutated(channel, carry_out, mutation)
    return _noting(channel, carry_out) if channel.ack is None else _acknowledging(carry_out)


def _noting(channel: Incoming, carry_out: Carried) -> Handler:
    """Return the handler of an event without acknowledgment: what came, and whether it was refused, is kept."""

    async def handle(connection: Connection, *arguments: object) -> None:
        message = _note(connection, channel.event, arguments)
        message.error = (await carry_out(connection, *arguments)).error

    return handle


async def _note_stranger(event: str, connection: Connection, *arguments: object) -> None:
    message = _note(connection, event[:LONGEST_EVENT], arguments)
    known = hint(event, [channel.event for channel in INCOMING])
    message.error = f"The contract has no event {shown(event)} for clients to send{known}"


def _note(connection: Connection, event: str, arguments: tuple[object, ...]) -> Passed:
    workspace: Workspace = connection.identity
    workspace.wake()  # what was due before this came is told before it, too
    session_id, _ = _claimed(arguments[0] if arguments else None)
    said = arguments[0] if len(arguments) == 1 else arguments or None
    return workspace.traffic.event("in", event, said, call=session_id, client=connection.id)


def _acknowledging(carry_out: Carried) -> Handler:
    """Return the handler of `audio`: its acknowledgment passes the workspace's faults, and it is counted."""

    async def handle_and_acknowledge(connection: Connection, *arguments: object) -> object:
        ack, error = await carry_out(connection, *arguments)
        workspace: Workspace = connection.identity
        payload = arguments[0] if arguments else None
        session_id, size = _claimed(payload)
        audio_format = payload.get("audioFormat") if isinstance(payload, dict) else None
        run = workspace.traffic.audio(
            session_id, connection.id, payload, size=size, audio_format=audio_format, error=error
        )
        if ack is None:
            return None
        if workspace.faults.quiet:
            if connection.ack_wanted:
                run.acknowledged(ack)
            return TAKEN_PREPARED if ack is TAKEN else ack

        def leave(acknowledge: Callable[[object], None]) -> None:
            workspace.clients.activity += 1
            run.acknowledged(ack)
            acknowledge(ack)

        return lambda acknowledge: workspace.faults.ack(session_id, partial(leave, acknowledge))

    return handle_and_acknowledge


def _mutated(channel: Incoming, carry_out: Carried, mutation: Mutation) -> Carried:
    """Return what a mutant does in place of that: what it carries out, when, and how it acknowledges that."""
    unheard = None if channel.ack is None else _guarded(channel, unheard_audio)

    async def carry_out_otherwise(connection: Connection, *arguments: object) -> Outcome:
        workspace: Workspace = connection.identity
        workspace.clients.activity += 1
        wanted = mutation.incoming(channel.event, arguments[0] if arguments else None)
        outcome = await unheard(connection, *arguments) if unheard is not None and not wanted else Outcome()
        for delay, payload in wanted:
            if delay:
                workspace.later(delay, partial(_carry_out_late, carry_out, connection, payload))
            else:
                outcome = await carry_out(connection, payload)
        return outcome._replace(ack=mutation.ack(outcome.ack)) if isinstance(outcome.ack, dict) else outcome

    return carry_out_otherwise


def _carry_out_late(carry_out: Carried, connection: Connection, payload: object) -> None:
    async def late() -> None:
        await carry_out(connection, payload)

    connection.identity.clients.activity += 1
    spawn(late())


def _guarded(channel: Incoming, action: Action) -> Carried:
    """Return what carries out an action; its refusals and failures reach the client in the channel's form."""

    async def carry_out(connection: Connection, *arguments: object) -> Outcome:
        workspace: Workspace = connection.identity
        workspace.clients.activity += 1
        payload = arguments[0] if arguments else None
        try:
            ack = await action(workspace, connection, payload)
        except PBXError as refusal:
            session_id, _ = _claimed(payload)
            workspace.refuse_event(session_id, channel.event, str(refusal))
            return _refused(workspace, connection, channel, payload, str(refusal))
        except Exception:
            _log.exception("the handler of %r failed", channel.event)
            return _refused(workspace, connection, channel, payload, ServiceFailure.sentence)
        return Outcome(ack, ack["error"]) if isinstance(ack, dict) else Outcome()

    return carry_out


def _refused(
    workspace: Workspace, connection: Connection, channel: Incoming, payload: object, sentence: str
) -> Outcome:
    """Tell a client that its event was not taken, in the form that this event is answered in."""
    if channel.ack is not None:
        return Outcome(m.AudioAck(success=False, error=sentence).wire(), sentence)
    if workspace.settings.exceptions:
        told = m.Refusal(message=f"{channel.event}: {sentence}").wire()
        session_id, _ = _claimed(payload)
        connection.emit("exception", told)
        workspace.traffic.event("out", "exception", told, call=session_id, client=connection.id, clients=1)
    return Outcome(error=sentence)


def _claimed(payload: object) -> tuple[str | None, int]:
    """Return the session that a refused message claims and the size of its audio, for the journal."""
    if not isinstance(payload, dict):
        return None, 0
    session_id, data = payload.get("sessionId"), payload.get("audioData")
    claimed = session_id[:LONGEST_CLAIM] if isinstance(session_id, str) else None
    return claimed, len(data) if isinstance(data, bytes) else 0
