"""The search: scripts are played, several at a time; one that shows a breach is played again, and made short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

from mockpbx.conformance.desk import new_session
from mockpbx.conformance.fuzz.play import Played, play
from mockpbx.conformance.fuzz.rules import Breach, breaches
from mockpbx.conformance.fuzz.script import Script, calls_of, lines_of
from mockpbx.conformance.run import Options

#: How often a script that showed a breach is played again, to tell what is by chance.
AGAIN = 3
#: Plays and seconds that making it short may take.
SHRINKS, SHRINK_WITHIN = 300, 180.0


@dataclass(frozen=True, slots=True)
class Found:
    """A script that shows a breach. `shown` of so many `plays` showed it; a chance one is as it was generated."""

    script: Script
    played: Played
    breach: Breach
    shown: int
    plays: int
    shrunk: bool = False

    @property
    def counts(self) -> bool:
        """Whether it proves anything: what did not come once, and came the next times, may be the checker's lateness."""
        return self.shown > 1 or not self.breach.late


class Watcher(Protocol):
    """Who is told how the search goes on."""

    def tried(self, script: Script) -> None:
        """Learn that a script was played."""

    def suspected(self, breach: Breach) -> None:
        """Learn that something was found, which is looked into now."""

    def shortened(self, script: Script) -> None:
        """Learn of a shorter script that shows the same."""


@dataclass
class Search:
    """How scripts are played: so many at a time, and no more calls than allowed."""

    options: Options
    watcher: Watcher
    at_a_time: int
    seconds: float | None = None
    tried: int = 0
    calls: int = 0
    flaky: list[Found] = field(default_factory=list)

    async def first(self, scripts: Sequence[Script]) -> Found | None:
        """Play scripts until one shows a breach, also when it is played again; return that one."""
        loop = asyncio.get_running_loop()
        end = None if self.seconds is None else loop.time() + self.seconds
        async with new_session() as http:
            for group in _groups(scripts, self.at_a_time):
                if end is not None and loop.time() >= end:
                    break
                for script, found in await self._all(group, http):
                    if found:
                        self.watcher.suspected(found[0])
                        result = await self.again(script, found[0].rule, http)
                        if result is not None and result.counts:
                            return result
                        if result is not None:
                            self.flaky.append(result)
        return None

    async def again(self, script: Script, rule: str, http: aiohttp.ClientSession) -> Found | None:
        """Play a script alone, a few times; return what it shows of a rule, None where it shows nothing."""
        shown: list[tuple[Played, Breach]] = []
        for _ in range(AGAIN):
            played = await self._play(script, http)
            shown += [(played, breach) for breach in breaches(played) if breach.rule == rule][:1]
        return Found(script, *shown[0], len(shown) + 1, AGAIN + 1) if shown else None

    async def shows(self, script: Script, rule: str) -> tuple[Played, Breach] | None:
        """Play a script alone, once; return the breach of a rule that it shows."""
        async with new_session() as http:
            played = await self._play(script, http)
        return next(((played, breach) for breach in breaches(played) if breach.rule == rule), None)

    def may_place(self, script: Script) -> bool:
        """Return whether a script's calls are still allowed."""
        most = self.options.max_calls
        return most is None or self.calls + calls_of(script) <= most

    async def _all(
        self, scripts: Sequence[Script], http: aiohttp.ClientSession
    ) -> list[tuple[Script, list[Breach]]]:
        allowed = [script for script in scripts if self.may_place(script)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._play(script, http)) for script in allowed]
        return [(script, breaches(task.result())) for script, task in zip(allowed, tasks, strict=True)]

    async def _play(self, script: Script, http: aiohttp.ClientSession) -> Played:
        self.calls += calls_of(script)
        played = await play(script, self.options, http)
        self.tried += 1
        self.watcher.tried(script)
        return played


def shortest(
    search: Search, found: Found, examples: int, luck: int, run: Callable[..., object]
) -> Found:
    """Return the shortest script that shows the same breach, as far as it was found; `run` runs a coroutine.

    The generator is asked for the same scripts again. All but the one found pass unplayed, so that it makes that one
    simpler, and only what it then comes up with is played.
    """
    from mockpbx.conformance.fuzz import generate

    import time

    best, wanted = found, lines_of(found.script)
    plays, reached, begun = 0, False, time.monotonic()

    class Shown(Exception):
        pass

    def judge(script: Script) -> None:
        nonlocal best, plays, reached
        if lines_of(script) == wanted:
            reached = True
            raise Shown
        if not reached or plays >= SHRINKS or time.monotonic() - begun > SHRINK_WITHIN or not search.may_place(script):
            return
        plays += 1
        shown = run(search.shows(script, found.breach.rule))
        if shown is not None:
            best = Found(script, *shown, found.shown, found.plays, shrunk=True)
            search.watcher.shortened(script)
            raise Shown

    try:
        generate.run(examples, luck, judge, shrink=True)
    except Shown:
        pass
    return best


def _groups(scripts: Sequence[Script], size: int) -> list[Sequence[Script]]:
    return [scripts[start : start + size] for start in range(0, len(scripts), size)]
