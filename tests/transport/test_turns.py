"""One client that says very much at once, and everybody else's turns meanwhile."""

import asyncio
import contextlib
import logging

import aiohttp
import pytest
from aiohttp import web
from peers import WEBSOCKET, peer

from mockpbx.transport import EngineServer, wire
from mockpbx.transport.turns import LONGEST_TURN, MOST_AT_A_TIME, PAUSE, Turns

FLOOD = 20_000


class Listener:
    """An Engine.IO server that counts the packets of a flood and sends everything else back."""

    def __init__(self) -> None:
        self.url = ""
        self.taken = 0
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    def take(self, session, message):
        if message == "flood":
            self.taken += 1
        else:
            session.send(message)


@pytest.fixture
async def listener():
    listener = Listener()
    engine = EngineServer(listener.take, closed=lambda _, reason: listener.ended.put_nowait(reason))
    app = web.Application()
    engine.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/engine.io/"
    yield listener
    await runner.cleanup()


async def until(fact) -> None:
    async with asyncio.timeout(20):
        while not fact():
            await asyncio.sleep(0)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_everybody_else_is_heard_while_one_client_says_very_much_at_once(listener, transport):
    async with peer(listener.url, transport) as flood, peer(listener.url, "websocket") as other:
        flooding = asyncio.create_task(flood.say(*["4flood"] * FLOOD))
        await until(lambda: listener.taken)
        await other.say("4hello")
        assert await other.hear() == "4hello"
        assert listener.taken < FLOOD
        await flooding
        await until(lambda: listener.taken == FLOOD)


async def test_a_turn_ends_after_so_many_messages_or_so_much_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def taken(turns: Turns, seconds: float) -> bool:
        may = turns.begin()
        if may:
            now[0] += seconds
            turns.end()
        return may

    turns = Turns()
    assert [taken(turns, 0) for _ in range(MOST_AT_A_TIME + 2)] == [*[True] * MOST_AT_A_TIME, False, False]
    await turns.wait()
    turns.end()
    assert [taken(turns, LONGEST_TURN / 2) for _ in range(3)] == [True, True, False]
    now[0] += 2 * PAUSE  # everybody else has had a turn meanwhile
    assert [taken(turns, 2 * LONGEST_TURN) for _ in range(2)] == [True, False]


@contextlib.asynccontextmanager
async def plain_websocket(listener):
    """A websocket whose pings and pongs nobody hides."""
    async with aiohttp.ClientSession() as http:
        ws = await http.ws_connect(f"{listener.url}?{WEBSOCKET}", autoping=False)
        await ws.receive_str()
        yield ws


async def test_the_websockets_own_pings_are_answered_with_what_they_carry(listener):
    async with plain_websocket(listener) as ws:
        await ws.ping(b"are you there?")
        await ws.pong(b"unasked")
        await ws.send_str("4hello")
        assert [(message.type.name, message.data) for message in [await ws.receive() for _ in range(2)]] == [
            ("PONG", b"are you there?"), ("TEXT", "4hello"),
        ]  # fmt: skip


async def test_everybody_else_is_heard_while_one_client_pings_and_pings(listener, monkeypatch):
    pongs = []
    monkeypatch.setattr(wire, "pong", lambda payload: pongs.append(payload) or b"\x8a\x00")
    async with plain_websocket(listener) as ws, peer(listener.url, "websocket") as other:
        ws._writer.transport.write(b"\x89\x80\0\0\0\0" * 1_000)
        await until(lambda: pongs)
        await other.say("4hello")
        assert await other.hear() == "4hello"
        assert len(pongs) < 1_000
        await until(lambda: len(pongs) == 1_000)


async def test_a_client_may_ping_for_ever_between_its_messages(listener, monkeypatch):
    monkeypatch.setattr("mockpbx.transport.websocket.MOST_CONTROL_FRAMES", 5)
    monkeypatch.setattr("mockpbx.transport.turns.MOST_AT_A_TIME", 1_000)
    async with plain_websocket(listener) as ws:
        for _ in range(20):
            await ws.ping(b"there?")
            assert (await ws.receive()).type is aiohttp.WSMsgType.PONG
            await ws.send_str("4hello")
            assert (await ws.receive()).data == "4hello"


@pytest.mark.parametrize("frame", ["ping", "pong"])
async def test_a_flood_of_pings_or_pongs_ends_the_connection(listener, caplog, monkeypatch, frame):
    monkeypatch.setattr("mockpbx.transport.websocket.MOST_CONTROL_FRAMES", 10)
    async with plain_websocket(listener) as ws:
        for word in ("4hello", "4there"):
            for _ in range(10):
                await getattr(ws, frame)()
            await ws.send_str(word)
            while (await ws.receive()).data != word:
                pass
        with caplog.at_level(logging.INFO, "mockpbx.transport"):
            for _ in range(11):
                await getattr(ws, frame)()
            assert await asyncio.wait_for(listener.ended.get(), 20) == "parse error"
        assert "more than 10 pings or pongs" in caplog.text
