"""The profile of a tick: samples of the server's stacks under load, taken apart into downlink, uplink and the rest."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import servers
from .report import shown
from .search import Figures, load_command
from .suite import DOWNLINK, DUPLEX, Options

RATE = 487  # samples a second, of py-spy: no divisor of any grid that the server wakes on
ROWS = 18
LEAST = 3  # samples: what was seen less often is chance
OPTIONS = Options(seconds=5.0)
_LEGEND = f"""\
downlink  frames are made and sent
uplink    packets of sound are read and acknowledged
loop      the rest: the event loop, its timers, the kernel; what uvloop does in C stands as Runner.run
us        CPU of the server, by the frames that it sends; that of the uplink by the packets that it is sent, if any
Each line is a function without those that it calls; one that was seen fewer than {LEAST} times is left out."""
SAMPLER = servers.HERE / "sampled.py"
_FRAME = re.compile(r"(.*) \((.*):(\d+)\)$")

#: What a stack is about: the first of these that it has in it. Whoever handles a packet lets due frames leave first.
_PARTS = (
    ("downlink", re.compile(r"(Engine\._wake|[._]tick|emit_frame) \(")),
    (
        "uplink",
        re.compile(
            r"(data_received|_read_ready\w*|buffer_updated) \(|/transport/\w+\.py:|aiohttp/\w*(websocket|web_ws)"
        ),
    ),
)
_REST = "loop"


def profile(calls: int, seconds: float, loop: str, per_token: int) -> Figures:
    """Load a server twice, listening only and full duplex, and sample it. Returns the figures of both."""
    found: Figures = {"calls": calls, "loop": loop, "sampler": "py-spy" if _py_spy(loop) else "signals", "loads": {}}
    for uplink in (DOWNLINK, DUPLEX):
        found["loads"][uplink] = _sampled(calls, seconds, loop, per_token, uplink)
    return found


def _py_spy(loop: str) -> str | None:
    """Return py-spy's command where it is better: signals cannot see into a loop written in C."""
    if loop == "asyncio":
        return None
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


def _sampled(calls: int, seconds: float, loop: str, per_token: int, uplink: str) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks.txt"
        sampler = None if _py_spy(loop) else [str(SAMPLER), str(stacks)]
        with servers.running("mockpbx", loop, sampler) as up:
            command = load_command(up, calls, uplink, seconds, per_token)
            load = subprocess.Popen(
                command, cwd=servers.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
            )
            assert load.stdout
            assert load.stderr
            begun = load.stderr.readline()
            if begun.strip() != "measuring":
                sys.exit(begun.strip() or "the load client ended before it measured")
            with _sampling(up.pid, seconds, stacks, _py_spy(loop)):
                load.stderr.readline()  # "measured"
            figures: Figures = json.loads(load.stdout.read())
            load.wait()
        return figures | {"stacks": _parts(stacks.read_text(), figures)}


@contextmanager
def _sampling(pid: int, seconds: float, stacks: Path, spy: str | None) -> Iterator[None]:
    """Sample a process while the block lasts; the stacks are in the file then."""
    if spy is None:
        os.kill(pid, signal.SIGUSR1)
        yield
        os.kill(pid, signal.SIGUSR2)
        limit = time.monotonic() + 30
        while not stacks.exists() and time.monotonic() < limit:
            time.sleep(0.01)
        return
    command = [
        spy,
        "record",
        "-p",
        str(pid),
        "-r",
        str(RATE),
        "-d",
        str(max(1, int(seconds) - 1)),
        "-f",
        "raw",
        "-o",
        str(stacks),
    ]
    recording = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    yield
    _, said = recording.communicate(timeout=60)
    if recording.returncode:
        sys.exit(f"py-spy could not sample the server: {said.strip()}")


def _parts(stacks: str, figures: Figures) -> Figures:
    """Return, by part and by function, the microseconds of CPU of a frame (downlink, loop) or of a packet (uplink)."""
    parts: dict[str, Counter[str]] = {"downlink": Counter(), "uplink": Counter(), _REST: Counter()}
    lines: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_FRAME.match(frame.strip()) for frame in stack.split(";")]
        if not any(frame and frame[2].endswith("asyncio/runners.py") for frame in frames):
            continue  # another thread
        part = next((name for name, known in _PARTS if known.search(stack)), _REST)
        leaf = frames[-1]
        if leaf is None:
            continue
        parts[part][f"{leaf[1]} ({_short(leaf[2])})"] += int(count)
        lines[f"{part}: {leaf[1]} ({_short(leaf[2])}:{leaf[3]})"] += int(count)
    total = sum(sum(counter.values()) for counter in parts.values())
    used = 1e6 * (figures["server"]["user_seconds"] + figures["server"]["system_seconds"])
    each = used / max(total, 1)
    frames_sent, packets = figures["frames"]["received"], figures["acks"]["asked_while_measured"]
    per = {"downlink": frames_sent, "uplink": packets or frames_sent, _REST: frames_sent}
    return {
        "samples": total,
        "us_of_all": {name: round(sum(counter.values()) * each / per[name], 2) for name, counter in parts.items()},
        "share": {name: round(sum(counter.values()) / max(total, 1), 4) for name, counter in parts.items()},
        "functions": {
            name: {
                where: round(count * each / per[name], 2)
                for where, count in counter.most_common(ROWS)
                if count >= LEAST
            }
            for name, counter in parts.items()
        },
        "lines": {where: round(count / max(total, 1), 4) for where, count in lines.most_common(2 * ROWS)},
    }


def _short(path: str) -> str:
    """Return a file's name with its last folders."""
    return "/".join(Path(path).parts[-3:]) if "mockpbx" in path else "/".join(Path(path).parts[-2:])


def text(found: Figures) -> str:
    """Return the profile to read."""
    lines = [
        f"{found['calls']} calls on {found['loop']}, sampled by {found['sampler']}; the sampler's own cost is in it",
        _LEGEND,
    ]
    for uplink, figures in found["loads"].items():
        server, stacks = figures["server"], figures["stacks"]
        lines += [
            "",
            f"uplink {uplink}: CPU {server['core_share']:.0%} of a core, {server['us_per_frame']:.1f} us per frame, "
            f"{figures['frames']['delivered_worst_call']:.2%} of frames to the worst call, "
            f"p99 {shown(figures['deviation_ms']['p99'], '.1f')} ms off the grid, {stacks['samples']} samples",
        ]
        for part, functions in stacks["functions"].items():
            if not functions:
                continue
            unit = "packet" if part == "uplink" and figures["acks"]["asked_while_measured"] else "frame"
            lines.append(f"  {part}: {stacks['share'][part]:.0%} of it, {stacks['us_of_all'][part]:.1f} us per {unit}")
            lines += [f"    {cost:8.2f} us  {where}" for where, cost in functions.items()]
    return "\n".join(lines)
