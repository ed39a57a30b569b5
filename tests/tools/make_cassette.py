"""Make fixtures/cassettes/two-calls.cassette.jsonl again: `python tests/tools/make_cassette.py`.

A client that does a little of everything talks to our own server through the recorder: a call with sound both ways, a
checkpoint, a key and the record; a busy number; and what is refused.
"""

import asyncio
import math
import sys
from array import array
from pathlib import Path

import aiohttp

from mockpbx.app import Server
from mockpbx.cassette.proxy import Proxy
from mockpbx.cassette.recorder import Recorder
from mockpbx.cassette.redaction import Redactor
from mockpbx.client import Client, ConnectionRefused, RequestFailed
from mockpbx.contract.messages import CallEnded, CheckPointReached, DialStatusChange, DigitPressed, RoomJoined
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

FIXTURE = Path(__file__).parents[2] / "fixtures" / "cassettes" / "two-calls.cassette.jsonl"
UPSTREAM = "http://127.0.0.1:7290"
PACKET = 1_280  # samples: the contract's recommendation of 2,560 bytes
PACKETS = 4
RATE, PITCH = 8_000, 440


def tone() -> bytes:
    return array("h", (int(8_000 * math.sin(2 * math.pi * PITCH * at / RATE)) for at in range(PACKET))).tobytes()


async def talk(url: str) -> None:
    """Do what the cassette shows."""
    async with Client(url, "dev") as client:
        call = await client.place_call("089608675796")
        await call.until(DialStatusChange, status="Connected")
        for _ in range(PACKETS):
            await call.send_audio(tone())
        await call.send_audio(b"odd")
        await call.check_point("greeting heard")
        await call.until(CheckPointReached)
        await call.press("5", 100)
        await call.until(DigitPressed)
        await call.hang_up()
        await call.finished()
        await client.record(call.session_id)
        busy = await client.place_call("08000000017")
        await busy.until(CallEnded)
        await busy.finished()
        await client.records(limit=10)
        await client.records(limit=1, page=2)
        await client.records(filters={"destination": "$eq:08000000017"})
        nowhere = client.call("no-such-session")
        await nowhere.join()
        await nowhere.until(RoomJoined, status="failed")
        for wrong in (client.place_call("12"), client.hang_up(call.session_id), client.record("no-such-session")):
            await refuses(wrong)
        await refused(url)


async def refused(url: str) -> None:
    try:
        async with Client(url, "invalid-token"):
            raise AssertionError("a wrong token was taken")
    except ConnectionRefused:
        pass
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer invalid-token"}) as http,
        http.post(f"{url}/pbx/call", json={"phoneNumber": "089608675796"}) as reply,
    ):
        assert reply.status == 401


async def refuses(wrong) -> None:
    try:
        await wrong
    except RequestFailed:
        return
    raise AssertionError("what is wrong was taken")


async def record(path: Path, **settings) -> None:
    """Record that conversation with a server of our own."""
    server = Server(ServerSettings(port=0, database=":memory:", seed=1), WorkspaceSettings(**settings))
    async with (
        server,
        Recorder(path, UPSTREAM, Redactor(), redacted=("tokens",)) as recorder,
        Proxy(server.url, "127.0.0.1", 0, recorder) as proxy,
    ):
        await talk(proxy.url)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    asyncio.run(record(target))
    print(target, target.stat().st_size, "bytes")
