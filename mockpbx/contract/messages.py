"""Every body and payload of the contract, one model each. Python names in snake_case, the wire's in camelCase.

Unknown fields are ignored on input, as the service does. Values are strict: a number is never taken for a string.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictStr, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

from mockpbx.contract.vocabulary import (
    DTMF_DEFAULT_MS,
    DTMF_DIGITS,
    DTMF_MAX_MS,
    HANGUP_CAUSES,
    LONGEST_NAME,
    PHONE_NUMBER_PATTERN,
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
    # Not strftime, which would be most of what a page of records costs.
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


#: A moment as the service writes it: ISO 8601, UTC, milliseconds, `Z`.
Moment = Annotated[
    datetime,
    PlainSerializer(_iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}),
]
SessionId = Annotated[StrictStr, Field(description="Unique identifier of the call session")]
Count = Annotated[int, Field(json_schema_extra={"minimum": 0})]
#: Binary in the sense of Socket.IO: a Buffer, which travels as an attachment of its packet.
BUFFER = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}


# --- REST ------------------------------------------------------------------------------------------------------------


class PlaceCallRequest(Message):
    """Whom to call."""

    # The number's pattern is a switch, so the handler holds it.
    phone_number: Annotated[
        StrictStr,
        Field(
            description="Target phone number to call: 8 to 15 digits, a plus may lead",
            json_schema_extra={"pattern": PHONE_NUMBER_PATTERN},
        ),
    ]


class PlacedCall(Message):
    """The call that was placed."""

    phone_number: Annotated[str, Field(description="The dialed phone number")]
    session_id: SessionId


class HangUpRequest(Message):
    """Which call to end."""

    session_id: Annotated[StrictStr, Field(description="Session ID from the outgoing call response")]


class TerminatedCall(Message):
    """The call that was ended."""

    session_id: Annotated[str, Field(description="Terminated session identifier")]


class CdrEvent(Message):
    """A call's record, told when the call has ended."""

    session_id: SessionId
    destination: Annotated[str, Field(description="Destination number or party being called")]
    start_time: Annotated[Moment, Field(description="When the call was initiated")]
    answer_time: Annotated[Moment | None, Field(description="When the call was answered, null if it was not")]
    end_time: Annotated[Moment, Field(description="When the call ended")]
    duration: Annotated[Count, Field(description="Total call duration in seconds, from start to end")]
    billable_seconds: Annotated[
        Count, Field(description="Billable seconds: from the answer to the end, 0 if it was not answered")
    ]
    disposition: Annotated[Disposition, Field(description="Final state of the call")]
    hangup_by: Annotated[Party | None, Field(description="Which party ended the call, null if neither did")]
    hangup_cause_code: Annotated[
        int,
        Field(
            description="Why the call ended: a code of the table of causes",
            json_schema_extra={"enum": [*HANGUP_CAUSES]},
        ),
    ]
    hangup_cause_text: Annotated[str, Field(description="The text of that cause", json_schema_extra={"minLength": 1})]


class CallDetailRecord(CdrEvent):
    """A call's record as it is kept: the `cdr` event and two more fields."""

    created_at: Annotated[Moment, Field(description="Record creation time")]
    updated_at: Annotated[Moment, Field(description="Last update time of the record")]


