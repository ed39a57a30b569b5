"""The logbook beside a database: at whatever moment its emulator dies, the next one has what clients were told."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from mockpbx.adapters.store import SqliteStore
from mockpbx.adapters.store.logbook import Logbook
from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain.record import CallRecord, file_record
from mockpbx.runtime.records import RecordQuery

ALL = RecordQuery(page=1, limit=100, ascending=True)


def a_record(session_id: str, cause: int = 127) -> CallRecord:
    """A call as it is kept while it lives, or with the cause of its end."""
    return file_record(
        session_id=session_id,
        destination="0811234567",
        direction=Direction.OUTBOUND,
        started_at=1_000,
        answered_at=2_000,
        ended_at=3_000 if cause == 127 else 4_000,
        by=None if cause == 127 else Party.CALLEE,
        cause=cause,
    )


async def filed(store: SqliteStore) -> list[tuple[str, int]]:
    rows = (await store.page("w", ALL)).rows
    return sorted((row.record.session_id, row.record.cause) for row in rows)


async def filed_in(database: Path) -> list[tuple[str, int]]:
    store = await SqliteStore.open(database)
    try:
        return await filed(store)
    finally:
        await store.close()


def open_files() -> list[str]:
    handles = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return [os.readlink(handle) for handle in handles if os.path.lexists(handle)]


class Deaths:
    """Copies a folder as a kill would leave it, before each step of its logbook; `told` is what clients know then."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder = folder
        self.told: dict[str, int] = {}
        self.left: list[tuple[Path, list[list[tuple[str, int]]]]] = []
        self._also: list[dict[str, int]] = []
        for name in ("write", "turn", "settle"):
            monkeypatch.setattr(Logbook, name, self._copying(getattr(Logbook, name)))

    @contextlib.contextmanager
    def becoming(self, told: dict[str, int]):
        """Clients are about to be told something else; a death meanwhile may leave either."""
        self._also = [told]
        yield
        self.told, self._also = told, []

    def _copying(self, step):
        def step_and_copy(logbook: Logbook, *arguments) -> None:
            self._copy()
            step(logbook, *arguments)

        return step_and_copy

    def _copy(self) -> None:
        copy = self.folder.with_name(f"death-{len(self.left)}")
        shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("*-shm"))
        self.left.append((copy, [sorted(told.items()) for told in (self.told, *self._also)]))


async def test_a_death_at_any_step_of_the_logbook_leaves_each_call_one_record(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        deaths = Deaths(tmp_path / "served", patch)
        store = await SqliteStore.open(deaths.folder / "calls.db")
        for name in ("alive", "ended", "issued", "taken back"):
            with deaths.becoming({**deaths.told, name: 127}):
                store.keep("w", a_record(name))
            await asyncio.sleep(0)
        with deaths.becoming({**deaths.told, "ended": 17}):
            store.keep("w", a_record("ended", 17))
        for name in ("taken back", "issued"):
            if name == "issued":
                with deaths.becoming({each: deaths.told[each] for each in ("alive", "ended", "issued")}):
                    assert await store.forget_new("w") == 1
            with deaths.becoming({**deaths.told, name: 16}):
                await store.issue("w", a_record(name, 16), 9_000)
        await store.close()
    assert len(deaths.left) > 10
    for copy, possible in deaths.left:
        for _ in range(2):  # what one start makes of it, the second leaves alone
            assert await filed_in(copy / "calls.db") in possible, copy.name
        assert [path.name for path in copy.glob("*.log")] == []


async def test_what_was_given_up_at_a_stop_is_found_by_the_next_start(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("mockpbx.adapters.store.file.BUSY_TIMEOUT", 0.01)
    store = await SqliteStore.open(tmp_path / "calls.db")
    store.hurry()
    with contextlib.closing(sqlite3.connect(tmp_path / "calls.db", isolation_level=None)) as bully:
        bully.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await store.issue("w", a_record("given up", 16), 0)
        bully.execute("ROLLBACK")
    for name in ("second", "third", "fourth"):
        await store.issue("w", a_record(name, 16), 0)
    await store.close()
    assert "the next start on this file finds them in a logbook beside it" in caplog.text
    assert await filed_in(tmp_path / "calls.db") == [(name, 16) for name in ("fourth", "given up", "second", "third")]
    assert [path.name for path in tmp_path.glob("*.log")] == []


async def test_the_logbooks_of_a_file_whose_name_goes_on_are_left_alone(tmp_path):
    neighbour = await SqliteStore.open(tmp_path / "calls.db")
    logbooks = sorted(path.name for path in tmp_path.glob("*.log"))
    neighbour.keep("w", a_record("alive"))
    assert await filed_in(tmp_path / "calls") == []
    assert sorted(path.name for path in tmp_path.glob("*.log")) == logbooks
    await neighbour.close()


async def test_a_database_that_is_written_again_leaves_no_file_open_behind_it(tmp_path):
    folder = tmp_path / "data"
    store = await SqliteStore.open(folder / "calls.db")
    shutil.rmtree(folder)
    await store.issue("w", a_record("after", 16), 0)
    assert not [file for file in open_files() if file.startswith(str(folder)) and file.endswith(".log (deleted)")]
    await store.close()
    assert await filed_in(folder / "calls.db") == [("after", 16)]


async def test_records_of_a_file_that_was_put_in_its_place_are_older_than_a_reset(tmp_path):
    backup = await SqliteStore.open(tmp_path / "backup.db")
    for name in ("one", "two"):
        await backup.issue("w", a_record(name, 16), 0)
    await backup.close()
    store = await SqliteStore.open(tmp_path / "calls.db")
    (tmp_path / "backup.db").replace(tmp_path / "calls.db")
    await store.issue("w", a_record("new", 16), 0)
    assert await store.forget_new("w") == 1
    assert await filed(store) == [("one", 16), ("two", 16)]
    await store.close()
