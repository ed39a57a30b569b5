import asyncio
import gc
import weakref

import pytest

from mockpbx.cli import memory


class Workspace:
    """Something that refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


async def until(fact) -> None:
    async with asyncio.timeout(30):
        while not fact():
            _ = [[] for _ in range(2_000)]  # who does something makes garbage
            await asyncio.sleep(0.01)


async def forgotten_out_of_sight() -> weakref.ref:
    """Something that the collector does not see any more, and that nobody refers to."""
    kept = [Workspace()]
    forgotten = weakref.ref(kept[0])
    await until(lambda: not any(each is kept[0] for each in gc.get_objects()))
    return forgotten


async def test_what_is_forgotten_while_somebody_is_in_a_call_is_freed_when_nobody_is(monkeypatch):
    monkeypatch.setattr(memory, "EVERY", 0.01)
    monkeypatch.setattr(memory, "AT_FIRST", 0.01)
    in_call = True
    tending = asyncio.ensure_future(memory.collect_when_quiet(lambda: in_call))
    try:
        forgotten = await forgotten_out_of_sight()
        gc.collect()  # which costs little now, and finds nothing
        assert forgotten() is not None
        in_call = False
        await until(lambda: forgotten() is None)
    finally:
        tending.cancel()
        gc.unfreeze()


@pytest.mark.parametrize(("limit", "reached"), [("AT_LAST", 0.0), ("SPARE", -1_000_000_000)])
async def test_it_is_freed_in_a_call_too_where_the_call_lasts_or_the_garbage_grows(monkeypatch, limit, reached):
    monkeypatch.setattr(memory, "EVERY", 0.01)
    tending = asyncio.ensure_future(memory.collect_when_quiet(lambda: True))
    try:
        forgotten = await forgotten_out_of_sight()
        gc.collect()
        assert forgotten() is not None
        monkeypatch.setattr(memory, limit, reached)
        await until(lambda: forgotten() is None)
    finally:
        tending.cancel()
        gc.unfreeze()
