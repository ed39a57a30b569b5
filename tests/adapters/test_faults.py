"""Faults as real clients meet them, over real sockets. Time stands still until it is stepped, unless a test says."""

import asyncio
import contextlib
import json
from collections.abc import Callable

import aiohttp
import numpy as np
import pytest
import socketio
from conftest import Api

from mockpbx.domain import events as e
from mockpbx.runtime.faults import FaultStruck, read_fault

NUMBER = "089608675796"
CALL = {"phoneNumber": NUMBER}
ANSWERED = 2_500  # ms from the dialling of an ordinary number to its answer
STEPPED = {"clock": "manual", "audio_lead": 0.02}  # and every frame is waited for


async def until(condition: Callable[[], object]) -> None:
    """Give others their turn until something has come about."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


class Bot:
    """A client, the workspace of its token, and what it heard with the virtual ms since it came."""

    def __init__(self, pbx, http, token: str = "dev") -> None:
        self.url = pbx.url
        self.api = Api(http, pbx.url, token)
        self.workspace = pbx.workspace_of(token)
        self.sio = socketio.AsyncClient(reconnection=False)
        self.heard: list[tuple[int, str, dict]] = []
        self.frames: list[tuple[int, bytes]] = []
        self.gone = asyncio.Event()
        self.began = self.workspace.clock.now()
        self.sio.on("*", self._hear)
        self.sio.on("disconnect", lambda reason: self.gone.set())

    def _hear(self, event, data) -> None:
        now = self.workspace.clock.now() - self.began
        if event == "audio":
            self.frames.append((now, data["audioData"]))
        else:
            self.heard.append((now, event, data))

    async def connect(self, **options) -> "Bot":
        token = self.api.headers["Authorization"]
        await self.sio.connect(self.url, auth={"token": token}, **{"transports": ["websocket"]} | options)
        return self

    def set(self, fault: str, **fields: object) -> str:
        fields = {name.removesuffix("_"): value for name, value in fields.items()}
        return self.workspace.faults.add(read_fault({"fault": fault} | fields))

    async def advance(self, ms: int) -> None:
        await self.workspace.advance(ms)

    async def call(self, number: str = NUMBER, *, join: bool = True) -> str:
        """Place a call and join it; it is dialled at once."""
        _, reply = await self.api.post("/pbx/call", {"phoneNumber": number})
        session_id = reply["data"]["sessionId"]
        if join:
            await self.sio.emit("joinRoom", {"sessionId": session_id})
        if join and self.workspace.clock.rate == 0:
            await self.advance(0)
        return session_id

    async def connected(self) -> str:
        """A call that has been answered just now."""
        session_id = await self.call()
        await self.advance(ANSWERED)
        assert self.told("dialStatus")[-1]["status"] == "Connected"
        return session_id

    async def say(self, session_id: str, data: bytes = bytes(320)) -> dict:
        return await self.sio.call(
            "audio", {"sessionId": session_id, "audioData": data, "audioFormat": "pcm16"}, timeout=10
        )

    async def record(self, session_id: str) -> dict:
        """The call's record, once it is issued; its event has been heard then, or held back."""
        async with asyncio.timeout(10):
            while (reply := await self.api.get(f"/cdr/{session_id}"))[0] != 200:
                await asyncio.sleep(0)
        await self.advance(0)
        return reply[1]["data"]

    def told(self, event: str) -> list[dict]:
        return [data for _, name, data in self.heard if name == event]

    def moments(self, event: str) -> list[int]:
        return [at for at, name, _ in self.heard if name == event]

    def story(self) -> list[str]:
        return [data.get("status", name) for _, name, data in self.heard]

    def struck(self) -> list[FaultStruck]:
        return [entry.event for entry in self.workspace.journal if isinstance(entry.event, FaultStruck)]


@pytest.fixture
async def bots(request, serve, http):
    """Bots on one server: `await bots()`, `await bots(token="other")`, `await bots(come=False)` without a socket."""
    running: list[Bot] = []
    pbx = await serve(**STEPPED | getattr(request, "param", {}))

    async def bot(token: str = "dev", *, come: bool = True, **options) -> Bot:
        running.append(Bot(pbx, http, token))
        return await running[-1].connect(**options) if come else running[-1]

    yield bot
    for each in running:
        await each.sio.disconnect()
        if each.sio.eio.ws is not None:
            each.sio.eio.ws._response.close()  # of a connection that was cut, nobody else does