class PageMeta(Message):
    """Where a page stands among all records. The last three members are there only where the request used them."""

    items_per_page: Annotated[Count, Field(description="The limit that was used")]
    total_items: Annotated[Count, Field(description="Records that match, on all pages")]
    current_page: Annotated[int, Field(description="The page that was asked for", json_schema_extra={"minimum": 1})]
    total_pages: Annotated[Count, Field(description="Pages there are")]
    sort_by: Annotated[list[tuple[str, str]], Field(description="Pairs of a field and `ASC` or `DESC`")]
    search: Annotated[str | SkipJsonSchema[None], Field(description="The search that was asked for")] = None
    search_by: Annotated[list[str] | SkipJsonSchema[None], Field(description="Fields that were searched")] = None
    filter: Annotated[
        dict[str, str | list[str]] | SkipJsonSchema[None],
        Field(description="The filters that were asked for, by field; a list where one was given more than once"),
    ] = None

    def wire(self) -> dict[str, Any]:
        """Return the object without the members that were not used."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


# --- Socket.IO, server to client -------------------------------------------------------------------------------------


class NewSession(Message):
    """A call session exists."""

    session_id: SessionId
    type: Annotated[Direction, Field(description="Type of call")]


class RoomJoined(Message):
    """Whether the client has joined the room of a call."""

    session_id: Annotated[
        str | None, Field(description="The session that was named, null where the request named none")
    ]
    status: Annotated[JoinStatus, Field(description="Whether the client successfully joined the room")]


class DialStatusChange(Message):
    """How far a call has come."""

    session_id: SessionId
    status: Annotated[DialStatus, Field(description="The current status of the call")]


class DigitPressed(Message):
    """A key that was pressed at the other end."""

    session_id: SessionId
    digit: Annotated[
        str,
        Field(
            description="The DTMF digit received: 0-9, `*`, `#`, A-D in capitals",
            json_schema_extra={"pattern": "^[0-9*#A-D]$"},
        ),
    ]


class CalleeAudio(Message):
    """20 ms of what the other end says: 320 bytes, 160 samples, 16-bit little-endian, 8 kHz, mono."""

    # What is always sent is required, though the model has a default for it.
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    session_id: SessionId
    audio_data: Annotated[
        bytes, WithJsonSchema(BUFFER), Field(description="320 bytes of 16-bit linear PCM, a binary attachment")
    ]
    audio_format: Annotated[Literal["pcm16"], Field(description="Type of audio")] = "pcm16"


class CheckPointReached(Message):
    """What was queued before the checkpoint has been played."""

    session_id: SessionId
    name: Annotated[str, Field(description="The name of the checkpoint that has completed")]


class CallEnded(Message):
    """The call is over."""

    session_id: SessionId


class Refusal(Message):
    """Why an event of this client was refused."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    status: Literal["error"] = "error"
    message: Annotated[str, Field(description="One sentence that says what was wrong")]


# --- Socket.IO, client to server -------------------------------------------------------------------------------------


def _tone_length(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= DTMF_MAX_MS:
        raise ValueError(f"expected a number of milliseconds from 1 to {DTMF_MAX_MS}")
    return value


def _digit(value: object) -> object:
    if not isinstance(value, str) or len(value) != 1 or value.upper() not in DTMF_DIGITS:
        raise ValueError("expected one of 0-9, *, #, A-D")
    return value


_FORMATS = frozenset(AudioFormat)


def _known_format(value: object) -> object:
    if not isinstance(value, str) or value not in _FORMATS:
        raise ValueError(f"expected one of {', '.join(AudioFormat)}")
    return value


def _binary(value: object) -> object:
    if not isinstance(value, bytes):
        raise ValueError("expected binary data (a Buffer, not text or a list)")
    if not value:
        raise ValueError("expected at least one sample of audio, but it is empty")
    return value


class JoinRoom(Message):
    """Which call's events to receive."""

    session_id: SessionId


class ClientAudio(Message):
    """Sound for the other end to hear: any length of whole samples, any pace."""

    session_id: SessionId
    audio_data: Annotated[
        bytes,
        BeforeValidator(_binary),
        WithJsonSchema(BUFFER | {"minLength": 1}),
        Field(description="The sound in that format, a Buffer (a binary attachment), not empty"),
    ]
    audio_format: Annotated[
        AudioFormat,
        BeforeValidator(_known_format),
        Field(description="Format of the audio data; all but MP3 are 8 kHz mono"),
    ]


class AudioAck(Message):
    """Whether the sound was taken."""

    success: Annotated[bool, Field(description="Whether the audio was successfully processed")]
    error: Annotated[str | None, Field(description="One sentence that says what was wrong, null on success")]


class CheckPoint(Message):
    """Ask to be told when what is queued now has been played."""

    session_id: SessionId
    name: Annotated[
        StrictStr,
        Field(max_length=LONGEST_NAME, description="A descriptive label, told when it is reached"),
        WithJsonSchema({"type": "string"}),  # the contract knows no longest name
    ]


class PressDigit(Message):
    """Play a DTMF tone to the other end."""

    session_id: SessionId
    digit: Annotated[
        str,
        BeforeValidator(_digit),
        Field(
            description="The DTMF digit to be sent: 0-9, `*`, `#`, A-D in either case",
            json_schema_extra={"pattern": "^[0-9*#A-Da-d]$"},
        ),
    ]
    duration: Annotated[
        float,
        BeforeValidator(_tone_length),
        Field(
            description="The length of the tone in milliseconds, commonly 100 to 500",
            json_schema_extra={"minimum": 1, "maximum": DTMF_MAX_MS},
        ),
    ] = DTMF_DEFAULT_MS


class Interruption(Message):
    """Which call's playback to stop, its queue with it."""

    session_id: SessionId


class HangUp(Message):
    """Which call to terminate."""

    session_id: SessionId
