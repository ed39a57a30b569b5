"""Run a module with a sampler in it: after SIGUSR1 it leaves a stack every few milliseconds, SIGUSR2 writes them.

    python sampled.py STACKS.txt mockpbx serve --port 7290

The intervals are random: a server that wakes on a grid would be seen at the same moment of its work each time, by a
timer of the kernel's own grid above all. A signal's handler runs at the next line of Python: what C code used is
charged to the line that called it, or, between callbacks of a loop written in C, to the line after. Waiting is not
counted.
"""

from __future__ import annotations

import random
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY = (0.0005, 0.0025)  # seconds, from and to
_stacks: Counter[tuple[tuple[str, str, int], ...]] = Counter()


def _sample(number: int, frame: FrameType | None) -> None:
    _arm()
    if frame is None or frame.f_code.co_qualname == "EpollSelector.select":
        return
    stack = []
    while frame is not None:
        code = frame.f_code
        stack.append((code.co_qualname, code.co_filename, frame.f_lineno))
        frame = frame.f_back
    _stacks[tuple(stack)] += 1


def _start(number: int, frame: FrameType | None) -> None:
    _stacks.clear()
    _arm()


def _arm() -> None:
    signal.setitimer(signal.ITIMER_REAL, random.uniform(*EVERY))


def _write(number: int, frame: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    lines = [";".join(f"{n} ({f}:{line})" for n, f, line in reversed(s)) + f" {c}" for s, c in _stacks.items()]
    unfinished = OUT.with_suffix(".part")
    unfinished.write_text("\n".join(lines) + "\n")
    unfinished.rename(OUT)


if __name__ == "__main__":
    OUT = Path(sys.argv[1])
    sys.argv = sys.argv[2:]
    signal.signal(signal.SIGALRM, _sample)
    signal.signal(signal.SIGUSR1, _start)
    signal.signal(signal.SIGUSR2, _write)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
