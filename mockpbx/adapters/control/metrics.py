"""The server's figures as Prometheus reads them. Imported at the first scrape, since its library takes 0.3 s."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.tally import Tally
from mockpbx.domain import events as e
from mockpbx.media import facts
from mockpbx.runtime.entries import AudioRefused, EventRefused

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SEEN = {
    "mockpbx_audio_refused": ("Client audio that was not taken", AudioRefused),
    "mockpbx_events_refused": ("Client events that were not taken", EventRefused),
    "mockpbx_checkpoints_reached": ("Checkpoints whose sound was played", facts.CheckpointReached),
    "mockpbx_underruns": ("Times that a client's sound ran dry in the middle of a frame", facts.Underrun),
    "mockpbx_scenario_failures": ("Scenarios that could not go on", e.ScenarioFailed),
}


class _Figures(Collector):
    """What there is to tell at the moment of a scrape."""

    def __init__(self, emulator: Emulator, tally: Tally) -> None:
        self._emulator = emulator
        self._tally = tally

    def describe(self) -> Iterator[Metric]:
        """Describe nothing beforehand: the registry is not to collect for it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return all figures."""
        yield from self._of_the_server()
        yield from self._of_calls()
        yield from self._of_scenarios()

    def _of_the_server(self) -> Iterator[Metric]:
        emulator = self._emulator
        yield _gauge("process_start_time_seconds", "Wall seconds since 1970 at which it started", emulator.started)
        about = GaugeMetricFamily("mockpbx_info", "Which mockpbx this is", labels=["version"])
        about.add_metric([emulator.version], 1)
        yield about
        yield _gauge("mockpbx_workspaces", "Workspaces that are open", len(list(emulator.switchboard)))
        yield _gauge("mockpbx_sockets", "Clients that are connected", sum(map(emulator.sockets, emulator.switchboard)))
        yield _counter("mockpbx_journal_entries", "Facts written into journals", self._tally.entries)

    def _of_calls(self) -> Iterator[Metric]:
        tally = self._tally
        placed = CounterMetricFamily("mockpbx_calls_placed", "Calls by direction", labels=["direction"])
        for direction, count in tally.placed.items():
            placed.add_metric([direction], count)
        yield placed
        labels = ["direction", "disposition", "cause"]
        ended = CounterMetricFamily("mockpbx_calls_ended", "Ended calls by direction and how they ended", labels=labels)
        for (direction, disposition, cause), count in tally.ended.items():
            ended.add_metric([direction, disposition, str(cause)], count)
        yield ended
        live = [(workspace, call) for workspace in self._emulator.switchboard for call in workspace.live_calls()]
        lines = [line for workspace, call in live if (line := workspace.line(call.session_id)) is not None]
        yield _gauge("mockpbx_live_calls", "Calls that have not ended", len(live))
        frames = tally.frames + sum(line.frames for line in lines)
        yield _counter("mockpbx_frames_sent", "Frames of 20 ms from callees to clients", frames)
        slipped = tally.slipped_ms / 1_000
        yield _counter("mockpbx_media_slipped_seconds", "Media time lost since the emulator was held up", slipped)
        digits = CounterMetricFamily("mockpbx_digits", "DTMF digits by who pressed them", labels=["by"])
        for who, count in tally.digits.items():
            digits.add_metric([who], count)
        yield digits

    def _of_scenarios(self) -> Iterator[Metric]:
        for name, (about, kind) in _SEEN.items():
            yield _counter(name, about, self._tally.seen[kind])
        expectations = CounterMetricFamily("mockpbx_expectations", "What callees expected", labels=["outcome"])
        for outcome, kind in (("met", e.ExpectationMet), ("missed", e.ExpectationMissed)):
            expectations.add_metric([outcome], self._tally.seen[kind])
        yield expectations


def exposition(emulator: Emulator, tally: Tally) -> bytes:
    """Return all figures in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(emulator, tally))
    return generate_latest(registry)


def _counter(name: str, about: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, about, value=value)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)
