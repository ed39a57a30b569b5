"""How calls sound, as a page asks for it several times a second; and what lists hand over to the journal's stream."""

import numpy as np
import pytest
from adapters.test_control import CALLER, NUMBER, Bot, Control

from mockpbx.adapters.control import pulse
from mockpbx.media.recording import peaks

HALF = np.tile(np.array([16_384, -16_384], dtype="<i2"), 4_000)  # 1 s


@pytest.fixture
async def control(serve, http) -> Control:
    return Control(http, (await serve(clock="manual")).url)


@pytest.fixture
async def bot(control):
    bot = Bot()
    await bot.sio.connect(control.url, auth={"token": "dev"}, transports=["websocket"])
    yield bot
    await bot.sio.disconnect()


async def answered(control: Control, scenario: object = "silent") -> str:
    session = await control.ring(scenario)
    await control.do("answer", id=session)
    return session


async def beat(control: Control, **after: int) -> dict:
    return (await control.do("pulse", {"calls": after}))["calls"]


# --- one call ---------------------------------------------------------------------------------------------------------


async def test_a_page_sees_both_sides_and_the_queue_frame_by_frame(control, bot):
    session = await control.ring([{"wait": 0.2}, {"tone": 1_000}, {"wait": 60}])
    await bot.hear("newSession")
    await control.advance(100)
    await bot.sio.call("audio", {"sessionId": session, "audioData": HALF.tobytes(), "audioFormat": "pcm16"})
    await control.advance(400)
    whole = await control.do("pulse", {"calls": {session: 0}})
    call = whole["calls"][session]
    assert (call["status"], call["from"], call["frames"]) == ("Connected", 1, len(call["callee"]))
    assert call["queueMs"] == 600
    silent, sounding = call["client"][:6], call["client"][6:]  # the first frame comes with the answer
    assert (silent, set(sounding), len(sounding)) == ([0] * 6, {128}, 20)
    assert call["queue"] == [0] * 6 + list(range(980, 580, -20))
    start = call["callee"].index(next(filter(None, call["callee"])))
    assert start == 10  # 200 ms
    assert all(0 < peak < 128 for peak in call["callee"][start:])
    assert (whole["clients"], whole["live"]) == (1, 1)
    assert whole["now"] == (await control.do("get_clock"))["nowMs"]


async def test_a_page_gets_what_is_new_and_nothing_twice(control):
    session = await answered(control, [{"tone": 1_000}, {"wait": 60}])
    told, after = [], 0
    for step in (0, 200, 20, 300):
        await control.advance(step)
        call = (await beat(control, **{session: after}))[session]
        assert call["from"] == after + 1
        assert len(call["callee"]) == len(call["client"]) == len(call["queue"])
        told += call["callee"]
        after += len(call["callee"])
        assert after == call["frames"]
    assert told == (await beat(control, **{session: 0}))[session]["callee"]
    again = (await beat(control, **{session: after}))[session]
    assert (again["from"], again["callee"], again["client"], again["queue"]) == (after + 1, [], [], [])


async def test_of_a_long_absence_the_last_ten_seconds_are_told(control):
    session = await answered(control)
    await control.advance(11_000)
    call = (await beat(control, **{session: 3}))[session]
    assert len(call["callee"]) == 500
    assert call["from"] == call["frames"] - 499


async def test_many_calls_share_what_is_told_at_once(control, monkeypatch):
    monkeypatch.setattr(pulse, "MOST_IN_ALL", 60)
    sessions = [await answered(control) for _ in range(3)]
    await control.advance(1_000)
    for call in (await beat(control, **dict.fromkeys(sessions, 0))).values():
        assert len(call["callee"]) == 20
        assert call["from"] == call["frames"] - 19


async def test_calls_keep_their_own_sound_apart(control, bot):
    loud, quiet = await answered(control, [{"tone": 1_000}, {"wait": 60}]), await answered(control)
    ringing = await control.call()
    await control.advance(300)
    calls = await beat(control, **{quiet: 2, loud: 0, ringing: 0})
    assert min(calls[loud]["callee"][1:]) > 0
    assert set(calls[loud]["client"]) == set(calls[quiet]["callee"]) == {0}
    assert (calls[quiet]["from"], len(calls[quiet]["callee"])) == (3, calls[quiet]["frames"] - 2)
    assert (calls[ringing]["frames"], calls[ringing]["from"], calls[ringing]["callee"]) == (0, 1, [])
    assert calls[ringing]["status"] != "Connected"


