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
from mockpbx.conformance.run import Options, Run, Take
from mockpbx.conformance.scene import Scene
from mockpbx.conformance.scenes import SCENES
from mockpbx.conformance.stage import Patience, Stage, Unplayable, outcome_of

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
    patience = Patience()
    results: list[Result] = []
    tails: list[asyncio.Task[None]] = []
    stages: list[Stage] = []
    stopped = False
    for result in plan.skipped:
        watcher.judged(result)
    run.lag.start()
    async with new_session() as http:
        try:
            await _enter(options, http)
            gone: str | None = None
            for scene in plan.scenes:
                if scene.after:
                    await asyncio.gather(*tails)
                watcher.scene_began(scene)
                take = run.takes[scene.name] = Take(scene.name)
                if gone is not None:
                    take.trouble = f"the server had stopped answering: {gone}"
                    continue
                stages.append(Stage(options, take, http, patience))
                await _play(scene, stages[-1])
                tails.append(asyncio.create_task(_settle(stages[-1])))
                if take.trouble is not None:
                    gone = await _knock(options, http)
            await asyncio.gather(*tails)
        except asyncio.CancelledError:
            stopped = True
            seen = [stage.take for stage, tail in zip(stages, tails, strict=False) if tail.done()]
            run.takes = {take.scene: take for take in seen}
            for tail in tails:
                tail.cancel()
            await asyncio.gather(*tails, *(stage.leave() for stage in stages), return_exceptions=True)
        finally:
            await run.lag.stop()
    for check in plan.checks:
        unseen = not run.takes.keys() >= set(check.scenes)
        results.append(Result(check, Outcome.INCONCLUSIVE, NOT_SEEN) if unseen else judged(check, run))
        watcher.judged(results[-1])
    by_id = {result.check.id: result for result in (*plan.skipped, *results)}
    ordered = tuple(by_id[check.id] for check in CHECKS if check.id in by_id)
    calls = sum(len(stage.take.calls) for stage in stages)
    report = Report(options, plan, ordered, calls, loop.time() - begun, tuple(hints(run)))
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


async def _knock(options: Options, http: aiohttp.ClientSession) -> str | None:
    """Return why the server does not answer at all, None where it does."""
    return (await Stage(options, Take("knock"), http, Patience()).ask("GET", "/cdr?limit=1")).failure


async def _play(scene: Scene, stage: Stage) -> None:
    try:
        await scene.play(stage)
    except Unplayable as reason:
        stage.take.trouble = str(reason)
    except Exception as error:  # whatever a stranger's answers make a scene stumble over is told with what stays open
        stage.take.trouble = f"the scene broke off: {type(error).__name__}: {error}"


async def _settle(stage: Stage) -> None:
    try:
        await stage.settle()
    except Exception as error:
        stage.take.trouble = stage.take.trouble or f"the scene's end broke off: {type(error).__name__}: {error}"
