"""What was promised, beside what was measured; and what speaks against a measurement."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .search import Figures
from .suite import DOWNLINK, DUPLEX

CLIENT_BUSY = 0.85  # of its core: beyond, the client may be what limits
CLIENT_LATE_MS = 1.0  # p99 of the client's rounds: its stamps are no later than that
AHEAD = 1.5  # times as many calls as mockpbx's are to be held beside the floor server, to show that the client can
RIVAL = 0.05  # of the server's core
NO_DRIFT = 0.2  # ms per minute: 2 ms in ten minutes


@dataclass(frozen=True, slots=True)
class Target:
    """One figure that was promised. `value` is None where it was not measured."""

    name: str
    value: float | None
    bound: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it is met; None where it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


class Summary:
    """Medians of a report's figures; None where nothing was measured."""

    def __init__(self, found: Figures) -> None:
        self._found = found

    def held(self, name: str, mode: str) -> float | None:
        """Return how many calls a server held. A search that ended before it found any tells nothing."""
        rows = (one for one in self._found["capacity"] if one["name"] == name and one["mode"] == mode)
        return _median(one["held"] for one in rows if one["held"] or one["complete"])

    def cpu_ms(self, name: str, mode: str) -> float | None:
        """Return the CPU time of a call and second at the fixed load, in ms."""
        return self._fixed(name, mode, lambda one: one["server"]["ms_per_call_second"])

    def frame_us(self, name: str, mode: str) -> float | None:
        """Return the CPU time of a frame at the fixed load, the uplink's share in it, in microseconds."""
        return self._fixed(name, mode, lambda one: one["server"]["us_per_frame"])

    def p99_ms(self, name: str, mode: str) -> float | None:
        """Return the p99 of the deviation from the grid at the fixed load."""
        return self._fixed(name, mode, lambda one: one["deviation_ms"]["p99"])

    def around(self, *path: str) -> float | None:
        """Return a figure of what surrounds the calls."""
        value = self._found["around"]
        for key in path:
            if not isinstance(value, dict) or key not in value:
                return None
            value = value[key]
        return float(value)

    def _fixed(self, name: str, mode: str, figure: Callable[[Figures], float | None]) -> float | None:
        rows = (one for one in self._found["fixed"] if one["name"] == name and one["uplink"] == mode)
        return _median(figure(one) for one in rows if "broken" not in one)


def _median(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def ratio(one: float | None, other: float | None) -> float | None:
    """Return one by the other, None where either was not measured."""
    return None if one is None or not other else one / other


def targets(found: Figures) -> list[Target]:
    """Return what was promised and what was measured."""
    s, long = Summary(found), found.get("long", {})
    ours, calls = s.held("mockpbx", DUPLEX), found["options"]["fixed_calls"]
    floor = ratio(s.frame_us("mockpbx", DOWNLINK), s.frame_us("floor", DOWNLINK))
    starts = [s.around("starts", name, "median_seconds") for name in ("mockpbx", "python-socketio")]
    idle = s.around("starts", "mockpbx", "idle_memory_kb")
    return [
        Target("calls held at 160 ms, of the Node peer's", ratio(ours, s.held("node", DUPLEX)), 2.5, "x", True),
        Target(
            "calls held at 160 ms, of the Python peer's", ratio(ours, s.held("python-socketio", DUPLEX)), 6, "x", True
        ),
        Target("CPU of a frame downlink, of plain send()'s", floor, 2.5, "x"),
        Target(f"p99 off the grid at {calls} calls", s.p99_ms("mockpbx", DUPLEX), 2, "ms"),
        Target("p99 off the grid, the long run", long.get("deviation_ms", {}).get("p99"), 2, "ms"),
        Target("drift of the worst call, the long run", long.get("drift_ms_per_minute"), NO_DRIFT, "ms/min"),
        Target("memory of a connected call", s.around("memory", "mockpbx", "kb_per_call"), 100, "kB"),
        Target("memory when idle", None if idle is None else idle * 1024 / 1e6, 60, "MB"),
        Target("start to the first 200, of the Python peer's", ratio(*starts), 1.3, "x"),
        Target("first request of a new workspace", s.around("workspaces", "first_request_ms", "median"), 5, "ms"),
        Target("ten minutes on the virtual clock", s.around("ten_minutes", "median_seconds"), 1, "s"),
    ]


def doubts(found: Figures) -> list[str]:
    """Return what speaks against the figures; nothing where the measurement can be trusted."""
    return [*_rivals(found), *_searches(found), *_client(found)]


def _rivals(found: Figures) -> list[str]:
    probes = [*found["fixed"], *(probe for one in found["capacity"] for probe in one["probes"])]
    taken = [one["server"]["core_taken_by_others"] for one in probes if "broken" not in one]
    disturbed = [share for share in taken if share > RIVAL]
    told = [] if found["machine"]["apart"] else ["the server and the client had no cores of their own"]
    if disturbed:
        how_many = f"{len(disturbed)} of {len(taken)} probes (up to {max(disturbed):.0%} of it)"
        told.append(f"others worked on the server's core in {how_many}: calls held and p99 are void, CPU is rough")
    return told


def _searches(found: Figures) -> list[str]:
    return [
        f"the search for {one['name']}, uplink {one['mode']}, run {one['run'] + 1} ended early: {_between(one)}"
        for one in found["capacity"]
        if not one["complete"]
    ]


def _between(one: Figures) -> str:
    held = f"{one['held']} calls were held" if one["held"] else "no number of calls was found that is held"
    return f"{held}, {'more were not tried' if one['failed'] is None else str(one['failed']) + ' were not'}"


def _client(found: Figures) -> list[str]:
    s, told = Summary(found), []
    for one in found["capacity"]:
        client = (one["figures"] or {}).get("client")
        if one["name"] == "floor" or client is None:
            continue
        if client["core_share"] > CLIENT_BUSY or (client["lateness_ms"]["p99"] or 0) > CLIENT_LATE_MS:
            told.append(f"the client may limit {one['name']} at {one['held']} calls, uplink {one['mode']}")
    for mode in found["options"]["modes"]:
        times = ratio(s.held("floor", mode), s.held("mockpbx", mode))
        if times is not None and times < AHEAD:
            told.append(
                f"the client may limit mockpbx, uplink {mode}: with the floor it holds {times:.2f} times as many calls"
            )
    return told
