"""A client talks to the server's side of a recording."""

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from mockpbx.cassette.lines import Cassette, Closed, Packet
from mockpbx.cassette.serverside import ServerSide
from mockpbx.client import Client, ConnectionRefused, RequestFailed
from mockpbx.contract.messages import CalleeAudio, CallEnded, CheckPointReached, DialStatusChange, DigitPressed

NUMBER, BUSY = "089608675796", "08000000017"
OK = {"success": True, "error": None}


@pytest.fixture
async def replay():
    """`side = await replay(cassette)`: fifty times as fast."""
    sides = []

    async def start(cassette: Cassette, speed: float = 50) -> ServerSide:
        side = ServerSide(cassette, "127.0.0.1", 0, speed=speed)
        sides.append(side)
        return await side.__aenter__()

    yield start
    for side in sides:
        await side.__aexit__(None, None, None)


async def first_call(client: Client, *, packets: int = 4):
    """Do what the recorded client did in its first call; return it and what came of it."""
    call = await client.place_call(NUMBER)
    await call.until(DialStatusChange, status="Connected")
    acks = [await call.send_audio(bytes(2_560)) for _ in range(packets)]
    await call.check_point("greeting heard")
    await call.until(CheckPointReached, name="greeting heard")
    await call.press("5", 100)
    await call.until(DigitPressed, digit="5")
    await call.hang_up()
    return call, await call.finished(), acks


async def test_the_client_gets_what_the_recorded_one_got(two_calls, replay):
    side = await replay(two_calls)
    missed = asyncio.ensure_future(side.finished(1))
    async with Client(side.url, "another-token") as client:
        call, record, acks = await first_call(client)
        assert record.destination == NUMBER
        assert [ack.success for ack in acks] == [True] * 4
        assert not (await call.send_audio(b"odd")).success
        assert await client.record(call.session_id)
        busy = await client.place_call(BUSY)
        await busy.until(DialStatusChange, status="Busy")
        await busy.finished()
        with pytest.raises(RequestFailed, match="Invalid phone number format"):
            await client.place_call("12")
    recorded = [line for line in two_calls.lines if isinstance(line, Packet) and line.event == "newSession"]
    assert [call.session_id, busy.session_id] == [line.payload["sessionId"] for line in recorded]
    assert await missed == [
        "GET /cdr?limit=10",
        "GET /cdr?page=2&limit=1",
        "GET /cdr?filter.destination=$eq:08000000017",
        "joinRoom",
        "POST /pbx/hangup",
        "GET /cdr/no-such-session",
        "opened a socket",
        "POST /pbx/call",
    ]
    assert not side.unknown


async def test_the_sound_is_the_recorded_one_frame_by_frame(two_calls, replay):
    side = await replay(two_calls)
    frames = []
    async with Client(side.url, "dev") as client:
        call = await client.place_call(NUMBER)
        async for event in call.events():
            match event:
                case DialStatusChange(status="Connected"):
                    await call.check_point("greeting heard")
                case CheckPointReached():
                    await call.press("5")
                case DigitPressed():
                    await call.hang_up()
                case CalleeAudio(audio_data=sound):
                    frames.append(sound)
    recorded = [line.payload["audioData"] for line in two_calls.lines if _is_heard(line)]
    assert frames == recorded[: len(frames)]
    assert len(frames) > len(recorded) // 2


def _is_heard(line) -> bool:
    return isinstance(line, Packet) and line.sender == "server" and line.event == "audio"


async def test_a_client_that_waits_for_more_frames_than_the_recorded_one_gets_silence_at_their_cadence(
    two_calls, replay
):
    side = await replay(two_calls)
    recorded = sum(_is_heard(line) for line in two_calls.lines)
    async with Client(side.url, "dev") as client:
        call = await client.place_call(NUMBER)
        frames = [(await call.until(CalleeAudio)).audio_data for _ in range(recorded + 100)]
        assert frames[-50:] == 50 * [bytes(320)]
        await call.hang_up()
        assert (await call.finished()).destination == NUMBER
        after = [event async for event in call.events()]
    assert not any(isinstance(event, CalleeAudio) for event in after)


