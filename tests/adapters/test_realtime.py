"""Calls over real sockets: rooms, acknowledgments, refusals, order. Time runs 20 times as fast."""

import asyncio
import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import socketio
from aiohttp import web
from conftest import Api
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import peer

from mockpbx.adapters.store import SqliteStore
from mockpbx.runtime.workspace import Workspace

NUMBER = "089608675796"
CLIP = Path(__file__).parents[2] / "fixtures/clips/bot-greeting.mp3"
CLOCK = "20x"
AT_REAL_TIME = pytest.mark.parametrize("bots", ["real"], indirect=True, ids=["real time"])

AUTO = pytest.mark.parametrize("bots", ["auto"], indirect=True, ids=["auto"])


class Bot:
    """A client's socket: what it heard, in order, and what it sends."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.sio = socketio.AsyncClient(reconnection=False)
        self.heard: asyncio.Queue = asyncio.Queue()
        self.frames: list[bytes] = []
        self.sounding = asyncio.Event()
        self.sio.on("*", self._hear)

    def _hear(self, event, data) -> None:
        if event == "audio":
            self.frames.append(data["audioData"])
            self.sounding.set()
        else:
            self.heard.put_nowait((event, data))

    async def hear(self, event: str) -> dict:
        """Return the next event's payload, which must be of that name."""
        name, data = await asyncio.wait_for(self.heard.get(), 10)
        assert name == event, (name, data)
        return data

    async def call(self, number: str = NUMBER, *, until: str | None = "Connected") -> str:
        _, reply = await self.api.post("/pbx/call", {"phoneNumber": number})
        session_id = (await self.hear("newSession"))["sessionId"]
        assert session_id == reply["data"]["sessionId"]
        await self.sio.emit("joinRoom", {"sessionId": session_id})
        assert await self.hear("roomJoined") == {"sessionId": session_id, "status": "success"}
        while until and (await self.hear("dialStatus"))["status"] != until:
            pass
        return session_id

    async def ack(self, session_id: str, data: object, audio_format: object = "pcm16") -> dict:
        return await self.sio.call("audio", {"sessionId": session_id, "audioData": data, "audioFormat": audio_format})


@pytest.fixture
async def bots(request, serve, http):
    """Sockets on one server: `await bots()`, `await bots(token="other")`. Who must win a race asks for a real clock."""
    running: list[Bot] = []
    # Joining begins the dialling, however late a busy machine lets it come: the clock is fast.
    pbx = await serve(clock=getattr(request, "param", CLOCK), dial_delay=200)

    async def connect(token: str = "dev", **options) -> Bot:
        bot = Bot(Api(http, pbx.url, token))
        await bot.sio.connect(pbx.url, auth={"token": token}, transports=["websocket"], **options)
        running.append(bot)
        return bot

    connect.url = pbx.url
    yield connect
    for bot in running:
        await bot.sio.disconnect()


async def test_a_whole_call(bots):
    bot = await bots()
    session = {"sessionId": await bot.call()}
    sent = np.arange(1, 4_001, dtype="<i2").tobytes()
    assert await bot.ack(session["sessionId"], sent) == {"success": True, "error": None}
    await bot.sio.emit("checkPoint", session | {"name": "said"})
    await bot.sio.emit("dtmf", session | {"digit": "5"})
    await bot.sio.emit("checkPoint", session | {"name": "keyed"})
    assert await bot.hear("checkPoint") == session | {"name": "said"}
    assert await bot.hear("dtmf") == session | {"digit": "5"}
    assert await bot.hear("checkPoint") == session | {"name": "keyed"}
    await bot.sio.emit("hangup", session)
    assert await bot.hear("hangup") == session
    frames = len(bot.frames)
    cdr = await bot.hear("cdr")
    assert len(bot.frames) == frames
    assert sent in b"".join(bot.frames)
    assert {len(frame) for frame in bot.frames} == {320}
    assert (cdr["disposition"], cdr["hangupBy"], cdr["hangupCauseCode"]) == ("ANSWERED", "CALLER", 16)
    status, detail = await bot.api.get(f"/cdr/{session['sessionId']}")
    assert status == 200
    assert {name: value for name, value in detail["data"].items() if name not in ("createdAt", "updatedAt")} == cdr
    assert (await bot.api.get("/cdr"))[1]["data"] == [detail["data"]]


