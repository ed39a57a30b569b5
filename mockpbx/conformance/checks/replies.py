"""What a reply says, read with the leniency that keeps one breach from failing every check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mockpbx.conformance.check import Unclear, Violated
from mockpbx.conformance.checks.shapes import is_whole
from mockpbx.conformance.run import Run
from mockpbx.conformance.stage import outcome_of
from mockpbx.conformance.transcript import Exchange

OK, BAD_REQUEST, UNAUTHORIZED, NOT_FOUND = 200, 400, 401, 404
#: Too many requests, and a gateway that does not reach the server: no word of the server's on what was asked.
_NO_WORD = (429, 502, 504)


def code_of(exchange: Exchange) -> int:
    """Return the code of a reply: the HTTP status, or the error that the body of a success tells of instead.

    That the two differ is one breach and has one check.
    """
    said = status_in(exchange)
    if exchange.status < BAD_REQUEST and is_whole(said) and said >= BAD_REQUEST:
        return int(said)
    return exchange.status


def status_in(exchange: Exchange) -> Any:
    """Return the status that the body tells; None where it tells none."""
    return exchange.json.get("status") if isinstance(exchange.json, dict) else None


def succeeded(exchange: Exchange) -> bool:
    """Return whether a reply came that tells of success."""
    return exchange.failure is None and OK <= code_of(exchange) < 300


def asked(exchange: Exchange) -> str:
    """Return a request and its outcome in words: "GET /cdr was answered 500"."""
    return f"{exchange.method} {exchange.path} {outcome_of(exchange)}"


def require_code(exchanges: Iterable[Exchange], code: int, how: str = "") -> None:
    """Raise Violated where a reply has another code, Unclear where none came; `how` says what was special."""
    silent = None
    for exchange in exchanges:
        if exchange.failure is not None or exchange.status in _NO_WORD:
            silent = silent or exchange
        elif code_of(exchange) != code:
            raise Violated(f"{exchange.method} {exchange.path}{how} {outcome_of(exchange)}, not {code}", exchange)
    if silent is not None:
        raise Unclear(asked(silent), silent)


def require_entry(run: Run) -> None:
    """Raise Unclear where the right token was refused, too: then what is turned away tells nothing."""
    own = [e for e in run.exchanges() if e.token == run.options.token and e.failure is None]
    if own and all(code_of(exchange) == UNAUTHORIZED for exchange in own):
        raise Unclear("the server refuses the token that it was examined with", own[0])
