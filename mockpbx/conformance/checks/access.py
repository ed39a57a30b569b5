"""Authentication: who is let in, by REST and by Socket.IO."""

from __future__ import annotations

from mockpbx.conformance.check import Check, Level, Unclear, Violated, check
from mockpbx.conformance.checks.replies import UNAUTHORIZED, asked, require_code, require_entry, succeeded
from mockpbx.conformance.checks.shapes import TEXT, field_problems, shown
from mockpbx.conformance.run import Run
from mockpbx.conformance.transcript import Closed, Opened, Refused

_HEADER = "Authentication, Header Requirements"
_SETUP = "WebSocket Integration, Connection Setup"
_STRANGERS = ("no-token", "wrong-token")
_HINT = "; if the server knows this token, name one by --wrong-token that it cannot know"


@check(
    "rest-requires-token",
    _HEADER,
    "each of the four operations answers 401 to a request without a token, and to one with an empty token",
    "doors",
)
def rest_requires_token(run: Run) -> None:
    """Judge requests without the header, and with `Bearer` alone."""
    _turned_away(run, "without-token", " without a token")
    _turned_away(run, "empty-token", " with an empty token")


@check(
    "rest-refuses-wrong-token",
    _HEADER,
    "each of the four operations answers 401 to a request with a wrong token",
    "doors",
)
def rest_refuses_wrong_token(run: Run) -> None:
    """Judge requests with --wrong-token."""
    exchanges = run.take("doors").fact("wrong-token")
    taken = [exchange for exchange in exchanges if succeeded(exchange)]
    if taken:
        raise Violated(f"{asked(taken[0])}, with the wrong token{_HINT}", *taken)
    _turned_away(run, "wrong-token", " with the wrong token")


@check(
    "rest-refuses-other-scheme",
    _HEADER,
    "each of the four operations answers 401 to the right token in another scheme than Bearer",
    "doors",
    level=Level.SHOULD,  # the document says what clients send, and not what becomes of those that send otherwise
)
def rest_refuses_other_scheme(run: Run) -> None:
    """Judge requests with `Basic` and the right token."""
    _turned_away(run, "other-scheme", " with the token in the scheme Basic")


@check("socket-requires-token", _SETUP, "a socket without a token is not let in", "doors")
def socket_requires_token(run: Run) -> str:
    """Judge a CONNECT without a payload."""
    return _kept_out(run, "no-token", "a socket without a token")


@check("socket-refuses-wrong-token", _SETUP, "a socket with a wrong token is not let in", "doors")
def socket_refuses_wrong_token(run: Run) -> str:
    """Judge a CONNECT with --wrong-token."""
    try:
        return _kept_out(run, "wrong-token", "a socket with the wrong token")
    except Violated as verdict:
        raise Violated(verdict.got + _HINT, *verdict.items) from None


@check(
    "socket-refusal-says-why",
    _SETUP,
    "a socket that is not let in gets connect_error with a message",
    "doors",
    level=Level.SHOULD,
)
def socket_refusal_says_why(run: Run) -> None:
    """Judge the refusals that there were."""
    take = run.take("doors")
    refused = [item for item in take.transcript.of(Refused) if item.socket in _STRANGERS]
    if not refused:
        raise Unclear("no socket was refused")
    for item in refused:
        problems = field_problems(item.answer, {"message": TEXT})
        if problems and item.answer is None:
            raise Violated(f"no connect_error came: {item.reason}", item)
        if problems:
            raise Violated(f"the payload of connect_error: {problems[0]}", item)


def _turned_away(run: Run, fact: str, how: str) -> None:
    exchanges = run.take("doors").fact(fact)
    require_entry(run)
    require_code(exchanges, UNAUTHORIZED, how)


def _kept_out(run: Run, socket: str, who: str) -> str:
    take = run.take("doors")
    take.fact(f"{socket} socket")
    opened = [item for item in take.transcript.of(Opened) if item.socket == socket]
    closed = [item for item in take.transcript.of(Closed) if item.socket == socket and item.by == "server"]
    if opened and not closed:
        raise Violated(f"{who} was let in", *opened)
    if not any(item.socket not in _STRANGERS for each in run.takes.values() for item in each.transcript.of(Opened)):
        raise Unclear("no socket was let in with the right token either")
    refused = [item for item in take.transcript.of(Refused) if item.socket == socket]
    answer = refused[0].answer if refused else None
    if isinstance(answer, dict):
        return f"connect_error: {shown(answer.get('message'))}"
    return refused[0].reason if refused else "it was let in and closed at once"


CHECKS: tuple[Check, ...] = (
    rest_requires_token,
    rest_refuses_wrong_token,
    rest_refuses_other_scheme,
    socket_requires_token,
    socket_refuses_wrong_token,
    socket_refusal_says_why,
)