async def test_sound_in_other_pieces_is_acknowledged_as_well(two_calls, replay):
    side = await replay(two_calls)
    async with Client(side.url, "dev") as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Connected")
        acks = [await call.send_audio(bytes(320)) for _ in range(40)]
    assert len(acks) == 40


async def test_whoever_hangs_up_early_gets_the_end_and_nothing_before_it(two_calls, replay):
    side = await replay(two_calls, speed=1)
    async with Client(side.url, "dev") as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Dialing")
        await call.hang_up()
        events = []
        async for event in call.events():
            events.append(event)
            if isinstance(event, CallEnded):
                break
    assert [type(event) for event in events] == [CallEnded]


async def test_a_wrong_token_is_refused_where_the_recorded_one_was(two_calls, replay):
    side = await replay(two_calls)
    async with Client(side.url, "dev"):
        with pytest.raises(ConnectionRefused, match="Authentication token is invalid"):
            async with Client(side.url, "wrong"):
                pass


async def test_what_no_recorded_client_did_is_told_and_answered_by_a_sentence(two_calls, replay):
    side = await replay(two_calls)
    missed = asyncio.ensure_future(side.finished(0.1))
    async with aiohttp.ClientSession() as http, http.delete(f"{side.url}/pbx/call/7") as reply:
        assert reply.status == 500
        assert (await reply.json())["errors"] == "mockpbx replay: the cassette holds no reply to DELETE /pbx/call/7"
    assert "opened a socket (2 times)" in await missed
    assert side.unknown == {"DELETE /pbx/call/7": 1}


async def test_a_record_may_be_asked_for_more_often_than_it_was(two_calls, replay):
    side = await replay(two_calls)
    async with Client(side.url, "dev") as client:
        session = next(line.payload["sessionId"] for line in two_calls.lines if _announces(line))
        records = [await client.record(session) for _ in range(3)]
    assert records[0] == records[2]


def _announces(line) -> bool:
    return isinstance(line, Packet) and line.event == "newSession"


async def test_what_the_recorded_server_said_behind_the_hangup_is_said_again(two_calls, replay):
    hangup = next(at for at, line in enumerate(two_calls.lines) if isinstance(line, Packet) and line.event == "hangup")
    last = next(line for line in two_calls.lines if _is_heard(line))
    told = next(line for line in two_calls.lines[hangup:] if line.kind == "packet" and line.sender == "server")
    late = replace(last, at=told.at + 1)
    place = two_calls.lines.index(told) + 1
    side = await replay(replace(two_calls, lines=(*two_calls.lines[:place], late, *two_calls.lines[place:])))
    async with Client(side.url, "dev") as client:
        call = await client.place_call(NUMBER)
        await call.hang_up()
        await call.until(CallEnded)
        assert (await call.until(CalleeAudio)).audio_data == last.payload["audioData"]


async def test_the_server_closes_where_the_recorded_one_did(two_calls, replay):
    opening = [line for line in two_calls.lines if getattr(line, "socket", 0) == 1][:3]
    closed = Closed(opening[-1].at + 50, 1, "server", 4001)
    side = await replay(replace(two_calls, lines=(*opening, closed)))
    url = f"{side.url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        await ws.receive()
        await ws.send_str('40{"token":"dev"}')
        assert (await ws.receive()).data.startswith('40{"sid":')
        assert (await ws.receive()).data == 4001


async def test_a_cassette_cut_in_half_replays_what_is_whole(two_calls, replay):
    half = two_calls.lines[: len(two_calls.lines) // 3]
    side = await replay(replace(two_calls, lines=half, cut="line 34 is broken"))
    async with Client(side.url, "dev") as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Connected")
