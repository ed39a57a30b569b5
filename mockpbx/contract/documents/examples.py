"""Examples of every message: the published document's own values.

Where its samples contradict its table of causes, the table rules. Binary stands as Node prints it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from mockpbx.contract import messages as m

Example = dict[str, Any]

_PLACED = "bb4ad603-d3d9-4729-929c-7497a617cb26"
_SESSION = {"sessionId": "07475d2c-32c9-4f4b-8103-6db8c0dc741f"}
BUFFER = "<Buffer 33 29 12 94>"

_ANSWERED = _SESSION | {
    "destination": "0811234567",
    "startTime": "2025-07-23T05:17:28.000Z",
    "answerTime": "2025-07-23T05:17:34.000Z",
    "endTime": "2025-07-23T05:17:40.000Z",
    "duration": 11,
    "billableSeconds": 5,
    "disposition": "ANSWERED",
    "hangupBy": "CALLEE",
    "hangupCauseCode": 16,
    "hangupCauseText": "Call completed successfully",
}
_UNANSWERED = {
    "sessionId": "0198355b-f324-718b-95a4-625c43c654bc",
    "destination": "0811234678",
    "startTime": "2025-07-23T03:37:56.000Z",
    "answerTime": None,
    "endTime": "2025-07-23T03:38:20.000Z",
    "duration": 24,
    "billableSeconds": 0,
    "disposition": "NO ANSWER",
    "hangupBy": None,
    "hangupCauseCode": 19,
    "hangupCauseText": "Destination not answering",
    "createdAt": "2025-07-23T03:38:22.000Z",
    "updatedAt": "2025-07-23T03:38:22.000Z",
}

EXAMPLES: MappingProxyType[type[m.Message], tuple[Example, ...]] = MappingProxyType(
    {
        m.PlaceCallRequest: ({"phoneNumber": "089608675796"},),
        m.PlacedCall: ({"phoneNumber": "089608675796", "sessionId": _PLACED},),
        m.HangUpRequest: ({"sessionId": _PLACED},),
        m.TerminatedCall: ({"sessionId": _PLACED},),
        m.CallDetailRecord: (_UNANSWERED,),
        m.PageMeta: (
            {
                "itemsPerPage": 10,
                "totalItems": 1,
                "currentPage": 1,
                "totalPages": 1,
                "sortBy": [["id", "DESC"]],
                "filter": {"destination": "$contains:0812", "duration": "$gte:30"},
            },
            {"itemsPerPage": 100, "totalItems": 36, "currentPage": 1, "totalPages": 1, "sortBy": [["id", "DESC"]]},
        ),
        m.NewSession: (_SESSION | {"type": "outbound"}, _SESSION | {"type": "inbound"}),
        m.RoomJoined: (_SESSION | {"status": "success"}, _SESSION | {"status": "failed"}),
        m.DialStatusChange: tuple(
            _SESSION | {"status": status} for status in ("Dialing", "Ringing", "Busy", "Connected")
        ),
        m.DigitPressed: (_SESSION | {"digit": "1"}, _SESSION | {"digit": "#"}, _SESSION | {"digit": "A"}),
        m.CalleeAudio: (_SESSION | {"audioData": BUFFER, "audioFormat": "pcm16"},),
        m.CheckPointReached: (_SESSION | {"name": "mark audio playback"},),
        m.CallEnded: (_SESSION,),
        m.CdrEvent: (_ANSWERED,),
        m.Refusal: (
            {
                "status": "error",
                "message": "checkPoint: No live call has this sessionId: it is unknown or the call has ended",
            },
        ),
        m.JoinRoom: (_SESSION,),
        m.ClientAudio: (
            _SESSION | {"audioData": BUFFER, "audioFormat": "mp3"},
            _SESSION | {"audioData": BUFFER, "audioFormat": "pcm16"},
        ),
        m.AudioAck: ({"success": True, "error": None}, {"success": False, "error": "Call is not connected"}),
        m.CheckPoint: (_SESSION | {"name": "mark audio playback"},),
        m.PressDigit: (_SESSION | {"digit": "1", "duration": 200}, _SESSION | {"digit": "#"}),
        m.Interruption: (_SESSION,),
        m.HangUp: (_SESSION,),
    }
)