def on(**settings):
    return pytest.mark.parametrize("bots", [settings], indirect=True, ids=[" ".join(map(str, settings.values()))])


# --- HTTP -------------------------------------------------------------------------------------------------------------


async def test_the_first_two_calls_fail_and_the_third_does_not(bots):
    bot = await bots(come=False)
    bot.set("http_error", path="/pbx/call", times=2)
    replies = [await bot.api.post("/pbx/call", CALL) for _ in range(3)]
    assert [status for status, _ in replies] == [500, 500, 200]
    assert replies[0][1] == {"status": 500, "errors": "Internal server error", "data": None}
    assert len(bot.workspace.live_calls()) == 1
    assert bot.struck() == [FaultStruck("http_error", "POST /pbx/call")] * 2


async def test_an_error_is_the_contracts_envelope_with_any_status_and_sentence(bots):
    bot = await bots(come=False)
    bot.set("http_error", status=503, sentence="Try again later", method="GET")
    assert await bot.api.get("/cdr") == (503, {"status": 503, "errors": "Try again later", "data": None})
    assert (await bot.api.post("/pbx/call", CALL))[0] == 200


async def test_only_the_operations_of_the_contract_fail_and_only_for_their_workspace(bots):
    bot, stranger = await bots(come=False), await bots(token="other", come=False)
    bot.set("http_error", status=503)
    assert (await bot.api.get("/cdr"))[0] == 503
    assert (await bot.api.get("/nowhere"))[0] == 404
    assert (await bot.api.get("/__admin/health"))[0] != 503
    assert (await bot.api.get("/cdr", headers={"Authorization": "no"}))[0] == 401
    assert (await stranger.api.get("/cdr"))[0] == 200


