"""Which check catches which breach, which configurations are legal, and which leave the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Configuration:
    """Settings of the emulator, options of the checker, and which checks these settings must fail."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    must_fail: tuple[str, ...] = ()


#: A mutant that breaks nothing which the contract states, with the reason.
EQUIVALENT = {
    "audio-before-connected-accepted": "the contract is silent on audio before Connected: a legal service discards it",
}

#: The check that names each mutant's breach.
CAUGHT_BY = {
    "post-201": "call-answered-200",
    "post-errors-null": "call-reply-envelope",
    "post-status-as-string": "call-reply-envelope",
    "post-without-session": "call-reply-session",
    "post-session-numeric": "call-reply-session",
    "post-session-of-a-stranger": "new-session-names-the-reply",
    "post-without-data": "call-reply-envelope",
    "post-number-changed": "call-reply-number",
    "new-session-before-reply": "new-session-after-reply",
    "invalid-number-accepted": "invalid-number-is-400",
    "missing-token-accepted": "rest-requires-token",
    "unauthorized-as-403": "rest-refuses-wrong-token",
    "bad-request-as-422": "missing-number-is-400",
    "not-found-as-500": "unknown-record-is-404",
    "errors-as-200": "error-http-status",
    "errors-as-list": "error-envelope",
    "unknown-hangup-accepted": "unknown-session-hangup-is-404",
    "detail-without-envelope": "detail-envelope",
    "detail-not-found": "detail-found",
    "list-with-envelope": "list-shape",
    "cdr-page-from-zero": "pages-partition",
    "cdr-total-of-page": "total-of-all-pages",
    "cdr-total-as-string": "meta-shape",
    "cdr-sorted-ascending": "newest-first",
    "filter-ignored": "filter-destination-eq",
    "gte-as-gt": "filter-duration-gte",
    "limit-ignored": "limit-respected",
    "join-always-succeeds": "unknown-session-join-fails",
    "join-always-fails": "join-confirmed",
    "join-status-in-capitals": "room-joined-shape",
    "join-status-as-boolean": "room-joined-shape",
    "room-joined-lost": "join-answered",
    "join-ignored": "join-answered",
    "events-to-non-members": "outsider-hears-nothing",
    "events-to-one-only": "every-member-hears",
    "any-socket-token-accepted": "socket-refuses-wrong-token",
    "new-session-lost": "new-session-told",
    "new-session-twice": "new-session-once",
    "new-session-wrong-type": "new-session-type",
    "dialing-skipped": "dialing-told",
    "ringing-skipped": "ringing-told",
    "connected-lost": "connected-told",
    "connected-before-ringing": "dial-status-order",
    "connected-twice": "dial-status-once",
    "connected-in-lower-case": "dial-status-spelling",
    "busy-in-lower-case": "dial-status-spelling",
    "busy-as-ringing": "busy-told",
    "dial-status-of-a-stranger": "dial-status-names-its-session",
    "dial-status-as-state": "dial-status-told",
    "checkpoint-lost": "checkpoint-is-told",
    "checkpoint-twice": "checkpoint-once",
    "checkpoint-renamed": "checkpoint-by-name",
    "checkpoint-event-in-lower-case": "checkpoint-is-told",
    "checkpoint-without-session": "checkpoint-fields",
    "dtmf-lost": "dtmf-is-told",
    "dtmf-twice": "dtmf-is-told-once",
    "dtmf-as-number": "dtmf-fields",
    "dtmf-digit-as-key": "dtmf-fields",
    "hangup-lost": "hangup-told",
    "hangup-twice": "hangup-once",
    "hangup-of-a-stranger": "hangup-names-its-session",
    "cdr-lost": "cdr-told",
    "cdr-twice": "cdr-once",
    "cdr-before-hangup": "cdr-follows-hangup",
    "checkpoint-early": "checkpoint-not-before-its-audio",
    "checkpoint-at-start": "checkpoint-not-before-its-audio",
    "checkpoint-late": "checkpoint-in-time",
    "checkpoints-out-of-order": "checkpoints-in-order",
    "checkpoint-on-empty-queue-lost": "checkpoint-on-empty-queue",
    "checkpoint-survives-interruption": "interruption-clears-checkpoints",
    "interruption-ignored": "interruption-empties-queue",
    "interruption-late": "interruption-empties-queue",
    "deaf-after-interruption": "interruption-not-deaf",
    "hangup-ignored": "hangup-by-socket",
    "hangup-late": "hangup-by-socket",
    "connected-late": "connected-before-audio",
    "hangup-told-late": "hangup-follows-sound",
    "frames-of-160-bytes": "frame-is-320-bytes",
    "frames-of-40-ms": "frame-is-320-bytes",
    "frames-in-pairs": "frames-come-singly",
    "frames-at-double-pace": "cadence-mean",
    "frames-at-half-pace": "cadence-mean",
    "frames-out-of-order": "sound-in-order",
    "frames-big-endian": "frames-little-endian",
    "frames-in-stereo": "frame-is-320-bytes",
    "frames-in-ulaw": "frame-is-320-bytes",
    "frames-silent": "echo-is-heard",
    "frames-quiet": "sound-level",
    "frames-as-base64-text": "frame-is-binary",
    "frames-without-format": "frame-shape",
    "frames-as-media": "frames-come",
    "audio-before-connected": "audio-only-while-connected",
    "audio-after-hangup": "no-audio-after-hangup",
    "client-audio-dropped": "checkpoint-not-before-its-audio",
    "client-audio-cut": "checkpoint-not-before-its-audio",
    "client-audio-big-endian": "sound-pcm16-decoded",
    "client-audio-as-alaw": "sound-ulaw-decoded",
    "client-digit-ignored": "digit-reaches-the-callee",
    "client-digit-mistaken": "digit-is-right",
    "client-digit-too-short": "digit-length",
    "ack-missing": "audio-is-acknowledged",
    "ack-success-as-string": "ack-success-is-boolean",
    "ack-error-empty": "ack-error-null-on-success",
    "ack-without-error": "ack-has-error",
    "ack-error-null": "ack-error-tells-why",
    "ack-says-refused": "audio-pcm16-accepted",
    "ack-hides-refusal": "audio-unknown-format-refused",
    "cdr-differs-from-rest": "record-views-agree",
    "duration-one-too-many": "duration",
    "duration-in-milliseconds": "duration",
    "duration-as-string": "cdr-event-shape",
    "billable-includes-ringing": "billable-seconds",
    "billable-unanswered": "unanswered-is-not-billed",
    "disposition-in-lower-case": "disposition-spelling",
    "busy-as-failed": "disposition-busy",
    "no-answer-with-underscore": "disposition-spelling",
    "hangup-by-swapped": "hangup-by",
    "hangup-by-missing": "cdr-event-shape",
    "cause-code-as-string": "cdr-event-shape",
    "cause-always-normal": "cause-busy",
    "cause-text-missing": "cdr-event-shape",
    "answer-time-null": "answered-has-answer-time",
    "answer-time-of-unanswered": "unanswered-has-no-answer-time",
    "times-without-zone": "record-times-iso",
    "destination-without-zero": "record-destination",
    "created-at-missing": "cdr-row-shape",
}

