"""Judges the judge: `mockpbx check` against every mutant, every legal configuration, and those that leave the contract.

    python tests/tools/judge.py                     all of it, some minutes
    python tests/tools/judge.py --only 'ack-*'      mutants and configurations with such names
    python tests/tools/judge.py --load              the same with both processors busy
    python tests/tools/judge.py --sound             only the legal configurations: no check may fail

A mutant must fail the check that tests/conformance/caught.py names for it; of a legal configuration nothing may fail.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from conformance.caught import CAUGHT_BY, LEFT, LEGAL, SHOWN_WITH, Configuration

from mockpbx.app import Server
from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import CHECKS
from mockpbx.conformance.run import Options
from mockpbx.conformance.runner import examine, plan_of
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

NUMBER = "089608675796"


@dataclass(frozen=True)
class Case:
    """One server and what the checker has to say of it: fail these checks, or none."""

    name: str
    server: dict = field(default_factory=dict)
    workspace: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    must_fail: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Judged:
    """What it said."""

    name: str
    right: bool
    failed: list[str]
    inconclusive: list[str]
    seconds: float
    what: str


class Quiet:
    """Tells nothing of the progress."""

    def scene_began(self, scene) -> None: ...

    def judged(self, result) -> None: ...


def cases(everything: bool) -> list[Case]:
    """Return all that there is to try."""
    found = [
        Case(
            f"mutant {name}",
            {"mutant": name},
            options={"echo_number": NUMBER},
            must_fail=(check,),
            only=None if everything else (check, *SHOWN_WITH.get(name, ())),
        )
        for name, check in CAUGHT_BY.items()
    ]
    found += [_configured("left", configuration) for configuration in LEFT]
    return found + [_configured("legal", configuration) for configuration in LEGAL]


def _configured(kind: str, of: Configuration) -> Case:
    server = {name: value for name, value in of.settings.items() if name in ServerSettings.model_fields}
    workspace = {name: value for name, value in of.settings.items() if name not in server}
    return Case(f"{kind} {of.name}", server, workspace, dict(of.options), of.must_fail)


async def judge(case: Case) -> Judged:
    """Hold one server against the checks."""
    settings = {"port": 0, "database": ":memory:", "seed": 1} | case.server
    server = Server(ServerSettings(**settings), WorkspaceSettings(**case.workspace))
    await server.start()
    given = {
        "busy_number": "08000000017",
        "no_answer_number": "08000000019",
        "callee_hangup_number": "08000000016",
    } | case.options
    options = Options(server.url, "dev", given.pop("number", NUMBER), "invalid-abcdef", timeout=30, **given)
    checks = [check for check in CHECKS if case.only is None or check.id in case.only]
    try:
        report = await examine(options, plan_of(options, checks), Quiet())
    finally:
        await server.stop()
    failed = [r.check.id for r in report.results if r.outcome is Outcome.FAILED]
    unclear = [r.check.id for r in report.results if r.outcome is Outcome.INCONCLUSIVE]
    right = set(case.must_fail) <= set(failed) if case.must_fail else not failed
    said = {r.check.id: f"{r.outcome}: {r.got}" for r in report.results}
    shown = case.must_fail or failed
    what = "; ".join(f"{name} {said.get(name, 'is no check')}" for name in shown)
    return Judged(case.name, right, failed, unclear, report.seconds, what)


def run(case: Case) -> Judged:
    """Judge in a process of its own."""
    return asyncio.run(judge(case))


def _burn(stop) -> None:
    while not stop.is_set():
        sum(range(10_000))


@contextmanager
def load(wanted: bool):
    """Keep every processor busy."""
    stop = multiprocessing.Event()
    burning = [multiprocessing.Process(target=_burn, args=(stop,)) for _ in range(os.cpu_count() if wanted else 0)]
    for process in burning:
        process.start()
    try:
        yield
    finally:
        stop.set()
        for process in burning:
            process.join()


def main() -> int:
    """Run the matrix and print what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="GLOB")
    parser.add_argument("--sound", action="store_true", help="only legal configurations")
    parser.add_argument("--all-checks", action="store_true", help="hold mutants against all checks, not the one named")
    parser.add_argument("--load", action="store_true", help="keep every processor busy meanwhile")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    wanted = [
        case
        for case in cases(args.all_checks)
        if (not args.sound or case.name.startswith("legal"))
        and (not args.only or any(fnmatchcase(case.name.partition(" ")[2], glob) for glob in args.only))
    ]
    begun, done = time.monotonic(), []
    with load(args.load), ProcessPoolExecutor(args.workers) as pool:
        for future in as_completed([pool.submit(run, case) for case in wanted]):
            judged = future.result()
            done.append(judged)
            mark = "ok   " if judged.right else "WRONG"
            print(f"{len(done)}/{len(wanted)} {mark} {judged.name} ({judged.seconds:.0f} s): {judged.what}", flush=True)
    for kind, verb in (("mutant", "caught"), ("left", "caught"), ("legal", "without a false alarm")):
        of = [judged for judged in done if judged.name.startswith(kind)]
        if of:
            print(f"{kind}: {sum(judged.right for judged in of)} of {len(of)} {verb}")
    print(f"{time.monotonic() - begun:.0f} s")
    if args.json:
        args.json.write_text(json.dumps([asdict(judged) for judged in done], indent=1))
    return 0 if all(judged.right for judged in done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
