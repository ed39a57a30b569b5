"""How the bot behaves on the phone, told as calls. `mockpbx` is the fixture of mockpbx's pytest plugin."""

import wave

import numpy as np
import pytest
from bot import SOUNDS, Bot, Refused

from mockpbx.testing import (
    Answer,
    AudioRefused,
    Busy,
    CheckpointCleared,
    CheckpointReached,
    Connected,
    Digit,
    DigitHeard,
    Ended,
    EventRefused,
    ExpectCheckpoint,
    ExpectClip,
    ExpectDigit,
    ExpectHangUp,
    ExpectInterruption,
    ExpectSilence,
    ExpectSpeech,
    Fail,
    HangUp,
    Interrupted,
    NoAnswer,
    Play,
    Press,
    RecordIssued,
    Reject,
    Ring,
    Ringing,
    Silence,
    Wait,
)

# The bot counts frames and reacts to them: time is to wait until each has been heard.
pytestmark = pytest.mark.mockpbx(audio_lead=0.02, clock_start="2025-07-23T03:37:56Z")

NUMBER = "089608675796"
ANSWERS = (Ring(1), Answer())
OK = {"success": True, "error": None}


@pytest.fixture
async def bot(mockpbx):
    async with Bot(mockpbx.url, mockpbx.token) as bot:
        yield bot