async def test_a_call_that_has_ended_tells_the_rest_of_its_sound(control):
    session = await answered(control, [{"tone": 1_000}, {"wait": 60}])
    await control.advance(200)
    before = (await beat(control, **{session: 0}))[session]
    await control.advance(200)
    await control.do("hang_up", id=session)
    after = await control.do("pulse", {"calls": {session: before["frames"]}})
    call = after["calls"][session]
    assert (after["live"], call["status"], call["queueMs"]) == (0, "Ended", 0)
    assert call["frames"] == before["frames"] + len(call["callee"]) == before["frames"] + 10


# --- without sound ----------------------------------------------------------------------------------------------------


async def test_without_recordings_the_figures_are_told_and_no_sound(serve, http):
    control = Control(http, (await serve(clock="manual", recording_limit=0)).url)
    session = await answered(control)
    await control.advance(300)
    call = (await beat(control, **{session: 0}))[session]
    assert call["frames"] >= 15
    assert (call["from"], call["callee"], call["client"], call["queue"]) == (1, [], [], [])


async def test_a_recording_that_was_cut_short_stops_telling(serve, http):
    control = Control(http, (await serve(clock="manual", recording_limit=10_000)).url)
    session = await answered(control)
    await control.advance(2_000)
    call = (await beat(control, **{session: 0}))[session]
    assert 0 < len(call["callee"]) < call["frames"]
    later = (await beat(control, **{session: len(call["callee"])}))[session]
    assert later["callee"] == []


async def test_calls_that_are_unknown_here_are_left_out(control):
    session = await answered(control)
    await control.advance(100)
    assert list(await beat(control, nobody=0, **{session: 10**12})) == [session]
    assert await beat(control) == {}
    stranger = Control(control.http, control.url, token="stranger")
    told = await stranger.do("pulse", {"calls": {session: 0}})
    assert (told["calls"], told["live"], told["clients"]) == ({}, 0, 0)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"calls": dict.fromkeys(map(str, range(301)), 0)}, "calls is not valid: expected at most 300 calls"),
        ({"calls": {"x": -1}}, "expected at least 0, got the number -1"),
        ({"calls": {"x": "1"}}, 'expected a whole number, got "1"'),
        ({"calls": ["x"]}, "expected a JSON object, got a list"),
        ({"call": {}}, "did you mean calls?"),
    ],
)
async def test_a_pulse_that_makes_no_sense_says_so(control, body, sentence):
    assert sentence in await control.refused("pulse", body)


def test_the_loudest_sample_counts_whatever_its_sign():
    frames = np.zeros((5, 160), dtype="<i2")
    frames[1, 7], frames[2, 0], frames[3, 159], frames[4, 3] = 32_767, -32_768, -256, 127
    assert peaks([frame.tobytes() for frame in frames]) == [0, 255, 255, 1, 0]
    assert peaks([]) == []


# --- from the list to the stream --------------------------------------------------------------------------------------


async def test_the_journal_goes_on_where_the_list_of_calls_ends(control):
    await control.call()
    listed = await control.do("list_calls")
    assert (await control.do("read_journal", query=f"?after={listed['next']}"))["entries"] == []
    session = await control.call(CALLER)
    (placed, *_) = (await control.do("read_journal", query=f"?after={listed['next']}"))["entries"]
    assert (placed["kind"], placed["call"], placed["data"]["number"]) == ("CallPlaced", session, CALLER)
    assert [call["number"] for call in listed["calls"]] == [NUMBER]


async def test_a_list_from_before_a_reset_is_told_from_what_came_after(control):
    before = (await control.do("list_calls"))["next"]
    await control.do("reset", {})
    assert (await control.do("list_calls"))["next"] != before
    assert (await control.do("read_journal", query=f"?after={before}"))["truncated"]
