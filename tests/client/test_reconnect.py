"""A network that fails in the middle of a call."""

import asyncio

import pytest

from mockpbx.client import Client, ConnectionDropped, ConnectionFailed, ConnectionRestored
from mockpbx.contract.messages import CalleeAudio, CheckPointReached, DialStatusChange, RoomJoined

NUMBER = "089608675796"


async def test_a_call_outlives_its_connection(network):
    between, url, _ = await network(clock="20x", dial_delay=3_600)
    async with Client(url, "dev", delay=0.01) as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Connected")

        between.cut()
        await call.until(ConnectionDropped)
        await call.until(ConnectionRestored)
        await call.until(RoomJoined, status="success")

        await call.until(CalleeAudio)
        assert (await call.send_audio(bytes(3_200))).success
        await call.check_point("still there")
        await call.until(CheckPointReached, name="still there")
        await call.hang_up()
        assert (await call.finished()).disposition == "ANSWERED"


async def test_what_is_sent_meanwhile_waits_and_follows_the_joining(network):
    between, url, _ = await network(clock="20x", dial_delay=3_600)
    async with Client(url, "dev", delay=0.01, attempts=20) as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Connected")
        between.closed = True
        between.cut()
        await call.until(ConnectionDropped)

        sending = asyncio.ensure_future(call.check_point("meanwhile"))
        between.closed = False
        await call.until(RoomJoined, status="success")

        await call.until(CheckPointReached, name="meanwhile")
        await sending


async def test_audio_on_its_way_when_the_connection_broke_is_reported_lost(network):
    between, url, _ = await network(clock="20x", dial_delay=3_600)
    async with Client(url, "dev", delay=0.01) as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Connected")
        between.swallows = True
        sending = asyncio.ensure_future(call.send_audio(bytes(320)))
        await asyncio.wait_for(between.swallowed.wait(), 5)

        between.swallows = False
        between.cut()

        with pytest.raises(ConnectionFailed, match="lost before the acknowledgment"):
            await sending
        await call.until(RoomJoined, status="success")


async def test_a_call_that_ended_meanwhile_still_has_its_record(network):
    between, url, direct = await network(clock="20x", dial_delay=3_600)
    async with Client(direct, "dev") as other, Client(url, "dev", delay=0.01, attempts=20) as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Connected")
        between.closed = True
        between.cut()
        await call.until(ConnectionDropped)

        watched = other.call(call.session_id)
        await watched.join()
        await watched.hang_up()
        record = await watched.finished()
        between.closed = False

        assert (await call.finished()).session_id == record.session_id
        assert call.record is None


async def test_a_connection_that_cannot_be_restored_is_told_to_everyone(network):
    between, url, _ = await network(clock="20x", dial_delay=3_600)
    async with Client(url, "dev", delay=0.01, attempts=2) as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Connected")

        between.closed = True
        between.cut()

        with pytest.raises(ConnectionFailed, match="lost and 2 attempts did not restore it: "):
            await call.finished()
        with pytest.raises(ConnectionFailed, match="`audio` was not sent"):
            await call.send_audio(bytes(320))


async def test_without_attempts_the_first_loss_is_the_last(network):
    between, url, _ = await network(clock="20x", dial_delay=3_600)
    async with Client(url, "dev", attempts=0) as client:
        call = await client.place_call(NUMBER)
        await call.until(DialStatusChange, status="Dialing")

        between.cut()

        with pytest.raises(ConnectionFailed, match="was lost"):
            await call.finished()


async def test_leaving_while_the_connection_is_down_does_not_wait_for_it(network):
    between, url, _ = await network(clock="20x", dial_delay=3_600)
    async with asyncio.timeout(5):
        async with Client(url, "dev", delay=60) as client:
            call = await client.place_call(NUMBER)
            await call.until(DialStatusChange, status="Dialing")
            between.cut()
            await call.until(ConnectionDropped)


async def test_a_call_announced_while_the_connection_was_down_is_joined(network):
    between, url, direct = await network(clock="20x", dial_delay=3_600)
    async with Client(url, "dev", delay=0.01, attempts=20) as client:
        between.closed = True
        between.cut()
        # The POST goes another way: only the socket is down.
        async with Client(direct, "dev") as other:
            placed = await other.place_call(NUMBER)
            call = client.call(placed.session_id)
            call.wanted = True
        between.closed = False

        await call.until(DialStatusChange, status="Connected")
