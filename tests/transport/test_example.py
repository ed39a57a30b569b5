"""The protocol server of the documents, as it is: what the official suites of both protocols ask of a server."""

import asyncio
import importlib.util
import json
from pathlib import Path

import pytest
from aiohttp import web
from peers import POLLING, WEBSOCKET, get, peer, session

SCRIPT = Path(__file__).parents[1] / "examples" / "transport" / "server.py"
TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "polling"])
TWO = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


@pytest.fixture
async def url():
    spec = importlib.util.spec_from_file_location("protocol_server", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    runner = web.AppRunner(script.app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def test_it_is_short_and_knows_nothing_of_the_emulator():
    text = SCRIPT.read_text()
    assert len(text.splitlines()) <= 30
    assert {line for line in text.splitlines() if "mockpbx" in line} == {
        "from mockpbx.transport import EngineServer, Namespace, SocketServer"
    }


@pytest.mark.parametrize("path", ["/engine.io/", "/socket.io/"])
async def test_both_shake_hands_with_times_of_their_own(url, http, path):
    status, opening = await get(http, f"{url}{path}?{POLLING}")
    told = json.loads(opening.removeprefix("0"))
    assert status == 200
    assert told.pop("sid")
    assert told == {"upgrades": ["websocket"], "pingInterval": 300, "pingTimeout": 200, "maxPayload": 1_000_000}


@TRANSPORTS
async def test_engine_io_alone_sends_messages_back(url, transport):
    async with peer(f"{url}/engine.io/", transport) as client:
        await client.say("4hello", b"\x01\x02\x03\x04", "4")
        assert [await client.hear() for _ in range(3)] == ["4hello", b"\x01\x02\x03\x04", "4"]
        await client.say("1")
        assert await client.hear_end() == []


async def test_engine_io_alone_upgrades(url, http):
    sid = await session(http, f"{url}/engine.io/")
    async with http.ws_connect(f"{url}/engine.io/?{WEBSOCKET}&sid={sid}") as ws:
        for said, heard in (("2probe", "3probe"), ("5", None), ("4hello", "4hello")):
            await ws.send_str(said)
            assert heard is None or await ws.receive_str() == heard


@TRANSPORTS
@pytest.mark.parametrize("path", ["/engine.io/", "/socket.io/"])
async def test_a_heart_beats_as_long_as_pings_are_answered(url, http, transport, path):
    async with peer(url + path, transport) as client:
        while client.pings < 2:
            assert client.heard.empty()
            await asyncio.sleep(0.02)
    query = f"{POLLING}&sid={await session(http, url + path)}"
    assert await get(http, f"{url}{path}?{query}") == (200, "2")
    assert (await get(http, f"{url}{path}?{query}"))[1].startswith(("1", '{"code":1'))


@TRANSPORTS
@pytest.mark.parametrize("place", ["", "/custom,"])
async def test_a_namespace_is_joined_told_of_its_auth_and_left(url, transport, place):
    async with peer(f"{url}/socket.io/", transport) as client:
        for auth in ("", '{"token":"abc"}'):
            await client.say(f"40{place}{auth}")
            assert list(json.loads((await client.hear()).removeprefix(f"40{place}"))) == ["sid"]
            assert await client.hear() == f'42{place}["auth",{auth or "{}"}]'
            await client.say(f"41{place}")
        await client.say("40/random")
        assert await client.hear() == '44/random,{"message":"Invalid namespace"}'


@TRANSPORTS
async def test_messages_come_back_and_are_acknowledged_with_their_arguments(url, transport):
    async with peer(f"{url}/socket.io/", transport) as client:
        await client.say("40")
        await client.hear()
        await client.hear()
        await client.say('42["message",1,"2",{"3":[true]}]', f'452-["message",{TWO}]', b"\1\2\3", b"\4\5\6")
        assert await client.hear() == '42["message-back",1,"2",{"3":[true]}]'
        assert [await client.hear() for _ in range(3)] == [f'452-["message-back",{TWO}]', b"\1\2\3", b"\4\5\6"]
        await client.say('42456["message-with-ack",1,"2",{"3":[false]}]')
        assert await client.hear() == '43456[1,"2",{"3":[false]}]'
        await client.say(f'452-789["message-with-ack",{TWO}]', b"\1\2\3", b"\4\5\6")
        assert [await client.hear() for _ in range(3)] == [f"462-789[{TWO}]", b"\1\2\3", b"\4\5\6"]
