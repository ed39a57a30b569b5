"""A database that takes nothing for a while, or is gone: what clients see, what the journal says, what is kept."""

import asyncio
import contextlib
import resource
import signal
import sqlite3

import aiohttp
import pytest
from conftest import Api
from survival.process import Phone, becomes_ready, journal, nursery, ready, records

KINDS = ("RecordsDelayed", "RecordsRecovered", "RecordLost", "DatabaseReopened")


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr("mockpbx.adapters.store.file.TRY_TIMEOUT", 0.01)
    monkeypatch.setattr("mockpbx.adapters.store.writer.RETRY", 0.01)
    monkeypatch.setattr("mockpbx.adapters.store.writer.LONGEST_RETRY", 0.02)
    monkeypatch.setattr("mockpbx.app.KEEP_EVERY", 0.02)


@pytest.fixture
async def phone_at(http):
    async def connect(url: str) -> Phone:
        phone = Phone(http, url)
        await phone.connect()
        return phone

    return connect


async def test_a_locked_database_delays_records_and_says_so_until_it_is_free(serve, http, tmp_path, phone_at, hasty):
    database = tmp_path / "calls.db"
    pbx = await serve(database=database, record_delay=0)
    phone = await phone_at(pbx.url)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as bully:
        bully.execute("BEGIN EXCLUSIVE")
        session_id = await phone.place("08000000017")
        await phone.until(lambda: phone.has(session_id, "hangup"))
        sentence = await becomes_ready(http, pbx.url, 503)
        assert sentence.startswith("The database takes no records: database is locked.")
        async with http.get(f"{pbx.url}/__admin/livez") as reply:
            assert reply.status == 200
        assert await records(http, pbx.url) == []
        assert not phone.has(session_id, "cdr")
        other = await phone.place("08000000017")  # calls go on
        await phone.until(lambda: phone.has(other, "hangup"))
        bully.execute("ROLLBACK")
    await phone.until(lambda: phone.has(session_id, "cdr") and phone.has(other, "cdr"))
    assert [row["hangupCauseCode"] for row in await records(http, pbx.url)] == [17, 17]
    await becomes_ready(http, pbx.url, 200)
    told = await journal(http, pbx.url, *KINDS)
    assert [entry["kind"] for entry in told] == ["RecordsDelayed", "RecordsRecovered"]
    assert told[0]["data"] == {"reason": "database is locked"}


async def test_a_reset_waits_for_a_locked_database_and_is_told_when_a_stop_gives_it_up(
    serve, http, tmp_path, phone_at, hasty, caplog
):
    database = tmp_path / "calls.db"
    pbx = await serve(database=database, record_delay=0)
    phone = await phone_at(pbx.url)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as bully:
        bully.execute("BEGIN EXCLUSIVE")
        await phone.place()
        reset = asyncio.ensure_future(Api(http, pbx.url).post("/__admin/reset", {}))
        await becomes_ready(http, pbx.url, 503)
        async with asyncio.timeout(40):
            while not await journal(http, pbx.url, "WorkspaceReset"):
                await asyncio.sleep(0.02)
        await pbx.stop()
        status, reply = await reset
        bully.execute("ROLLBACK")
    assert (status, reply["errors"]) == (
        500, "The call records cannot be reached at the moment: the database does not answer",
    )  # fmt: skip
    assert "Traceback" not in caplog.text


async def test_a_database_that_takes_nothing_for_long_is_logged_once_and_live_calls_are_kept_once(
    serve, http, tmp_path, phone_at, hasty, caplog
):
    database = tmp_path / "calls.db"
    pbx = await serve(database=database)
    phone = await phone_at(pbx.url)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as bully:
        bully.execute("BEGIN EXCLUSIVE")
        await asyncio.gather(*(phone.place() for _ in range(5)))
        await becomes_ready(http, pbx.url, 503)
        for _ in range(20):  # as many times as live calls are looked at, each of them would wait again
            await asyncio.sleep(0.02)
        assert len([line for line in caplog.messages if "the database takes nothing" in line]) == 1
        assert len(pbx._store._writer._kept) <= 5
        bully.execute("ROLLBACK")


async def test_no_more_than_so_many_records_wait_and_the_rest_are_named_lost(serve, http, tmp_path, phone_at, hasty):
    database = tmp_path / "calls.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mockpbx.adapters.store.writer.MOST_WAITING", 2)
        pbx = await serve(database=database, record_delay=0)
        phone = await phone_at(pbx.url)
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as bully:
            bully.execute("BEGIN EXCLUSIVE")
            await phone.place()
            await becomes_ready(http, pbx.url, 503)
            ended = [await phone.place("08000000017") for _ in range(3)]
            await phone.until(lambda: all(phone.has(name, "hangup") for name in ended))
            async with asyncio.timeout(40):
                while not (lost := await journal(http, pbx.url, "RecordLost")):
                    await asyncio.sleep(0.02)
            bully.execute("ROLLBACK")
        assert len(lost) == 1
        assert "The database takes no records" in lost[0]["data"]["reason"]
        kept = [name for name in ended if name != lost[0]["call"]]
        await phone.until(lambda: all(phone.has(name, "cdr") for name in kept))


