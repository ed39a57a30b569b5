"""What holds in every conversation with a right server, however odd the client is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

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
from mockpbx.conformance.fuzz.play import WITNESS, Played, acks_of, is_sound, wants_ack
from mockpbx.conformance.transcript import NO_JSON, Closed, Exchange, Garbled, Heard, Item, Opened, Refused, Said


@dataclass(frozen=True, slots=True)
class Breach:
    """What a server did that none does that keeps the contract. `late`: it may be this side's lateness."""

    rule: str
    got: str
    items: tuple[Item, ...]
    late: bool = False


Rule = Callable[[Played], Iterator[Breach]]
#: Statuses of the contract's table, and what an HTTP framework answers before the service sees the request.
STATUSES, FRAMEWORK = {200, 400, 401, 404, 500}, {405, 411, 413, 414, 415, 431, 501}
_MUCH = 50_000  # bytes of a body that need not be taken
_DIALS = ("Dialing", "Ringing", "Busy", "Connected")
_ROOM = {"dialStatus", "audio", "dtmf", "checkPoint", "hangup", "cdr"}
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
    "exception": {},
}
_PLACED: Shape = {"phoneNumber": STRING, "sessionId": TEXT}
_DATA: dict[str, Shape] = {"call": _PLACED, "hangup": {"sessionId": STRING}, "detail": {"sessionId": STRING}}


def breaches(played: Played) -> list[Breach]:
    """Return what was broken in a conversation; what shows most comes first."""
    return [breach for rule in RULES for breach in rule(played)]


# --- requests ---------------------------------------------------------------------------------------------------------


def operation_of(method: str, path: str) -> str | None:
    """Return which of the four operations a request means: call, hangup, list, detail; None where it is none."""
    parts = [part for part in urlsplit(path).path.lower().split("/") if part]
    match method, parts:
        case "POST", ["pbx", "call" | "hangup" as name]:
            return name
        case "GET", ["cdr"]:
            return "list"
        case "GET", ["cdr", _]:
            return "detail"
        case _:
            return None


def _replies(played: Played) -> Iterator[Breach]:
    for exchange in played.transcript.of(Exchange):
        if exchange.failure is not None:
            yield Breach("a request is answered", f"it got {exchange.failure}", (exchange,), late=True)


def _statuses(played: Played) -> Iterator[Breach]:
    for exchange in _answered(played):
        operation, status = operation_of(exchange.method, exchange.path), exchange.status
        plain = not isinstance(exchange.body, bytes) and len(str(exchange.body)) < _MUCH
        if status >= 500 and status != 501 and not (status == 500 and _may_fail(exchange, played)):
            yield Breach("the service does not fail", f"it was answered {status}", (exchange,))
        elif operation is not None and status not in STATUSES and (plain or status not in FRAMEWORK):
            yield Breach("a status is one of the documented ones", f"it was answered {status}", (exchange,))


def _may_fail(exchange: Exchange, played: Played) -> bool:
    """Return whether a 500 is documented: for a request of the calls that is as it should be."""
    operation = operation_of(exchange.method, exchange.path)
    return operation in ("call", "hangup") and exchange.token == played.options.token and _well_formed(exchange)


def _well_formed(exchange: Exchange) -> bool:
    name = "phoneNumber" if operation_of(exchange.method, exchange.path) == "call" else "sessionId"
    return isinstance(exchange.body, dict) and isinstance(exchange.body.get(name), str)


def _refusals(played: Played) -> Iterator[Breach]:
    for exchange in _answered(played):
        operation = operation_of(exchange.method, exchange.path)
        if operation is None or exchange.status >= 300:
            continue
        if exchange.token != played.options.token:
            yield Breach("a request needs the token", f"it was answered {exchange.status}", (exchange,))
        elif operation in ("call", "hangup") and not _well_formed(exchange):
            got = f"it was answered {exchange.status} without its string"
            yield Breach("a body that lacks its field is refused", got, (exchange,))


def _envelopes(played: Played) -> Iterator[Breach]:
    for exchange in _answered(played):
        operation = operation_of(exchange.method, exchange.path)
        unusual = isinstance(exchange.body, bytes) or exchange.status in FRAMEWORK or "%" in exchange.path
        if operation is None or unusual:
            continue
        if exchange.json is NO_JSON:
            yield Breach(
                "a reply is JSON", f"it was {exchange.content_type}, {len(exchange.text)} characters", (exchange,)
            )
        elif operation == "list" and exchange.status == 200:
            if not isinstance(exchange.json, dict) or not isinstance(exchange.json.get("data"), list):
                yield Breach("a page has data", "there was no list in data", (exchange,))
        else:
            yield from _envelope(exchange, operation)


def _envelope(exchange: Exchange, operation: str) -> Iterator[Breach]:
    right = exchange.status == 200
    shape: Shape = {"status": one_of(exchange.status), "errors": one_of("") if right else TEXT}
    problems = field_problems(exchange.json, shape if right else {**shape, "data": NULL})
    if right and not problems:
        problems = field_problems(exchange.data, _DATA[operation])
    if problems:
        yield Breach("a reply is an envelope", "; ".join(problems), (exchange,))