def samples(clip: str) -> np.ndarray:
    with wave.open(str(SOUNDS / f"{clip}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def is_in(part: np.ndarray, whole: np.ndarray) -> bool:
    """Tell whether some samples are found in others, one after the other, as they are."""
    wanted = part.tobytes()
    at = whole.tobytes().find(wanted)
    while at % 2:  # half a sample off
        at = whole.tobytes().find(wanted, at + 1)
    return at >= 0


def told(bot: Bot) -> list[tuple[str, object]]:
    """What the bot was told, by event: the one thing of each payload that matters."""
    of = {"newSession": "type", "roomJoined": "status", "dialStatus": "status", "checkPoint": "name", "dtmf": "digit"}
    return [(event, data[of[event]] if event in of else None) for event, data, _ in bot.events]


BEGINS = [("newSession", "outbound"), ("roomJoined", "success"), ("dialStatus", "Dialing")]
ANSWERED = [*BEGINS, ("dialStatus", "Ringing"), ("dialStatus", "Connected")]
ENDS = [("hangup", None), ("cdr", None)]


async def kept(bot: Bot) -> dict:
    """The record that the `cdr` event brought, which is also what the service keeps, and came only once."""
    record = await bot.finished()
    session_id = record["sessionId"]
    row = await bot.record(session_id)
    assert {name: value for name, value in row.items() if name not in ("createdAt", "updatedAt")} == record
    assert record["endTime"] <= row["createdAt"] <= row["updatedAt"]
    listed = await bot.history(destination=f"$eq:{record['destination']}")
    assert listed["data"] == [row]
    assert {event.data["sessionId"] for event in bot.events} == {session_id}
    assert [event.event for event in bot.events].count("cdr") == 1
    return record


# --- a whole call -----------------------------------------------------------------------------------------------------


async def test_goodbye_is_heard_before_the_bot_hangs_up(mockpbx, bot):
    mockpbx.when("0896*").then(Ring(2), Answer(), Play("hello"), ExpectSpeech(within=5), Press("0"), ExpectHangUp())
    await bot.place("089608675796")
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Connected, Digit("0"), CheckpointReached("goodbye"), Ended(by="CALLER", cause=16))
    assert call.heard.seconds > 1
    assert call.discarded.seconds == 0


async def test_the_bot_answers_a_key_and_says_goodbye_before_it_hangs_up(mockpbx, bot):
    mockpbx.when("0896*").then(
        *(Ring(2), Answer(), Play("hello"), ExpectSpeech(within=5), ExpectCheckpoint("greeting"), Press("1")),
        *(ExpectClip("menu-billing"), ExpectCheckpoint("answer 1"), Wait(1), Press("0"), ExpectHangUp()),
    )
    session_id = await bot.place(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Ringing, Connected, CheckpointReached("greeting"), Digit("1"), CheckpointReached("answer 1"))
    await call.expect(Digit("0"), CheckpointReached("goodbye"), Ended(by="CALLER", cause=16, answered=True))
    record = await kept(bot)

    assert (call.session_id, call.number) == (session_id, NUMBER)
    assert told(bot) == [
        *ANSWERED,
        *(("checkPoint", "greeting"), ("dtmf", "1"), ("checkPoint", "answer 1"), ("dtmf", "0")),
        *(("checkPoint", "goodbye"), *ENDS),
    ]
    assert bot.acknowledged == [OK] * len(call.sound.arrivals)
    assert call.heard.seconds > 9
    assert call.cleared.seconds == call.discarded.seconds == 0
    assert record == {
        "sessionId": session_id,
        "destination": NUMBER,
        "startTime": "2025-07-23T03:37:56.000Z",
        "answerTime": "2025-07-23T03:37:58.000Z",
        "endTime": "2025-07-23T03:38:08.000Z",
        "duration": 12,
        "billableSeconds": 10,
        "disposition": "ANSWERED",
        "hangupBy": "CALLER",
        "hangupCauseCode": 16,
        "hangupCauseText": "Call completed successfully",
    }


async def test_the_callee_hears_the_bots_own_samples(mockpbx, bot):
    mockpbx.when("*").then(*ANSWERS, ExpectCheckpoint("greeting"), Press("2"), ExpectCheckpoint(), Press("0"))
    await bot.call(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    assert is_in(samples("menu-outage"), call.sound.client)
    assert is_in(samples("goodbye"), call.sound.client)


async def test_the_bot_hears_every_frame_of_the_callee_once_and_in_order(mockpbx, bot):
    mockpbx.when("*").then(*ANSWERS, Play("who-is-this"), Wait(0.5), HangUp())
    await bot.call(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    assert {(len(frame["audioData"]), frame["audioFormat"]) for frame in bot.frames} == {(320, "pcm16")}
    assert {frame["sessionId"] for frame in bot.frames} == {call.session_id}
    heard = np.frombuffer(b"".join(frame["audioData"] for frame in bot.frames), "<i2")
    assert np.array_equal(heard, call.sound.callee)
    assert is_in(samples("who-is-this"), heard)


async def test_a_checkpoint_tells_when_all_before_it_has_been_heard(mockpbx, bot):
    mockpbx.when("*").then(*ANSWERS, ExpectCheckpoint("greeting"), Press("0"), ExpectHangUp())
    await bot.call(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    at = {event.data.get("name"): event.frames for event in bot.events if event.event == "checkPoint"}
    begun, reached = await call.expect(Connected, CheckpointReached("greeting"))
    assert abs(at["greeting"] * 0.02 - (reached.at - begun.at) / 1_000) < 0.1
    assert (reached.at - begun.at) / 1_000 == pytest.approx(4.26, abs=0.1)  # what the greeting takes
    assert bot.events[5].frames == at["greeting"]
    assert [event.frames for event in bot.events[:5]] == [0] * 5  # no sound before the answer
    assert bot.events[-1].frames == bot.events[-2].frames == len(bot.frames)  # and none after the end


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("via", ["event", "in_band", "both"])
async def test_each_press_of_the_callee_counts_once(mockpbx, bot, via):
    keys = "1*D2#"
    mockpbx.when("*").then(*ANSWERS, ExpectCheckpoint("greeting"), Press(keys, via=via), Wait(4), HangUp())
    await bot.call(NUMBER)
    assert [data["digit"] for event, data, _ in bot.events if event == "dtmf"] == list(keys)


async def test_a_wrong_key_is_told_so_and_a_right_one_helps(mockpbx, bot):
    mockpbx.when("*").then(
        *(*ANSWERS, ExpectCheckpoint("greeting"), Press("7"), ExpectClip("menu-invalid"), ExpectCheckpoint("answer 7")),
        *(Press("2"), ExpectClip("menu-outage"), ExpectCheckpoint("answer 2"), HangUp()),
    )
    assert (await bot.call(NUMBER))["hangupBy"] == "CALLEE"


async def test_a_transfer_presses_the_extension(mockpbx, bot):
    mockpbx.when("*").then(
        *(*ANSWERS, ExpectCheckpoint("greeting"), Press("9")),
        *(ExpectDigit("1"), ExpectDigit("2"), ExpectDigit("#"), HangUp()),
    )
    await bot.call(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    heard = await call.expect(DigitHeard("1"), DigitHeard("2"), DigitHeard("#"))
    assert heard[-1].at - heard[0].at == pytest.approx(600, abs=100)
    assert call.record.hangup_cause_code == 16
    loud = np.abs(call.sound.client[-8_000:].astype(int)) > 500
    assert loud.sum() / 8_000 > 0.25  # s of tones, the last one cut by the hang-up


# --- being spoken over ------------------------------------------------------------------------------------------------


async def test_the_bot_falls_silent_when_it_is_spoken_over(mockpbx, bot):
    mockpbx.when("*").then(
        *(*ANSWERS, ExpectSpeech(), Wait(1), Play("wait-a-moment", wait=False)),
        *(ExpectInterruption(within=1), ExpectSilence(within=1, lasting=0.5), Wait(1), Press("0"), ExpectHangUp()),
    )
    await bot.call(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Connected, Interrupted, CheckpointCleared("greeting"), Digit("0"), CheckpointReached("goodbye"))
    (barge_in,) = call.metrics.barge_ins
    assert barge_in.reaction < 0.5
    assert barge_in.leftover <= 0.02
    assert call.cleared.seconds > 2
    assert ("checkPoint", "greeting") not in told(bot)


async def test_a_silent_callee_is_not_waited_for_for_ever(mockpbx, bot):
    mockpbx.when("*").then(*ANSWERS, Silence(), ExpectHangUp())
    record = await bot.call(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    greeting, goodbye, _ = await call.expect(
        CheckpointReached("greeting"), CheckpointReached("goodbye"), Ended(by="CALLER")
    )
    assert (goodbye.at - greeting.at) / 1_000 == pytest.approx(5 + 2.55, abs=0.1)  # patience, and the goodbye
    assert (record["disposition"], record["hangupCauseCode"]) == ("ANSWERED", 16)


# --- calls that come to nothing ---------------------------------------------------------------------------------------

RINGS = [*BEGINS, ("dialStatus", "Ringing")]


@pytest.mark.parametrize(
    ("steps", "events", "disposition", "by", "cause", "text"),
    [
        ([Busy()], [*BEGINS, ("dialStatus", "Busy")], "BUSY", None, 17, "Destination busy"),
        ([Ring(5), NoAnswer()], RINGS, "NO ANSWER", None, 19, "Destination not answering"),
        ([Ring(1), Reject()], RINGS, "NO ANSWER", "CALLEE", 21, "Call declined by user"),
        ([Fail(34)], BEGINS, "FAILED", None, 34, "Network congestion"),
    ],
    ids=["busy", "no answer", "declined", "congestion"],
)
async def test_a_call_that_is_not_answered_ends_with_its_cause(
    mockpbx, bot, steps, events, disposition, by, cause, text
):
    mockpbx.when("0896*").then(*steps)
    await bot.place(NUMBER)
    record = await kept(bot)
    assert told(bot) == [*events, *ENDS]
    fields = ("disposition", "hangupBy", "hangupCauseCode", "hangupCauseText", "answerTime", "billableSeconds")
    assert [record[field] for field in fields] == [disposition, by, cause, text, None, 0]
    assert bot.frames == []


async def test_a_callee_who_hangs_up_in_mid_sentence_ends_the_call(mockpbx, bot):
    mockpbx.when("*").then(*ANSWERS, ExpectSpeech(), Wait(1), HangUp())
    await bot.place(NUMBER)
    record = await kept(bot)
    assert told(bot) == [*ANSWERED, *ENDS]
    assert (record["disposition"], record["hangupBy"], record["hangupCauseCode"]) == ("ANSWERED", "CALLEE", 16)
    call = await mockpbx.aio.wait_for_call()
    assert call.discarded.seconds > 2


async def test_a_call_can_be_given_up_while_it_rings(mockpbx, bot):
    mockpbx.when("*").then(Ring(0))  # and on and on
    session_id = await bot.place(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Ringing)
    await bot.give_up(session_id)
    record = await kept(bot)
    assert told(bot) == [*RINGS, *ENDS]
    assert (record["disposition"], record["hangupBy"], record["hangupCauseCode"]) == ("CANCEL", "CALLER", 16)


async def test_the_record_comes_two_seconds_after_the_end(mockpbx, bot):
    mockpbx.when("*").then(Busy())
    await bot.call(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    ended, issued = await call.expect(Ended, RecordIssued)
    assert issued.at - ended.at == 2_000


# --- what the service refuses -----------------------------------------------------------------------------------------


async def test_requests_that_make_no_sense_are_refused_with_a_sentence(mockpbx, bot):
    with pytest.raises(Refused, match="400: Invalid phone number format"):
        await bot.place("12")
    with pytest.raises(Refused, match="404: No live call"):
        await bot.give_up("01000000-0000-7000-8000-000000000000")
    with pytest.raises(Refused, match="404: "):
        await bot.record("01000000-0000-7000-8000-000000000000")
    with pytest.raises(Refused, match="400: "):
        await bot.history(duration="$like:3")


async def test_a_bad_token_opens_neither_door(mockpbx):
    with pytest.raises(Refused, match=r"no connection: .*Authentication token is invalid"):
        async with Bot(mockpbx.url, "invalid"):
            pass
    async with Bot(mockpbx.url, mockpbx.token) as bot:
        bot._http.headers["Authorization"] = "Bearer expired"
        with pytest.raises(Refused, match="401: Authentication token has expired"):
            await bot.place(NUMBER)


async def test_sound_before_the_answer_is_refused_and_the_bot_notices(mockpbx, bot, caplog):
    mockpbx.when("*").then(Ring(0))  # and on and on
    session_id = await bot.place(NUMBER)
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Ringing)
    await bot.say("uh-huh.wav", "too early")
    await call.expect(AudioRefused(reason="not connected"), AudioRefused, AudioRefused, AudioRefused)
    await bot.give_up(session_id)
    await kept(bot)
    assert [(ack["success"], bool(ack["error"])) for ack in bot.acknowledged] == [(False, True)] * 4
    assert caplog.text.count("audio was refused") == 4
    assert not mockpbx.aio.calls[0].heard.seconds


async def test_what_is_said_of_a_call_that_is_over_is_refused(mockpbx, bot):
    mockpbx.when("*").then(Busy())
    await bot.call(NUMBER)
    await bot._fall_silent()
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Ended, EventRefused("interruption"))


# --- records ----------------------------------------------------------------------------------------------------------


async def test_records_are_found_by_number_and_by_length(mockpbx):
    mockpbx.when("0811*").then(*ANSWERS, Wait(3), HangUp())
    mockpbx.when("0812*").then(Busy())
    for number in ("0811111111", "0812222222", "0811333333"):
        async with Bot(mockpbx.url, mockpbx.token) as bot:
            await bot.call(number)
    async with Bot(mockpbx.url, mockpbx.token) as bot:
        page = await bot.history()
        assert [row["destination"] for row in page["data"]] == ["0811333333", "0812222222", "0811111111"]
        assert (page["meta"]["totalItems"], page["meta"]["currentPage"], page["meta"]["totalPages"]) == (3, 1, 1)
        talked = await bot.history(billableSeconds="$gte:3")
        assert [row["destination"] for row in talked["data"]] == ["0811333333", "0811111111"]
        busy = await bot.history(destination="$contains:0812")
        assert [row["disposition"] for row in busy["data"]] == ["BUSY"]


# --- being called -----------------------------------------------------------------------------------------------------


async def test_the_bot_takes_calls_as_well(mockpbx, bot):
    call = mockpbx.aio.ring(Play("hello"), ExpectSpeech(), ExpectCheckpoint("greeting"), Press("0"), ExpectHangUp())
    await call.expect(Connected, CheckpointReached("goodbye"), Ended(by="CALLEE", cause=16))
    record = await kept(bot)
    assert told(bot)[0] == ("newSession", "inbound")
    assert record["hangupBy"] == "CALLEE"  # here the bot is the one that was called
