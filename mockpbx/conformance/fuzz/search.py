"""The search: scripts are played, several at a time; one that shows a breach is played again, and made short.

Where the server stops answering, none can be: what was played then is kept as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

from mockpbx.conformance.desk import new_session
from mockpbx.conformance.fuzz.breach import Breach
from mockpbx.conformance.fuzz.gone import BACK_WITHIN, Gone, why_silent
from mockpbx.conformance.fuzz.player import Played, play
from mockpbx.conformance.fuzz.rules import breaches
from mockpbx.conformance.fuzz.script import Script, calls_of, lines_of
from mockpbx.conformance.run import Options

#: How often a script that showed a breach is played again, to tell what is by chance.
AGAIN = 3
#: Plays, over by then, that are kept beside those in whose course the server stopped answering.
EARLIER = 4
#: Plays and seconds that making it short may take.
SHRINKS, SHRINK_WITHIN = 300, 180.0


@dataclass(frozen=True, slots=True)
class Found:
    """A script that shows a breach, and in how many of how many plays it did."""

    script: Script
    played: Played
    breach: Breach
    shown: int
    plays: int

    @property
    def counts(self) -> bool:
        """Whether it proves anything: what failed to come once, and came ever after, may be this side's lateness."""
        return self.shown > 1 or not self.breach.late


@dataclass
class _Round:
    """Scripts that are played side by side, until one shows something."""

    suspects: list[tuple[Script, Played, Breach]] = field(default_factory=list)
    plays: list[Played] = field(default_factory=list)  # the last before that, and all in whose course it happened

    def add(self, played: Played) -> None:
        if not self.suspects:
            del self.plays[:-EARLIER]
        self.plays.append(played)
        self.suspects += [(played.script, played, breach) for breach in breaches(played)[:1]]


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
    """How scripts are played: so many at a time, for so many seconds, and no more calls than the options allow.

    `calls` were tried at most, `placed` are those that the server took.
    """

    options: Options
    watcher: Watcher
    at_a_time: int
    seconds: float | None = None
    back_within: float = BACK_WITHIN
    plays: int = 0
    calls: int = 0
    placed: int = 0
    left_out: int = 0
    by_chance: list[Found] = field(default_factory=list)
    best: Found | None = None
    gone: Gone | None = None

    async def look(self, scripts: Sequence[Script]) -> None:
        """Play scripts until one shows a breach also when it is played again alone: that is the best then.

        Or until the server stops answering: then it is gone.
        """
        loop = asyncio.get_running_loop()
        end = None if self.seconds is None else loop.time() + self.seconds
        waiting, left = iter(scripts), True
        async with new_session() as http:
            while left and self.best is None and (end is None or loop.time() < end):
                this = _Round()
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.at_a_time):
                        group.create_task(self._work(waiting, this, end, http))
                left = bool(this.suspects)
                if left and await self._is_gone(this.plays):
                    return
                for suspect in this.suspects:
                    self.watcher.suspected(suspect[2])
                    found = await self._again(*suspect, http)
                    if self.gone is not None:
                        return
                    if found.counts:
                        self.best = found
                        break
                    self.by_chance.append(found)

    async def shows(self, script: Script, rule: str) -> tuple[Played, Breach] | None:
        """Play a script alone; return the breach of a rule that it shows."""
        async with new_session() as http:
            return _showing(await self._play_alone(script, http), rule)

    def may_place(self, script: Script) -> bool:
        """Return whether a script's calls are still allowed."""
        most = self.options.max_calls
        return most is None or self.calls + calls_of(script) <= most

    def shorten(self, examples: int, luck: int, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        """Make the best script shorter, as far as it goes; `run` runs a coroutine.

        The generator is asked for the same scripts again. All but the one found pass unplayed, so that it simplifies
        that one, and only what it then comes up with is played.
        """
        from mockpbx.conformance.fuzz import generate

        assert self.best is not None
        found, wanted = self.best, lines_of(self.best.script)
        end = time.monotonic() + SHRINK_WITHIN
        reached, left = False, SHRINKS

        def broken(script: Script) -> bool:
            nonlocal reached, left
            if lines_of(script) == wanted:
                reached = True
                return True
            if not (reached and left and self._goes_on(script) and time.monotonic() < end):
                return False
            left -= 1
            shown = run(self.shows(script, found.breach.rule))
            if self.gone is not None:
                return False
            if shown is not None:
                played, breach = shown
                self.best = Found(script, played, breach, found.shown, found.plays)
                self.watcher.shortened(script)
            return shown is not None

        with contextlib.suppress(Exception):  # that it breaks is what was asked for; it may differ from play to play
            generate.run(examples, luck, broken)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _work(
        self,
        waiting: Iterator[Script],
        this: _Round,
        end: float | None,
        http: aiohttp.ClientSession,
    ) -> None:
        for script in waiting:
            if self.may_place(script):
                this.add(await self._play(script, http))
            else:
                self.left_out += 1
            if this.suspects or (end is not None and asyncio.get_running_loop().time() >= end):
                return

    async def _again(self, script: Script, played: Played, breach: Breach, http: aiohttp.ClientSession) -> Found:
        """Play a script alone, a few times, and count how often it shows the same."""
        shown, plays = 1, 1
        while plays <= AGAIN and self._goes_on(script):
            plays += 1
            seen = _showing(await self._play_alone(script, http), breach.rule)
            if seen is not None:
                shown += 1
                played, breach = seen
        return Found(script, played, breach, shown, plays)

    def _goes_on(self, script: Script) -> bool:
        return self.gone is None and self.may_place(script)

    async def _play_alone(self, script: Script, http: aiohttp.ClientSession) -> Played:
        """Play a script, and see whether the server has survived it: one that has shows nothing, or answers a knock."""
        played = await self._play(script, http)
        if breaches(played):
            await self._is_gone([played])
        return played

    async def _is_gone(self, plays: Sequence[Played]) -> bool:
        why = await why_silent(self.options, self.back_within)
        if why is not None:
            self.gone = Gone.during(why, plays)
        return why is not None

    async def _play(self, script: Script, http: aiohttp.ClientSession) -> Played:
        self.calls += calls_of(script)
        played = await play(script, self.options, http)
        self.plays += 1
        self.placed += len(played.calls)
        self.watcher.tried(script)
        return played


def _showing(played: Played, rule: str) -> tuple[Played, Breach] | None:
    return next(((played, breach) for breach in breaches(played) if breach.rule == rule), None)
