"""The suite: what is measured in which order, within a fixed time. What no time was left for is named."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import around, servers
from .load import UPLINKS
from .search import Figures, Plan, breaches, capacity, probe

DUPLEX, DOWNLINK = "2560/160ms", "none"


@dataclass(frozen=True)
class Options:
    """What to measure. Seconds are those of one probe; `limit` is of the whole."""

    servers: tuple[str, ...] = tuple(servers.SERVERS)
    modes: tuple[str, ...] = tuple(UPLINKS)
    runs: int = 3
    seconds: float = 4.0
    probes: int = 6
    fixed_calls: int = 100
    starts: int = 7
    minutes: float = 0.0
    loop: str = "auto"
    per_token: int = 50
    limit: float = 870.0
    around: bool = True


#: Smaller in everything: tells whether a change helps, not what a machine holds.
QUICK = Options(modes=(DUPLEX,), runs=1, seconds=2.0, probes=3, fixed_calls=60, starts=3, limit=165.0)


class Suite:
    """Runs the measurements; `found` is the report as values."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._began = time.monotonic()
        deadline = self._began + options.limit
        self._plan = Plan(options.seconds, options.probes, loop_of(options.loop), options.per_token, deadline)
        self.found: Figures = {
            "machine": machine(self._plan.loop),
            "options": asdict(options),
            "around": {},
            "fixed": [],
            "capacity": [],
            "left_out": [],
        }

    def run(self) -> Figures:
        """Measure everything that there is time for."""
        if self.options.around:
            self._around()
        self._calls(self.options.modes[:1], range(self.options.runs))
        self._calls(self.options.modes[1:], range(1))
        if self.options.minutes:
            self._tell(f"mockpbx, {self.options.fixed_calls} calls for {self.options.minutes:g} minutes")
            seconds = self.options.minutes * 60
            self.found["long"] = probe("mockpbx", self.options.fixed_calls, DUPLEX, self._plan, seconds)
        self.found["seconds"] = round(time.monotonic() - self._began, 1)
        return self.found

    def _around(self) -> None:
        names, found = self.options.servers, self.found["around"]
        if "mockpbx" in names:
            self._tell("start, idle memory")
            compared = [name for name in names if name != "floor"]
            found["starts"] = around.starts(compared, self._plan.loop, self.options.starts)
            self._tell("a new workspace; ten minutes on the virtual clock")
            found["workspaces"] = around.workspaces(self._plan.loop)
            found["ten_minutes"] = around.ten_minutes()
        self._tell("memory of a call")
        found["memory"] = around.memory([name for name in names if name != "floor"], self._plan)

    def _calls(self, modes: tuple[str, ...], runs: range) -> None:
        """Measure fixed loads, then capacity; within a run the servers take turns, and another begins each time."""
        starting: dict[tuple[str, str], int] = {}
        for run in runs:
            turns = self.options.servers[run % len(self.options.servers) :]
            names = (*turns, *self.options.servers[: run % len(self.options.servers)])
            both = [*modes, DOWNLINK] if DUPLEX in modes and DOWNLINK not in modes else list(modes)
            for mode in both:
                for name in names:
                    self._fixed(run, name, mode)
            for mode in modes:
                for name in names:
                    starting[name, mode] = self._capacity(run, name, mode, starting.get((name, mode)))

    def _fixed(self, run: int, name: str, mode: str) -> None:
        if not self._time_left(f"run {run + 1}: {self.options.fixed_calls} calls of {name}, uplink {mode}"):
            return
        figures = probe(name, self.options.fixed_calls, mode, self._plan)
        self.found["fixed"].append({"run": run, "name": name, "breaches": breaches(figures)} | figures)

    def _capacity(self, run: int, name: str, mode: str, start: int | None) -> int:
        """Search; returns where to begin the next time."""
        begin = start or self._promised(name, mode)
        if not self._time_left(f"run {run + 1}: calls held by {name}, uplink {mode}"):
            return begin
        found = capacity(name, mode, self._plan, begin)
        self.found["capacity"].append({"run": run, "name": name, "mode": mode} | asdict(found))
        return found.held or begin

    def _promised(self, name: str, mode: str) -> int:
        """Return how many calls the CPU of the fixed load promises."""
        shares = [
            one["server"]["core_share"] / one["calls"]
            for one in self.found["fixed"]
            if one["name"] == name and one["uplink"] == mode and "broken" not in one
        ]
        return max(5, round(0.8 / max(shares) / 5) * 5) if shares else self.options.fixed_calls

    def _time_left(self, what: str) -> bool:
        if time.monotonic() < self._plan.deadline:
            self._tell(what)
            return True
        self.found["left_out"].append(what)
        return False

    def _tell(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {what}", file=sys.stderr, flush=True)


def loop_of(wanted: str) -> str:
    """Return the event loop of the Python servers: auto is uvloop where it is installed, as for `mockpbx serve`."""
    if wanted != "auto":
        return wanted
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return "asyncio"
    return "uvloop"


def machine(loop: str) -> Figures:
    """Return what the figures were measured on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    command = shutil.which("node")
    node = subprocess.run([command, "--version"], capture_output=True, text=True, check=False) if command else None
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "node": node.stdout.strip() if node else None,
        "event_loop": loop,
        "load_before": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "apart": len(os.sched_getaffinity(0)) > max(servers.SERVER_CORE, servers.CLIENT_CORE),
    }
