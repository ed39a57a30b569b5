"""What is probably wrong when nearly everything is: the address, the Socket.IO version, a number."""

from __future__ import annotations

from collections.abc import Iterator

from mockpbx.conformance.run import Options, Run
from mockpbx.conformance.stage import outcome_of
from mockpbx.conformance.transcript import NO_JSON, Exchange, Opened, Refused


def hints(run: Run) -> Iterator[str]:
    """Iterate over sentences for whoever reads the report; none on a server that works at all."""
    answered = [exchange for exchange in run.exchanges() if exchange.failure is None]
    if answered:
        yield from _of_requests(answered)
        yield from _of_numbers(answered, run.options)
    sockets = [item for take in run.takes.values() for item in take.transcript.items]
    refused = [item for item in sockets if isinstance(item, Refused)]
    if refused and not any(isinstance(item, Opened) for item in sockets):
        yield f"no socket was let in, so that nothing was seen of a call: {refused[-1].reason}"


def _of_requests(answered: list[Exchange]) -> Iterator[str]:
    kinds = sorted({exchange.content_type for exchange in answered})
    if all(300 <= exchange.status < 400 for exchange in answered):
        yield "every request was redirected, and no redirect is followed: give the address that they lead to"
    elif all(exchange.json is NO_JSON for exchange in answered):
        yield f"no reply was JSON, but {' or '.join(kinds)}: is this the Outgoing Call Service?"


def _of_numbers(answered: list[Exchange], options: Options) -> Iterator[str]:
    """Iterate over a sentence for each number that was given and never called, since the server refused it."""
    asked = [exchange for exchange in answered if (exchange.method, exchange.path) == ("POST", "/pbx/call")]
    flags: dict[str, list[str]] = {}
    for name in ("number", "busy_number", "no_answer_number", "callee_hangup_number", "echo_number"):
        if (number := getattr(options, name)) is not None:
            flags.setdefault(number, []).append(f"--{name.replace('_', '-')}")
    for number, names in flags.items():
        tries = [each for each in asked if each.token == options.token and each.body == {"phoneNumber": number}]
        if tries and all(400 <= each.status != 401 and isinstance(each.json, dict) for each in tries):
            refusal = f"{' and '.join(names)} {number!r}: POST /pbx/call {outcome_of(tries[-1])}"
            yield f"the server refused {refusal}; give a number that it calls"
