"""The protocol below the events."""

from __future__ import annotations

from mockpbx.conformance.check import Check, Unclear, Violated, check
from mockpbx.conformance.run import Run
from mockpbx.conformance.transcript import Garbled, Opened, Refused

_MOST = 5  # messages that are shown


@check(
    "speaks-socket-io",
    "WebSocket Integration, Connection Setup",
    "every websocket message is Socket.IO protocol 5 on Engine.IO 4, as socket.io-client speaks it",
    "doors",
)
def socket_io(run: Run) -> str:
    """Judge all sockets."""
    garbled = [item for take in run.takes.values() for item in take.transcript.of(Garbled)]
    if garbled:
        raise Violated(garbled[0].reason, *garbled[:_MOST])
    opened = sum(1 for take in run.takes.values() for _ in take.transcript.of(Opened))
    if not opened:
        refused = [item for take in run.takes.values() for item in take.transcript.of(Refused)]
        raise Unclear(f"no socket came in: {refused[-1].reason if refused else 'none was tried'}", *refused[-1:])
    return f"{opened} sockets"


CHECKS: tuple[Check, ...] = (socket_io,)
