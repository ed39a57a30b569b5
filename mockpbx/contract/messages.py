"""Every body and payload of the contract, one model each. Python names in snake_case, the wire's in camelCase.

Unknown fields are ignored on input, as the service does. Values are strict: a number is never taken for a string.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictStr
from pydantic.alias_generators import to_camel

from mockpbx.contract.vocabulary import (
    DTMF_DEFAULT_MS,
    DTMF_DIGITS,
    DTMF_MAX_MS,
    LONGEST_NAME,
    AudioFormat,
    DialStatus,
    Direction,
    Disposition,
    JoinStatus,
    Party,
)


class Message(BaseModel):
    """Base of all messages."""

    # defer_build: the models are built at their first use, which halves their share of the start-up.
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, defer_build=True, extra="ignore", frozen=True
    )

    def wire(self) -> dict[str, Any]:
        """Return the JSON-ready object with the contract's field names."""
        return self.model_dump(mode="json", by_alias=True)


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


#: A moment as the service writes it: ISO 8601, UTC, milliseconds, `Z`.
Moment = Annotated[datetime, PlainSerializer(_iso, return_type=str)]
SessionId = Annotated[StrictStr, Field(description="Unique session identifier")]


# --- REST ------------------------------------------------------------------------------------------------------------


class PlaceCallRequest(Message):
    """Body of `POST /pbx/call`. The number's pattern is a switch, so the handler holds it."""

    phone_number: StrictStr


class PlacedCall(Message):
    """`data` of the reply to `POST /pbx/call`."""

    phone_number: str
    session_id: str


class HangUpRequest(Message):
    """Body of `POST /pbx/hangup`."""

    session_id: SessionId


class TerminatedCall(Message):
    """`data` of the reply to `POST /pbx/hangup`."""

    session_id: str


class CdrEvent(Message):
    """Server to client `cdr`, section "cdr field"."""

    session_id: str
    destination: str
    start_time: Moment
    answer_time: Moment | None
    end_time: Moment
    duration: int
    billable_seconds: int
    disposition: Disposition
    hangup_by: Party | None
    hangup_cause_code: int
    hangup_cause_text: str


class CallDetailRecord(CdrEvent):
    """A row of `GET /cdr` and the `data` of `GET /cdr/{sessionId}`: the event and two more fields."""

    created_at: Moment
    updated_at: Moment


class PageMeta(Message):
    """`meta` of `GET /cdr`, the dialect of nestjs-paginate. The last three appear only where used."""

    items_per_page: int
    total_items: int
    current_page: int
    total_pages: int
    sort_by: list[tuple[str, str]]
    search: str | None = None
    search_by: list[str] | None = None
    filter: dict[str, str | list[str]] | None = None

    def wire(self) -> dict[str, Any]:
        """Return the object without the members that were not used."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


# --- Socket.IO, server to client -------------------------------------------------------------------------------------


class NewSession(Message):
    """A call session exists; sent to every socket of its token."""

    session_id: str
    type: Direction


class RoomJoined(Message):
    """The answer to `joinRoom`. The session id is null where the request named none."""

    session_id: str | None
    status: JoinStatus


class DialStatusChange(Message):
    """The life of a call until it is answered."""

    session_id: str
    status: DialStatus


class DigitPressed(Message):
    """The callee pressed a key."""

    session_id: str
    digit: str


class CalleeAudio(Message):
    """20 ms of what the callee says: 320 bytes, 160 samples, 16-bit little-endian, 8 kHz, mono."""

    session_id: str
    audio_data: bytes
    audio_format: Literal["pcm16"] = "pcm16"


class CheckPointReached(Message):
    """What was queued before the checkpoint has been played."""

    session_id: str
    name: str


class CallEnded(Message):
    """The call is over."""

    session_id: str


class Refusal(Message):
    """`exception`, as NestJS reports a handler's failure to the client that caused it."""

    status: Literal["error"] = "error"
    message: str


# --- Socket.IO, client to server -------------------------------------------------------------------------------------


def _tone_length(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= DTMF_MAX_MS:
        raise ValueError(f"expected a number of milliseconds from 1 to {DTMF_MAX_MS}")
    return value


def _digit(value: object) -> object:
    if not isinstance(value, str) or len(value) != 1 or value.upper() not in DTMF_DIGITS:
        raise ValueError("expected one of 0-9, *, #, A-D")
    return value


def _known_format(value: object) -> object:
    if value not in list(AudioFormat):
        raise ValueError(f"expected one of {', '.join(AudioFormat)}")
    return value


def _binary(value: object) -> object:
    if not isinstance(value, bytes):
        raise ValueError("expected binary data (a Buffer, not text or a list)")
    if not value:
        raise ValueError("expected at least one sample of audio, but it is empty")
    return value


class JoinRoom(Message):
    """Ask to receive a call's events."""

    session_id: SessionId


class ClientAudio(Message):
    """Sound for the callee to hear: any length of whole samples, any pace."""

    session_id: SessionId
    audio_data: Annotated[bytes, BeforeValidator(_binary)]
    audio_format: Annotated[AudioFormat, BeforeValidator(_known_format)]


class AudioAck(Message):
    """Acknowledgment of `audio`."""

    success: bool
    error: str | None


class CheckPoint(Message):
    """Ask to be told when what is queued now has been played."""

    session_id: SessionId
    name: Annotated[StrictStr, Field(max_length=LONGEST_NAME)]


class PressDigit(Message):
    """Play a DTMF tone to the callee."""

    session_id: SessionId
    digit: Annotated[str, BeforeValidator(_digit)]
    duration: Annotated[float, BeforeValidator(_tone_length)] = DTMF_DEFAULT_MS


class Interruption(Message):
    """Stop the playback and empty its queue."""

    session_id: SessionId


class HangUp(Message):
    """Terminate the call."""

    session_id: SessionId
