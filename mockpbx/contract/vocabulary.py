"""The words of the contract: statuses, dispositions, parties, audio formats, hangup causes, field limits."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class DialStatus(StrEnum):
    """Values of `dialStatus.status`, section "Possible Status Values"."""

    DIALING = "Dialing"
    RINGING = "Ringing"
    BUSY = "Busy"
    CONNECTED = "Connected"


class Disposition(StrEnum):
    """Values of a call record's `disposition`, section "cdr field"."""

    ANSWERED = "ANSWERED"
    NO_ANSWER = "NO ANSWER"
    BUSY = "BUSY"
    FAILED = "FAILED"
    CANCEL = "CANCEL"


class Party(StrEnum):
    """Values of a call record's `hangupBy`."""

    CALLER = "CALLER"
    CALLEE = "CALLEE"


class Direction(StrEnum):
    """Values of `newSession.type`."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class JoinStatus(StrEnum):
    """Values of `roomJoined.status`."""

    SUCCESS = "success"
    FAILED = "failed"


class AudioFormat(StrEnum):
    """Values of `audio.audioFormat` that a client may send; the service itself sends `pcm16`."""

    MP3 = "mp3"
    ULAW = "ulaw"
    ALAW = "alaw"
    PCM16 = "pcm16"


class CauseText(NamedTuple):
    """A hangup cause's text in the contract's table, and Asterisk's raw name for the same code."""

    contract: str
    asterisk: str


#: Section "hangup cause code": all 16 codes, no other may appear in a record.
HANGUP_CAUSES = MappingProxyType(
    {
        0: CauseText("Call terminated - unknown reason", "Unknown"),
        1: CauseText("Invalid destination number", "Unallocated (unassigned) number"),
        16: CauseText("Call completed successfully", "Normal Clearing"),
        17: CauseText("Destination busy", "User busy"),
        18: CauseText("No response from destination", "No user responding"),
        19: CauseText("Destination not answering", "User alerting, no answer"),
        21: CauseText("Call declined by user", "Call Rejected"),
        27: CauseText("Service unavailable", "Destination out of order"),
        28: CauseText("Invalid number format", "Invalid number format"),
        29: CauseText("Service not supported", "Facility rejected"),
        34: CauseText("Network congestion", "Circuit/channel congestion"),
        38: CauseText("Network failure", "Network out of order"),
        44: CauseText("Resource unavailable", "Requested channel not available"),
        58: CauseText("Service not implemented", "Bearer capability not available"),
        102: CauseText("Connection timeout", "Recover on timer expiry"),
        127: CauseText("System error", "Interworking, unspecified"),
    }
)

NORMAL_CLEARING = 16
SYSTEM_ERROR = 127

#: ASCII digits only: `\d` would also take the digits of other scripts.
PHONE_NUMBER_PATTERN = r"^\+?[0-9]{8,15}$"
DTMF_DIGITS = "0123456789*#ABCD"
DTMF_DEFAULT_MS = 200
DTMF_MAX_MS = 6_000
#: Characters of a checkpoint's name: a label, not a payload.
LONGEST_NAME = 1_000
