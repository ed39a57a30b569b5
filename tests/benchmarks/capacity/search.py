"""How many calls a server holds: steps up by what the CPU promises, then bisects. Bounded in probes and in time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from . import servers
from .servers import CLIENT_CORE, ROOT, SERVER_CORE

DELIVERED = 0.999  # of the frames, to the worst call
P99_MS = 5.0  # of the deviation from the 20 ms grid
CLOSE = 1.05  # the search ends where the fewest calls that failed are so near to the most that were held
LEAST = 5
RIVAL = 0.10  # of the server's core: a probe that fails beside so much of others' work is tried once more

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: seconds of each probe, probes of a search, Python's event loop, when all has to be over."""

    seconds: float
    probes: int
    loop: str
    per_token: int
    deadline: float


@dataclass(slots=True)
class Capacity:
    """What a search found: the most calls held and their figures, the fewest that failed and why; every probe."""

    held: int = 0
    failed: int | None = None
    why: list[str] = field(default_factory=list)
    figures: Figures | None = None
    probes: list[Figures] = field(default_factory=list)
    complete: bool = False


def load_command(up: servers.Running, calls: int, uplink: str, seconds: float, per_token: int) -> list[str]:
    """Return the command that loads a running server from the client's core."""
    words = {
        "--calls": calls, "--uplink": uplink, "--seconds": seconds, "--pid": up.pid, "--per-token": per_token,
        "--core": CLIENT_CORE, "--server-core": SERVER_CORE,
    }  # fmt: skip
    options = [word for name, value in words.items() for word in (name, str(value))]
    return [sys.executable, "-m", "tests.benchmarks.capacity.load", up.url, *options]


def probe(server: str, calls: int, uplink: str, plan: Plan, seconds: float | None = None) -> Figures:
    """Start a server, load it with calls from another core, stop it. Returns the load client's figures."""
    with servers.running(server, plan.loop) as up:
        command = load_command(up, calls, uplink, seconds or plan.seconds, plan.per_token)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"calls": calls, "uplink": uplink, "broken": done.stderr.strip().splitlines()[-1]}
    figures: Figures = json.loads(done.stdout)
    return figures


def breaches(figures: Figures) -> list[str]:
    """Return what keeps these figures from being calls that were held; nothing where they were."""
    if "broken" in figures:
        return [figures["broken"]]
    acks, p99 = figures["acks"], figures["deviation_ms"]["p99"]
    unconfirmed = acks["refused"] + acks["missing"]
    off_grid = "no frame came while it was measured" if p99 is None else f"p99 {p99:.1f} ms off the grid"
    found = [
        (figures["lost_calls"], f"{figures['lost_calls']} calls lost"),
        (figures["strange_messages"], f"{figures['strange_messages']} messages that no call has"),
        (
            figures["frames"]["delivered_worst_call"] < DELIVERED,
            f"{figures['frames']['delivered_worst_call']:.2%} of frames to the worst call",
        ),
        (p99 is None or p99 > P99_MS, off_grid),
        (unconfirmed > acks["asked"] * (1 - DELIVERED), f"{unconfirmed} of {acks['asked']} packets unconfirmed"),
    ]
    return [text for bad, text in found if bad]


def capacity(server: str, uplink: str, plan: Plan, start: int) -> Capacity:
    """Find how many calls `server` holds, beginning with `start` of them."""
    found = Capacity()
    calls = start
    again = True  # a probe that was disturbed may be tried once more
    while len(found.probes) < plan.probes and time.monotonic() < plan.deadline:
        figures = probe(server, calls, uplink, plan)
        why = breaches(figures)
        found.probes.append(figures | {"breaches": why})
        if why and again and figures.get("server", {}).get("core_taken_by_others", 0) > RIVAL:
            again = False
            continue
        if not why and calls > found.held:
            found.held, found.figures = calls, figures
        elif why and (found.failed is None or calls < found.failed):
            found.failed, found.why = calls, why
        following = _next(found, figures)
        if following is None:
            found.complete = True
            break
        calls = following
    return found


def _next(found: Capacity, figures: Figures) -> int | None:
    """Return how many calls to try next; None where the answer is near enough."""
    if found.failed is None:
        share = max(figures["server"]["core_share"], 0.02)
        return _rounded(min(max(found.held * 0.9 / share, found.held * 1.1), found.held * 8))
    if found.held == 0:
        return _rounded(found.failed / 2) if found.failed > LEAST else None
    if found.failed <= max(found.held * CLOSE, found.held + LEAST):
        return None
    return _rounded((found.held + found.failed) / 2)


def _rounded(calls: float) -> int:
    return max(LEAST, round(calls / LEAST) * LEAST)
