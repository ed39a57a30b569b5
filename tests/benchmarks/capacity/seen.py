"""What a load client saw and what the server used meanwhile, as figures."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from . import cadence
from .calls import Call

DRIFTING = 100  # calls whose drift is looked at


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds used up to one moment: by the server (user, system), the client, by anybody on the server's core."""

    at: float
    server: tuple[float, float]
    client: float
    core: float


class Client(Protocol):
    """A load client that is done."""

    calls: list[Call]
    busy: array[float]
    uplink_late: array[float]
    memory: dict[str, int]


def figures(client: Client, before: Reading, after: Reading, sent: int) -> dict[str, object]:
    """Return the figures of what passed between two readings; `sent` packets were sent meanwhile."""
    calls = client.calls
    each = [cadence.deviations(call.arrivals, before.at, after.at) for call in calls]
    deviation = np.concatenate(each)
    return {
        "calls": len(calls),
        "seconds": round(after.at - before.at, 3),
        "frames": _frames(calls, before.at, after.at - before.at, len(deviation)),
        "deviation_ms": cadence.summary(deviation),
        "deviation_ms_worst_call_p99": _worst(cadence.summary(one)["p99"] for one in each),
        "deviation_histogram_ms": cadence.histogram(deviation),
        "drift_ms_per_minute": _drift(calls, before.at, after.at),
        "acks": _acks(calls, sent),
        "lost_calls": sum(call.ended for call in calls),
        "strange_messages": sum(call.strange for call in calls),
        "pings_answered": sum(call.pings for call in calls),
        "server": _server(before, after, len(calls), len(deviation)) | {"memory_kb": client.memory},
        "client": {
            "core_share": round((after.client - before.client) / (after.at - before.at), 4),
            "lateness_ms": cadence.summary(np.asarray(client.busy)),
            "uplink_late_ms": cadence.summary(np.asarray(client.uplink_late)),
        },
    }


def _frames(calls: Sequence[Call], began: float, seconds: float, received: int) -> dict[str, float]:
    shares = [cadence.delivered(call.arrivals, began, seconds) for call in calls]
    return {
        "received": received,
        "delivered_worst_call": round(min(shares), 5),
        "delivered_mean": round(sum(shares) / len(shares), 5),
    }


def _drift(calls: Sequence[Call], began: float, ended: float) -> float | None:
    return _worst(cadence.drift_ms_per_minute(call.arrivals, began, ended) for call in calls[:DRIFTING])


def _worst(figures: Iterable[float | None]) -> float | None:
    """Return the one farthest from 0, its sign dropped, of those that were measured; None where none was."""
    return max((round(abs(figure), 3) for figure in figures if figure is not None), default=None)


def _acks(calls: Sequence[Call], sent: int) -> dict[str, object]:
    return {
        "asked": sum(call.sent for call in calls),
        "asked_while_measured": sent,
        "confirmed": sum(call.confirmed for call in calls),
        "refused": sum(call.refused for call in calls),
        "missing": sum(len(call.waiting) for call in calls),
        "ms": cadence.summary(np.concatenate([np.asarray(call.ack_seconds) for call in calls])),
    }


def _server(before: Reading, after: Reading, calls: int, frames: int) -> dict[str, object]:
    lasted = after.at - before.at
    user, system = (end - start for start, end in zip(before.server, after.server, strict=True))
    used = user + system
    return {
        "user_seconds": round(user, 3),
        "system_seconds": round(system, 3),
        "core_share": round(used / lasted, 4),
        "ms_per_call_second": round(1_000 * used / lasted / calls, 4),
        "us_per_frame": round(1_000_000 * used / max(1, frames), 3),
        "core_taken_by_others": round(max(0.0, (after.core - before.core - used) / lasted), 3),
    }
