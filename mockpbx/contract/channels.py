"""The table of Socket.IO events: it registers the handlers and types what leaves."""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.contract import messages as m


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event from the server to the client."""

    event: str
    payload: type[m.Message]


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event from the client to the server. Only `audio` is ever acknowledged."""

    event: str
    payload: type[m.Message]
    ack: type[m.Message] | None = None


#: Section "Server to Client Events"; `exception` is NestJS's own and not in the document.
OUTGOING = (
    Outgoing("newSession", m.NewSession),
    Outgoing("roomJoined", m.RoomJoined),
    Outgoing("dialStatus", m.DialStatusChange),
    Outgoing("dtmf", m.DigitPressed),
    Outgoing("audio", m.CalleeAudio),
    Outgoing("checkPoint", m.CheckPointReached),
    Outgoing("hangup", m.CallEnded),
    Outgoing("cdr", m.CdrEvent),
    Outgoing("exception", m.Refusal),
)

#: Section "Client to Server Events".
INCOMING = (
    Incoming("joinRoom", m.JoinRoom),
    Incoming("audio", m.ClientAudio, ack=m.AudioAck),
    Incoming("checkPoint", m.CheckPoint),
    Incoming("dtmf", m.PressDigit),
    Incoming("interruption", m.Interruption),
    Incoming("hangup", m.HangUp),
)

#: The event name of each outgoing payload.
EVENT_OF = {channel.payload: channel.event for channel in OUTGOING}
