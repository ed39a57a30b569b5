"""An examination: which scenes the checks need, in which order they play, what the checks make of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import aiohttp

from mockpbx.conformance.check import Check, Level, Outcome, Result, Verdict
from mockpbx.conformance.checks import CHECKS
from mockpbx.conformance.desk import new_session
from mockpbx.conformance.hints import hints
from mockpbx.conformance.patience import Patience
from mockpbx.conformance.playing import Playing
from mockpbx.conformance.run import Options, Run, Take
from mockpbx.conformance.scene import Scene
from mockpbx.conformance.scenes import SCENES
from mockpbx.conformance.stage import Stage, outcome_of

_BY_NAME = {scene.name: scene for scene in SCENES}
NOT_SEEN = "the examination was stopped before this had been seen to its end"


class Unreachable(Exception):
    """Nothing there answers HTTP, or what does refuses the token: it cannot begin. One sentence says why."""


class Stopped(Exception):
    """The examination was cancelled, and what it had on the line is hung up. The report says what was known by then."""

    def __init__(self, report: Report) -> None:
        super().__init__("the examination was stopped")
        self.report = report


class Watcher(Protocol):
    """Who is told how the examination goes on."""

    def scene_began(self, scene: Scene) -> None:
        """Learn that a scene plays."""

    def judged(self, result: Result) -> None:
        """Learn what became of a check."""


@dataclass(frozen=True)
class Plan:
    """What will be done: scenes in their order, the checks that they allow, and those that are skipped with reasons."""

    scenes: tuple[Scene, ...]
    checks: tuple[Check, ...]
    skipped: tuple[Result, ...]

    @property
    def calls(self) -> int:
        """How many calls will be placed at most."""
        return sum(scene.calls for scene in self.scenes)


@dataclass(frozen=True)
class Report:
    """What came out: results in the order of the checks, and how it was tried."""

    options: Options
    plan: Plan
    results: tuple[Result, ...]
    calls: int
    seconds: float
    hints: tuple[str, ...] = ()

    def count(self, outcome: Outcome, level: Level | None = None) -> int:
        """Return how many checks (of a level) came to an outcome."""
        return sum(r.outcome is outcome and level in (None, r.check.level) for r in self.results)

    def exit_status(self, *, strict: bool = False) -> int:
        """Return 1 where a MUST was violated (or, strict, a SHOULD), else 2 where one is open, else 0."""
        if self.count(Outcome.FAILED, None if strict else Level.MUST):
            return 1
        return 2 if self.count(Outcome.INCONCLUSIVE, Level.MUST) else 0


def plan_of(options: Options, checks: Sequence[Check] = CHECKS) -> Plan:
    """Return what these checks take; what lacks a number, or exceeds the calls allowed, is skipped by name."""
    chosen: list[Check] = []
    skipped: list[Result] = []
    names: set[str] = set()
    for check in checks:
        wanted = _with_those_before(check.scenes)
        missing = {need for name in wanted for need in _BY_NAME[name].needs if getattr(options, need) is None}
        missing |= {need for need in check.needs if getattr(options, need) is None}
        calls = sum(_BY_NAME[name].calls for name in names | wanted)
        if missing:
            flags = " and ".join(sorted(f"--{need.replace('_', '-')}" for need in missing))
            skipped.append(Result(check, Outcome.SKIPPED, f"not tried: {flags} was not given"))
        elif options.max_calls is not None and calls > options.max_calls:
            got = f"not tried: it takes more calls than --max-calls {options.max_calls} allows"
            skipped.append(Result(check, Outcome.SKIPPED, got))
        else:
            names |= wanted
            chosen.append(check)
    return Plan(tuple(scene for scene in SCENES if scene.name in names), tuple(chosen), tuple(skipped))


async def examine(options: Options, plan: Plan, watcher: Watcher) -> Report:
    """Play the scenes, judge what they saw, and return the report.

    Raises Unreachable before anything was tried, and Stopped where it is cancelled.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    run = Run(options)
    results: list[Result] = []
    stopped = False
    for result in plan.skipped:
        watcher.judged(result)
    run.lag.start()
    async with new_session() as http:
        playing = Playing(run, plan.scenes, http, watcher.scene_began)
        try:
            await _enter(options, http)
            await playing.to_the_end()
        except asyncio.CancelledError:
            stopped = True
            await playing.leave()
        finally:
            await run.lag.stop()
    for check in plan.checks:
        unseen = not run.takes.keys() >= set(check.scenes)
        results.append(Result(check, Outcome.INCONCLUSIVE, NOT_SEEN) if unseen else judged(check, run))
        watcher.judged(results[-1])
    by_id = {result.check.id: result for result in (*plan.skipped, *results)}
    ordered = tuple(by_id[check.id] for check in CHECKS if check.id in by_id)
    report = Report(options, plan, ordered, playing.calls, loop.time() - begun, tuple(hints(run)))
    if stopped:
        raise Stopped(report)
    return report


def judged(check: Check, run: Run) -> Result:
    """Return what a check makes of what was seen."""
    try:
        return Result(check, Outcome.PASSED, check.judge(run) or "")
    except Verdict as verdict:
        return Result(check, verdict.outcome, verdict.got, verdict.items)
    except Exception as error:  # a stranger's answers are of any shape: the judge's stumbling is no verdict on it
        return Result(check, Outcome.INCONCLUSIVE, f"the check itself failed: {type(error).__name__}: {error}")


def _with_those_before(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        found |= {name} | _with_those_before(_BY_NAME[name].after)
    return found


async def _enter(options: Options, http: aiohttp.ClientSession) -> None:
    """Raise Unreachable where nothing answers, or two operations agree that the token is not known."""
    door = Stage(options, Take("door"), http, Patience())
    records = await door.ask("GET", "/cdr?limit=1")
    if records.failure is not None:
        raise Unreachable(f"{options.url} does not answer: {records.failure}")
    if records.status == 401 and (await door.ask("POST", "/pbx/hangup", {"sessionId": str(uuid4())})).status == 401:
        raise Unreachable(f"{options.url} refuses the token: GET /cdr {outcome_of(records)}; is --token right?")
