"""Acknowledgments of `audio`: what is taken, what is refused, and how that is said."""

from __future__ import annotations

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.checks.shapes import BOOLEAN, NULL, STRING, TEXT, Shape, either, require, shown
from mockpbx.conformance.checks.views import lost
from mockpbx.conformance.run import Run, Take
from mockpbx.conformance.scenes.speaking import BAD_AUDIO, FORMATS
from mockpbx.conformance.transcript import Acked, Closed, Heard, Item, Said

_SECTION = "audio, Acknowledgment Response"
_PARAMETERS = "audio, Payload Parameters"
_SCENES = ("speaking", "interrupting", "keying")

_WHY = {
    "unknown-format": "audio in a format that is none of the contract's ('opus')",
    "half-a-sample": "pcm16 with an odd number of bytes",
    "text": "audioData that is text and not binary",
    "unknown-session": "audio for a session that there is not",
    "no-data": "audio without audioData",
}
_ENDED = "audio for a call that has ended"


def ack_of(take: Take, said: Said) -> Acked | None:
    """Return the acknowledgment of what was said, None where none came."""
    return next((item for item in take.transcript.of(Acked) if item.said is said), None)


def taken(ack: Acked | None) -> bool | None:
    """Return whether an acknowledgment says that audio was taken; None where it says neither."""
    success = ack.payload.get("success") if ack is not None and isinstance(ack.payload, dict) else None
    return success if isinstance(success, bool) else None


@check(
    "audio-is-acknowledged",
    _SECTION,
    "each audio message that asks for an acknowledgment gets one",
    "speaking",
)
def acknowledged(run: Run) -> str:
    """Judge the sound that was sent in good order."""
    take = run.take("speaking")
    take.fact("bad")  # what was sent before had its time
    said = _good(take)
    missing = [one for one in said if ack_of(take, one) is None]
    if missing:
        raise Violated(f"{len(missing)} of {len(said)} audio messages were never acknowledged", *missing[:5])
    return f"{len(said)} messages"


def _shape_check(id: str, expects: str, shape: Shape, *, when: bool | None = None) -> Check:
    def judge(run: Run) -> str:
        acks = [
            ack
            for name in _SCENES
            if name in run.takes
            for ack in run.takes[name].transcript.of(Acked)
            if when is None or (taken(ack) is when and "error" in ack.payload)
        ]
        if not acks:
            raise Unclear(f"no acknowledgment {'came' if when is None else f'with error said success: {shown(when)}'}")
        for ack in acks:
            require("the acknowledgment", ack.payload, shape, ack.said, ack)
        return f"{len(acks)} acknowledgments"

    return check(id, _SECTION, expects, *_SCENES)(judge)


success_is_boolean = _shape_check(
    "ack-success-is-boolean", "an acknowledgment's success is true or false", {"success": BOOLEAN}
)
error_is_there = _shape_check(
    "ack-has-error", "an acknowledgment has the field error, a string or null", {"error": either(STRING, NULL)}
)
no_error = _shape_check("ack-error-null-on-success", "where audio was taken, error is null", {"error": NULL}, when=True)
says_why = _shape_check(
    "ack-error-tells-why", "where audio was refused, error is a message", {"error": TEXT}, when=False
)


def _accepts(audio_format: str) -> Check:
    def judge(run: Run) -> str:
        take = run.take("speaking")
        take.fact("empty")
        said = [one for spoken in take.fact("spoken")[:4] if spoken.format == audio_format for one in spoken.said]
        acks = [ack for one in said if (ack := ack_of(take, one)) is not None]
        for ack in acks:
            if taken(ack) is False:
                error = ack.payload.get("error")
                raise Violated(f"{audio_format} audio was refused: {shown(error)}", ack.said, ack)
        if not said or len(acks) < len(said) or any(taken(ack) is None for ack in acks):
            raise Unclear("not all of it was acknowledged by true or false")
        return f"{len(said)} messages"

    return check(
        f"audio-{audio_format}-accepted",
        _PARAMETERS,
        f"{audio_format} audio in an answered call is acknowledged with success: true",
        "speaking",
    )(judge)


def _refuses(kind: str) -> Check:
    def judge(run: Run) -> None:
        take = run.take("speaking")
        _must_be_refused(take, take.fact("bad")[kind], _WHY[kind])

    return check(f"audio-{kind}-refused", _SECTION, f"{_WHY[kind]} is acknowledged with success: false", "speaking")(
        judge
    )


@check("audio-ended-call-refused", _SECTION, f"{_ENDED} is acknowledged with success: false", "speaking")
def refuses_ended(run: Run) -> None:
    """Judge a message that was sent when the end of the call had been told."""
    take = run.take("speaking")
    said: Said = take.fact("ended")
    if not any(heard.at < said.at for heard in take.call.heard("hangup")):
        raise Unclear("the call was not told to have ended when the audio was sent")
    if lost(take.call):
        raise Unclear("the server closed the member's socket")
    _must_be_refused(take, said, _ENDED)


@check(
    "bad-audio-is-harmless",
    _SECTION,
    "audio that is refused does not end the call, nor the connection",
    "speaking",
)
def harmless(run: Run) -> None:
    """Judge the time from the first bad message to the next good one."""
    take = run.take("speaking")
    judge_alive(take, min(said.at for said in take.fact("bad").values()), take.fact("alive"), "bad audio")


def judge_alive(take: Take, since: float, until: float, after: str) -> None:
    """Raise Violated where the call, or the member's connection, ended between two moments."""
    call = take.call

    def ends(item: Item) -> bool:
        if isinstance(item, Closed):
            return item.socket == call.member
        return isinstance(item, Heard) and item.event == "hangup" and item.session_id == call.session_id

    for item in take.transcript.items:
        if since <= item.at <= until and ends(item):
            what = "the connection was closed" if isinstance(item, Closed) else "the call ended"
            raise Violated(f"{what} {item.at - since:.2f} s after {after}", item)


def _must_be_refused(take: Take, said: Said, what: str) -> None:
    ack = ack_of(take, said)
    if ack is None and not any(taken(ack_of(take, one)) for one in _good(take)):
        raise Unclear("no audio is acknowledged at all")
    if ack is None:
        raise Violated(f"{what} was not acknowledged, so that nothing says that it failed", said)
    if taken(ack) is None:
        raise Unclear("the acknowledgment says neither true nor false")
    if taken(ack):
        raise Violated(f"{what} was acknowledged with success: true", said, ack)


def _good(take: Take) -> list[Said]:
    """Return the messages that were sent in good order, but for the last probe: a full queue may refuse some of it."""
    return [said for spoken in take.fact("spoken")[:-1] for said in spoken.said]


CHECKS: tuple[Check, ...] = (
    acknowledged,
    success_is_boolean,
    error_is_there,
    no_error,
    says_why,
    *(_accepts(audio_format) for audio_format in FORMATS),
    *(_refuses(kind) for kind in BAD_AUDIO),
    refuses_ended,
    harmless,
)
