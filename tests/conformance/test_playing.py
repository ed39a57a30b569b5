"""Scenes behind each other, and beside each other."""

import asyncio

import pytest
from conformance.odd_servers import html, running

from mockpbx.conformance.desk import new_session
from mockpbx.conformance.playing import Playing
from mockpbx.conformance.run import Options, Run
from mockpbx.conformance.scene import scene
from mockpbx.conformance.scenes import SCENES
from mockpbx.conformance.stage import Stage, Unplayable


async def played(*scenes, url: str = "http://127.0.0.1:1") -> tuple[Run, list[str]]:
    """Return what scenes without calls came to, and the names of those that were announced."""
    run = Run(Options(url, "dev", "0812", "invalid"))
    begun: list[str] = []
    async with new_session() as http, asyncio.timeout(10):
        await Playing(run, scenes, http, lambda each: begun.append(each.name)).to_the_end()
    return run, begun


def test_a_scene_beside_another_comes_behind_it_in_the_programme():
    names = [each.name for each in SCENES]
    for each in SCENES:
        assert each.beside is None or names.index(each.beside) < names.index(each.name)


async def test_a_scene_begins_beside_the_one_that_lets_it_in():
    there = asyncio.Event()

    @scene("host", "lets the guest in and waits for it")
    async def host(stage: Stage) -> None:
        stage.let_in()
        await there.wait()

    @scene("between", "plays when the host has gone")
    async def between(stage: Stage) -> None:
        assert there.is_set()

    @scene("guest", "comes", beside="host")
    async def guest(stage: Stage) -> None:
        there.set()

    run, begun = await played(host, between, guest)
    assert begun == ["host", "guest", "between"]
    assert [take.trouble for take in run.takes.values()] == [None] * 3


async def test_where_nobody_lets_it_in_it_plays_in_its_turn():
    @scene("host", "lets nobody in")
    async def host(stage: Stage) -> None:
        pass

    @scene("guest", "comes", beside="host")
    async def guest(stage: Stage) -> None:
        stage.take.facts["came"] = True

    run, begun = await played(host, guest)
    assert begun == ["host", "guest"]
    assert run.take("guest").facts == {"came": True}


async def test_who_was_turned_away_comes_again_when_the_other_has_gone():
    up = False

    @scene("host", "is up for a while")
    async def host(stage: Stage) -> None:
        nonlocal up
        up = True
        stage.let_in()
        await asyncio.sleep(0)
        await stage.ask("GET", "/cdr")
        up = False

    @scene("guest", "is refused while the host is up", beside="host")
    async def guest(stage: Stage) -> None:
        if up:
            raise Unplayable("no call was placed")
        stage.take.facts["came"] = True

    async with running(html) as url:
        run, begun = await played(host, guest, url=url)
    assert begun == ["host", "guest"]
    assert (run.take("guest").facts, run.take("guest").trouble) == ({"came": True}, None)


async def test_who_breaks_it_off_leaves_neither_behind():
    left: list[str] = []
    there = asyncio.Event()

    async def until_broken_off(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append(name)

    @scene("host", "goes on for ever")
    async def host(stage: Stage) -> None:
        stage.let_in()
        await until_broken_off("host")

    @scene("guest", "goes on for ever, too", beside="host")
    async def guest(stage: Stage) -> None:
        there.set()
        await until_broken_off("guest")

    run = Run(Options("http://127.0.0.1:1", "dev", "0812", "invalid"))
    async with new_session() as http:
        playing = Playing(run, (host, guest), http, lambda each: None)
        task = asyncio.create_task(playing.to_the_end())
        await there.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await playing.leave()
    assert left == ["host", "guest"]
    assert run.takes == {}
