"""Calls through the client, with a real server at the other end."""

import asyncio
import gc

import numpy as np
import pytest

from mockpbx.client import Call, Client, Join, RequestFailed, TimedOut, UnexpectedReply
from mockpbx.contract.messages import (
    CalleeAudio,
    CallEnded,
    CdrEvent,
    CheckPointReached,
    DialStatusChange,
    DigitPressed,
    Refusal,
    RoomJoined,
)
from mockpbx.contract.vocabulary import AudioFormat, Disposition, JoinStatus, Party

NUMBER = "089608675796"
SECOND = 16_000  # bytes


async def connected(client: Client, number: str = NUMBER) -> Call:
    call = await client.place_call(number)
    await call.until(DialStatusChange, status="Connected")
    return call


async def test_every_event_of_a_call_comes_in_order_and_the_record_comes_last(client):
    call = await client.place_call("08000000016")  # the callee hangs up after 5 s

    seen = []
    async for event in call.events():
        if not (isinstance(event, CalleeAudio) and isinstance(seen[-1], CalleeAudio)):
            seen.append(event)

    joined, dialing, ringing, answered, sound, ended, record = seen
    assert joined == RoomJoined(session_id=call.session_id, status=JoinStatus.SUCCESS)
    assert [dialing.status, ringing.status, answered.status] == ["Dialing", "Ringing", "Connected"]
    assert len(sound.audio_data) == 320
    assert ended == CallEnded(session_id=call.session_id)
    assert record == call.record
    assert (record.disposition, record.hangup_by) == (Disposition.ANSWERED, Party.CALLEE)
    assert [event async for event in call.events()] == []


async def test_a_busy_number(client):
    call = await client.place_call("08000000017")

    await call.until(DialStatusChange, status="Busy")
    record = await call.finished()

    assert (record.disposition, record.hangup_cause_code, record.answer_time) == (Disposition.BUSY, 17, None)