@AT_REAL_TIME
async def test_a_call_hung_up_over_rest_ends_for_its_room(bots):
    bot = await bots()
    session_id = await bot.call(until=None)
    await bot.api.post("/pbx/hangup", {"sessionId": session_id})
    assert await bot.hear("dialStatus") == {"sessionId": session_id, "status": "Dialing"}
    assert await bot.hear("hangup") == {"sessionId": session_id}
    assert (await bot.hear("cdr"))["disposition"] == "CANCEL"


@AUTO
@pytest.mark.parametrize(("number", "statuses", "disposition"), [
    ("08000000017", ["Dialing", "Busy"], "BUSY"),
    ("08000000021", ["Dialing", "Ringing"], "NO ANSWER"),
    ("08000000034", ["Dialing"], "FAILED"),
])  # fmt: skip
async def test_calls_that_are_not_answered_say_so_in_this_order(bots, number, statuses, disposition):
    bot = await bots()
    session_id = await bot.call(number, until=None)
    for status in statuses:
        assert await bot.hear("dialStatus") == {"sessionId": session_id, "status": status}
    await bot.hear("hangup")
    cdr = await bot.hear("cdr")
    assert (cdr["disposition"], cdr["hangupCauseCode"]) == (disposition, int(number[-3:]))
    assert not bot.frames


async def test_a_call_is_heard_by_its_room_alone_and_announced_to_its_token_alone(bots):
    bot, sister, stranger = await bots(), await bots(), await bots(token="other")
    session_id = await bot.call()
    assert await sister.hear("newSession") == {"sessionId": session_id, "type": "outbound"}
    await stranger.sio.emit("joinRoom", {"sessionId": session_id})
    assert await stranger.hear("roomJoined") == {"sessionId": session_id, "status": "failed"}
    for event in ("checkPoint", "dtmf", "interruption", "hangup"):
        await stranger.sio.emit(event, {"sessionId": session_id, "name": "x", "digit": "1"})
        assert "No live call has this sessionId" in (await stranger.hear("exception"))["message"]
    assert (await stranger.ack(session_id, b"\0\0"))["success"] is False
    assert (await stranger.api.post("/pbx/hangup", {"sessionId": session_id}))[0] == 404
    # A socket that never joined may send all the same; only the room hears of it.
    assert (await sister.ack(session_id, b"\0\0"))["success"] is True
    await sister.sio.emit("hangup", {"sessionId": session_id})
    await bot.hear("hangup")
    await bot.hear("cdr")
    assert sister.heard.empty()
    assert stranger.heard.empty()
    assert not sister.frames + stranger.frames


@pytest.mark.parametrize(
    "payload", [{"sessionId": "unknown"}, {"sessionId": 5}, {"sessionId": ""}, {}, None, "x", [1], 7]
)
async def test_a_room_that_is_not_there_is_joined_in_vain(bots, payload):
    bot = await bots()
    await bot.sio.emit("joinRoom", payload)
    claimed = payload.get("sessionId") if isinstance(payload, dict) else None
    expected = claimed if isinstance(claimed, str) else None
    assert await bot.hear("roomJoined") == {"sessionId": expected, "status": "failed"}