async def test_a_dropped_request_gets_no_answer_and_is_not_carried_out(bots):
    bot = await bots(come=False)
    bot.set("http_drop", times=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await bot.api.post("/pbx/call", CALL)
    assert bot.workspace.live_calls() == []
    assert (await bot.api.post("/pbx/call", CALL))[0] == 200


async def test_a_delayed_request_is_carried_out_in_virtual_time(bots):
    bot = await bots()
    bot.set("http_delay", seconds="2s")
    asked = asyncio.ensure_future(bot.api.post("/pbx/call", CALL))
    await until(bot.struck)
    await bot.advance(1_999)
    assert (asked.done(), bot.workspace.live_calls()) == (False, [])
    await bot.advance(1)
    assert (await asked)[0] == 200
    (call,) = bot.workspace.live_calls()
    assert call.placed_at - bot.began == 2_000


@on(audio_lead=1)
async def test_whoever_joins_on_the_announcement_of_a_delayed_call_misses_nothing_of_it(bots):
    bot = await bots()
    bot.set("http_delay", seconds="300ms")

    async def join(data):
        await bot.sio.emit("joinRoom", {"sessionId": data["sessionId"]})

    bot.sio.on("newSession", join)
    asked = asyncio.ensure_future(bot.api.post("/pbx/call", CALL))
    await until(bot.struck)
    await bot.advance(10_000)
    assert (await asked)[0] == 200
    assert bot.story() == ["success", "Dialing", "Ringing", "Connected"]
    assert [at for at, _, _ in bot.heard] == [300, 300, 800, 2_800]


# --- sockets ----------------------------------------------------------------------------------------------------------


async def test_a_refused_socket_is_told_why_and_the_next_comes_in(bots):
    bot = await bots(come=False)
    bot.set("connect_refused", message="We are moving house", times=1)
    told = asyncio.Queue()
    bot.sio.on("connect_error", told.put_nowait)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await bot.connect()
    assert told.get_nowait() == {"message": "We are moving house"}
    await bot.connect()
    assert bot.sio.connected


async def raw_websocket(http, url: str, token: str = "dev"):
    """A websocket that has joined the namespace, with nothing that would answer for it."""
    socket = await http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket")
    assert (await socket.receive_str()).startswith("0{")
    await socket.send_str("40" + json.dumps({"token": token}))
    assert (await socket.receive_str()).startswith('40{"sid"')
    return socket


async def test_a_dropped_socket_sees_no_close_frame(bots, http):
    bot = await bots(come=False)
    socket = await raw_websocket(http, bot.url)
    bot.set("socket_dropped")
    with contextlib.suppress(aiohttp.ClientError):
        await socket.receive()
    assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    socket._response.close()


async def test_a_socket_is_dropped_in_the_middle_of_its_call_which_goes_on(bots):
    bot, other = await bots(), await bots()
    bot.set("socket_dropped", after_connected="1s")
    await bot.connected()
    await bot.advance(999)
    assert not bot.gone.is_set()
    await bot.advance(1)
    await asyncio.wait_for(bot.gone.wait(), 10)
    assert other.sio.connected
    assert len(bot.workspace.live_calls()) == 1
    assert bot.struck() == [FaultStruck("socket_dropped", "1 socket")]


async def test_a_half_open_socket_hears_nothing_and_is_not_heard_until_its_time_is_over(bots):
    bot = await bots()
    session_id = await bot.connected()
    await bot.advance(100)
    bot.set("half_open", call=session_id, for_="3s")
    before = len(bot.frames)
    await bot.sio.emit("dtmf", {"sessionId": session_id, "digit": "5"})
    await bot.api.get("/cdr")  # by now it has come in
    await bot.advance(2_999)
    assert (len(bot.frames), bot.told("dtmf")) == (before, [])
    await bot.advance(1)
    await bot.sio.emit("dtmf", {"sessionId": session_id, "digit": "7"})
    await bot.advance(1_000)
    assert len(bot.frames) == before + 51
    assert [data["digit"] for data in bot.told("dtmf")] == ["7"]
    assert [entry.event.digit for entry in bot.workspace.journal if entry.kind == "DigitQueued"] == ["7"]
    assert (await bot.say(session_id))["success"] is True


@on(clock="real", ping_interval=0.1, ping_timeout=0.3)
async def test_a_client_with_a_heartbeat_notices_that_its_socket_is_half_open_and_may_come_back(bots):
    bot = await bots()
    bot.set("half_open")
    await asyncio.wait_for(bot.gone.wait(), 10)
    again = await bots()
    await again.api.post("/pbx/call", CALL)
    await until(lambda: again.told("newSession"))
    assert bot.told("newSession") == []


LONGER_THAN_A_HEARTBEAT_MAY_GO_UNANSWERED = 1.2


@on(clock="real", ping_interval=0.1, ping_timeout=0.3)
async def test_the_heartbeat_of_a_socket_that_was_half_open_goes_on(bots, http):
    bot = await bots(come=False)
    socket = await raw_websocket(http, bot.url)
    rule = bot.set("half_open")
    with pytest.raises(TimeoutError):
        await socket.receive_str(timeout=LONGER_THAN_A_HEARTBEAT_MAY_GO_UNANSWERED)
    bot.workspace.faults.remove(rule)
    for _ in range(3):
        assert await socket.receive_str() == "2"
        await socket.send_str("3")
    await socket.close()


async def polling(bot: Bot) -> str:
    """The address where a client polls that has joined the namespace."""
    opened = (await bot.api.get("/socket.io/?EIO=4&transport=polling"))[1]
    path = f"/socket.io/?EIO=4&transport=polling&sid={json.loads(opened[1:])['sid']}"
    await bot.api.post(path, data="40" + json.dumps({"token": "dev"}))
    assert (await bot.api.get(path))[1].startswith('40{"sid"')
    return path


async def test_a_client_that_polls_is_sent_away_when_it_is_dropped(bots):
    bot = await bots(come=False)
    path = await polling(bot)
    bot.set("socket_dropped")
    assert (await bot.api.get(path))[0] == 400


async def test_a_client_that_polls_may_be_half_open_as_well(bots):
    bot = await bots(come=False)
    path = await polling(bot)
    rule = bot.set("half_open")
    poll = asyncio.ensure_future(bot.api.get(path))
    assert await bot.api.post(path, data='42["hangup",{}]') == (200, "ok")
    assert (await bot.api.post("/pbx/call", CALL))[0] == 200
    bot.workspace.faults.remove(rule)
    assert await bot.api.post(path, data='42["dtmf",{}]') == (200, "ok")
    status, told = await asyncio.wait_for(poll, 10)
    assert (status, told) == (200, '42["exception",{"status":"error","message":"dtmf: sessionId is required"}]')


# --- acknowledgments --------------------------------------------------------------------------------------------------


async def test_an_acknowledgment_is_late_in_virtual_time_and_what_it_answers_is_not(bots):
    bot = await bots()
    session_id = await bot.connected()
    bot.set("ack_late", seconds=2, times=1)
    late = asyncio.ensure_future(bot.say(session_id))
    await until(bot.struck)
    assert await bot.say(session_id) == {"success": True, "error": None}
    await bot.advance(1_999)
    assert not late.done()
    await bot.advance(1)
    assert await asyncio.wait_for(late, 10) == {"success": True, "error": None}
    assert bot.workspace.line(session_id).playout.audio.accepted == 320


async def test_what_a_client_says_and_what_leaves_late_is_activity_that_a_stepped_clock_waits_for(bots):
    bot = await bots()
    session_id = await bot.connected()
    before = bot.workspace.clients.activity
    await bot.say(session_id)
    assert bot.workspace.clients.activity == before + 1
    bot.set("ack_late", seconds=1)
    late = asyncio.ensure_future(bot.say(session_id))
    await until(bot.struck)
    await bot.advance(999)
    assert bot.workspace.clients.activity == before + 2
    await bot.advance(1)
    await asyncio.wait_for(late, 10)
    assert bot.workspace.clients.activity == before + 3


async def test_an_acknowledgment_is_lost_and_the_sound_is_not(bots):
    bot = await bots()
    session_id = await bot.connected()
    bot.set("ack_lost", times=1)
    with pytest.raises(socketio.exceptions.TimeoutError):
        await bot.sio.call(
            "audio", {"sessionId": session_id, "audioData": b"\1\0" * 160, "audioFormat": "pcm16"}, timeout=0.2
        )
    await bot.advance(100)
    assert b"\1\0" * 160 in [frame for _, frame in bot.frames]
    assert (await bot.say(session_id))["success"] is True


# --- frames -----------------------------------------------------------------------------------------------------------

SOUND = np.arange(1, 160 * 100 + 1, dtype="<i2").tobytes()  # 100 frames, no two alike
SPOKEN = [SOUND[start : start + 320] for start in range(0, len(SOUND), 320)]


async def echo(bot: Bot, session_id: str, ms: int = 3_000) -> list[int]:
    """Which frames of SOUND come back from a callee that echoes it, in the order in which they come."""
    await bot.say(session_id, SOUND)
    await bot.advance(ms)
    return [SPOKEN.index(frame) for _, frame in bot.frames if frame in SPOKEN]


@pytest.mark.parametrize(
    ("rule", "heard"),
    [
        ({"fault": "frame_lost", "skip": 11, "times": 3}, [*range(10), *range(13, 100)]),
        ({"fault": "frame_duplicated", "skip": 3, "times": 2}, [0, 1, 2, 2, 3, 3, *range(4, 100)]),
        ({"fault": "frame_late", "seconds": "330ms"}, [*range(100)]),
        ({"fault": "frame_burst", "frames": 7}, [*range(100)]),
        ({"fault": "jitter"}, [*range(100)]),
    ],
)
async def test_frames_are_lost_or_doubled_and_never_out_of_order(bots, rule, heard):
    bot = await bots()
    session_id = await bot.connected()
    bot.set(**rule)
    assert await echo(bot, session_id) == heard


async def test_frames_come_in_bursts(bots):
    bot = await bots()
    bot.set("frame_burst", frames=5)
    await bot.connected()
    await bot.advance(1_000)
    moments = [at for at, _ in bot.frames]
    assert len(moments) == 50
    assert len(set(moments)) == 10
    assert set(np.diff(sorted(set(moments)))) == {100}


async def lost(serve, http, seed: int) -> tuple[list[int], list[object]]:
    pbx = await serve(**STEPPED, seed=seed)
    bot = await Bot(pbx, http).connect()
    bot.set("frame_lost", probability=0.2)
    session_id = await bot.connected()
    heard = await echo(bot, session_id)
    await bot.sio.emit("hangup", {"sessionId": session_id})
    await bot.advance(2_000)
    await bot.sio.disconnect()
    return heard, bot.struck()


async def test_the_same_seed_loses_the_same_frames(serve, http):
    first, again, other = await lost(serve, http, 1), await lost(serve, http, 1), await lost(serve, http, 2)
    assert first == again
    assert first != other
    assert 60 < len(first[0]) < 95
    one, total = first[1]
    assert one == FaultStruck("frame_lost", "a frame, the first of this call")
    assert total.what.endswith(" frames of this call")


@on(clock="20x")
async def test_frames_keep_their_order_on_a_clock_that_is_scaled(bots):
    bot = await bots()
    bot.set("jitter")
    bot.set("frame_late", seconds="100ms", probability=0.05)
    session_id = await bot.call()
    await until(lambda: "Connected" in bot.story())
    await bot.say(session_id, SOUND)
    await until(lambda: SPOKEN[-1] in [frame for _, frame in bot.frames])
    heard = [SPOKEN.index(frame) for _, frame in bot.frames if frame in SPOKEN]
    assert heard == list(range(100))


# --- events -----------------------------------------------------------------------------------------------------------


async def test_a_status_comes_late_and_those_after_it_wait(bots):
    bot = await bots()
    bot.set("event_late", event="dialStatus", seconds="1s", times=1)
    await bot.call()
    await bot.advance(5_000)
    assert bot.story() == ["newSession", "success", "Dialing", "Ringing", "Connected"]
    assert bot.moments("dialStatus") == [1_000, 1_000, 2_500]


async def test_statuses_come_out_of_order(bots):
    bot = await bots()
    bot.set("event_swapped", event="dialStatus", times=1)
    await bot.call()
    await bot.advance(5_000)
    assert [data["status"] for data in bot.told("dialStatus")] == ["Ringing", "Dialing", "Connected"]


async def test_a_checkpoint_is_lost_and_the_journal_says_both_that_it_was_reached_and_that_it_was_lost(bots):
    bot = await bots()
    session_id = await bot.connected()
    bot.set("event_lost", event="checkPoint", times=1)
    for name in ("one", "two"):
        await bot.sio.emit("checkPoint", {"sessionId": session_id, "name": name})
    await bot.advance(100)
    assert [data["name"] for data in bot.told("checkPoint")] == ["two"]
    reached = [entry for entry in bot.workspace.journal if entry.kind in ("CheckpointReached", "FaultStruck")]
    assert [entry.kind for entry in reached].count("CheckpointReached") == 2
    assert bot.struck() == [FaultStruck("event_lost", "checkPoint")]


@pytest.mark.parametrize("event", ["newSession", "roomJoined", "dialStatus", "dtmf", "checkPoint", "hangup", "cdr"])
async def test_any_event_comes_twice_or_never(bots, event):
    for fault, times in (("event_twice", 2), ("event_lost", 0)):
        bot = await bots(token=fault)
        bot.set(fault, event=event)
        session_id = await bot.call("08000001004")  # presses keys
        await bot.advance(5_000)
        await bot.sio.emit("checkPoint", {"sessionId": session_id, "name": "x"})
        await bot.advance(1_000)
        await bot.sio.emit("hangup", {"sessionId": session_id})
        await bot.advance(3_000)
        stored = await bot.record(session_id)
        others = [data for name in ("newSession", "roomJoined", "hangup", "cdr") for data in bot.told(name)]
        assert len(others) == 4 + (times - 1 if event in ("newSession", "roomJoined", "hangup", "cdr") else 0)
        told = bot.told(event)
        assert told[:: times or 1] == (told[1::2] if times else [])
        assert bool(told) == bool(times)
        assert stored["sessionId"] == session_id


async def test_the_cdr_comes_late_while_the_record_is_there(bots):
    bot = await bots()
    bot.set("event_late", event="cdr", seconds=10)
    session_id = await bot.connected()
    await bot.sio.emit("hangup", {"sessionId": session_id})
    await bot.advance(2_000)
    stored = await bot.record(session_id)
    await bot.advance(9_999)
    assert bot.told("cdr") == []
    await bot.advance(1)
    assert bot.told("cdr")[0]["endTime"] == stored["endTime"]


async def test_a_cdr_that_is_swapped_with_nothing_comes_all_the_same(bots):
    bot = await bots()
    bot.set("event_swapped", event="cdr")
    bot.set("event_swapped", event="hangup")
    session_id = await bot.connected()
    await bot.sio.emit("hangup", {"sessionId": session_id})
    await bot.advance(2_000)
    await until(lambda: bot.told("cdr"))
    await until(lambda: bot.told("hangup"))
    assert bot.story()[-2:] == ["cdr", "hangup"]
    again = await bot.connected()
    bot.workspace.faults.remove("2")
    await bot.sio.emit("hangup", {"sessionId": again})
    await bot.advance(2_000)
    await until(lambda: len(bot.told("cdr")) == 2)
    assert bot.story()[-2:] == ["hangup", "cdr"]


# --- records ----------------------------------------------------------------------------------------------------------


@on(clock_start="2026-03-01T12:00:00.250Z")
async def test_a_skewed_clock_writes_records_that_agree_with_each_other(bots):
    bot = await bots()
    bot.set("clock_skew", seconds="-1h", times=1)
    cdrs = []
    for _ in range(2):
        session_id = await bot.connected()
        await bot.sio.emit("hangup", {"sessionId": session_id})
        await bot.advance(2_000)
        record = await bot.record(session_id)
        await until(lambda: len(bot.told("cdr")) > len(cdrs))
        cdrs.append(bot.told("cdr")[-1])
        assert record.items() >= cdrs[-1].items()
        assert (await bot.api.get("/cdr"))[1]["data"][0] == record
        assert record["createdAt"][:13] == cdrs[-1]["endTime"][:13]
    skewed, right = cdrs
    assert (skewed["startTime"], skewed["answerTime"]) == ("2026-03-01T11:00:00.000Z", "2026-03-01T11:00:02.000Z")
    assert right["startTime"] == "2026-03-01T12:00:04.000Z"
    ended = next(entry.event.record for entry in bot.workspace.journal if isinstance(entry.event, e.CallEnded))
    assert (ended.ended_at - bot.began, skewed["duration"]) == (2_500, 2)


# --- no faults --------------------------------------------------------------------------------------------------------


async def recorded(bot: Bot, http) -> list[object]:
    """Every websocket message of a whole call, ids apart."""
    socket = await raw_websocket(http, bot.url, bot.api.headers["Authorization"])
    session_id = await bot.call(join=False)
    messages: list[object] = []

    async def listen() -> None:
        async for message in socket:
            if message.data == "2":
                await socket.send_str("3")
            elif isinstance(message.data, str):
                messages.append(message.data.replace(session_id, "ID"))
            else:
                messages.append(message.data)

    listening = asyncio.ensure_future(listen())
    session = f'"sessionId":"{session_id}"'
    sound = '"audioFormat":"pcm16","audioData":{"_placeholder":true,"num":0}'
    await socket.send_str(f'42["joinRoom",{{{session}}}]')
    await bot.advance(ANSWERED)
    await socket.send_str(f'451-7["audio",{{{session},{sound}}}]')
    await socket.send_bytes(SOUND[:3_200])
    await socket.send_str(f'42["checkPoint",{{{session},"name":"x"}}]')
    await bot.advance(500)
    await socket.send_str(f'42["hangup",{{{session}}}]')
    await bot.advance(2_000)
    await until(lambda: any(str(message).startswith('42["cdr"') for message in messages))
    await socket.close()
    await listening
    return messages


async def test_rules_that_strike_nothing_change_no_byte(serve, http):
    start = STEPPED | {"clock_start": "2026-03-01T12:00:00Z"}
    plain = await recorded(Bot(await serve(**start), http), http)
    bot = Bot(await serve(**start), http)
    for word in ("http_error", "ack_lost", "frame_lost", "jitter", "clock_skew"):
        bot.set(word, probability=0, **({"seconds": 5} if word == "clock_skew" else {}))
    for event in ("newSession", "roomJoined", "dialStatus", "checkPoint", "hangup", "cdr"):
        bot.set("event_lost", event=event, probability=0)
    assert await recorded(bot, http) == plain
    assert len([message for message in plain if isinstance(message, bytes)]) == 26
    assert '437[{"success":true,"error":null}]' in plain


async def test_a_workspace_that_is_reset_has_no_faults_and_can_be_given_new_ones(bots):
    bot = await bots()
    bot.set("http_delay", seconds="1h")
    bot.set("http_error")
    bot.set("half_open")
    waiting = asyncio.ensure_future(bot.api.post("/pbx/call", CALL))
    await until(lambda: len(bot.struck()) == 2)
    bot.workspace.reset()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await asyncio.wait_for(waiting, 10)
    assert bot.workspace.faults.listing() == []
    session_id = await bot.connected()
    bot.set("event_lost", event="hangup")
    bot.set("event_twice", event="cdr")
    await bot.sio.emit("hangup", {"sessionId": session_id})
    await bot.advance(2_000)
    await bot.record(session_id)
    await until(lambda: len(bot.told("cdr")) == 2)
    assert (len(bot.told("hangup")), len(bot.told("cdr"))) == (0, 2)