#: What else has to be tried for a breach to show: a scene more than the check asks for.
SHOWN_WITH = {
    "busy-in-lower-case": ("busy-told",),
    "no-answer-with-underscore": ("disposition-no-answer",),
    "new-session-before-reply": ("hangup-by-socket", "interruption-stops-sound"),
    "cdr-sorted-ascending": ("hangup-by-socket",),
}

#: Settings with which the service leaves the contract, and what notices it.
LEFT = (
    Configuration("created", {"success_status": 201}, must_fail=("call-answered-200",)),
    Configuration("idempotent-hangup", {"idempotent_hangup": True}, must_fail=("unknown-session-hangup-is-404",)),
    Configuration(
        "interruption-fires-checkpoints",
        {"interruption_fires_checkpoints": True},
        must_fail=("interruption-clears-checkpoints",),
    ),
)

#: The callees of the emulator that say something of their own, or nothing.
_CALLEES = {"silence": "08000001002", "tone": "08000001001", "speech": "08000001003", "noise": "08000001006"}

LEGAL = (
    Configuration("as-it-is"),
    Configuration("echo-number", options={"echo_number": "08000001000"}),
    *(Configuration(f"callee-{name}", options={"number": number}) for name, number in _CALLEES.items()),
    Configuration("callee-presses-keys", options={"number": "08000001004"}),
    Configuration("callee-voicemail", options={"number": "08000001005"}),
    Configuration("phone-pattern", {"phone_pattern": r"^[0-9+*# -]{3,20}$"}),
    Configuration("session-id-version-4", {"session_id_version": 4}),
    Configuration("page-limit-2", {"page_limit": 2, "page_limit_max": 2}),
    Configuration("page-limit-1000", {"page_limit": 1_000, "page_limit_max": 1_000}),
    Configuration("page-links", {"page_links": True}),
    Configuration("no-exceptions", {"exceptions": False}),
    Configuration("audio-before-answer-queue", {"audio_before_answer": "queue"}),
    Configuration("audio-before-answer-discard", {"audio_before_answer": "discard"}),
    Configuration("cause-text-asterisk", {"cause_text": "asterisk"}),
    Configuration("cancel-is-no-answer", {"cancel_is_no_answer": True}),
    Configuration("hangup-when-left", {"hangup_when_left": 1}),
    Configuration("announce-delay", {"announce_delay": 0.7}),
    Configuration("dial-delay-short", {"dial_delay": 0.2}),
    Configuration("dial-delay-long", {"dial_delay": 10}),
    Configuration("record-at-once", {"record_delay": 0}),
    Configuration("record-late", {"record_delay": 8}),
    Configuration("playout-limit-1", {"playout_limit": 1}),
    Configuration("playout-limit-5", {"playout_limit": 5}),
    Configuration("no-cors", {"cors_origin": ""}),
    Configuration("small-messages", {"message_limit": 100_000}),
    Configuration("quick-heartbeat", {"ping_interval": 1, "ping_timeout": 2}),
    Configuration("slow-start", {"callee": "echo"}, options={"number": "0899000001"}),
    Configuration("no-numbers", options=dict.fromkeys(("busy_number", "no_answer_number", "callee_hangup_number"))),
)