@pytest.mark.parametrize(
    ("data", "audio_format", "sentence"),
    [
        (b"\0\0\0", "pcm16", "pcm16 needs whole 16-bit samples: 3 bytes is an odd number"),
        (b"", "pcm16", "audioData is not valid: expected at least one sample of audio, but it is empty"),
        (None, "pcm16", "audioData is not valid: expected binary data"),
        ("AAAA", "pcm16", "audioData is not valid: expected binary data"),
        ([0, 0], "pcm16", "audioData is not valid: expected binary data"),
        (b"\0\0", "opus", "audioFormat is not valid: expected one of mp3, ulaw, alaw, pcm16, got 'opus'"),
        (b"\0\0", "PCM16", "audioFormat is not valid"),
        (b"\0\0", None, "audioFormat is not valid"),
        (b"\0\0", ["pcm16"], "audioFormat is not valid"),
        (b"this is no mp3 at all" * 500, "mp3", "MP3"),
    ],
)
async def test_audio_that_cannot_be_played_is_refused_with_a_sentence_and_the_call_goes_on(
    bots, data, audio_format, sentence
):
    bot = await bots()
    session_id = await bot.call()
    ack = await bot.ack(session_id, data, audio_format)
    assert ack["success"] is False
    assert sentence in ack["error"]
    assert await bot.ack(session_id, b"\0\0") == {"success": True, "error": None}


@AT_REAL_TIME
async def test_audio_outside_the_life_of_a_call_is_refused(bots):
    bot = await bots()
    session_id = await bot.call(until=None)
    assert await bot.ack(session_id, b"\0\0") == {"success": False, "error": "Call is not connected"}
    await bot.sio.emit("hangup", {"sessionId": session_id})
    for gone in (session_id, "unknown"):
        assert "No live call has this sessionId" in (await bot.ack(gone, b"\0\0"))["error"]
    for broken in ({}, None, "text", {"sessionId": session_id}):
        assert (await bot.sio.call("audio", broken))["success"] is False


@pytest.mark.parametrize(
    ("event", "fields", "sentence"),
    [
        ("dtmf", {"digit": "x"}, "dtmf: digit is not valid: expected one of 0-9, *, #, A-D, got 'x'"),
        ("dtmf", {"digit": "12"}, "expected one of 0-9"),
        ("dtmf", {"digit": 1}, "got the number 1"),
        ("dtmf", {}, "dtmf: digit is required"),
        ("dtmf", {"digit": "1", "duration": 0}, "expected a number of milliseconds from 1 to 6000, got the number 0"),
        ("dtmf", {"digit": "1", "duration": 6_001}, "from 1 to 6000"),
        ("dtmf", {"digit": "1", "duration": "200"}, "got '200'"),
        ("dtmf", {"digit": "1", "duration": None}, "got nothing"),
        ("dtmf", {"digit": "1", "duration": True}, "got a boolean"),
        ("checkPoint", {}, "checkPoint: name is required"),
        ("checkPoint", {"name": 1}, "checkPoint: name is not valid: expected a string, got the number 1"),
        ("interruption", {"sessionId": "unknown"}, "interruption: No live call has this sessionId"),
        ("hangup", {"sessionId": None}, "hangup: sessionId is not valid: expected a string, got nothing"),
    ],
)
async def test_other_events_that_make_no_sense_are_an_exception_to_their_client_and_the_call_goes_on(
    bots, event, fields, sentence
):
    bot = await bots()
    session_id = await bot.call()
    await bot.sio.emit(event, {"sessionId": session_id} | fields)
    refusal = await bot.hear("exception")
    assert refusal["status"] == "error"
    assert sentence in refusal["message"]
    assert (await bot.ack(session_id, b"\0\0"))["success"] is True


async def test_exceptions_are_a_switch(serve, http):
    pbx = await serve(clock=CLOCK, exceptions=False)
    bot = Bot(Api(http, pbx.url))
    await bot.sio.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    await bot.sio.emit("hangup", {})
    assert (await bot.sio.call("audio", {}))["success"] is False
    assert bot.heard.empty()
    await bot.sio.disconnect()


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        (None, "Authentication token is required"),
        ({}, "Authentication token is required"),
        ({"token": ""}, "Authentication token is required"),
        ({"token": 7}, "Authentication token is required"),
        ({"token": "invalid-1"}, "Authentication token is invalid"),
        ({"token": "expired-1"}, "Authentication token has expired"),
        ({"token": "Bearer expired-1"}, "Authentication token has expired"),
    ],
)
async def test_a_socket_without_a_good_token_is_told_why(bots, auth, message):
    sio, told = socketio.AsyncClient(reconnection=False), asyncio.Queue()
    sio.on("connect_error", told.put_nowait)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await sio.connect(bots.url, auth=auth, transports=["websocket"])
    assert told.get_nowait() == {"message": message}


