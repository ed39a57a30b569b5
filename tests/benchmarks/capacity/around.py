"""What surrounds the calls: the start of the process, memory, a new workspace, ten minutes on the virtual clock."""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import sys
import time
from urllib.parse import urlsplit

from . import process, servers
from .search import Figures, Plan, probe

MEMORY_CALLS = 200
WORKSPACES = 40
SETTLED = 1.0  # seconds after the first answer; memory is idle then
TEN_MINUTES = servers.HERE.parent / "ten_minutes.py"


def starts(names: list[str], loop: str, times: int) -> Figures:
    """Return the seconds from a process's start to its first answer 200, and idle memory; servers in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    idle: dict[str, int] = {}
    for turn in range(times + 1):
        for name in names:
            with servers.running(name, loop, calls=False) as up:
                if turn:  # the first start compiles, and fills caches
                    seconds[name].append(up.start_seconds)
                if turn == times:
                    time.sleep(SETTLED)
                    idle[name] = process.memory_kb(up.pid)
    return {
        name: {
            "median_seconds": round(statistics.median(seconds[name]), 4),
            "min_seconds": round(min(seconds[name]), 4),
            "max_seconds": round(max(seconds[name]), 4),
            "idle_memory_kb": idle[name],
        }
        for name in names
    }


def memory(names: list[str], plan: Plan) -> Figures:
    """Return the memory of a connected call whose queue is empty: of the first, and of each of 199 more."""
    found: Figures = {}
    for name in names:
        figures = probe(name, MEMORY_CALLS, "none", plan, seconds=1)
        if "broken" in figures:
            found[name] = figures
            continue
        kb = figures["server"]["memory_kb"]
        found[name] = kb | {
            "kb_per_call": round((kb["all_calls"] - kb["one_call"]) / (MEMORY_CALLS - 1), 1),
            "kb_of_the_first": kb["one_call"] - kb["idle"],  # with what calls need loaded: once in a process
        }
    return found


def workspaces(loop: str) -> Figures:
    """Return how long the first request of a new workspace takes, and the second of the same, in ms."""
    with servers.running("mockpbx", loop, calls=False) as up:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(up.url).port or 80, timeout=30)
        first, second = [], []
        for number in range(WORKSPACES + 1):
            timed = [_timed(connection, f"workspace-{number}") for _ in range(2)]
            if number:  # the first of all loads what requests need
                first.append(timed[0])
                second.append(timed[1])
        connection.close()
    return {
        "first_request_ms": {"median": round(statistics.median(first), 3), "max": round(max(first), 3)},
        "second_request_ms": {"median": round(statistics.median(second), 3), "max": round(max(second), 3)},
    }


def _timed(connection: http.client.HTTPConnection, token: str) -> float:
    began = time.perf_counter()
    connection.request("GET", "/cdr", headers={"Authorization": f"Bearer {token}"})
    reply = connection.getresponse()
    json.loads(reply.read())
    assert reply.status == 200
    return (time.perf_counter() - began) * 1_000


def ten_minutes() -> Figures:
    """Return the wall seconds of ten-minute calls on the virtual clock, read to the end by the official client."""
    done = subprocess.run(
        [sys.executable, str(TEN_MINUTES)], capture_output=True, text=True, check=False, cwd=servers.ROOT,
        env=servers.environment(),
    )  # fmt: skip
    figures = re.search(r"median ([\d.]+) s, ([\d.]+) to ([\d.]+)", done.stdout)
    if not figures:
        return {"broken": (done.stderr.strip().splitlines() or ["it printed no figures"])[-1]}
    median, least, most = (float(figure) for figure in figures.groups())
    return {"median_seconds": median, "min_seconds": least, "max_seconds": most}
