"""REST: what a request gets that is to be refused, with which code, and in which envelope."""

from __future__ import annotations

from mockpbx.conformance.check import Check, Level, Unclear, Violated, check
from mockpbx.conformance.checks.replies import BAD_REQUEST, NOT_FOUND, code_of, require_code, require_entry, status_in
from mockpbx.conformance.checks.shapes import NULL, NUMBER, TEXT, is_whole, require, shown
from mockpbx.conformance.run import Run
from mockpbx.conformance.transcript import Exchange

_CODES = "Error Handling, HTTP Status Codes"
_ERRORS = "Error Handling, Common Error Responses"
_ERROR = {"status": NUMBER, "errors": TEXT, "data": NULL}
#: Requests that a web framework answers by itself before any route is found.
_FRAMEWORK = ("unknown-route", "malformed-json")


@check("error-http-status", _CODES, "the HTTP status of an error is the status that its body tells", "doors")
def error_http_status(run: Run) -> None:
    """Judge all errors whose body tells one."""
    told = [exchange for exchange in _errors(run) if is_whole(status_in(exchange))]
    if not told:
        raise Unclear("no error's body tells a status")
    for exchange in told:
        if status_in(exchange) != exchange.status:
            got = f"the body of {exchange.method} {exchange.path} tells status {shown(status_in(exchange))}"
            raise Violated(f"{got}, HTTP told {exchange.status}", exchange)


@check(
    "error-envelope",
    _ERRORS,
    "an error comes in an envelope: status a number, errors a sentence as a string, data null",
    "doors",
)
def error_envelope(run: Run) -> None:
    """Judge all errors but those that a framework may answer by itself."""
    framework = {id(e) for name in _FRAMEWORK for e in run.take("doors").facts.get(name, ())}
    errors = [exchange for exchange in _errors(run) if id(exchange) not in framework]
    if not errors:
        raise Unclear("no request was answered by an error")
    for exchange in errors:
        require(f"the error of {exchange.method} {exchange.path}", exchange.json, _ERROR, exchange)


@check(
    "framework-error-envelope",
    _ERRORS,
    "the errors of an unknown route and of malformed JSON come in the same envelope",
    "doors",
    level=Level.SHOULD,
)
def framework_error_envelope(run: Run) -> None:
    """Judge what a framework may answer by itself."""
    for name in _FRAMEWORK:
        for exchange in run.take("doors").fact(name):
            if exchange.failure is None and code_of(exchange) >= BAD_REQUEST:
                require(f"the error of {exchange.method} {exchange.path}", exchange.json, _ERROR, exchange)


def _coded(id: str, code: int, expects: str, scene: str = "doors", section: str = _CODES) -> Check:
    """Make the check that the requests kept under `id` without its code get that code."""

    @check(f"{id}-is-{code}", section, expects, scene)
    def judge(run: Run) -> None:
        exchanges = run.take(scene).fact(id)
        require_entry(run)
        if not exchanges:
            raise Unclear("the list shows no record of a call to the number that was called")
        require_code(exchanges, code, f" ({id.replace('-', ' ')})")

    return judge


_CODED = (
    _coded("missing-number", BAD_REQUEST, "a call without phoneNumber is answered by 400"),
    _coded("number-of-wrong-type", BAD_REQUEST, "a phoneNumber that is no string is answered by 400"),
    _coded("invalid-number", BAD_REQUEST, "a phoneNumber that is no number is answered by 400", section=_ERRORS),
    _coded("malformed-json", BAD_REQUEST, "a body that is no JSON is answered by 400"),
    _coded("hangup-without-session", BAD_REQUEST, "a hang-up without sessionId is answered by 400"),
    _coded("unknown-session-hangup", NOT_FOUND, "hanging up an unknown session is answered by 404"),
    _coded("ended-session-hangup", NOT_FOUND, "hanging up a session that has ended is answered by 404", "records"),
    _coded("unknown-record", NOT_FOUND, "the detail of an unknown session is answered by 404"),
    _coded("unknown-route", NOT_FOUND, "a route that does not exist is answered by 404"),
)

CHECKS: tuple[Check, ...] = (*_CODED, error_http_status, error_envelope, framework_error_envelope)


def _errors(run: Run) -> list[Exchange]:
    """Return what was answered by an error where errors were asked for."""
    hung_up_again = run.takes["records"].facts.get("ended-session-hangup", ()) if "records" in run.takes else ()
    return [
        exchange
        for exchange in (*run.take("doors").transcript.of(Exchange), *hung_up_again)
        if exchange.failure is None and code_of(exchange) >= BAD_REQUEST
    ]
