"""What holds on every socket, however odd its client is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from mockpbx.conformance.checks.shapes import (
    BINARY,
    BOOLEAN,
    INTEGER,
    NULL,
    STRING,
    TEXT,
    Shape,
    either,
    field_problems,
    one_of,
    shown,
)
from mockpbx.conformance.fuzz.breach import Breach, Rule
from mockpbx.conformance.fuzz.player import Played, acks_of, is_sound, wants_ack
from mockpbx.conformance.transcript import Closed, Garbled, Heard, Opened, Refused, Said

_DIALS = ("Dialing", "Ringing", "Busy", "Connected")
#: What a call's room is told, and nobody else.
ROOM = frozenset({"dialStatus", "audio", "dtmf", "checkPoint", "hangup", "cdr"})
_WORD = {"sessionId": STRING}
_SHAPES: dict[str, Shape] = {
    "newSession": {**_WORD, "type": one_of("outbound", "inbound")},
    "roomJoined": {"status": one_of("success", "failed")},  # a join that names no session has none to tell
    "dialStatus": {**_WORD, "status": one_of(*_DIALS)},
    "audio": {**_WORD, "audioData": BINARY, "audioFormat": one_of("pcm16")},
    "dtmf": {**_WORD, "digit": one_of(*"0123456789*#ABCDabcd")},
    "checkPoint": _WORD,
    "hangup": _WORD,
    "cdr": {
        **_WORD,
        "destination": STRING,
        "startTime": STRING,
        "answerTime": either(STRING, NULL),
        "endTime": STRING,
        "duration": INTEGER,
        "billableSeconds": INTEGER,
        "disposition": TEXT,
        "hangupBy": either(STRING, NULL),
        "hangupCauseCode": INTEGER,
        "hangupCauseText": STRING,
    },
}


def _doors(played: Played) -> Iterator[Breach]:
    wrong: tuple[Any, ...] = (None, {}, [], {"token": played.options.wrong_token}, {"token": ""}, {"token": None})
    for item in played.transcript.items:
        if isinstance(item, Refused) and item.socket not in played.auths:
            yield Breach("a socket with the token is let in", item.reason, (item,), late=True)
        elif isinstance(item, Opened) and item.socket in played.auths and played.auths[item.socket] in wrong:
            yield Breach("a socket without the token is not let in", "it was let in", (item,))


def _language(played: Played) -> Iterator[Breach]:
    for item in played.transcript.items:
        if isinstance(item, Garbled):
            yield Breach("what comes is Socket.IO", item.reason, (item,))
        elif isinstance(item, Closed) and item.by == "server" and item.socket not in played.spoilt | set(played.auths):
            said = [each for each in played.transcript.of(Said) if each.socket == item.socket]
            yield Breach("a socket that speaks Socket.IO stays open", "the server closed it", (*said[-3:], item), True)


def _shapes(played: Played) -> Iterator[Breach]:
    for heard in played.transcript.of(Heard):
        shape = _SHAPES.get(heard.event)
        if shape is None:
            continue  # an event of its own, which the contract does not forbid
        if problems := field_problems(heard.payload, shape):
            yield Breach("an event has its fields", f"{heard.event}: {'; '.join(problems)}", (heard,))
        elif heard.event == "audio" and len(heard.payload["audioData"]) != 320:
            yield Breach("a frame has 320 bytes", f"it has {len(heard.payload['audioData'])}", (heard,))


def _names(played: Played) -> Iterator[Breach]:
    """Judge names like the documented ones where those never came: in their place, and not beside them."""
    heard = {each.event for each in played.transcript.of(Heard)}
    missing = {_letters(name): name for name in _SHAPES if name not in heard}
    for each in played.transcript.of(Heard):
        if each.event not in _SHAPES and (name := missing.get(_letters(each.event))) is not None:
            yield Breach("an event is spelt as documented", f"{shown(each.event)} came in place of {name}", (each,))


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def _rooms(played: Played) -> Iterator[Breach]:
    """Judge who is told: members alone, and nobody is told twice that he has joined."""
    joined: set[tuple[str, str]] = set()
    asked: Counter[str] = Counter()
    for item in played.transcript.items:
        if isinstance(item, Said) and item.event == "joinRoom":
            asked[item.socket] += 1
            if isinstance(item.payload, dict) and isinstance(item.payload.get("sessionId"), str):
                joined.add((item.socket, item.payload["sessionId"]))
        elif isinstance(item, Heard) and item.event == "roomJoined":
            asked[item.socket] -= 1
            if asked[item.socket] < 0 and item.socket not in played.spoilt:
                yield Breach("roomJoined answers joinRoom", "it came without a joinRoom", (item,))
        elif isinstance(item, Heard) and item.event in ROOM and item.socket not in played.spoilt:  # noqa: SIM102
            if isinstance(item.session_id, str) and (item.socket, item.session_id) not in joined:
                yield Breach("a call's events reach its room alone", f"{item.event} came without joinRoom", (item,))


def _acks(played: Played) -> Iterator[Breach]:
    acks = acks_of(played)
    shape = {"success": BOOLEAN, "error": either(STRING, NULL)}
    silent = played.gone() | played.spoilt
    for said in played.transcript.of(Said):
        ack = acks.get(id(said))
        if ack is None and wants_ack(said) and said.socket not in silent:
            yield Breach("sound is acknowledged", "no acknowledgment came", (said,), late=True)
        elif ack is not None and said.event == "audio":
            if problems := field_problems(ack.payload, shape):
                yield Breach("an acknowledgment has its fields", "; ".join(problems), (said, ack))
            elif ack.payload["success"] and not is_sound(said):
                yield Breach("sound that is none is not accepted", "it was acknowledged with success", (said, ack))


def _alive(played: Played) -> Iterator[Breach]:
    """Judge whether each socket still works, or is closed where it was told what is no Socket.IO."""
    closed = played.gone()
    for socket, session_id in played.probes:
        answers = [h for h in played.transcript.of(Heard) if h.socket == socket and h.event == "roomJoined"]
        if socket not in closed and not any(heard.session_id == session_id for heard in answers):
            said = [each for each in played.transcript.of(Said) if each.socket == socket]
            got = "a joinRoom at the end was not answered, nor was the socket closed"
            yield Breach("a socket goes on working", got, tuple(said[-4:]), late=True)


RULES: tuple[Rule, ...] = (_doors, _language, _shapes, _names, _rooms, _acks)
#: Judged late: a socket that has stopped working shows only that.
LAST: tuple[Rule, ...] = (_alive,)
