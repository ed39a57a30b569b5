"""Run the suite, or the profile of a tick.

    python -m tests.benchmarks.capacity --quick                    up to 3 minutes: does a change help?
    python -m tests.benchmarks.capacity --json capacity.json       up to 15 minutes, three runs
    python -m tests.benchmarks.capacity --minutes 10 --runs 1      and 100 calls for ten minutes: p99, drift
    python -m tests.benchmarks.capacity --profile --calls 500      where the time of a tick goes

From the root of a checkout, on Linux, with two cores that nobody else uses: the server has the first, the client the
second. Each server is started in a temporary folder, where mockpbx keeps its records: TMPDIR tells on which disk.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

from . import profiling, report, servers
from .load import UPLINKS
from .suite import QUICK, Options, Suite, loop_of


def main() -> None:
    """Read the options, measure, print."""
    chosen, options = read()
    servers.prepare([] if chosen.profile else list(options.servers))
    if chosen.profile:
        found = profiling.profile(chosen.calls, options.seconds, loop_of(options.loop), options.per_token)
        print(profiling.text(found))
    else:
        found = report.judged(Suite(options).run())
        print(report.text(found))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")


def read(words: Sequence[str] | None = None) -> tuple[argparse.Namespace, Options]:
    """Return what a command line says, and the options that follow: what was given beats what --quick brings."""
    chosen = _parser().parse_args(words)
    given = {option.name: getattr(chosen, option.name) for option in fields(Options) if option.name in chosen}
    base = profiling.OPTIONS if chosen.profile else QUICK if chosen.quick else Options()
    return chosen, replace(base, **given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="python -m tests.benchmarks.capacity",
        argument_default=argparse.SUPPRESS,  # what is not given is not set, and left to what was chosen as a whole
    )
    add = parser.add_argument
    add(
        "--quick",
        action="store_true",
        default=False,
        help="short probes, one run, one mode: where nothing else is said",
    )
    add("--runs", type=_count, help=f"of the first mode; the others are run once {_usual('runs')}")
    add("--seconds", type=_number, help=f"of each probe {_usual('seconds')}; of the profile (5)")
    add("--servers", nargs="+", choices=servers.SERVERS, help="(all)")
    add("--modes", nargs="+", choices=UPLINKS, help="bytes and pace of the uplink (all, the first with --quick)")
    add("--loop", choices=("auto", "asyncio", "uvloop"), help=f"of the Python servers {_usual('loop')}")
    add("--per-token", type=_count, help=f"calls of one bearer token {_usual('per_token')}")
    add("--minutes", type=_number, help="of a long run of mockpbx, on top of the rest (none)")
    rest = "leave out start, memory, workspaces, virtual clock"
    add("--calls-only", action="store_false", dest="around", help=rest)
    add("--limit", type=_number, help=f"seconds after which nothing new is begun {_usual('limit')}")
    add("--json", type=_writable, default=None, metavar="FILE", help="write every figure there")
    add("--profile", action="store_true", default=False, help="instead: where the time goes, by sampling the server")
    add("--calls", type=_count, default=500, help="of the profile (%(default)s)")
    return parser


def _usual(name: str) -> str:
    """Return the usual value of an option, in brackets."""
    usual, quick = getattr(Options(), name), getattr(QUICK, name)
    return f"({usual})" if usual == quick else f"({usual}, {quick} with --quick)"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _number(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")


def _writable(text: str) -> Path:
    """Return a file's path, once it is known that it can be written: later would be after all the work."""
    path = Path(text)
    there = path.exists()
    try:
        path.open("a").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {error.strerror}; name another file") from None
    return path


if __name__ == "__main__":
    main()
