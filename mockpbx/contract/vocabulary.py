"""The words of the contract: statuses, dispositions, parties, audio formats, hangup causes, field limits."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class DialStatus(StrEnum):
    """Values of `dialStatus.status`: being initiated, ringing, busy, answered."""

    DIALING = "Dialing"
    RINGING = "Ringing"
    BUSY = "Busy"
    CONNECTED = "Connected"


class Disposition(StrEnum):
    """Values of a call record's `disposition`: the final state of the call."""

    ANSWERED = "ANSWERED"
    NO_ANSWER = "NO ANSWER"
    BUSY = "BUSY"
    FAILED = "FAILED"
    CANCEL = "CANCEL"


class Party(StrEnum):
    """Values of a call record's `hangupBy`: the party that ended the call."""

    CALLER = "CALLER"
    CALLEE = "CALLEE"


class Direction(StrEnum):
    """Values of `newSession.type`: who called whom, seen from the client."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class JoinStatus(StrEnum):
    """Values of `roomJoined.status`: whether the client is in the call's room now."""

    SUCCESS = "success"
    FAILED = "failed"


class AudioFormat(StrEnum):
    """Values of `audio.audioFormat` that a client may send; the service itself sends `pcm16`."""

    MP3 = "mp3"
    ULAW = "ulaw"
    ALAW = "alaw"
    PCM16 = "pcm16"


class CauseText(NamedTuple):
    """A hangup cause's text in the contract's table, Asterisk's raw name for the same code, and what it means."""

    contract: str
    asterisk: str
    meaning: str


#: Section "hangup cause code": all 16 codes, no other may appear in a record.
HANGUP_CAUSES = MappingProxyType(
    {
        0: CauseText("Call terminated - unknown reason", "Unknown", "Cause is unknown or not configured"),
        1: CauseText(
            "Invalid destination number",
            "Unallocated (unassigned) number",
            "Called number is not allocated or invalid",
        ),
        16: CauseText("Call completed successfully", "Normal Clearing", "Call terminated (usually by remote party)"),
        17: CauseText("Destination busy", "User busy", "User is busy"),
        18: CauseText("No response from destination", "No user responding", "No response from user (not answering)"),
        19: CauseText("Destination not answering", "User alerting, no answer", "Phone is ringing but not answered"),
        21: CauseText("Call declined by user", "Call Rejected", "Call rejected by recipient"),
        27: CauseText(
            "Service unavailable",
            "Destination out of order",
            "Destination number is not working or inactive",
        ),
        28: CauseText("Invalid number format", "Invalid number format", "Wrong or incomplete number format"),
        29: CauseText("Service not supported", "Facility rejected", "Service or feature request rejected"),
        34: CauseText(
            "Network congestion",
            "Circuit/channel congestion",
            "No circuit or channel available to make the call",
        ),
        38: CauseText("Network failure", "Network out of order", "Network issues causing call failure"),
        44: CauseText(
            "Resource unavailable",
            "Requested channel not available",
            "Requested circuit or channel is not available",
        ),
        58: CauseText(
            "Service not implemented",
            "Bearer capability not available",
            "Channel type not supported by recipient",
        ),
        102: CauseText(
            "Connection timeout",
            "Recover on timer expiry",
            "Timeout while waiting for response, system performs recovery",
        ),
        127: CauseText(
            "System error",
            "Interworking, unspecified",
            "Inter-network issues without specific explanation",
        ),
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


class AudioPacket(NamedTuple):
    """A row of section "Audio Packet Timing Table": bytes of pcm16, frames of 320 bytes, how long they play."""

    size: int
    frames: int
    ms: int
    efficiency: str


AUDIO_PACKETS = (
    AudioPacket(320, 1, 20, "High overhead"),
    AudioPacket(640, 2, 40, "High overhead"),
    AudioPacket(960, 3, 60, "Medium overhead"),
    AudioPacket(1280, 4, 80, "Good balance"),
    AudioPacket(1600, 5, 100, "Good balance"),
    AudioPacket(1920, 6, 120, "Good efficiency"),
    AudioPacket(2240, 7, 140, "Good efficiency"),
    AudioPacket(2560, 8, 160, "OPTIMAL"),
    AudioPacket(2880, 9, 180, "High efficiency"),
)
#: Bytes that the contract recommends for a message of pcm16.
RECOMMENDED_PACKET = 2560