async def test_the_echo_is_bit_exact_and_the_checkpoint_comes_after_the_sound(client):
    call = await connected(client)
    spoken = np.random.default_rng(1).integers(-3_000, 3_000, SECOND // 2).astype("<i2").tobytes()

    ack = await call.send_audio(spoken)
    await call.check_point("spoken")
    heard = b""
    async for event in call.events():
        match event:
            case CalleeAudio(audio_data=sound):
                heard += sound
            case CheckPointReached(name="spoken"):
                break
    heard += (await call.until(CalleeAudio)).audio_data

    assert (ack.success, ack.error) == (True, None)
    assert spoken in heard


async def test_audio_sent_by_many_tasks_keeps_the_order_in_which_they_began(client):
    call = await connected(client)
    pieces = [np.full(8_000, value, "<i2").tobytes() for value in range(1, 9)]

    acks = await asyncio.gather(*(call.send_audio(piece) for piece in pieces))
    await call.check_point("end")
    heard = []
    async for event in call.events():
        match event:
            case CalleeAudio(audio_data=sound) if any(sound):
                heard.append(int(np.frombuffer(sound, "<i2")[-1]))
            case CheckPointReached():
                break

    assert all(ack.success for ack in acks)
    assert sorted(set(heard)) == list(range(1, 9))
    assert heard == sorted(heard)


@pytest.mark.parametrize("format", [AudioFormat.ULAW, AudioFormat.ALAW])
async def test_other_formats_are_played_too(client, format):
    call = await connected(client)

    assert (await call.send_audio(b"\x10" * 8_000, format)).success
    await call.until(CalleeAudio, session_id=call.session_id)


async def test_audio_that_is_not_taken_is_acknowledged_with_the_reason(client):
    call = await connected(client)

    ack = await call.send_audio(b"\x01\x02\x03")

    assert not ack.success
    assert "3 bytes" in ack.error or "odd" in ack.error


async def test_audio_before_the_answer_is_refused_by_the_acknowledgment(client):
    call = await client.place_call("08000000019")
    await call.until(DialStatusChange, status="Ringing")

    ack = await call.send_audio(bytes(320))

    assert (ack.success, ack.error) == (False, "Call is not connected")


async def test_keys_come_back_from_the_echoing_callee_in_order(client):
    call = await connected(client)

    for key in "1#a":
        await call.press(key, 100)

    assert [(await call.until(DigitPressed)).digit for _ in range(3)] == ["1", "#", "A"]


async def test_a_key_that_does_not_exist_is_refused_and_the_call_goes_on(client):
    call = await connected(client)

    await call.press("z")
    refusal = await call.until(Refusal)
    await call.press("7")

    assert "digit" in refusal.message
    assert (await call.until(DigitPressed)).digit == "7"


async def test_an_interruption_takes_the_sound_and_its_checkpoint(client):
    call = await connected(client)

    await call.send_audio(bytes(60 * SECOND))
    await call.check_point("never")
    await call.interrupt()
    await call.check_point("after")

    assert (await call.until(CheckPointReached)).name == "after"


async def test_hanging_up_over_the_socket(client):
    call = await connected(client)

    await call.hang_up()
    record = await call.finished()

    assert (record.disposition, record.hangup_by, record.hangup_cause_code) == ("ANSWERED", "CALLER", 16)


async def test_hanging_up_over_rest(client):
    call = await connected(client)

    reply = await client.hang_up(call.session_id)
    await call.until(CallEnded)
    record = await call.until(CdrEvent)

    assert reply.session_id == call.session_id
    assert record.hangup_by is Party.CALLER
    with pytest.raises(RequestFailed) as refused:
        await client.hang_up(call.session_id)
    assert refused.value.status == 404


async def test_the_record_is_the_same_in_the_event_and_in_both_views(client):
    call = await connected(client)
    await call.hang_up()
    event = await call.finished()

    alone = await client.record(call.session_id)
    page = await client.records(page=1, limit=10, filters={"destination": "$contains:0896"})

    assert CdrEvent(**alone.model_dump()) == event
    assert page.data == [alone]
    assert (page.meta.items_per_page, page.meta.total_items) == (10, 1)


async def test_a_filter_may_be_given_twice(client):
    for number in ("08000000017", "08000000019"):
        await (await client.place_call(number)).finished()

    page = await client.records(filters={"duration": ["$gte:5", "$lte:60"]}, sort_by="id:ASC", search="x")

    assert [row.destination for row in page.data] == ["08000000019"]
    assert page.meta.filter == {"duration": ["$gte:5", "$lte:60"]}
    assert (page.meta.sort_by, page.meta.search) == ([("id", "ASC")], "x")


async def test_joining_at_once_does_not_wait_for_the_announcement(serve):
    pbx = await serve(clock="20x", announce_delay=3_600, dial_delay=3_600)
    async with Client(pbx.url, "dev") as client:
        call = await client.place_call(NUMBER, join=Join.AT_ONCE)

        await call.until(RoomJoined, status="success")
        await call.until(DialStatusChange, status="Dialing")


async def test_who_leaves_as_soon_as_a_call_is_announced_leaves_nothing_undone(serve):
    pbx = await serve(clock="20x", announce_delay=2)
    async with Client(pbx.url, "dev") as client:
        call = await client.place_call(NUMBER)
        announced = await client.next_session(within=5)
    gc.collect()  # a warning of it would fail this test

    assert announced.session_id == call.session_id


async def test_a_second_client_of_the_token_may_join_a_call_that_it_did_not_place(client):
    async with Client(client.url, "dev") as other:
        mine = await client.place_call(NUMBER, join=Join.NOT)
        theirs = other.call((await other.next_session(within=5)).session_id)
        await theirs.join()

        assert theirs.session_id == mine.session_id
        await theirs.until(DialStatusChange, status="Connected")
        with pytest.raises(TimedOut):
            await mine.next_event(within=0)
        await mine.hang_up()
        assert await theirs.finished() == theirs.record


async def test_a_room_that_does_not_exist_ends_the_stream(client):
    call = client.call("nonsense")

    await call.join()
    joined = await call.until(RoomJoined)

    assert joined.status is JoinStatus.FAILED
    assert await call.next_event(within=5) is None


async def test_what_came_instead_is_told(client):
    call = await client.place_call("08000000017")

    with pytest.raises(UnexpectedReply, match=r"ended without DialStatusChange, status='Connected'; instead .*Busy"):
        await call.until(DialStatusChange, status="Connected")


async def test_what_does_not_come_in_time_is_told(client):
    call = await client.place_call(NUMBER)
    await call.until(DialStatusChange, status="Connected")

    with pytest.raises(TimedOut, match=r"no CheckPointReached within 0\.1 s; nothing but sound"):
        await call.until(CheckPointReached, within=0.1)
