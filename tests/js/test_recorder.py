"""The official JavaScript client through the recorder, and to a replay of what that recorded: it notices neither."""

import asyncio
import json
from pathlib import Path

import pytest

from mockpbx.cassette.proxy import Proxy
from mockpbx.cassette.recorder import Recorder
from mockpbx.cassette.redaction import Redactor
from mockpbx.cassette.serverside import ServerSide
from mockpbx.cassette.tape import Packet, read_cassette

HERE = Path(__file__).parent
GREETING = HERE.parents[1] / "fixtures" / "clips" / "bot-greeting.mp3"
TOKEN = "the-token-of-this-client"

pytestmark = pytest.mark.usefixtures("client")


async def run(program: str, url: str, *arguments: object) -> dict:
    """Return what a program saw."""
    process = await asyncio.create_subprocess_exec(
        "node", program, url, TOKEN, *map(str, arguments), cwd=HERE, stdout=-1, stderr=-1
    )
    try:
        stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, stderr.decode()
    return json.loads(stdout)


def told(seen: dict) -> list[tuple[str, object]]:
    return [(entry["event"], entry["data"]) for entry in seen["log"]]


async def test_the_documents_example_through_the_recorder_and_to_its_replay(serve, tmp_path):
    pbx = await serve()
    tape = tmp_path / "flow.cassette.jsonl"
    async with (
        Recorder(tape, pbx.url, Redactor(), redacted=("tokens",)) as recorder,
        Proxy(pbx.url, "127.0.0.1", 0, recorder) as proxy,
    ):
        seen = await run("call-flow.mjs", proxy.url, GREETING)

    assert [event for event, _ in told(seen)][:5] == ["newSession", "roomJoined", *["dialStatus"] * 3]
    assert seen["same"]
    assert not seen["silent"]
    assert TOKEN.encode() not in tape.read_bytes()
    cassette = read_cassette(tape)
    assert cassette.cut is None
    kept = [line for line in cassette.lines if isinstance(line, Packet) and line.type == "event"]
    events = [line for line in kept if line.sender == "server" and line.event != "audio"]
    assert [(line.event, line.payload) for line in events] == told(seen)
    assert GREETING.read_bytes() in [line.payload.get("audioData") for line in kept if line.sender == "client"]

    async with ServerSide(cassette, "127.0.0.1", 0) as side:
        missed = asyncio.ensure_future(side.finished(10))
        again = await run("call-flow.mjs", side.url, GREETING)
        assert await missed == []
    assert told(again) == told(seen)
    assert again["mp3Acks"] == seen["mp3Acks"]
    assert again["same"]


async def test_a_client_that_polls_passes_through_the_recorder(serve, tmp_path):
    pbx = await serve(clock="10x", dial_delay=200)
    tape = tmp_path / "polling.cassette.jsonl"
    async with (
        Recorder(tape, pbx.url, Redactor(), redacted=("tokens",)) as recorder,
        Proxy(pbx.url, "127.0.0.1", 0, recorder) as proxy,
    ):
        seen = await run("polling.mjs", proxy.url, 20, 5)

    assert seen["acks"] == [{"success": True, "error": None}] * 21
    assert seen["heard"] == list(range(1, 101))
    assert recorder.summary.counts["polling"]
    assert TOKEN.encode() not in tape.read_bytes()
    assert read_cassette(tape).cut is None
