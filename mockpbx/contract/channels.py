"""The table of Socket.IO events: it registers the handlers, types what leaves and writes the AsyncAPI document."""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.contract import messages as m

EVERY_SOCKET = "every socket of the token that the call belongs to"
THE_ROOM = "the sockets that joined the call's room"
THE_SENDER = "the socket that sent what it answers"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event from the server to the client.

    `audience` is who gets it. `about` is the published text in short, `silent` what was measured where that says
    nothing.
    """

    event: str
    payload: type[m.Message]
    audience: str
    summary: str
    about: str
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event from the client to the server. Only `audio` is ever acknowledged; `answer` is an event that answers.

    `about` and `silent` are as those of `Outgoing`.
    """

    event: str
    payload: type[m.Message]
    summary: str
    about: str
    silent: tuple[str, ...] = ()
    ack: type[m.Message] | None = None
    answer: str | None = None


#: Section "Server to Client Events"; `exception` is NestJS's own and not in the document.
OUTGOING = (
    Outgoing(
        "newSession",
        m.NewSession,
        EVERY_SOCKET,
        summary="A call session exists",
        about="Triggered when a new call session is initiated, inbound or outbound. The client joins its room now.",
        silent=("It leaves after the reply to `POST /pbx/call`.",),
    ),
    Outgoing(
        "roomJoined",
        m.RoomJoined,
        THE_SENDER,
        summary="Whether the room was joined",
        about="Confirms whether the client has successfully joined the call's room. It answers each `joinRoom`.",
        silent=("`failed`: the session is unknown, has ended, belongs to another token, or was not named.",),
    ),
    Outgoing(
        "dialStatus",
        m.DialStatusChange,
        THE_ROOM,
        summary="How far the call has come",
        about="`Dialing`: the call is being initiated. `Ringing`: the destination is ringing. `Busy`: the destination "
        "is busy. `Connected`: the call has been answered.",
        silent=(
            "An answered call tells Dialing, Ringing, Connected. A busy one (cause 17) tells Dialing, Busy. One that "
            "gets no response, no answer or is declined (18, 19, 21) tells Dialing, Ringing. Every other failure tells "
            "Dialing. Then `hangup` follows.",
        ),
    ),
    Outgoing(
        "dtmf",
        m.DigitPressed,
        THE_ROOM,
        summary="A key was pressed at the other end",
        about="Triggered whenever a DTMF digit is received during a call session.",
        silent=("One event per press, however it arrives: announced, or in band as a tone.",),
    ),
    Outgoing(
        "audio",
        m.CalleeAudio,
        THE_ROOM,
        summary="20 ms of what the other end says",
        about="Raw audio of the call: linear PCM, 16-bit signed integers, 8 kHz, mono, little-endian, 320 bytes per "
        "frame.",
        silent=("From `Connected` to `hangup` there is one frame every 20 ms, silence included.",),
    ),
    Outgoing(
        "checkPoint",
        m.CheckPointReached,
        THE_ROOM,
        summary="A checkpoint's audio has been played",
        about="Notifies the client when a checkpoint that it submitted has finished playing its associated audio.",
        silent=(
            "It comes when the last sample that was queued before it has been played, at once where nothing was. "
            "Checkpoints come in the order in which they were sent; of several with one name each comes.",
        ),
    ),
    Outgoing(
        "hangup",
        m.CallEnded,
        THE_ROOM,
        summary="The call is over",
        about="Notifies the client that the call session has been terminated: by a user, the network, or the other "
        "end.",
        silent=("It comes once. No `audio`, `checkPoint`, `dtmf` or `dialStatus` of this call follows it.",),
    ),
    Outgoing(
        "cdr",
        m.CdrEvent,
        THE_ROOM,
        summary="The call's record",
        about="Emitted after a call session has ended, with its call detail record.",
        silent=(
            "Exactly one per call, after `hangup`. The record can be read by `GET /cdr` before this event leaves; "
            "there it has `createdAt` and `updatedAt`, too.",
        ),
    ),
    Outgoing(
        "exception",
        m.Refusal,
        THE_SENDER,
        summary="An event was refused",
        about="Not in the published text: how the service's framework (NestJS) reports that an event could not be "
        "handled.",
        silent=(
            "It answers a `checkPoint`, `dtmf`, `interruption` or `hangup` that names no live session of this token or "
            "lacks a field. The connection and the call go on. A service may leave it out.",
        ),
    ),
)

#: Section "Client to Server Events".
INCOMING = (
    Incoming(
        "joinRoom",
        m.JoinRoom,
        summary="Join a call's room",
        about="Request to join a call session room, to get its events from now on.",
        silent=(
            "Joining again, or while the call goes on, succeeds; nothing that has passed is told again.",
            "An inbound call is answered by joining it.",
        ),
        answer="roomJoined",
    ),
    Incoming(
        "audio",
        m.ClientAudio,
        summary="Send sound to the other end",
        about="Raw or encoded audio for the call in real time. 2560 bytes of pcm16 (160 ms) per message are "
        "recommended.",
        silent=(
            "Any length of whole samples is taken, at any pace, and queued behind what is queued already.",
            "MP3 is one stream per call: its frames may be split across messages, and a new file may begin with any "
            "message.",
            "Each message is acknowledged. `success` is false, and `error` a sentence, for a call that is not "
            "`Connected` yet or has ended, an unknown session, an unknown format, empty or non-binary data, half a "
            "sample, or a full queue. The call goes on.",
        ),
        ack=m.AudioAck,
    ),
    Incoming(
        "checkPoint",
        m.CheckPoint,
        summary="Mark a moment of the playback",
        about="Sent right behind the `audio` that it marks. The server emits `checkPoint` with that name when it has "
        "been played.",
        silent=("It is never acknowledged. It stands in the queue in the order sent, behind keyed digits, too.",),
    ),
    Incoming(
        "dtmf",
        m.PressDigit,
        summary="Press a key",
        about="Injects the DTMF tone into the media stream. Durations of 150 to 300 ms and about 50 ms between digits "
        "are recommended.",
        silent=(
            "Without a duration the tone lasts 200 ms; it may be 1 to 6000 ms.",
            "It takes part in the queue: a checkpoint behind it waits for it, and an interruption clears it.",
        ),
    ),
    Incoming(
        "interruption",
        m.Interruption,
        summary="Stop the playback",
        about="Stops any audio that is currently played and discards all that is queued.",
        silent=("Within one frame. Checkpoints that are cleared with their audio never come.",),
    ),
    Incoming(
        "hangup",
        m.HangUp,
        summary="Terminate the call",
        about="Ends the call session. The room gets `hangup`, and its record follows as `cdr`.",
        silent=("A second one does no harm: the session is unknown by then.",),
    ),
)

#: The event name of each outgoing payload.
EVENT_OF = {channel.payload: channel.event for channel in OUTGOING}
