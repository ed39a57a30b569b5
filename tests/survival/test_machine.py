"""A machine that stops the process for a while, has no handles left, or has its clock set."""

import asyncio
import contextlib
import os
import resource
import signal
import time

import aiohttp
import pytest
from conftest import Api
from survival.process import PATIENCE, Nursery, Phone, journal, nursery

from mockpbx.runtime.entries import ClientsDelayed, ClientsRecovered, MachineClockSet
from mockpbx.runtime.machine import Machine

HOUR = 3_600


async def test_a_process_that_was_held_up_cuts_nobody_off_and_says_what_it_lost(tmp_path):
    async with aiohttp.ClientSession() as http, nursery(tmp_path / "calls.db") as nurse:
        for loop in ("asyncio", "uvloop"):
            await _hold_up(http, nurse, loop)


async def _hold_up(http: aiohttp.ClientSession, nurse: Nursery, loop: str) -> None:
    await nurse.start("--event-loop", loop, "--ping-interval", "0.5", "--ping-timeout", "3")
    phones = [Phone(http, nurse.url) for _ in range(3)]
    for phone in phones:
        await phone.connect()
        await phone.place()
    for phone in phones:
        phone.waits = True
        await phone.until(lambda phone=phone: phone.pinged and phone.frames > 5)
    os.kill(nurse.pid, signal.SIGSTOP)
    for phone in phones:
        phone.waits = False
        await phone.pong()  # in time, and read too late
    await asyncio.sleep(3.5)  # longer than a heartbeat may go unanswered, and than what is made up for
    os.kill(nurse.pid, signal.SIGCONT)
    heard = phones[0].frames
    await phones[0].until(lambda: phones[0].frames > heard + 100)
    assert [phone.closed for phone in phones] == [False] * 3
    slips = await journal(http, nurse.url, "MediaSlipped")
    assert sum(entry["data"]["ms"] for entry in slips) >= 2_000
    await nurse.logged("the emulator was held up: media time slipped by")
    nurse.log.clear()
    await nurse.end()


async def test_without_handles_calls_go_on_and_new_clients_get_in_when_others_leave(tmp_path):
    async with aiohttp.ClientSession() as http, nursery(tmp_path / "calls.db") as nurse:
        for loop in ("asyncio", "uvloop"):
            await _crowd_out(http, nurse, loop)


async def _crowd_out(http: aiohttp.ClientSession, nurse: Nursery, loop: str) -> None:
    await nurse.start("--event-loop", loop)
    phone = Phone(http, nurse.url)
    await phone.connect()
    session_id = await phone.place()
    await phone.until(lambda: phone.frames > 5)
    nurse.limit(resource.RLIMIT_NOFILE, len(os.listdir(f"/proc/{nurse.pid}/fd")) + 3)
    host, port = nurse.url.removeprefix("http://").split(":")
    crowd = [await asyncio.open_connection(host, int(port)) for _ in range(40)]
    assert len(await nurse.logged("no handle is left for another connection")) == 1
    heard = phone.frames
    await phone.until(lambda: phone.frames > heard + 50)
    for _, writer in crowd:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as newcomer:
                    if len(told := await journal(newcomer, nurse.url, "ClientsDelayed", "ClientsRecovered")) == 2:
                        break
            await asyncio.sleep(0.05)
    assert [entry["kind"] for entry in told] == ["ClientsDelayed", "ClientsRecovered"]
    await phone.hang_up(session_id)
    await phone.until(lambda: phone.has(session_id, "cdr"))
    assert not [line for line in nurse.log if "Traceback" in line or "accept" in line]
    nurse.log.clear()
    await nurse.end()


