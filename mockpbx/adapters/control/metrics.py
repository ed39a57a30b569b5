"""The server's figures as Prometheus reads them. Imported at the first scrape, since its library takes 0.3 s."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.tally import Tally
from mockpbx.domain import events as e
from mockpbx.domain.call import State
from mockpbx.media import facts
from mockpbx.media.framing import RATE
from mockpbx.media.line import Line
from mockpbx.runtime.cadence import BOUNDS, Lateness
from mockpbx.runtime.clock import ClockMode
from mockpbx.runtime.entries import ClientCutOff, EventRefused

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Upper bounds of what is told of lateness, in ms.
STEPS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100, 1_000)

_SEEN = {
    "mockpbx_clients_cut_off": ("Clients that were cut off since they did not read", ClientCutOff),
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
        yield from self._of_the_process()
        yield from self._of_cadence()
        yield from self._of_calls()
        yield from self._of_sound()
        yield from self._of_scenarios()

    def _of_the_server(self) -> Iterator[Metric]:
        emulator = self._emulator
        yield _gauge("process_start_time_seconds", "Wall seconds since 1970 at which it started", emulator.started)
        about = GaugeMetricFamily("mockpbx_info", "Which mockpbx this is", labels=["version"])
        about.add_metric([emulator.version], 1)
        yield about
        workspaces = list(emulator.switchboard)
        yield _gauge("mockpbx_workspaces", "Workspaces that are open", len(workspaces))
        modes = Counter(_kind_of(workspace.mode) for workspace in workspaces)
        yield _labelled(GaugeMetricFamily, "mockpbx_clocks", "Workspaces by how their time passes", "clock", modes)
        yield _gauge("mockpbx_sockets", "Clients that are connected", sum(map(emulator.sockets, workspaces)))
        uncommitted = sum(map(emulator.uncommitted, workspaces))
        yield _gauge("mockpbx_records_waiting", "Call records that wait for their commit", uncommitted)
        unread = [waiting for workspace in workspaces for waiting in emulator.unread(workspace, None)]
        yield _gauge("mockpbx_unread_bytes", "Bytes that wait for slow readers", sum(unread))
        yield _gauge("mockpbx_unread_bytes_max", "Bytes that wait for the slowest reader", max(unread, default=0))
        refused = "Connections refused since there were too many"
        yield _counter("mockpbx_connections_refused", refused, emulator.turned_away())
        yield _counter("mockpbx_journal_entries", "Facts written into journals", self._tally.entries)

    def _of_calls(self) -> Iterator[Metric]:
        tally = self._tally
        yield _labelled(CounterMetricFamily, "mockpbx_calls_placed", "Calls by direction", "direction", tally.placed)
        labels = ["direction", "disposition", "cause"]
        ended = CounterMetricFamily("mockpbx_calls_ended", "Ended calls by direction and how they ended", labels=labels)
        for (direction, disposition, cause), count in tally.ended.items():
            ended.add_metric([direction, disposition, str(cause)], count)
        yield ended
        states = Counter(call.state for workspace in self._emulator.switchboard for call in workspace.live_calls())
        yield _gauge("mockpbx_live_calls", "Calls that have not ended", states.total())
        by_state = {state.name.lower(): states[state] for state in State if state is not State.ENDED}
        yield _labelled(GaugeMetricFamily, "mockpbx_calls", "Calls that have not ended, by state", "state", by_state)

    def _of_sound(self) -> Iterator[Metric]:
        tally, lines = self._tally, list(self._lines())
        frames = tally.frames + sum(line.frames for line in lines)
        yield _counter("mockpbx_frames_sent", "Frames of 20 ms from callees to clients", frames)
        taken = (tally.samples + sum(line.playout.audio.accepted for line in lines)) / RATE
        yield _counter("mockpbx_audio_taken_seconds", "Client audio that was taken", taken)
        refused = "Client audio that was not taken, by why"
        yield _labelled(CounterMetricFamily, "mockpbx_audio_refused", refused, "reason", tally.refused)
        waiting = [line.playout.waiting / RATE for line in lines]
        yield _gauge("mockpbx_playout_seconds", "Client audio that waits to be heard, of all calls", sum(waiting))
        most = max(waiting, default=0)
        yield _gauge("mockpbx_playout_seconds_max", "Client audio that waits to be heard, of the call with most", most)
        yield _labelled(CounterMetricFamily, "mockpbx_digits", "DTMF digits by who pressed them", "by", tally.digits)

    def _of_scenarios(self) -> Iterator[Metric]:
        for name, (about, kind) in _SEEN.items():
            yield _counter(name, about, self._tally.seen[kind])
        seen = self._tally.seen
        outcomes = {"met": seen[e.ExpectationMet], "missed": seen[e.ExpectationMissed]}
        yield _labelled(CounterMetricFamily, "mockpbx_expectations", "What callees expected", "outcome", outcomes)

    def _of_cadence(self) -> Iterator[Metric]:
        late = "How late the frames of a tick left, by the 20 ms grid of their calls, where time is real"
        yield _lateness("mockpbx_tick_lateness_seconds", late, self._emulator.cadence)
        yield _lateness(
            "mockpbx_loop_lag_seconds", "How late the event loop rang the emulator's timer", self._emulator.lag
        )
        slips = "Times that the emulator was held up for too long to catch up"
        yield _counter("mockpbx_media_slips", slips, self._tally.slips)
        slipped = self._tally.slipped_ms / 1_000
        yield _counter("mockpbx_media_slipped_seconds", "Media time lost since the emulator was held up", slipped)

    def _of_the_process(self) -> Iterator[Metric]:
        """Return what the system tells of the process, where it does: on Linux."""
        for metric in ProcessCollector(registry=None).collect():
            if metric.name != "process_start_time_seconds":
                yield metric

    def _lines(self) -> Iterator[Line]:
        for workspace in self._emulator.switchboard:
            for call in workspace.live_calls():
                line = workspace.line(call.session_id)
                if line is not None:
                    yield line


def exposition(emulator: Emulator, tally: Tally) -> bytes:
    """Return all figures in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(emulator, tally))
    return generate_latest(registry)


def _kind_of(mode: ClockMode) -> str:
    """Return one of a few words: rates may be anything."""
    return "real" if mode.rate == 1 else "scaled" if mode.rate else mode.name


def _lateness(name: str, about: str, lateness: Lateness) -> HistogramMetricFamily:
    below = list(accumulate(lateness.counts))
    buckets = [(str(step / 1_000), below[bisect_left(BOUNDS, step * 1_000)]) for step in STEPS]
    return HistogramMetricFamily(name, about, [*buckets, ("+Inf", below[-1])], lateness.total / 1_000_000)


def _labelled(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    about: str,
    label: str,
    values: Mapping[str, float],
) -> Metric:
    told = family(name, about, labels=[label])
    for word, value in values.items():
        told.add_metric([word], value)
    return told


def _counter(name: str, about: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, about, value=value)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)
