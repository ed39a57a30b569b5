"""SIGKILL in the middle of calls and of writes: what was told is filed so, and every call has one record."""

import contextlib
import sqlite3
from random import Random

import aiohttp
from survival.killing import MOMENTS, Lives
from survival.process import Phone, nursery, records, sound


async def test_whenever_it_is_killed_each_call_has_the_one_record_that_its_client_was_told_of(tmp_path):
    database = tmp_path / "calls.db"
    async with nursery(database) as nurse:
        lives = Lives(nurse, Random(7))
        for moment in MOMENTS * 2:
            await lives.live(moment)
        await lives.end()
    assert lives.wrong == []
    assert min(lives.counts[seen] for seen in ("ended", "killed", "answered and killed", "cdr told")) > 0
    assert sound(database) == "ok"
    with contextlib.closing(sqlite3.connect(database)) as file:
        assert file.execute("SELECT COUNT(*) FROM calls").fetchone() == (0,)
    assert [path.name for path in tmp_path.glob("*.log")] == []


async def test_a_kill_while_the_database_is_locked_loses_no_call_and_no_cause(tmp_path):
    async with aiohttp.ClientSession() as http, nursery(tmp_path) as nurse:
        for record_delay in ("0", "3600"):
            nurse.database = tmp_path / record_delay
            await nurse.start("--record-delay", record_delay)
            phone = Phone(http, nurse.url)
            await phone.connect()
            with contextlib.closing(sqlite3.connect(nurse.database, isolation_level=None)) as bully:
                bully.execute("BEGIN EXCLUSIVE")
                ended, alive = await phone.place(), await phone.place()
                for session_id in (ended, alive):
                    await phone.connected(session_id)
                await phone.hang_up(ended)
                nurse.kill()
                await nurse.end()
                bully.execute("ROLLBACK")
            for _ in range(2):  # a second start finds what the first one made of it
                await nurse.start()
                rows = await records(http, nurse.url)
                filed = [(r["sessionId"], r["disposition"], r["hangupBy"], r["hangupCauseCode"]) for r in rows]
                assert sorted(filed) == [(ended, "ANSWERED", "CALLER", 16), (alive, "ANSWERED", None, 127)]
                await nurse.end()