class Clocks:
    """A wall clock that can be set, and one that cannot."""

    def __init__(self, monkeypatch) -> None:
        self.ahead = 0.0
        real, real_ns = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + round(self.ahead * 1e9))


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_call_goes_on_by_its_own_time_when_the_machines_clock_is_set(serve, http, monkeypatch, hours):
    clocks = Clocks(monkeypatch)
    monkeypatch.setattr("mockpbx.app.KEEP_EVERY", 0.02)
    pbx = await serve(record_delay=0, workspace_idle=1_800)
    phone = Phone(http, pbx.url)
    await phone.connect()
    session_id = await phone.place("08000000021")
    await phone.until(lambda: phone.has(session_id, "dialStatus", "Ringing"))
    began = time.time()
    clocks.ahead = hours * HOUR
    async with asyncio.timeout(PATIENCE):
        while not (told := await journal(http, pbx.url, "MachineClockSet")):
            await asyncio.sleep(0.02)
    assert told[0]["data"]["follows"] is False
    assert told[0]["data"]["ms"] == pytest.approx(hours * HOUR * 1_000, abs=2_000)
    await phone.until(lambda: phone.has(session_id, "cdr"))
    cdr = next(payload for event, payload in phone.told[session_id] if event == "cdr")
    assert cdr["duration"] < PATIENCE
    workspace = pbx.workspaces()[0]  # not forgotten as idle: it has a client
    assert abs(workspace.clock.now() / 1_000 - began) < 2 * PATIENCE  # its time has not jumped
    ats = [entry.at for entry in workspace.journal]
    assert ats == sorted(ats)
    assert (await phone.place("08000000017")) != session_id


async def test_a_workspace_without_a_call_follows_a_clock_that_is_set_forward_and_never_back(serve, monkeypatch):
    clocks = Clocks(monkeypatch)
    monkeypatch.setattr("mockpbx.app.KEEP_EVERY", 0.02)
    pbx = await serve()
    workspace = pbx.workspace_of("dev")
    facts: list[object] = []
    workspace.journal.subscribe(lambda entry: facts.append(entry.event))
    for hours, follows in ((1, True), (-1, False)):
        before = workspace.clock.now()
        clocks.ahead += hours * HOUR
        async with asyncio.timeout(PATIENCE):
            while not facts:
                await asyncio.sleep(0.02)
        (fact,) = facts
        assert isinstance(fact, MachineClockSet)
        assert fact.follows is follows
        assert workspace.clock.now() >= before + (fact.ms if follows else 0)
        facts.clear()


async def test_a_clock_that_is_set_back_keeps_no_newcomer_out(serve, http, monkeypatch):
    clocks = Clocks(monkeypatch)
    monkeypatch.setattr("mockpbx.app.KEEP_EVERY", 0.02)
    monkeypatch.setattr("mockpbx.runtime.switchboard.SEARCH_EVERY", 0)
    pbx = await serve(most_workspaces=1)
    phone = Phone(http, pbx.url)
    await phone.connect()
    newcomer = Api(http, pbx.url, "newcomer")
    assert (await newcomer.get("/cdr"))[0] == 503  # there is a client in the only room
    clocks.ahead = -HOUR
    async with asyncio.timeout(PATIENCE):
        while not await journal(http, pbx.url, "MachineClockSet"):  # in a journal that is empty but for that
            await asyncio.sleep(0.02)
        await phone.leave()
        while (await newcomer.get("/cdr"))[0] == 503:
            await asyncio.sleep(0.02)


def test_each_change_of_a_machine_is_told_once():
    wall, steady, spare = [100.0], [0.0], [True]
    machine = Machine(lambda: wall[0], lambda: steady[0], lambda: spare[0])
    seen = []
    for moved, elapsed, left in (
        (2, 2, True),
        (2, 2, False),
        (2, 2, False),
        (2, 2, True),
        (3_602, 2, True),
        (-3_598, 2, True),
    ):
        wall[0], steady[0], spare[0] = wall[0] + moved, steady[0] + elapsed, left
        seen.append((machine.clock_set(), machine.handles()))
    assert seen == [
        (0, None),
        (0, ClientsDelayed()),
        (0, None),
        (0, ClientsRecovered(4.0)),
        (3_600_000, None),
        (-3_600_000, None),
    ]


async def test_a_chore_that_fails_is_said_and_the_others_go_on(serve, monkeypatch, caplog):
    clocks = Clocks(monkeypatch)
    monkeypatch.setattr("mockpbx.app.KEEP_EVERY", 0.02)
    pbx = await serve()
    workspace = pbx.workspace_of("dev")
    monkeypatch.setattr("mockpbx.app.keep_alive", lambda *_: 1 / 0)
    async with asyncio.timeout(PATIENCE):
        while "could not be kept" not in caplog.text:
            await asyncio.sleep(0.02)
        clocks.ahead += HOUR
        while not any(isinstance(entry.event, MachineClockSet) for entry in workspace.journal):
            await asyncio.sleep(0.02)
