"""One call, seen from the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from mockpbx.client.errors import ConnectionFailed, RequestFailed, TimedOut, UnexpectedReply
from mockpbx.contract import messages as m
from mockpbx.contract.errors import InvalidRequest
from mockpbx.contract.validation import read
from mockpbx.contract.vocabulary import DTMF_DEFAULT_MS, AudioFormat, JoinStatus

RECORD_POLL = 0.25  # s between two looks for a record whose event was missed


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that does not keep the contract: its name, its payload as received, and what was wrong."""

    event: str
    payload: object
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionDropped:
    """The socket broke; what the server sent from here to ConnectionRestored is missing."""


@dataclass(frozen=True, slots=True)
class ConnectionRestored:
    """The socket is back, and the room is being joined again."""


Event = (
    m.RoomJoined
    | m.DialStatusChange
    | m.DigitPressed
    | m.CalleeAudio
    | m.CheckPointReached
    | m.CallEnded
    | m.CdrEvent
    | m.Refusal
    | Unreadable
    | ConnectionDropped
    | ConnectionRestored
)
E = TypeVar("E")


class Wires(Protocol):
    """What a call needs of its client."""

    timeout: float

    async def emit(self, event: str, message: m.Message) -> None:
        """Send an event."""

    async def request(self, event: str, message: m.Message) -> object:
        """Send an event and return what acknowledges it."""

    async def record(self, session_id: str) -> m.CallDetailRecord:
        """Return a record by REST."""


class Call:
    """A handle on one session. Its events wait in memory, in the order received, until they are read.

    Whoever reads takes: there is one stream of events, however many ask for it. What a method sends is judged by the
    server alone: a digit that does not exist goes out as it is and comes back as a Refusal.
    """

    def __init__(self, session_id: str, number: str | None, wires: Wires) -> None:
        self.session_id = session_id
        self.number = number
        self.wanted = False  # the room is to be joined, and joined again after a reconnect
        self.record: m.CdrEvent | None = None
        self._wires = wires
        self._inbox: asyncio.Queue[Event | ConnectionFailed] = asyncio.Queue()
        self._failure: ConnectionFailed | None = None
        self._over = False

    # --- receiving ----------------------------------------------------------------------------------------------------

    def events(self) -> AsyncIterator[Event]:
        """Iterate over the events, sound included. Ends after `cdr`, or after a join that failed.

        Raises ConnectionFailed when the connection is lost for good.
        """
        return _Events(self)

    async def next_event(self, *, within: float | None = None) -> Event | None:
        """Return the next event, None where the stream has ended. Raises TimedOut after `within` seconds."""
        if self._over:
            return None
        if self._failure is not None:
            raise self._failure
        try:
            async with asyncio.timeout(within):
                event = await self._inbox.get()
        except TimeoutError:
            raise TimedOut(f"nothing came from call {self.session_id} within {within:g} s") from None
        if isinstance(event, ConnectionFailed):
            self._failure = event
            raise event
        match event:
            case m.CdrEvent() | m.RoomJoined(status=JoinStatus.FAILED):
                self._over = True
        return event

    async def until(self, kind: type[E], *, within: float | None = None, **fields: object) -> E:
        """Read on to the first event of `kind` with these fields, and return it.

        `await call.until(DialStatusChange, status="Connected")`. Raises TimedOut after `within` seconds (the client's
        by default), or UnexpectedReply where the stream ends before; both name what came instead, sound apart.
        """
        seen: list[str] = []
        limit = self._wires.timeout if within is None else within
        wanted = ", ".join([kind.__name__, *(f"{name}={value!r}" for name, value in fields.items())])
        try:
            async with asyncio.timeout(limit):
                async for event in self.events():
                    if isinstance(event, kind) and all(getattr(event, name) == fields[name] for name in fields):
                        return event
                    if not isinstance(event, m.CalleeAudio):
                        seen.append(repr(event))
        except TimeoutError:
            raise TimedOut(f"no {wanted} within {limit:g} s; {_instead(seen)}") from None
        raise UnexpectedReply(f"the events ended without {wanted}; {_instead(seen)}")

    async def finished(self, *, within: float | None = None) -> m.CdrEvent:
        """Read on to the end and return the record: from its event, or by REST where that was missed."""
        limit = self._wires.timeout if within is None else within
        try:
            async with asyncio.timeout(limit):
                async for _ in self.events():
                    pass
                return self.record or await self._fetched()
        except TimedOut:
            raise
        except TimeoutError:
            raise TimedOut(f"no record of call {self.session_id} came within {limit:g} s") from None

    async def _fetched(self) -> m.CdrEvent:
        while True:
            try:
                return await self._wires.record(self.session_id)
            except RequestFailed as error:
                if error.status != 404:
                    raise
            await asyncio.sleep(RECORD_POLL)

    def take(self, event: Event | ConnectionFailed) -> None:
        """Put an event into the stream."""
        if isinstance(event, m.CdrEvent):
            self.record = event
        self._inbox.put_nowait(event)

    # --- sending ------------------------------------------------------------------------------------------------------

    async def join(self) -> None:
        """Ask to join the room. The answer, RoomJoined, is among the events."""
        self.wanted = True
        await self._wires.emit("joinRoom", m.JoinRoom.model_construct(session_id=self.session_id))

    async def send_audio(self, data: bytes, format: AudioFormat = AudioFormat.PCM16) -> m.AudioAck:
        """Send sound, any length of whole samples, and return the acknowledgment."""
        message = m.ClientAudio.model_construct(session_id=self.session_id, audio_data=data, audio_format=format)
        ack = await self._wires.request("audio", message)
        try:
            return read(m.AudioAck, ack)
        except InvalidRequest as error:
            raise UnexpectedReply(f"`audio` was acknowledged with something else: {error}") from None

    async def check_point(self, name: str) -> None:
        """Ask to be told, by CheckPointReached, when what is queued now has been played."""
        await self._wires.emit("checkPoint", m.CheckPoint.model_construct(session_id=self.session_id, name=name))

    async def press(self, digit: str, duration_ms: int = DTMF_DEFAULT_MS) -> None:
        """Press a key."""
        press = m.PressDigit.model_construct(session_id=self.session_id, digit=digit, duration=duration_ms)
        await self._wires.emit("dtmf", press)

    async def interrupt(self) -> None:
        """Stop the playback and empty its queue."""
        await self._wires.emit("interruption", m.Interruption.model_construct(session_id=self.session_id))

    async def hang_up(self) -> None:
        """Hang up, over the socket."""
        await self._wires.emit("hangup", m.HangUp.model_construct(session_id=self.session_id))


class _Events:
    """The iterator of `Call.events`; no generator, so that leaving a loop early leaves nothing to be closed."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._call.next_event()
        if event is None:
            raise StopAsyncIteration
        return event


def _instead(seen: list[str]) -> str:
    return f"instead came {', '.join(seen)}" if seen else "nothing but sound came, if that"