async def test_a_bearer_prefix_names_the_same_workspace(bots):
    bot, same = await bots(), await bots(token="Bearer dev")
    await bot.api.post("/pbx/call", {"phoneNumber": NUMBER})
    assert await same.hear("newSession") == await bot.hear("newSession")


@AT_REAL_TIME
async def test_audio_a_checkpoint_and_an_interruption_sent_in_one_go_are_handled_in_that_order(bots):
    bot = await bots()
    session = {"sessionId": await bot.call()}
    second = session | {"audioData": bytes(16_000), "audioFormat": "pcm16"}
    for name in ("cleared", "kept"):
        await bot.sio.emit("audio", second)
        await bot.sio.emit("checkPoint", session | {"name": name})
        if name == "cleared":
            await bot.sio.emit("interruption", session)
    assert await bot.hear("checkPoint") == session | {"name": "kept"}


async def test_a_socket_that_comes_just_after_the_post_is_told_of_the_call_and_a_later_one_is_not(serve, http):
    pbx = await serve(clock=CLOCK, dial_delay=3_600)
    api = Api(http, pbx.url)
    _, reply = await api.post("/pbx/call", {"phoneNumber": NUMBER})
    bot, late = Bot(api), Bot(api)
    await bot.sio.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    session_id = (await bot.hear("newSession"))["sessionId"]
    assert session_id == reply["data"]["sessionId"]
    await bot.sio.emit("joinRoom", {"sessionId": session_id})
    await bot.hear("roomJoined")
    assert await bot.hear("dialStatus") == {"sessionId": session_id, "status": "Dialing"}
    await late.sio.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    await late.sio.emit("joinRoom", {})
    await late.hear("roomJoined")
    for one in (bot, late):
        await one.sio.disconnect()


async def test_a_full_queue_says_so_and_loses_nothing(serve, http):
    pbx = await serve(playout_limit=2)
    bot = Bot(Api(http, pbx.url))
    await bot.sio.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    session_id = await bot.call()
    sent = np.arange(1, 15_001, dtype="<i2").tobytes()
    assert (await bot.ack(session_id, sent))["success"] is True
    refused = await bot.ack(session_id, sent)
    assert refused["success"] is False
    assert "The playback queue is full" in refused["error"]
    await bot.sio.emit("checkPoint", {"sessionId": session_id, "name": "end"})
    await bot.hear("checkPoint")
    await bot.sio.emit("hangup", {"sessionId": session_id})
    await bot.hear("hangup")
    assert sent[:-640] in b"".join(bot.frames)
    await bot.sio.disconnect()


async def test_a_client_that_loses_its_socket_finds_its_call_again(bots):
    bot = await bots()
    session_id = await bot.call()
    await bot.sio.disconnect()
    back = await bots()
    await back.sio.emit("joinRoom", {"sessionId": session_id})
    assert (await back.hear("roomJoined"))["status"] == "success"
    await back.sio.emit("checkPoint", {"sessionId": session_id, "name": "still here"})
    assert (await back.hear("checkPoint"))["name"] == "still here"
    assert (await back.ack(session_id, b"\x01\0" * 160))["success"] is True
    await asyncio.wait_for(back.sounding.wait(), 10)
    await back.sio.emit("hangup", {"sessionId": session_id})
    await back.hear("hangup")
    assert (await back.hear("cdr"))["disposition"] == "ANSWERED"


