"""What holds of every request and its reply, however odd the request is."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from mockpbx.conformance.checks.shapes import NULL, STRING, TEXT, Shape, field_problems, one_of
from mockpbx.conformance.fuzz.breach import Breach, Rule
from mockpbx.conformance.fuzz.player import Played
from mockpbx.conformance.transcript import NO_JSON, Exchange

#: Statuses of the contract's table, and what an HTTP framework answers before the service sees the request.
STATUSES, FRAMEWORK = {200, 400, 401, 404, 500}, {405, 411, 413, 414, 415, 431, 501}
_MUCH = 50_000  # bytes of a body that need not be taken
_PLACED: Shape = {"phoneNumber": STRING, "sessionId": TEXT}
_DATA: dict[str, Shape] = {"call": _PLACED, "hangup": {"sessionId": STRING}, "detail": {"sessionId": STRING}}


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
        elif operation == "hangup" and exchange.body["sessionId"] not in played.calls:
            got = f"it was answered {exchange.status}"
            yield Breach("a session that nobody knows is not hung up", got, (exchange,))


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


RULES: tuple[Rule, ...] = (_statuses, _refusals, _envelopes)
#: Judged last: where nothing is answered any more, something else may show why.
LAST: tuple[Rule, ...] = (_replies,)
