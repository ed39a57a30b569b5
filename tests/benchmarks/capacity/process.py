"""What a process uses, from /proc (Linux): CPU time and memory; and which core it runs on."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return the CPU time that a process has used: user, system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS


def memory_kb(pid: int) -> int:
    """Return a process's resident memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found, f"process {pid} is gone"
    return int(found[1])


def busy_seconds(core: int) -> float:
    """Return how long a core has worked for anybody at all, steal included: what rivals took shows in its growth."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _, _, irq, soft, steal, *_ = (int(field) for field in line.split()[1:])
    return (user + nice + system + irq + soft + steal) / _TICKS


def pin(core: int, pid: int = 0) -> None:
    """Let a process (0 is this one), and its children, run on one core only, where there is such a core."""
    if core < (os.cpu_count() or 1):
        os.sched_setaffinity(pid, {core})
