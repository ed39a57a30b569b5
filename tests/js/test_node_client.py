"""The official JavaScript client for Node talks to a real server. Each program here is one that a user could have
written; it tells what it saw as one JSON object, and the tests read that.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import av
import pytest

from mockpbx.app import Server
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

HERE = Path(__file__).parent
GREETING = HERE.parents[1] / "fixtures" / "clips" / "bot-greeting.mp3"
SAMPLES = 160  # of a frame

OK = {"success": True, "error": None}
GONE = "No live call has this sessionId: it is unknown or the call has ended"
COMPLETED = {"hangupCauseCode": 16, "hangupCauseText": "Call completed successfully"}

RunProgram = Callable[..., Awaitable[dict]]


@pytest.fixture
def run(client) -> RunProgram:
    """`await run(program, pbx, *arguments)`: what the program saw."""

    async def run(program: str, pbx: Server, *arguments: object) -> dict:
        process = await asyncio.create_subprocess_exec(
            "node", program, pbx.url, "dev", *map(str, arguments), cwd=HERE, stdout=-1, stderr=-1
        )
        try:
            stdout, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, stderr.decode()
        return json.loads(stdout)

    return run


@pytest.fixture(scope="session")
def greeting_frames() -> int:
    """How many frames the greeting fills, by FFmpeg's own account."""
    with av.open(str(GREETING)) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8_000)
        sound = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
        sound += resampler.resample(None)
    return -(-sum(part.samples for part in sound) // SAMPLES)


def names(log: list[dict]) -> list[str]:
    return [entry["event"] for entry in log]


def told(log: list[dict], event: str) -> list[dict]:
    return [entry["data"] for entry in log if entry["event"] == event]


def without(record: dict, *fields: str) -> dict:
    return {name: value for name, value in record.items() if name not in fields}


# --- the document's example -------------------------------------------------------------------------------------------


async def test_the_complete_call_flow_of_the_document(serve, run, greeting_frames):
    seen = await run("call-flow.mjs", await serve(), GREETING)
    session, log = {"sessionId": seen["sessionId"]}, seen["log"]

    assert told(log, "newSession") == [session | {"type": "outbound"}]
    assert told(log, "roomJoined") == [session | {"status": "success"}]
    assert told(log, "dialStatus") == [session | {"status": status} for status in ("Dialing", "Ringing", "Connected")]
    assert names(log)[:5] == ["newSession", "roomJoined", "dialStatus", "dialStatus", "dialStatus"]
    assert seen["payloads"] == ["Buffer 320 pcm16 string"]

    # Twenty frames of marks and one MP3 file in one message; then the same in seven, cut at odd places.
    assert seen["mp3Acks"] == [OK] * (2 + 8)
    assert 20 + greeting_frames <= seen["whole"]
    assert 20 + greeting_frames <= seen["split"]
    assert not seen["silent"]
    assert seen["same"]

    assert told(log, "dtmf") == [session | {"digit": "5"}, session | {"digit": "#"}]

    # The interruption cleared "interrupted", the hang-up "hung up"; of that sound at most a frame was on its way.
    assert told(log, "checkPoint") == [session | {"name": name} for name in ("whole", "split", "keyed", "marker")]
    assert seen["afterInterruption"] <= 1
    assert seen["acks"] == [OK, OK]

    assert seen["terminated"]
    assert names(log)[-2:] == ["hangup", "cdr"]
    assert told(log, "hangup") == [session]
    hung_up, recorded = log[-2:]
    assert hung_up["at"] == recorded["at"] == seen["frames"], "audio after the hang-up"

    [record] = told(log, "cdr")
    assert record["sessionId"] == seen["sessionId"]
    assert record["destination"] == "089608675796"
    assert (record["disposition"], record["hangupBy"]) == ("ANSWERED", "CALLER")
    assert record.items() >= COMPLETED.items()
    assert record["startTime"] <= record["answerTime"] <= record["endTime"]
    assert record["duration"] >= record["billableSeconds"] >= 2 * greeting_frames // 50
    assert (seen["detail"]["status"], seen["detail"]["errors"]) == (200, "")
    assert without(seen["detail"]["data"], "createdAt", "updatedAt") == record
    assert seen["list"]["data"] == [seen["detail"]["data"]]


# --- hanging up -------------------------------------------------------------------------------------------------------


async def test_a_call_is_hung_up_by_event_once(serve, run):
    seen = await run("hangup.mjs", await serve(clock="10x", dial_delay=200))
    refusal = {"status": "error", "message": f"hangup: {GONE}"}

    call, early = (
        [entry for entry in seen["log"] if entry["data"].get("sessionId", seen["sessionId"]) == session]
        for session in (seen["sessionId"], seen["early"])
    )
    assert names(call)[-4:] == ["hangup", "exception", "cdr", "exception"]
    assert names(call).count("hangup") == names(call).count("cdr") == 1
    assert told(call, "exception") == [refusal, refusal]
    assert len({entry["at"] for entry in call[-4:]}) == 1, "audio after the hang-up"
    [record] = told(call, "cdr")
    assert (record["disposition"], record["hangupBy"]) == ("ANSWERED", "CALLER")
    assert seen["byRest"] == {"code": 404, "status": 404, "errors": GONE, "data": None}
    assert seen["acks"] == 0

    assert [entry["status"] for entry in told(early, "dialStatus")] == ["Dialing", "Ringing"]
    assert names(early)[-2:] == ["hangup", "cdr"]
    [record] = told(early, "cdr")
    assert (record["disposition"], record["hangupBy"]) == ("CANCEL", "CALLER")
    assert (record["answerTime"], record["billableSeconds"]) == (None, 0)


# --- sound ------------------------------------------------------------------------------------------------------------


async def test_uncompressed_sound_comes_back_bit_for_bit(serve, run):
    seen = await run("echo.mjs", await serve(clock="10x", dial_delay=200))

    assert seen["payloads"] == ["Buffer 320 pcm16 string"]
    assert list(seen["found"]) == ["pcm16", "ulaw", "alaw"]
    for sound in seen["found"].values():
        assert sound["acks"] == [OK] * 13
        assert sound["offset"] > 0, "the echo is not what was sent"
        assert sound["offset"] % 320 == 0
        # The checkpoint comes when the callee has heard all of it; the echo's last frame follows.
        assert sound["toCome"] == 1


async def test_events_sent_in_one_go_are_handled_in_the_order_sent(serve, run):
    seen = await run("order.mjs", await serve(clock="10x", dial_delay=200), GREETING)

    assert seen["answered"] == [["mp3", True], ["first", True], ["second", True]]
    said = [(entry["event"], entry["data"].get("name", entry["data"].get("digit"))) for entry in seen["log"]]
    assert said == [
        ("checkPoint", "first"),
        ("checkPoint", "second"),
        ("checkPoint", "second again"),
        ("dtmf", "A"),
        ("checkPoint", "keyed"),
    ]
    first, second, again, _, keyed = (entry["at"] for entry in seen["log"])
    assert second - first == 10
    assert again == second
    assert keyed - second == 5

    # The MP3 was cleared, but for what was heard before the interruption came; the rest is whole and in order.
    begin = seen["loud"].index(1)
    assert begin < 100
    assert seen["loud"][begin : begin + 20] == list(range(1, 21))
    assert seen["loud"][begin + 20 :] == [None] * 5


# --- what is refused --------------------------------------------------------------------------------------------------


async def test_whatever_a_client_sends_wrongly_is_told_and_the_call_goes_on(serve, run):
    seen = await run("refusals.mjs", await serve(clock="10x", dial_delay=200))
    errors = {name: ack["error"] for name, ack in seen["acks"].items() if ack["success"] is False}

    assert errors.pop("beforeConnected") == "Call is not connected"
    assert errors.pop("ended") == errors.pop("recorded") == errors.pop("unknownSession") == GONE
    words = {
        "odd": "odd",
        "empty": "empty",
        "noData": "audioData is required",
        "wrongFormat": "expected one of mp3, ulaw, alaw, pcm16, got 'opus'",
        "noFormat": "audioFormat is required",
        "text": "binary",
        "list": "binary",
        "notMp3": "MP3",
        "noSession": "sessionId is required",
        "textForAll": "object",
        "nothing": "object",
    }
    assert errors.keys() == words.keys()
    for name, word in words.items():
        assert word in errors[name]

    starts = [
        *["dtmf: digit is not valid"] * 3,
        "dtmf: digit is required",
        *["dtmf: duration is not valid"] * 2,
        f"dtmf: {GONE}",
        "checkPoint: name is required",
        "checkPoint: name is not valid",
        f"checkPoint: {GONE}",
        f"interruption: {GONE}",
        "interruption: sessionId is required",
        "interruption: The payload must be an object",
        f"hangup: {GONE}",
        "hangup: The payload must be an object",
    ]
    for start, answers in zip(starts, seen["exceptions"], strict=True):
        [[event, refusal]] = answers
        assert (event, refusal.keys(), refusal["status"]) == ("exception", {"status", "message"}, "error")
        assert refusal["message"].startswith(start)

    assert seen["toUnknown"] == []
    assert seen["otherAcks"] == 0

    assert [seen["acks"][kind] for kind in ("buffer", "uint8Array", "arrayBuffer")] == [OK] * 3
    assert seen["heard"] == [1, 2, 3, 4, 5, 6]
    assert (seen["record"]["disposition"], seen["record"]["hangupBy"]) == ("ANSWERED", "CALLER")


async def test_tokens_are_checked_on_both_ways_in(serve, run):
    seen = await run("authentication.mjs", await serve())
    sockets, requests = seen["sockets"], seen["requests"]

    for kind, message in {
        "none": "Authentication token is required",
        "empty": "Authentication token is required",
        "number": "Authentication token is required",
        "invalid": "Authentication token is invalid",
        "expired": "Authentication token has expired",
    }.items():
        assert sockets[kind] == {"connected": False, "message": message, "retries": False, "log": []}
        if kind in requests:
            assert requests[kind] == {"code": 401, "status": 401, "errors": message, "data": None}
    assert sockets["good"]["connected"]
    assert sockets["bearer"]["connected"]
    assert requests["good"]["code"] == 200


# --- connections ------------------------------------------------------------------------------------------------------


async def test_a_client_that_lost_its_connection_finds_back_into_the_call(serve, run):
    seen = await run("reconnection.mjs", await serve(clock="10x", dial_delay=200))
    session = {"sessionId": seen["sessionId"]}

    assert len(set(seen["ids"])) == 2
    assert seen["unjoined"] == 0, "audio before the client joined again"
    assert names(seen["log"]) == [
        "newSession",
        "roomJoined",
        *["dialStatus"] * 3,
        "roomJoined",
        "checkPoint",
        "hangup",
        "cdr",
    ]
    assert told(seen["log"], "roomJoined") == [session | {"status": "success"}] * 2
    assert told(seen["log"], "checkPoint") == [session | {"name": "back"}]

    # The sound went on in the meantime, and goes on from now.
    now = seen["next"][0]
    assert now > seen["last"] + 1
    assert seen["next"] == list(range(now, now + 100))
    assert seen["ack"] == OK
    assert seen["record"].items() >= (session | COMPLETED | {"disposition": "ANSWERED", "hangupBy": "CALLER"}).items()


async def test_a_room_is_for_those_who_joined_it_and_a_workspace_for_its_token(serve, run):
    seen = await run("rooms.mjs", await serve(clock="10x", dial_delay=200))
    session = {"sessionId": seen["sessionId"]}
    failed = session | {"status": "failed"}
    member, onlooker, stranger = seen["logs"]

    assert told(member, "newSession") == told(onlooker, "newSession") == [session | {"type": "outbound"}]
    assert names(member)[1:] == ["roomJoined", *["dialStatus"] * 3, "checkPoint", "hangup", "cdr"]
    assert told(member, "checkPoint") == [session | {"name": "of the onlooker"}]
    assert seen["onlookersAck"] == OK

    # Neither an unknown session nor a malformed request, nor a call that has ended.
    nowhere = [{"event": "roomJoined", "sessionId": "nowhere", "status": "failed"}]
    malformed = [{"event": "roomJoined", "sessionId": None, "status": "failed"}]
    assert seen["refused"] == [nowhere, *[malformed] * 6]
    assert names(onlooker) == ["newSession", *["roomJoined"] * 8]
    assert onlooker[-1]["data"] == failed

    assert names(stranger) == ["roomJoined", "exception", "exception"]
    assert stranger[0]["data"] == failed
    assert seen["strangersAck"] == {"success": False, "error": GONE}
    assert seen["frames"][0] >= 5
    assert seen["frames"][1:] == [0, 0]
    assert (seen["record"]["disposition"], seen["record"]["hangupBy"]) == ("ANSWERED", "CALLER")


async def test_every_transport_carries_the_same_and_loses_nothing_when_it_changes(serve, run):
    seen = await run("transports.mjs", await serve(clock="10x", dial_delay=200))
    heard = seen["heard"]

    assert seen["acks"] == [OK] * 5
    assert {name: one["transport"] for name, one in heard.items()} == {
        "caller": "websocket",
        "poller": "polling",
        "changing": "websocket",
        "late": "websocket",
    }
    for name, one in heard.items():
        pattern = one["numbers"][: one["numbers"].index(1500) + 1]
        assert pattern == list(range(pattern[0], 1501)), name
        assert one["numbers"][len(pattern) :] == [None] * 4, "the key's tone, its last frame still on its way"
        assert one["flow"][-4:] == ["dtmf", "checkPoint", "hangup", "cdr"]
        assert one["payloads"] == ["Buffer 320 pcm16 string"]
    assert heard["caller"]["numbers"] == heard["poller"]["numbers"]
    assert heard["poller"]["over"]["websocket"] == 0
    assert min(heard["late"]["over"].values()) > 0


@pytest.mark.parametrize(("messages", "frames"), [(40, 1), (40, 8), (1, 600)])
async def test_much_at_once_over_polling_arrives_whole(serve, run, messages, frames):
    seen = await run("polling.mjs", await serve(clock="10x", dial_delay=200), messages, frames)
    assert seen["acks"] == [OK] * (1 + messages)
    assert seen["heard"] == list(range(1, 1 + messages * frames))


# --- numbers ----------------------------------------------------------------------------------------------------------


async def test_magic_numbers_end_as_they_promise(serve, run):
    seen = await run(
        "numbers.mjs", await serve(clock="10x", dial_delay=200), "08000000017", "08000000021", "08000000016"
    )
    begins = ["newSession", "roomJoined", "Dialing"]

    busy, declined, answered = seen["calls"].values()
    assert busy["flow"] == [*begins, "Busy", "hangup", "cdr"]
    assert declined["flow"] == [*begins, "Ringing", "hangup", "cdr"]
    assert answered["flow"] == [*begins, "Ringing", "Connected", "hangup", "cdr"]
    ends = [
        ("BUSY", None, 17, "Destination busy"),
        ("NO ANSWER", "CALLEE", 21, "Call declined by user"),
        ("ANSWERED", "CALLEE", 16, "Call completed successfully"),
    ]
    fields = ("disposition", "hangupBy", "hangupCauseCode", "hangupCauseText")
    for (number, call), end in zip(seen["calls"].items(), ends, strict=True):
        assert call["record"]["destination"] == number
        assert tuple(call["record"][field] for field in fields) == end
        assert without(call["detail"], "createdAt", "updatedAt") == call["record"]
    assert answered["record"]["billableSeconds"] == 5
    assert busy["record"]["answerTime"] is declined["record"]["answerTime"] is None
    assert seen["refused"] == {"code": 500, "status": 500, "errors": "Failed to initiate call", "data": None}


async def test_a_ten_minute_call_passes_by_itself_and_the_official_client_reads_every_frame(run, serve):
    minutes = (s.Ring(0, setup=0), s.Answer(), s.Tone(440), s.Wait(600), s.HangUp())
    pbx = await serve(clock="auto", plan=Plan((Rule.of("0896*", Named("ten minutes", minutes)),)))
    seen = await run("patient.mjs", pbx, "089608675796")
    assert seen["frames"] == 600 * 50
    assert (seen["record"]["billableSeconds"], seen["record"]["hangupBy"]) == (600, "CALLEE")
