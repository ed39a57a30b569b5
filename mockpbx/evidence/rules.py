"""Every rule that a call is held against: one literal table, by id.

A section names the contract's headings, from the event or the endpoint down to the paragraph. What the callee's
scenario says of the client has none of its own there; such rules point at the flow of a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from mockpbx.evidence.finding import Finding, Rule
from mockpbx.runtime.journal import Entry

_FORMAT = "audio, Audio Format"
_PAYLOAD = "audio, Payload Parameters"
_TIMING = "audio, Audio Timing and Chunk Size"
_ACK = "audio, Acknowledgment Response"
_FLOW = "WebSocket Integration, Event Flow Diagram"
_KEYS = "dtmf, Best Practice"

_TABLE = (
    # --- what the journal tells ---------------------------------------------------------------------------------------
    Rule(
        "audio-refused",
        "error",
        _ACK,
        "Read the acknowledgment of every `audio`, and send none before dialStatus Connected or after hangup.",
    ),
    Rule(
        "audio-before-connected",
        "warning",
        "dialStatus, Possible Status Values",
        "Send no `audio` before dialStatus Connected, even where a service takes it: nobody is there to hear it.",
    ),
    Rule(
        "acks-not-asked",
        "warning",
        _ACK,
        "Give each `audio` an acknowledgment callback and look at its `success`: nothing else tells of refused sound.",
    ),
    Rule(
        "acks-ignored",
        "warning",
        _ACK,
        "Stop sending when an acknowledgment says `success: false`, and do what its `error` asks for.",
    ),
    Rule(
        "split-samples",
        "error",
        _TIMING,
        "Cut pcm16 at whole samples: an even number of bytes in each message. Keep an odd byte for the next one.",
    ),
    Rule(
        "event-refused",
        "error",
        "Events Reference, Client to Server Events",
        "Listen for `exception` and send what its sentence asks for, for a session that is live.",
    ),
    Rule(
        "unknown-session",
        "error",
        "newSession, Payload Parameters",
        "Use the sessionId of this call, from the reply to POST /pbx/call or from newSession, with the same token.",
    ),
    Rule(
        "join-refused",
        "error",
        "roomJoined, Payload Parameters",
        "Join with the sessionId of a live call as soon as newSession tells of it, and check that `status` is success.",
    ),
    Rule(
        "never-joined",
        "warning",
        _FLOW,
        "Emit joinRoom when newSession comes: only the clients in a call's room get its events and its sound.",
    ),
    Rule(
        "sent-before-joining",
        "warning",
        _FLOW,
        "Emit joinRoom first and wait for roomJoined: what is sent before is carried out, and the client hears nothing "
        "of what comes of it.",
    ),
    Rule(
        "not-rejoined",
        "warning",
        "Best Practices, Connection Management",
        "Emit joinRoom again whenever the socket connects and the call goes on: a connection that is lost takes its "
        "rooms with it.",
    ),
    Rule(
        "scenario-failed",
        "error",
        _FLOW,
        "Let the client do what the step waits for, or change the scenario if it asks for too much.",
    ),
    Rule(
        "scenario-unfinished",
        "error",
        _FLOW,
        "Keep the call up until the callee has taken its last step, or take out of the scenario what is not to happen.",
    ),
    Rule(
        "expectation-missed",
        "warning",
        _FLOW,
        "The callee waited for this in vain and went its own way: let the client do it in time, or drop the step.",
    ),
    Rule(
        "left-behind",
        "warning",
        _FLOW,
        "A client that waits, thinks or paces its sound in wall time needs the call to do so, too: give its test "
        'clock="real". On `auto` and faster rates only clients that react at once keep up.',
    ),
    Rule(
        "call-left-open",
        "error",
        "hangup, Behavior",
        "End every call: emit hangup, or POST /pbx/hangup, on every way out of the client, errors included.",
    ),
    Rule(
        "left-running",
        "warning",
        "Best Practices, Session Management",
        "Hang up before the socket is closed, and reconnect where it was lost: a call goes on without its client.",
    ),
    Rule(
        "audio-cut-at-hangup",
        "error",
        "checkPoint, Best Practice",
        "Send a checkPoint after the last audio, and hang up when it comes back: by then all of it has been heard.",
    ),
    Rule(
        "checkpoint-cleared-at-hangup",
        "warning",
        "checkPoint, Behavior",
        "Wait for the checkpoint before hanging up, or do not send one that nobody waits for.",
    ),
    Rule(
        "checkpoint-late",
        "warning",
        "checkPoint, Best Practice",
        "Emit checkPoint right after the last `audio` of what it marks: sent later, it tells when it was sent, and not "
        "when the sound was over.",
    ),
    Rule(
        "audio-after-hangup",
        "warning",
        "hangup, Payload Parameters",
        "Stop the sender when hangup comes, and when the client hangs up itself.",
    ),
    Rule(
        "media-slipped",
        "note",
        "audio, Audio Format",
        "The emulator was held up, not the client. Give it more of the machine, or run fewer calls at a time.",
    ),
    # --- what the bytes are -------------------------------------------------------------------------------------------
    Rule(
        "wav-header-in-audio",
        "error",
        _FORMAT,
        "Send the samples of a WAV file without its header: read it with a WAV library and send its data only.",
    ),
    Rule(
        "other-container",
        "error",
        _PAYLOAD,
        "Name the format that the bytes are in, or decode the file to 8 kHz mono pcm16 before sending.",
    ),
    Rule(
        "wrong-byte-order",
        "error",
        _FORMAT,
        "Send pcm16 little-endian: '<i2' in numpy, s16le in ffmpeg, writeInt16LE in Node.",
    ),
    Rule(
        "float-samples",
        "error",
        _FORMAT,
        "Convert floats to 16-bit integers: limit them to -1..1, multiply by 32767 and round.",
    ),
    Rule(
        "law-mixed-up",
        "error",
        _PAYLOAD,
        "Set audioFormat to what the bytes are: ulaw, alaw, or pcm16 for two bytes a sample.",
    ),
    Rule(
        "stereo-as-mono",
        "error",
        _FORMAT,
        "Mix the channels down to one before sending: ffmpeg -ac 1, or the mean of left and right.",
    ),
    Rule(
        "wrong-rate",
        "error",
        _FORMAT,
        "Resample to 8000 Hz with a low-pass filter before sending: ffmpeg -ar 8000, or a resampling library.",
    ),
    Rule(
        "suspect-rate",
        "warning",
        _FORMAT,
        "Listen to the call: if the client sounds slow and deep, resample its sound to 8000 Hz before sending.",
    ),
    # --- how it sounds ------------------------------------------------------------------------------------------------
    Rule(
        "clipping",
        "warning",
        _FORMAT,
        "Lower the level before converting to 16 bits: speech at about -16 dBFS RMS with peaks below -1 dBFS is loud.",
    ),
    Rule("too-quiet", "note", _FORMAT, "Raise the level: speech on a telephone is at about -20 dBFS RMS."),
    Rule(
        "dc-offset",
        "note",
        _FORMAT,
        "Remove the constant part with a high-pass filter; unsigned samples have one, too.",
    ),
    Rule(
        "mp3-seam",
        "warning",
        _PAYLOAD,
        "Send one MP3 stream in pieces, or pcm16: each MP3 file begins and ends with its encoder's silence, unless an "
        "Info frame tells how much to cut.",
    ),
    # --- how it comes -------------------------------------------------------------------------------------------------
    Rule(
        "small-packets",
        "warning",
        _TIMING,
        "Send 160 ms in each message: 2560 bytes of pcm16, 1280 of ulaw or alaw.",
    ),
    Rule(
        "burst",
        "note",
        _TIMING,
        "Send at the pace of the sound: what waits in the queue is cut by an interruption or a hang-up.",
    ),
    Rule(
        "underrun",
        "warning",
        _TIMING,
        "Keep a message or two ahead of what is heard, and schedule by a clock instead of sleeping after each message.",
    ),
    Rule(
        "audio-after-interruption",
        "warning",
        "interruption, Behavior",
        "Stop the sender before emitting interruption, and drop what it still holds: what comes later is played.",
    ),
    Rule("digit-short", "note", _KEYS, "Hold digits for 150 to 300 ms."),
    Rule("digit-long", "note", _KEYS, "Hold digits for 150 to 300 ms."),
    Rule(
        "digit-too-short",
        "warning",
        "dtmf, Parameters",
        "Hold digits for 100 to 500 ms, better 150 to 300: many receivers miss shorter ones.",
    ),
    Rule(
        "digit-too-long",
        "warning",
        "dtmf, Parameters",
        "Hold digits for 100 to 500 ms, better 150 to 300: some receivers take longer ones for two.",
    ),
    Rule(
        "digits-too-close",
        "warning",
        _KEYS,
        "Send the next digit 50 ms after the end of the one before, or later. The service on the phone's side may not "
        "wait as the emulator does.",
    ),
)

#: Every rule by its id.
RULES = MappingProxyType({rule.id: rule for rule in _TABLE})


def broken(rule: str, what: str, at: int | None = None, count: int = 1) -> Finding:
    """Return a finding of the rule of that id, which no entry of the journal shows."""
    return Finding(RULES[rule], what, at, count)


def shown_by(rule: str, what: str, entries: Sequence[Entry]) -> Finding:
    """Return a finding of the rule of that id, each entry of which is a case."""
    return Finding(RULES[rule], what, entries[0].at, len(entries), tuple(entry.number for entry in entries))


def counted(number: int, noun: str) -> str:
    """Return `1 message` or `3 messages`."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown(text: str, most: int = 60) -> str:
    """Return a client's own words as a quoted, printable excerpt."""
    return repr(text if len(text) <= most else text[: most - 1] + "…")