@pytest.mark.parametrize("gone", ["file", "folder"])
async def test_a_database_that_is_deleted_is_written_again_with_all_that_was_in_it(
    serve, http, tmp_path, phone_at, hasty, gone
):
    database = tmp_path / "data" / "calls.db"
    pbx = await serve(database=database, record_delay=0)
    phone = await phone_at(pbx.url)
    before = await phone.place("08000000017")
    await phone.until(lambda: phone.has(before, "cdr"))
    for path in [database] if gone == "file" else list(database.parent.iterdir()):
        path.unlink()
    if gone == "folder":
        database.parent.rmdir()
    after = await phone.place("08000000017")
    await phone.until(lambda: phone.has(after, "cdr"))
    assert [row["sessionId"] for row in await records(http, pbx.url)] == [before, after]
    async with asyncio.timeout(40):
        while not (told := await journal(http, pbx.url, *KINDS)):
            await asyncio.sleep(0.02)
    assert [entry["data"] for entry in told] == [{"writtenAgain": True}]
    await pbx.stop()
    again = await serve(database=database)
    assert [row["sessionId"] for row in await records(http, again.url)] == [before, after]
    await again.stop()
    assert sorted(path.name for path in database.parent.iterdir()) == ["calls.db", "calls.db.lock"]


async def test_a_database_that_is_replaced_is_gone_on_with(serve, http, tmp_path, phone_at, hasty):
    database = tmp_path / "calls.db"
    pbx = await serve(database=database, record_delay=0)
    phone = await phone_at(pbx.url)
    first = await phone.place("08000000017")
    await phone.until(lambda: phone.has(first, "cdr"))
    with contextlib.closing(sqlite3.connect(database)) as file:
        file.execute("VACUUM INTO ?", (str(tmp_path / "backup"),))
    second = await phone.place("08000000017")
    await phone.until(lambda: phone.has(second, "cdr"))
    (tmp_path / "backup").replace(database)
    third = await phone.place("08000000017")
    await phone.until(lambda: phone.has(third, "cdr"))
    assert [row["sessionId"] for row in await records(http, pbx.url)] == [first, third]
    assert [entry["data"] for entry in await journal(http, pbx.url, *KINDS)] == [{"writtenAgain": False}]


async def test_a_database_that_replaces_another_learns_of_the_calls_that_have_no_record_yet(
    serve, http, tmp_path, phone_at, hasty
):
    database = tmp_path / "calls.db"
    pbx = await serve(database=database, record_delay=3_600)
    phone = await phone_at(pbx.url)
    with contextlib.closing(sqlite3.connect(database)) as file:
        file.execute("VACUUM INTO ?", (str(tmp_path / "backup"),))
    ended = await phone.place("08000000017")
    await phone.until(lambda: phone.has(ended, "hangup"))
    alive = await phone.place()
    await phone.until(lambda: phone.has(alive, "dialStatus"))
    (tmp_path / "backup").replace(database)

    def kept() -> dict[str, tuple[int, int]]:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as file:
            rows = file.execute("SELECT session_id, cause, ended_at - started_at FROM calls")
            return {session_id: (cause, length) for session_id, cause, length in rows}

    async with asyncio.timeout(40):
        while kept().get(alive, (127, 0))[1] < 200:  # ms that it has lived, of which every look tells
            await asyncio.sleep(0.02)
    assert {session_id: cause for session_id, (cause, _) in kept().items()} == {ended: 17, alive: 127}


async def test_a_file_system_that_takes_no_byte_delays_records_and_a_stop_then_says_what_is_lost(tmp_path):
    async with aiohttp.ClientSession() as http, nursery(tmp_path / "calls.db") as nurse:
        await nurse.start("--record-delay", "0")
        phone = Phone(http, nurse.url)
        await phone.connect()
        nurse.limit(resource.RLIMIT_FSIZE, 1)
        session_id = await phone.place("08000000017")
        await becomes_ready(http, nurse.url, 503)
        await phone.until(lambda: phone.has(session_id, "hangup"))
        nurse.limit(resource.RLIMIT_FSIZE, -1)
        await phone.until(lambda: phone.has(session_id, "cdr"))
        assert (await ready(http, nurse.url))[0] == 200
        nurse.limit(resource.RLIMIT_FSIZE, 1)
        await phone.place()
        await becomes_ready(http, nurse.url, 503)
        await nurse.end(signal.SIGTERM)
        assert "what could not be written beside it either is lost" in (await nurse.logged("did not take"))[0]
        assert not [line for line in nurse.log if "Traceback" in line]
        await nurse.start()
        assert [row["sessionId"] for row in await records(http, nurse.url)] == [session_id]
        await nurse.end()
        nurse.limit(resource.RLIMIT_FSIZE, 1)  # of the nursery, and so of its children
        starting = asyncio.ensure_future(nurse.start())
        (line,) = await nurse.logged("cannot open the database")
        assert "choose another with --database, or :memory:" in line
        starting.cancel()
