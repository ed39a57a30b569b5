"""What `mockpbx top` makes of a server's figures: a look at them, and what has happened between two looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

FRAME: Final = 0.02  # s


@dataclass(frozen=True, slots=True)
class Look:
    """The figures of `/metrics` at a moment (in seconds of any clock that goes on), by name and labels."""

    at: float
    figures: Mapping[tuple[str, frozenset[tuple[str, str]]], float]

    def of(self, name: str, **labels: str) -> float:
        """Return a figure, 0 where the server does not tell it."""
        return self.figures.get((name, frozenset(labels.items())), 0.0)

    def by(self, name: str, label: str) -> dict[str, float]:
        """Return the figures of one name by one label, in the order in which the server tells them."""
        return {dict(labels)[label]: value for (each, labels), value in self.figures.items() if each == name}


def look(text: str, at: float) -> Look:
    """Return what Prometheus's text says. Raises ValueError for what is none."""
    from prometheus_client.parser import text_string_to_metric_families

    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    figures = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    if ("mockpbx_workspaces", frozenset()) not in figures:
        raise ValueError("its /metrics are not those of a mockpbx")
    return Look(at, figures)


@dataclass(frozen=True, slots=True)
class Late:
    """How late something was between two looks: ms that it did not exceed, None for longer than a second.

    `count` is how often it happened at all; the rest is 0 where it did not.
    """

    count: int
    p50: float | None
    p99: float | None
    worst: float | None


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """The server as a whole. Rates and lateness are those between two looks, `cpu` in hundredths of one core.

    None stands for what there is no telling of: rates at the first look, sizes where the system does not tell them.
    """

    version: str
    uptime: float
    clocks: dict[str, int]
    calls: dict[str, int]
    sockets: int
    frames_out: float | None
    frames_in: float | None
    cadence: Late | None
    lag: Late | None
    slips: int
    slipped: float
    refused: dict[str, int]
    unread: int
    records_waiting: int
    rss: int | None
    cpu: float | None
    fds: int | None


@dataclass(frozen=True, slots=True)
class CallFigures:
    """One call. `seconds` of its own time since it was placed; `late` frames of the server's, None on virtual time."""

    session_id: str
    number: str
    direction: str
    state: str
    seconds: float
    queue_ms: float
    late: int | None
    late_p99: float | None
    refused: int
    unread: int


def server_figures(now: Look, before: Look | None, wall: float) -> ServerFigures:
    """Return the figures at a look; `before` is the one before it of the same server, `wall` s since 1970."""
    span = None if before is None else max(0.001, now.at - before.at)

    def rate(name: str) -> float | None:
        return None if before is None or span is None else (now.of(name) - before.of(name)) / span

    def given(name: str) -> int | None:
        return round(now.of(name)) or None

    audio, cpu = rate("mockpbx_audio_taken_seconds_total"), rate("process_cpu_seconds_total")
    return ServerFigures(
        version=next(iter(now.by("mockpbx_info", "version")), "?"),
        uptime=max(0.0, wall - now.of("process_start_time_seconds")),
        clocks=_counts(now.by("mockpbx_clocks", "clock")),
        calls=_counts(now.by("mockpbx_calls", "state")),
        sockets=round(now.of("mockpbx_sockets")),
        frames_out=rate("mockpbx_frames_sent_total"),
        frames_in=None if audio is None else audio / FRAME,
        cadence=None if before is None else _late(now, before, "mockpbx_tick_lateness_seconds"),
        lag=None if before is None else _late(now, before, "mockpbx_loop_lag_seconds"),
        slips=round(now.of("mockpbx_media_slips_total")),
        slipped=now.of("mockpbx_media_slipped_seconds_total"),
        refused=_counts(now.by("mockpbx_audio_refused_total", "reason")),
        unread=round(now.of("mockpbx_unread_bytes")),
        records_waiting=round(now.of("mockpbx_records_waiting")),
        rss=given("process_resident_memory_bytes"),
        cpu=None if cpu is None or not now.of("process_cpu_seconds_total") else cpu * 100,
        fds=given("process_open_fds"),
    )


def call_figures(listed: Iterable[Mapping[str, Any]], pulse: Mapping[str, Any]) -> Iterator[CallFigures]:
    """Yield the calls of a list, as their pulse tells of them."""
    for call in listed:
        beat = pulse["calls"].get(call["sessionId"])
        if beat is None:
            continue
        placed = datetime.fromisoformat(call["placedAt"]).timestamp()
        pacing = beat["pacing"]
        yield CallFigures(
            session_id=call["sessionId"],
            number=call["number"],
            direction=call["direction"],
            state=beat["status"],
            seconds=max(0.0, pulse["now"] / 1_000 - placed),
            queue_ms=beat["queueMs"],
            late=None if pacing is None else pacing["late"],
            late_p99=None if pacing is None else pacing["p99"],
            refused=beat["refused"],
            unread=beat["unread"],
        )


def _counts(figures: Mapping[str, float]) -> dict[str, int]:
    return {name: round(value) for name, value in figures.items() if value}


def _late(now: Look, before: Look, name: str) -> Late:
    """Return how late something was between two looks, from its histogram."""
    since = {
        float(bound): value - before.of(f"{name}_bucket", le=bound)
        for bound, value in now.by(f"{name}_bucket", "le").items()
    }
    below = sorted(since.items())
    count = round(below[-1][1]) if below else 0
    return Late(count, *(_bound(below, count * part) for part in (0.5, 0.99, 1.0)))


def _bound(below: list[tuple[float, float]], rank: float) -> float | None:
    """Return the ms that so many did not exceed; None for more than the last bound."""
    if not rank:
        return 0.0
    bound = next(bound for bound, counted in below if counted >= rank)
    return None if bound == float("inf") else bound * 1_000
