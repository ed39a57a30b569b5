"""What is probably wrong when nearly everything is: the address, the Socket.IO version."""

from __future__ import annotations

from collections.abc import Iterator

from mockpbx.conformance.run import Run
from mockpbx.conformance.transcript import NO_JSON, Exchange, Opened, Refused


def hints(run: Run) -> Iterator[str]:
    """Iterate over sentences for whoever reads the report; none on a server that works at all."""
    answered = [exchange for exchange in run.exchanges() if exchange.failure is None]
    if answered:
        yield from _of_requests(answered)
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