async def test_stopping_tells_every_client_and_leaves_no_call_without_a_record(serve, http):
    pbx = await serve(clock=CLOCK, dial_delay=200)
    bot = Bot(Api(http, pbx.url))
    await bot.sio.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    session_id = await bot.call()
    await pbx.stop()
    assert await bot.hear("hangup") == {"sessionId": session_id}
    cdr = await bot.hear("cdr")
    assert (cdr["disposition"], cdr["hangupBy"], cdr["hangupCauseCode"]) == ("ANSWERED", None, 127)
    with contextlib.suppress(Exception):
        await bot.sio.disconnect()


async def test_a_token_that_comes_back_while_its_workspace_is_closed_begins_anew(serve):
    pbx = await serve()
    async with peer(f"{pbx.url}/socket.io/", "websocket") as before:
        await before.say('40{"token":"dev"}')
        await before.hear()
        closing = asyncio.create_task(pbx.close_workspace("dev"))
        await asyncio.sleep(0)
        again = pbx.workspace_of("dev")
        await closing
        assert await before.hear_end() == []
    async with peer(f"{pbx.url}/socket.io/", "websocket") as after:
        await after.say('40{"token":"dev"}')
        assert (await after.hear()).startswith('40{"sid":')
        assert not again.idle


async def test_the_cdr_event_waits_for_the_rows_commit(serve, http, monkeypatch):
    pbx = await serve(clock=CLOCK, dial_delay=200)
    bot = Bot(Api(http, pbx.url))
    await bot.sio.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    issue, commit = SqliteStore.issue, asyncio.Event()
    asked = asyncio.Event()

    async def issue_late(store, workspace, record, created_at):
        asked.set()
        await commit.wait()
        await issue(store, workspace, record, created_at)

    monkeypatch.setattr(SqliteStore, "issue", issue_late)
    session_id = await bot.call("08000000017", until="Busy")
    await bot.hear("hangup")
    await asyncio.wait_for(asked.wait(), 10)
    await bot.sio.call("audio", {})  # whatever was sent before this answer has arrived
    assert bot.heard.empty()
    assert (await bot.api.get(f"/cdr/{session_id}"))[0] == 404
    commit.set()
    await bot.hear("cdr")
    assert (await bot.api.get(f"/cdr/{session_id}"))[0] == 200
    await bot.sio.disconnect()


async def test_the_reply_leaves_before_the_session_is_announced(serve, http, monkeypatch):
    left = []
    write_eof, announce = web.Response.write_eof, Workspace.announce

    async def noted_write_eof(response, *arguments):
        await write_eof(response, *arguments)
        left.append("reply")

    monkeypatch.setattr(web.Response, "write_eof", noted_write_eof)
    monkeypatch.setattr(Workspace, "announce", lambda *arguments: (left.append("newSession"), announce(*arguments)))
    pbx = await serve()
    await Api(http, pbx.url).post("/pbx/call", {"phoneNumber": NUMBER})
    assert left[:2] == ["reply", "newSession"]


async def test_two_sockets_may_send_mp3_to_one_call_without_mixing_their_bytes(bots):
    one, other = await bots(), await bots()
    session_id = await one.call()
    await other.hear("newSession")
    whole = CLIP.read_bytes()
    acks = await asyncio.gather(*(bot.ack(session_id, whole, "mp3") for bot in (one, other, one, other)))
    assert acks == [{"success": True, "error": None}] * 4
    await one.sio.emit("hangup", {"sessionId": session_id})
    await one.hear("hangup")


async def test_a_handler_that_fails_is_an_exception_or_an_ack_and_the_session_goes_on(bots, monkeypatch):
    bot = await bots()
    session_id = await bot.call()
    monkeypatch.setattr(Workspace, "mark", lambda *arguments: 1 / 0)
    monkeypatch.setattr(Workspace, "play", lambda *arguments: 1 / 0)
    await bot.sio.emit("checkPoint", {"sessionId": session_id, "name": "x"})
    assert (await bot.hear("exception"))["message"] == "checkPoint: Internal server error"
    assert await bot.ack(session_id, b"\0\0") == {"success": False, "error": "Internal server error"}
    await bot.sio.emit("hangup", {"sessionId": session_id})
    await bot.hear("hangup")


