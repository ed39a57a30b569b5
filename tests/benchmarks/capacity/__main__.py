"""Run the suite, or the profile of a tick.

    python -m tests.benchmarks.capacity --quick                    up to 3 minutes: does a change help?
    python -m tests.benchmarks.capacity --json capacity.json       up to 15 minutes, three runs
    python -m tests.benchmarks.capacity --minutes 10 --runs 1      and 100 calls for ten minutes: p99, drift
    python -m tests.benchmarks.capacity --profile --calls 500      where the time of a tick goes

From the root of a checkout, on Linux, with two cores that nobody else uses: the server has the first, the client the
second.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from . import profiling, report, servers
from .load import UPLINKS
from .suite import Options, Suite, loop_of, options_of


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="python -m tests.benchmarks.capacity",
    )
    parser.add_argument("--quick", action="store_true", help="one run, short probes, one mode")
    parser.add_argument("--runs", type=int, default=Options.runs)
    parser.add_argument("--seconds", type=float, default=Options.seconds, help="of each probe")
    parser.add_argument("--servers", nargs="+", choices=servers.SERVERS, default=list(servers.SERVERS))
    parser.add_argument(
        "--modes", nargs="+", choices=UPLINKS, default=list(UPLINKS), help="the first is run --runs times"
    )
    parser.add_argument("--loop", choices=("auto", "asyncio", "uvloop"), default="auto", help="of the Python servers")
    parser.add_argument("--per-token", type=int, default=Options.per_token, help="calls of one bearer token")
    parser.add_argument("--minutes", type=float, default=0, help="of a long run of mockpbx, on top of the rest")
    parser.add_argument("--calls-only", action="store_true", help="leave out start, memory, workspaces, virtual clock")
    parser.add_argument("--limit", type=float, default=Options.limit, help="seconds after which nothing new is begun")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--profile", action="store_true", help="instead: where the time goes, by sampling the server")
    parser.add_argument("--calls", type=int, default=500, help="of the profile")
    chosen = parser.parse_args()
    servers.prepare([] if chosen.profile else chosen.servers)
    if chosen.profile:
        found = profiling.profile(chosen.calls, chosen.seconds, loop_of(chosen.loop), chosen.per_token)
        print(profiling.text(found))
    else:
        options = Options(
            servers=tuple(chosen.servers), modes=tuple(chosen.modes), runs=chosen.runs, seconds=chosen.seconds,
            minutes=chosen.minutes, loop=chosen.loop, per_token=chosen.per_token, around=not chosen.calls_only,
            limit=chosen.limit,
        )  # fmt: skip
        found = report.judged(Suite(options_of(options, chosen.quick)).run())
        print(report.text(found))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