def _answered(played: Played) -> Iterator[Exchange]:
    return (exchange for exchange in played.transcript.of(Exchange) if exchange.failure is None)


# --- sockets ----------------------------------------------------------------------------------------------------------


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
            yield Breach("an event is one of the documented ones", f"there came {shown(heard.event)}", (heard,))
        elif shape and (problems := field_problems(heard.payload, shape)):
            yield Breach("an event has its fields", f"{heard.event}: {'; '.join(problems)}", (heard,))
        elif heard.event == "audio" and len(heard.payload["audioData"]) != 320:
            yield Breach("a frame has 320 bytes", f"it has {len(heard.payload['audioData'])}", (heard,))


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
        elif isinstance(item, Heard) and item.event in _ROOM and item.socket not in played.spoilt:  # noqa: SIM102
            if isinstance(item.session_id, str) and (item.socket, item.session_id) not in joined:
                yield Breach("a call's events reach its room alone", f"{item.event} came without joinRoom", (item,))


def _acks(played: Played) -> Iterator[Breach]:
    acks = acks_of(played)
    shape = {"success": BOOLEAN, "error": either(STRING, NULL)}
    silent = {item.socket for item in played.transcript.of(Closed)} | played.spoilt
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
    closed = {item.socket for item in played.transcript.of(Closed)}
    for socket, session_id in played.probes:
        answers = [h for h in played.transcript.of(Heard) if h.socket == socket and h.event == "roomJoined"]
        if socket not in closed and not any(heard.session_id == session_id for heard in answers):
            said = [each for each in played.transcript.of(Said) if each.socket == socket]
            got = "a joinRoom at the end was not answered, nor was the socket closed"
            yield Breach("a socket goes on working", got, tuple(said[-4:]), late=True)


# --- calls ------------------------------------------------------------------------------------------------------------


def _calls(played: Played) -> Iterator[Breach]:
    if any(item.socket == WITNESS for item in played.transcript.of(Closed) if item.by == "server"):
        return
    for session_id in dict.fromkeys(played.calls):
        told = [heard for heard in played.of_call(session_id) if heard.event != "roomJoined"]
        yield from _course(told)
        for event in ("hangup", "cdr"):
            if not any(heard.event == event for heard in told):
                items = tuple(heard for heard in told if heard.event != "audio")
                yield Breach(f"a call has its {event}", f"no {event} came of {session_id}", items[-4:], late=True)


def _course(told: list[Heard]) -> Iterator[Breach]:
    """Judge the order of what a member is told of one call."""
    seen: list[Heard] = []
    for heard in told:
        events = [each.event for each in seen]
        statuses = [each.payload.get("status") for each in seen if each.event == "dialStatus"]
        status = heard.payload.get("status") if heard.event == "dialStatus" else None
        if "hangup" in events and heard.event not in ("cdr",):
            yield Breach("nothing follows hangup but cdr", f"{heard.event} came after hangup", (seen[-1], heard))
        elif heard.event == "cdr" and ("cdr" in events or "hangup" not in events):
            yield Breach("cdr comes once, after hangup", "it came again, or before", (*seen[-2:], heard))
        elif status is not None and statuses and _rank(status) <= _rank(statuses[-1]):
            yield Breach("a call's status goes on", f"{status} came after {statuses[-1]}", (seen[-1], heard))
        elif heard.event == "audio" and statuses and "Connected" not in statuses:  # who joins late is told none
            yield Breach("sound comes from Connected on", "a frame came before", (heard,))
        if heard.event != "audio" or not seen or seen[-1].event != "audio":
            seen.append(heard)


def _rank(status: object) -> int:
    ranks = {"Dialing": 0, "Ringing": 1, "Busy": 2, "Connected": 2}
    return ranks.get(str(status), -1)


def _checkpoints(played: Played) -> Iterator[Breach]:
    for session_id in dict.fromkeys(played.calls):
        sent = [
            said
            for said in played.transcript.of(Said)
            if said.event == "checkPoint"
            and isinstance(said.payload, dict)
            and said.payload.get("sessionId") == session_id
        ]
        if played.spoilt or not all(isinstance(said.payload.get("name"), str) for said in sent):
            continue  # what a server makes of another type is its own affair
        names = [said.payload["name"] for said in sent]
        told = [heard for heard in played.of_call(session_id) if heard.event == "checkPoint"]
        heard_names = [heard.payload.get("name") for heard in told]
        if Counter(map(str, heard_names)) - Counter(names):
            got = f"there came {', '.join(map(shown, heard_names[-4:]))}"
            yield Breach("a checkpoint was sent, and comes once", got, (*sent[-4:], *told[-4:]))
        elif len({said.socket for said in sent}) == 1 and not _within(heard_names, names):
            yield Breach("checkpoints come in the order sent", "they came in another", (*sent[-6:], *told[-6:]))


def _within(part: list[object], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(any(each == other for other in rest) for each in part)


RULES: tuple[Rule, ...] = (
    _statuses,
    _refusals,
    _envelopes,
    _doors,
    _language,
    _shapes,
    _rooms,
    _acks,
    _checkpoints,
    _calls,
    _alive,
    _replies,
)