async def test_a_token_ends_at_its_first_space_in_a_header_and_in_auth_alike(bots):
    bot, same = await bots(token="a b"), await bots(token="a")
    await bot.api.post("/pbx/call", {"phoneNumber": NUMBER})
    assert await same.hear("newSession") == await bot.hear("newSession")


# --- anything at all --------------------------------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.binary(max_size=50)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["sessionId", "audioData", "audioFormat", "name", "digit", "duration"]
NEARLY = st.dictionaries(st.sampled_from(FIELDS), ANYTHING | st.sampled_from(["pcm16", "mp3", "ulaw", "1", "SESSION"]))
EVENTS = st.tuples(
    st.sampled_from(["joinRoom", "audio", "checkPoint", "dtmf", "interruption", "cdr", "newSession", "x"]),
    ANYTHING | NEARLY,
)


async def test_whatever_a_client_sends_the_call_goes_on(bots):
    bot = await bots()
    session_id = await bot.call()
    loop = asyncio.get_running_loop()

    async def send(events) -> None:
        for event, payload in events:
            aimed = isinstance(payload, dict) and payload.get("sessionId") == "SESSION"
            await bot.sio.emit(event, payload | {"sessionId": session_id} if aimed else payload)
        assert await bot.ack(session_id, b"\x01\0") == {"success": True, "error": None}

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(EVENTS, max_size=5))
    def throw(events) -> None:
        asyncio.run_coroutine_threadsafe(send(events), loop).result(30)

    await asyncio.to_thread(throw)
    await bot.sio.emit("hangup", {"sessionId": session_id})
    while (await asyncio.wait_for(bot.heard.get(), 10))[0] != "cdr":
        pass


async def test_whatever_is_sent_over_rest_the_answer_is_an_envelope_and_never_500(bots, http):
    loop = asyncio.get_running_loop()
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )
    near = st.fixed_dictionaries({"phoneNumber": json_values}) | st.fixed_dictionaries({"sessionId": json_values})
    body = st.binary(max_size=200) | (json_values | near).map(lambda value: json.dumps(value).encode())
    kinds = st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/json;charset=x"]
    )
    query = st.lists(
        st.tuples(
            st.sampled_from(["page", "limit", "sortBy", "search", "filter.duration", "filter.destination", "filter.x"]),
            st.text(max_size=12) | st.sampled_from(["$gte:1", "$or:$eq:1", "$not:$in:1", "-1", "0", "1e9"]),
        ),
        max_size=4,
    )

    async def ask(method, path, data, kind, pairs) -> None:
        from urllib.parse import quote, urlencode

        from yarl import URL

        url = URL(bots.url + quote(path, safe="/%") + "?" + urlencode(pairs, errors="replace"), encoded=True)
        headers = {"Authorization": "Bearer dev", "Content-Type": kind}
        async with http.request(method, url, data=data or None, headers=headers) as reply:
            answer = await reply.json()
            assert reply.status in (200, 400, 401, 404, 413, 415), answer
            assert answer.keys() in ({"status", "errors", "data"}, {"data", "meta"})
            if reply.status != 200:
                assert answer == {"status": reply.status, "errors": answer["errors"], "data": None}
                assert answer["errors"]
                assert "Traceback" not in answer["errors"]

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
        st.sampled_from(["/pbx/call", "/pbx/hangup", "/cdr", "/cdr/x", "/"])
        | st.text(max_size=10).map(lambda t: "/cdr/" + t),
        body,
        kinds,
        query,
    )
    def throw(method, path, data, kind, pairs) -> None:
        asyncio.run_coroutine_threadsafe(ask(method, path, data, kind, pairs), loop).result(30)

    await asyncio.to_thread(throw)
