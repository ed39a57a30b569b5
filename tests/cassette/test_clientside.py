"""The client's side of a recording talks to a server."""

import asyncio
import json

import pytest
from cassette.conftest import TWO_CALLS

from mockpbx.cassette.cast import NotEnough
from mockpbx.cassette.clientside import ClientSide
from mockpbx.cassette.comparison import Difference, compare
from mockpbx.cassette.lines import Opened, Packet
from mockpbx.cassette.redaction import redact
from mockpbx.cassette.score import dialled
from mockpbx.cassette.serverside import ServerSide
from mockpbx.cassette.tape import Cassette, line_of, read_cassette
from mockpbx.client import ConnectionFailed

#: Both sides live ten times as fast; how much sound there is becomes a matter of milliseconds then.
#: Fast enough not to be waited for, slow enough for a busy machine to keep up with.
FAST_CLOCK, FAST = {"clock": "3x"}, {"speed": 3}


def packets(cassette: Cassette, **fields) -> list[Packet]:
    lines = [line for line in cassette.lines if isinstance(line, Packet)]
    return [line for line in lines if all(getattr(line, name) == value for name, value in fields.items())]


def but_for_sound(differences: list[Difference]) -> list[Difference]:
    return [difference for difference in differences if "sound on" not in difference.where]


async def test_the_emulator_answers_as_it_did(serve, two_calls):
    pbx = await serve()
    side = ClientSide(two_calls, pbx.url, ["any-token"])

    live = await side.play()

    assert but_for_sound(compare(two_calls, live)) == []
    assert not side.left_out
    assert side.calls == 2
    assert "any-token" not in "".join(map(line_of, live.lines))
    recorded, now = (
        {line.payload["sessionId"] for line in packets(it, event="newSession")} for it in (two_calls, live)
    )
    assert len(now) == 2
    assert not recorded & now


async def test_the_clients_sound_arrives_as_it_was_recorded(serve, two_calls):
    live = await ClientSide(two_calls, (await serve(**FAST_CLOCK)).url, ["dev"], **FAST).play()
    sent = [
        [line.payload["audioData"] for line in packets(it, event="audio", sender="client")] for it in (two_calls, live)
    ]
    assert sent[0] == sent[1]
    acks = [[line.data for line in packets(it, type="ack")] for it in (two_calls, live)]
    assert acks[0] == acks[1]


async def test_another_number_is_dialled_and_the_recording_stays_the_same(serve, two_calls):
    pbx = await serve(**FAST_CLOCK)
    numbers = {"089608675796": "08000001000", "08000000017": "08000000027"}
    live = await ClientSide(two_calls, pbx.url, ["dev"], numbers, **FAST).play()
    numbers_then = dialled(live)
    assert numbers_then == ["089608675796", "08000000017", "12"]
    wheres = {difference.where for difference in compare(two_calls, live)}
    assert "reply to GET /cdr?limit=10: body.data[0].disposition" in wheres
    assert not [where for where in wheres if "destination" in where.partition(":")[2]]


async def test_a_call_that_ends_early_ends_the_clients_part_in_it(serve, two_calls):
    pbx = await serve(**FAST_CLOCK)
    side = ClientSide(two_calls, pbx.url, ["dev"], {"089608675796": "08000000021"}, **FAST)
    live = await side.play()
    assert side.left_out["what was sent into a call that had ended already"]
    assert not packets(live, sender="client", event="audio")
    assert packets(live, event="dialStatus")[-1].payload["status"] == "Busy"


async def test_tokens_that_were_refused_are_made_up_and_those_that_were_taken_are_asked_for(serve, two_calls):
    with pytest.raises(NotEnough, match="had a token that the server took; give as many"):
        ClientSide(two_calls, "http://127.0.0.1:1", [])
    pbx = await serve(token=("mine",), **FAST_CLOCK)
    live = await ClientSide(two_calls, pbx.url, ["mine"], **FAST).play()
    assert but_for_sound(compare(two_calls, live)) == []


async def test_tokens_keep_the_names_that_they_have_in_the_recording(serve, tmp_path):
    """Here the wrong one is t1, though it comes last."""
    text = TWO_CALLS.read_text().replace('"t1"', '"t0"').replace('"t2"', '"t1"').replace('"t0"', '"t2"')
    (tmp_path / "swapped").write_text(text)
    swapped = read_cassette(tmp_path / "swapped")
    live = await ClientSide(swapped, (await serve(**FAST_CLOCK)).url, ["mine"], **FAST).play()
    opened = [[line.token for line in it.lines if isinstance(line, Opened)] for it in (swapped, live)]
    assert opened == [["t2", "t1"]] * 2
    assert "mine" not in "".join(map(line_of, live.lines))


async def test_nobody_at_home_is_said_at_once(two_calls):
    with pytest.raises(ConnectionFailed, match=r"nothing answers at http://127\.0\.0\.1:1: Connection refused"):
        await ClientSide(two_calls, "http://127.0.0.1:1", ["dev"]).play()


async def test_both_sides_of_one_recording_talk_to_each_other(two_calls):
    """The server's side with the client's side: what comes of it is the recording."""
    async with ServerSide(two_calls, "127.0.0.1", 0, speed=5) as server:
        missed = asyncio.ensure_future(server.finished(5))
        live = await ClientSide(two_calls, server.url, ["dev"], speed=5).play()
        assert await missed == []
    assert compare(two_calls, live) == []
    frames = [packets(it, event="audio", sender="server") for it in (two_calls, live)]
    assert [line.payload["audioData"] for line in frames[0]] == [line.payload["audioData"] for line in frames[1]]


async def test_what_was_redacted_is_played_as_well(serve, two_calls):
    pbx = await serve(**FAST_CLOCK)
    hidden = redact(two_calls, numbers=True)
    numbers = dict(zip(dialled(hidden), dialled(two_calls), strict=True))
    live = await ClientSide(hidden, pbx.url, ["dev"], numbers, **FAST).play()
    assert but_for_sound(compare(hidden, live)) == []
    assert "089608675796" not in json.dumps([line_of(line) for line in live.lines])


def test_the_sample_shows_what_it_says():
    cassette = read_cassette(TWO_CALLS)
    assert [line.payload["status"] for line in packets(cassette, event="dialStatus")] == [
        *("Dialing", "Ringing", "Connected"),
        *("Dialing", "Busy"),
    ]
    assert len(packets(cassette, event="newSession")) == 2
    assert packets(cassette, type="connect_error")
