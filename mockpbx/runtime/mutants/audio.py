"""Mutants of the sound and the keys that pass in both directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np

from mockpbx.contract.messages import CalleeAudio, CallEnded, DialStatusChange, Message
from mockpbx.contract.vocabulary import DTMF_DIGITS, DialStatus
from mockpbx.media.framing import FRAME_BYTES, FRAME_MS
from mockpbx.media.g711 import encode_ulaw
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.mutants.mutation import Mutant, Mutation, Payload
from mockpbx.runtime.mutants.taking import Forced, Ignored, Misread
from mockpbx.runtime.mutants.telling import Events, Of, Renamed, Rewritten, Told, Without

_FRAMES = 10  # of sound where none belongs


@dataclass
class InPieces(Of):
    """The samples of one frame leave as several, or as none: `cut` says which."""

    cut: Callable[[bytes], list[bytes]] = lambda data: [data]

    def changed(self, payload: Payload) -> Events:
        """Return the pieces."""
        return [(self.event, payload | {"audioData": piece}) for piece in self.cut(payload["audioData"])]


@dataclass
class Gathered(Of):
    """Frames leave when there are two of them: `join` makes one or two of both."""

    join: Callable[[bytes, bytes], list[bytes]] = lambda first, second: [first, second]
    _held: dict[object, bytes] = field(default_factory=dict)

    def changed(self, payload: Payload) -> Events:
        """Hold the first of two, and return both with the second."""
        held = self._held.pop(payload["sessionId"], None)
        if held is None:
            self._held[payload["sessionId"]] = payload["audioData"]
            return []
        return [(self.event, payload | {"audioData": data}) for data in self.join(held, payload["audioData"])]


@dataclass
class Everyother(Of):
    """Every other frame is lost."""

    _odd: dict[object, bool] = field(default_factory=dict)

    def changed(self, payload: Payload) -> Events:
        """Return the frame, or none."""
        odd = self._odd[payload["sessionId"]] = not self._odd.get(payload["sessionId"], False)
        return [(self.event, payload)] if odd else []


@dataclass
class StraySound(Mutation):
    """Frames of silence are sent from messages of this kind on, where it has these field values."""

    kind: type[Message]
    status: DialStatus | None = None

    def messages(self, entry: Entry, message: Message | None) -> Told:
        """Tell some frames, too."""
        told = list(super().messages(entry, message))
        if isinstance(message, self.kind) and getattr(message, "status", None) == self.status:
            frame = CalleeAudio(session_id=entry.session_id or "", audio_data=bytes(FRAME_BYTES))
            told += [((number + 1) * FRAME_MS, frame) for number in range(_FRAMES)]
        return told


def _swapped(data: bytes) -> bytes:
    return np.frombuffer(data, "<i2").byteswap().tobytes()


def _stereo(data: bytes) -> bytes:
    return np.frombuffer(data, "<i2").repeat(2).tobytes()


def _ulaw(data: bytes) -> bytes:
    return encode_ulaw(np.frombuffer(data, "<i2"))


def _quiet(data: bytes) -> bytes:
    return (np.frombuffer(data, "<i2") // 4).astype("<i2").tobytes()


def _halves(data: bytes) -> list[bytes]:
    return [data[: len(data) // 2], data[len(data) // 2 :]]


def _base64(data: bytes) -> str:
    from base64 import b64encode

    return b64encode(data).decode()


def _next_digit(digit: object) -> object:
    known = isinstance(digit, str) and digit in DTMF_DIGITS
    return DTMF_DIGITS[(DTMF_DIGITS.index(str(digit)) + 1) % len(DTMF_DIGITS)] if known else digit


def _halved(data: object) -> object:
    return data[: len(data) // 4 * 2] if _whole(data) else data


def _misread(data: object) -> object:
    return _swapped(data) if _whole(data) else data


def _whole(data: object) -> TypeGuard[bytes]:
    """Return whether these are whole samples: what would be refused still is."""
    return isinstance(data, bytes) and len(data) % 2 == 0


_FORMAT = "Audio Format"
_PICTURE = "assert the samples that your client got from a callee whose clip is known"

AUDIO = (
    Mutant(
        "frames-of-160-bytes", "audio", _FORMAT, "frames come as two of 160 bytes, 10 ms each",
        "assert that your client keeps time by 320-byte frames", InPieces("audio", {}, _halves),
    ),
    Mutant(
        "frames-of-40-ms", "audio", _FORMAT, "frames come as one of 640 bytes every 40 ms",
        "assert that your client keeps time by 320-byte frames", Gathered("audio", {}, lambda a, b: [a + b]),
    ),
    Mutant(
        "frames-in-pairs", "audio", _FORMAT, "frames come two at once every 40 ms",
        "assert the pace at which your client takes sound", Gathered("audio"),
    ),
    Mutant(
        "frames-at-double-pace", "audio", _FORMAT, "each frame comes twice",
        _PICTURE, InPieces("audio", {}, lambda data: [data, data]),
    ),
    Mutant(
        "frames-at-half-pace", "audio", _FORMAT, "every other frame is lost", _PICTURE, Everyother("audio"),
    ),
    Mutant(
        "frames-out-of-order", "audio", _FORMAT, "of every two frames the second comes first",
        _PICTURE, Gathered("audio", {}, lambda a, b: [b, a]),
    ),
    Mutant(
        "frames-big-endian", "audio", _FORMAT, "samples come in big-endian byte order",
        _PICTURE, Rewritten("audio", {}, "audioData", _swapped),
    ),
    Mutant(
        "frames-in-stereo", "audio", _FORMAT, "frames come in two channels, 640 bytes",
        _PICTURE, Rewritten("audio", {}, "audioData", _stereo),
    ),
    Mutant(
        "frames-in-ulaw", "audio", _FORMAT, "samples come in µ-law, 160 bytes, and are called pcm16",
        _PICTURE, Rewritten("audio", {}, "audioData", _ulaw),
    ),
    Mutant(
        "frames-silent", "audio", "audio", "the callee is never heard: all samples are zero",
        "assert what your client does when the callee speaks",
        Rewritten("audio", {}, "audioData", lambda data: bytes(len(data))),
    ),
    Mutant(
        "frames-quiet", "audio", "audio", "the callee is heard 12 dB too quietly",
        _PICTURE, Rewritten("audio", {}, "audioData", _quiet),
    ),
    Mutant(
        "frames-as-base64-text", "audio", "audio", "audioData comes as Base64 text instead of binary",
        "assert that your client hears the callee", Rewritten("audio", {}, "audioData", _base64),
    ),
    Mutant(
        "frames-without-format", "audio", "audio", "audioFormat is missing from the frames",
        "assert that your client hears the callee", Without("audio", {}, "audioFormat"),
    ),
    Mutant(
        "frames-as-media", "audio", "audio", "the event of the frames is named media",
        "assert that your client hears the callee", Renamed("audio", {}, "media"),
    ),
    Mutant(
        "audio-before-connected", "audio", "audio", "frames come while the phone still rings",
        "assert that your client takes no sound before Connected", StraySound(DialStatusChange, DialStatus.RINGING),
    ),
    Mutant(
        "audio-after-hangup", "audio", "hangup", "frames come after the hangup event",
        "assert that your client takes no sound after hangup", StraySound(CallEnded),
    ),
    Mutant(
        "client-audio-dropped", "audio", "audio", "the client's sound is acknowledged and never played",
        "assert what the callee heard of your client", Ignored("audio"),
    ),
    Mutant(
        "client-audio-cut", "audio", "audio", "only the first half of each message is played",
        "assert how long the callee heard your client",
        Misread("audio", "audioData", _halved),
    ),
    Mutant(
        "client-audio-big-endian", "audio", "audio", "the client's pcm16 is played in the other byte order",
        "assert what the callee heard of your client",
        Misread("audio", "audioData", _misread, {"audioFormat": "pcm16"}),
    ),
    Mutant(
        "client-audio-as-alaw", "audio", "audio", "the client's µ-law is decoded as A-law",
        "assert what the callee heard of your client",
        Misread("audio", "audioFormat", lambda name: "alaw" if name == "ulaw" else name),
    ),
    Mutant(
        "client-digit-ignored", "audio", "dtmf", "the client's digits are never keyed",
        "press a key and assert what the callee heard", Ignored("dtmf"),
    ),
    Mutant(
        "client-digit-mistaken", "audio", "dtmf", "the callee hears another digit than the client's",
        "press a key and assert which digit the callee heard", Misread("dtmf", "digit", _next_digit),
    ),
    Mutant(
        "client-digit-too-short", "audio", "dtmf", "the client's digits last 20 ms, whatever their duration",
        "press a key and assert how long its tone took", Forced("dtmf", {"duration": 20}),
    ),
)  # fmt: skip
