"""How scenes are played: one behind the other, each one's end beside the next, and some beside another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import aiohttp

from mockpbx.conformance.patience import Patience
from mockpbx.conformance.run import Options, Run, Take
from mockpbx.conformance.scene import Scene
from mockpbx.conformance.stage import Stage, Unplayable


class Playing:
    """The scenes of one examination. What they see goes into the run; `on_begin` is told of each."""

    def __init__(
        self, run: Run, scenes: Sequence[Scene], http: aiohttp.ClientSession, on_begin: Callable[[Scene], None]
    ) -> None:
        self._run = run
        self._scenes = scenes
        self._http = http
        self._on_begin = on_begin
        self._patience = Patience()
        self._gone: str | None = None
        self._stages: list[Stage] = []
        self._tails: dict[str, asyncio.Task[None]] = {}  # the ends of scenes, by name
        self._beside: dict[str, asyncio.Task[None]] = {}

    @property
    def calls(self) -> int:
        """How many calls were placed."""
        return sum(len(stage.take.calls) for stage in self._stages)

    async def to_the_end(self) -> None:
        """Play all of them."""
        for scene in self._scenes:
            if scene.after:
                await asyncio.gather(*self._tails.values())
            if scene.name in self._beside:
                await self._beside[scene.name]
                # Who takes no second call while one is up has refused it, and placed none.
                if not self._was_turned_away(scene):
                    continue
                await self._tails.pop(scene.name)
            else:
                self._on_begin(scene)
            await self._play(scene)
        await asyncio.gather(*self._tails.values())

    async def leave(self) -> None:
        """Break off: nothing stays up, and the run keeps what was seen to its end."""
        seen = [name for name, tail in self._tails.items() if tail.done()]
        self._run.takes = {name: self._run.takes[name] for name in seen}
        tasks = (*self._beside.values(), *self._tails.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *(stage.leave() for stage in self._stages), return_exceptions=True)

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _play(self, scene: Scene) -> None:
        take = self._run.takes[scene.name] = Take(scene.name)
        if self._gone is not None:
            take.trouble = f"the server had stopped answering: {self._gone}"
            return
        stage = Stage(self._run.options, take, self._http, self._patience, partial(self._let_in, scene))
        self._stages.append(stage)
        try:
            await scene.play(stage)
        except Unplayable as reason:
            take.trouble = str(reason)
        except Exception as error:  # whatever a stranger's answers make a scene stumble over is told with what is open
            take.trouble = f"the scene broke off: {type(error).__name__}: {error}"
        self._tails[scene.name] = asyncio.create_task(_settle(stage))
        if take.trouble is not None:
            self._gone = await _knock(self._run.options, self._http)

    def _let_in(self, host: Scene) -> None:
        for scene in self._scenes:
            if scene.beside == host.name and scene.name not in self._beside:
                self._on_begin(scene)
                self._beside[scene.name] = asyncio.create_task(self._play(scene))

    def _was_turned_away(self, scene: Scene) -> bool:
        take = self._run.takes[scene.name]
        return scene.name in self._tails and take.trouble is not None and not take.calls


async def _settle(stage: Stage) -> None:
    try:
        await stage.settle()
    except Exception as error:
        stage.take.trouble = stage.take.trouble or f"the scene's end broke off: {type(error).__name__}: {error}"


async def _knock(options: Options, http: aiohttp.ClientSession) -> str | None:
    """Return why the server does not answer at all, None where it does."""
    return (await Stage(options, Take("knock"), http, Patience()).ask("GET", "/cdr?limit=1")).failure
