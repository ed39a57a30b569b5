"""`/metrics` as a scraper reads it: what waits, what was refused and why, and how late the server itself is."""

import asyncio

import pytest
from adapters.test_control import CALLER, Bot, Control, figures

from mockpbx.adapters.control.metrics import STEPS
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

STAYS = Plan((Rule.of("*", Named("stays", (s.Ring(0, setup=0), s.Answer(), s.Wait(600)))),))
SECOND = bytes(16_000)  # of pcm16


async def told(control: Control, name: str) -> dict[str, float]:
    """The figures of one name, by what follows it."""
    return {key[len(name) :]: value for key, value in (await figures(control)).items() if key.startswith(name)}


async def steps(control: Control, name: str) -> list[float]:
    counts = await told(control, f"{name}_bucketle=")
    return [counts[bound] for bound in sorted(counts, key=float)]


@pytest.fixture
async def control(serve, http) -> Control:
    return Control(http, (await serve(clock="manual", playout_limit=2)).url)


@pytest.fixture
async def bot(control):
    bot = Bot()
    await bot.sio.connect(control.url, auth={"token": "dev"}, transports=["websocket"])
    yield bot
    await bot.sio.disconnect()


async def test_calls_are_told_by_state(control):
    assert sum((await told(control, "mockpbx_callsstate=")).values()) == 0
    await control.call()
    await control.call()
    assert (await told(control, "mockpbx_callsstate="))["created"] == 2
    await control.advance(10_000)
    states = await told(control, "mockpbx_callsstate=")
    assert states == {"created": 0, "dialing": 0, "ringing": 0, "busy": 0, "connected": 2}


async def test_what_waits_to_be_heard_is_told_of_all_calls_and_of_the_one_with_most(control, bot):
    first, second = [await control.ring([{"wait": 600}]) for _ in range(2)]
    await control.advance(0)
    for session, parts in ((first, 1), (second, 2)):
        for _ in range(parts):
            await bot.sio.call("audio", {"sessionId": session, "audioData": SECOND[:8_000], "audioFormat": "pcm16"})
    await control.advance(100)
    now = await figures(control)
    assert (now["mockpbx_playout_seconds"], now["mockpbx_playout_seconds_max"]) == (1.3, 0.9)
    assert now["mockpbx_audio_taken_seconds_total"] == 1.5
    await control.advance(2_000)
    await control.do("hang_up", id=first)
    now = await figures(control)
    assert (now["mockpbx_playout_seconds"], now["mockpbx_playout_seconds_max"]) == (0, 0)
    assert now["mockpbx_audio_taken_seconds_total"] == 1.5
    assert (now["mockpbx_unread_bytes"], now["mockpbx_records_waiting"]) == (0, 0)


async def test_refused_audio_is_counted_by_a_few_words(control, bot):
    answered, ringing = await control.ring([{"wait": 600}]), await control.call()
    await bot.hear("newSession")

    async def refused(session: str, data: object, audio_format: object = "pcm16") -> None:
        ack = await bot.sio.call("audio", {"sessionId": session, "audioData": data, "audioFormat": audio_format})
        assert ack["success"] is False

    await refused(ringing, SECOND)
    await refused("nobody", SECOND)
    await refused(answered, b"odd")
    await refused(answered, SECOND, "opus")
    await refused(answered, 3 * SECOND)
    await refused(answered, "no sound")
    assert await told(control, "mockpbx_audio_refused_totalreason=") == {
        "not_connected": 1,
        "no_such_session": 1,
        "bad_audio": 1,
        "queue_full": 1,
        "malformed": 2,
    }


async def test_workspaces_are_told_by_how_their_time_passes(serve, http):
    pbx = await serve(clock="manual")
    control = Control(http, pbx.url)
    for name, clock in (("a", "20x"), ("b", "0.5x"), ("c", "auto"), ("d", "real"), ("e", "1x")):
        pbx.workspace_of(name).set_clock(clock)
    assert await told(control, "mockpbx_clocksclock=") == {"scaled": 2, "auto": 1, "real": 2}


async def test_every_tick_on_real_time_counts_once_however_late(serve, http):
    pbx = await serve(plan=STAYS, dial_delay=0)
    control, workspace = Control(http, pbx.url), pbx.workspace_of("dev")
    workspace.place_call("s", CALLER)
    workspace.announce("s")
    while (line := workspace.line("s")) is None or line.frames < 3:
        await asyncio.sleep(0.02)
    workspace.hang_up("s")
    now = await figures(control)
    assert now["mockpbx_tick_lateness_seconds_count"] == now["mockpbx_frames_sent_total"] >= 3
    counts = await steps(control, "mockpbx_tick_lateness_seconds")
    assert (len(counts), counts) == (len(STEPS) + 1, sorted(counts))
    assert counts[-1] == now["mockpbx_tick_lateness_seconds_count"]
    assert now["mockpbx_tick_lateness_seconds_sum"] > 0
    assert now["mockpbx_loop_lag_seconds_count"] >= 3


async def test_a_tick_lies_in_the_steps_from_its_lateness_on(serve, http):
    pbx = await serve(clock="manual")
    control, cadence = Control(http, pbx.url), pbx.workspace_of("dev").cadence
    for late in (300, 500, 501, 20_000, 999_999, 3_000_000):  # µs
        cadence.tick(0, late)
    assert await steps(control, "mockpbx_tick_lateness_seconds") == [2, 3, 3, 3, 3, 4, 4, 4, 5, 6]
    assert (await figures(control))["mockpbx_tick_lateness_seconds_sum"] == pytest.approx(4.0213)


async def test_virtual_time_counts_no_lateness(control):
    await control.ring([{"wait": 600}])
    await control.advance(5_000)
    now = await figures(control)
    assert now["mockpbx_frames_sent_total"] == 0 or now["mockpbx_tick_lateness_seconds_count"] == 0
    session = (await control.do("list_calls"))["calls"][0]["sessionId"]
    await control.do("answer", id=session)
    await control.advance(1_000)
    now = await figures(control)
    assert now["mockpbx_frames_sent_total"] > 40
    assert now["mockpbx_tick_lateness_seconds_count"] == 0


async def test_ticks_of_a_workspace_that_is_closed_stay_counted(serve, http):
    pbx = await serve()
    pbx.workspace_of("dev").cadence.tick(0, 100)
    await pbx.close_workspace("dev")
    assert (await figures(Control(http, pbx.url)))["mockpbx_tick_lateness_seconds_count"] == 1
