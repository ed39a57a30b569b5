"""What clients and service said to each other, as the control API shows it. Time is stepped, unless a test says."""

import asyncio
import json
from urllib.parse import quote

import aiohttp
import pytest
import socketio
from conftest import Api

from mockpbx.adapters.control import traffic as pages
from mockpbx.adapters.control.traffic_messages import MessagesPage
from mockpbx.runtime import traffic as log
from mockpbx.runtime.faults import read_fault

NUMBER = "089608675796"
TOKEN = "a-token-that-nobody-may-see"
PACKET = bytes(2_560)
ANSWERED = 2_500  # ms from the dialling of an ordinary number to its answer


class Inspector(Api):
    """A client of a server with one token, over both APIs and its socket, and the messages that the server kept."""

    def __init__(self, http, pbx, token: str = TOKEN) -> None:
        super().__init__(http, pbx.url, token)
        self.token = token
        self.workspace = pbx.workspace_of(token)
        self.traffic = self.workspace.traffic
        self.sio = socketio.AsyncClient(reconnection=False)
        self.heard: list[tuple[str, dict]] = []
        self.frames = 0
        self.sio.on("*", self._hear)

    def _hear(self, event: str, data: dict) -> None:
        if event == "audio":
            self.frames += 1
        else:
            self.heard.append((event, data))

    async def connect(self) -> "Inspector":
        await self.sio.connect(self.url, auth={"token": f"Bearer {self.token}"}, transports=["websocket"])
        return self

    async def read(self, query: str = "") -> dict:
        """Return a page, held against the model of it."""
        status, reply = await self.get(f"/__admin/messages{query}")
        assert status == 200, reply
        page = reply["data"]
        model = MessagesPage.model_validate_json(json.dumps(page))
        assert model.model_dump(mode="json", by_alias=True) == page
        return page

    async def messages(self, query: str = "") -> list[dict]:
        return (await self.read(query))["messages"]

    async def refused(self, query: str) -> str:
        status, reply = await self.get(f"/__admin/messages{query}")
        assert (status, reply["data"]) == (400, None)
        return reply["errors"]

    async def send(self, event: str, **payload: object) -> None:
        """Send an event, and return when the server has handled it: an acknowledgment comes behind it."""
        await self.sio.emit(event, payload)
        await self.sio.call("audio", {})

    async def play(self, session: str, data: object = PACKET, audio_format: object = "pcm16") -> dict:
        return await self.sio.call("audio", {"sessionId": session, "audioData": data, "audioFormat": audio_format})

    async def post_audio(self, session: str) -> None:
        """Send a packet that wants an acknowledgment, and do not wait for it."""
        payload = {"sessionId": session, "audioData": PACKET, "audioFormat": "pcm16"}
        await self.sio.emit("audio", payload, callback=lambda *_: None)

    def set(self, fault: str, **fields: object) -> None:
        self.workspace.faults.add(read_fault({"fault": fault} | fields))

    async def advance(self, ms: int) -> None:
        await self.workspace.advance(ms)

    async def call(self) -> str:
        """Place a call, and join it."""
        session = (await self.post("/pbx/call", {"phoneNumber": NUMBER}))[1]["data"]["sessionId"]
        await self.sio.emit("joinRoom", {"sessionId": session})
        await self.advance(0)
        return session

    async def connected(self) -> str:
        session = await self.call()
        await self.advance(ANSWERED)
        return session

    def note(self, *names: str, call: str | None = None) -> None:
        for name in names:
            self.traffic.event("in", name, {"sessionId": call}, call=call, client="c")


@pytest.fixture
async def clients(serve, http):
    """Clients of one server: `await clients()`, `await clients(token="other", clock="20x")`."""
    running: list[Inspector] = []
    servers: dict[tuple, object] = {}

    async def connect(token: str = TOKEN, **settings) -> Inspector:
        key = tuple(settings.items())
        if key not in servers:
            servers[key] = await serve(**{"clock": "manual", "audio_lead": 0.02} | settings)
        client = Inspector(http, servers[key], token)
        running.append(client)
        return await client.connect()

    yield connect
    for client in running:
        await client.sio.disconnect()


@pytest.fixture
async def log_only(serve, http) -> Inspector:
    """A workspace without a socket, for messages that a test writes itself."""
    return Inspector(http, await serve(clock="manual"))


def names(page: dict | list) -> list[str]:
    return [message["name"] for message in (page if isinstance(page, list) else page["messages"])]


def said(message: dict) -> tuple[str, str, object]:
    return message["direction"], message["name"], message["payload"]


# --- a whole call -----------------------------------------------------------------------------------------------------


async def test_a_whole_call_is_told_as_the_conversation_that_it_was(clients):
    client = await clients()
    session = await client.connected()
    call = {"sessionId": session}
    for _ in range(3):
        await client.play(session)
    await client.advance(600)
    await client.sio.emit("checkPoint", call | {"name": "said"})
    await client.advance(0)
    await client.sio.emit("hangup", call)
    await client.advance(2_000)
    record = dict(client.heard)["cdr"]
    frames = client.frames

    connect, *conversation = await client.messages()
    assert said(connect) == ("in", "connect", None)
    assert {message["call"] for message in conversation} == {session}
    placed = conversation[0]
    assert said(placed) == ("in", "POST /pbx/call", {"phoneNumber": NUMBER})
    assert (placed["via"], placed["status"], placed["error"], placed["client"]) == ("rest", 200, None, None)
    assert placed["reply"]["data"] == {"phoneNumber": NUMBER} | call
    assert placed["ms"] >= 0
    told = [said(message) for message in conversation[1:] if message["name"] != "audio"]
    assert told == [
        ("out", "newSession", call | {"type": "outbound"}),
        ("in", "joinRoom", call),
        ("out", "roomJoined", call | {"status": "success"}),
        ("out", "dialStatus", call | {"status": "Dialing"}),
        ("out", "dialStatus", call | {"status": "Ringing"}),
        ("out", "dialStatus", call | {"status": "Connected"}),
        ("in", "checkPoint", call | {"name": "said"}),
        ("out", "checkPoint", call | {"name": "said"}),
        ("in", "hangup", call),
        ("out", "hangup", call),
        ("out", "cdr", record),
    ]
    assert {message["client"] for message in conversation[1:] if message["name"] != "audio"} == {connect["client"]}
    (heard,) = [message for message in conversation if message["name"] == "audio" and message["direction"] == "in"]
    assert (heard["count"], heard["bytes"], heard["formats"], heard["refused"]) == (3, 7_680, ["pcm16"], 0)
    assert heard["payload"] == call | {"audioData": {"bytes": 2_560}, "audioFormat": "pcm16"}
    assert (heard["acks"], heard["reply"]) == (3, {"success": True, "error": None})
    sent = [message for message in conversation if message["name"] == "audio" and message["direction"] == "out"]
    assert sum(message["count"] for message in sent) == frames == 31
    assert sum(message["bytes"] for message in sent) == frames * 320
    assert sent[0]["payload"] == call | {"audioData": {"bytes": 320}, "audioFormat": "pcm16"}
    # It was said up to the moment at which the next message was.
    assert names(conversation)[7:10] == ["audio", "audio", "checkPoint"]
    assert sent[0]["until"] == conversation[9]["at"]


async def test_a_request_over_rest_that_ends_a_call_and_those_for_its_record_belong_to_it(clients):
    client = await clients()
    session = await client.call()
    await client.post("/pbx/hangup", {"sessionId": session})
    await client.advance(2_000)
    await client.get(f"/cdr/{session}")
    await client.get("/cdr?filter.destination=$eq:0896&limit=5")
    rest = await client.messages("?via=rest")
    assert [(message["name"], message["call"]) for message in rest] == [
        ("POST /pbx/call", session),
        ("POST /pbx/hangup", session),
        (f"GET /cdr/{session}", session),
        ("GET /cdr?filter.destination=$eq:0896&limit=5", None),
    ]
    assert rest[1]["payload"] == {"sessionId": session}
    assert rest[2]["payload"] is None
    assert rest[2]["reply"]["data"]["disposition"] == "CANCEL"


# --- what was refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("POST", "/pbx/call", {"json": {"phoneNumber": "12"}}, 400, "Invalid phone number format"),
        ("POST", "/pbx/call", {"json": {"phoneNumber": "08000000500"}}, 500, "Failed to initiate call"),
        ("POST", "/pbx/hangup", {"json": {"sessionId": "none"}}, 404, "No live call has this sessionId"),
        ("POST", "/pbx/call", {"data": "{", "headers": {"Content-Type": "application/json"}}, 400, "not valid JSON"),
        ("GET", "/cdrs", {}, 404, "Cannot GET /cdrs"),
        ("GET", "/cdr?limit=x", {}, 400, "limit"),
    ],
)
async def test_requests_that_were_refused_are_kept_with_the_reason(log_only, method, path, body, status, sentence):
    code, reply = await log_only.ask(method, path, **body)
    (message,) = await log_only.messages()
    assert (message["name"], message["status"], code) == (f"{method} {path}", status, status)
    assert message["reply"] == reply
    assert sentence in message["error"]
    assert message["payload"] == body.get("json")


async def test_events_that_were_refused_are_kept_with_the_reason_and_with_what_the_client_was_told(clients):
    client = await clients()
    await client.sio.emit("checkPoint", {"sessionId": "none", "name": "x"})
    await client.send("chekPoint", sessionId="none")
    (
        _,
        refused,
        told,
        unknown,
    ) = await client.messages()
    assert said(refused) == ("in", "checkPoint", {"sessionId": "none", "name": "x"})
    assert "No live call has this sessionId" in refused["error"]
    assert said(told)[:2] == ("out", "exception")
    assert told["call"] == "none"
    assert refused["error"] in told["payload"]["message"]
    assert unknown["name"] == "chekPoint"
    assert unknown["error"].endswith("did you mean checkPoint?")


async def test_audio_that_was_refused_is_counted_in_its_run(clients):
    client = await clients()
    session = await client.connected()
    assert (await client.play(session))["success"]
    refusal = await client.play(session, "text")
    assert not refusal["success"]
    await client.play(session, audio_format="ulaw")
    await client.sio.emit("audio", {"sessionId": session, "audioData": PACKET, "audioFormat": "alaw"})
    await client.play(session)
    (run,) = [run for run in (await client.read(f"?call={session}"))["open"] if run["direction"] == "in"]
    assert (run["number"], run["count"], run["refused"], run["error"]) == (None, 5, 1, refusal["error"])
    assert (run["bytes"], run["formats"]) == (4 * 2_560, ["pcm16", "ulaw", "alaw"])
    assert run["acks"] == 4  # one did not want any


async def test_requests_and_sockets_without_a_good_token_belong_to_nobody(clients, http):
    client = await clients()
    stranger = Api(http, client.url, "invalid-token")
    assert (await stranger.get("/cdr"))[0] == 401
    assert (await Api(http, client.url, None).post("/pbx/call", {"phoneNumber": NUMBER}))[0] == 401
    with pytest.raises(socketio.exceptions.ConnectionError):
        await socketio.AsyncClient(reconnection=False).connect(client.url, auth={"token": "invalid"})
    assert names(await client.messages()) == ["connect"]


async def test_what_the_console_reads_by_itself_is_nobodys_message(log_only, http):
    own = {"Authorization": f"Bearer {TOKEN}", "X-Mockpbx-Console": "1"}
    for path in ("/cdr?limit=5", "/cdr/0198355b-f324-718b-95a4-625c43c654bc"):
        async with http.get(log_only.url + path, headers=own) as reply:
            assert reply.status in (200, 404)
    await log_only.get("/cdr?limit=6")
    assert names(await log_only.read()) == ["GET /cdr?limit=6"]


# --- faults and mutants -----------------------------------------------------------------------------------------------


async def test_with_faults_the_messages_are_those_that_really_passed(clients):
    client = await clients()
    session = await client.connected()
    client.set("frame_lost", probability=0.5)
    client.set("event_lost", event="checkPoint")
    client.set("ack_lost")
    await client.post_audio(session)
    await client.sio.emit("checkPoint", {"sessionId": session, "name": "lost"})
    await client.advance(1_000)
    before = client.frames
    assert 0 < before < 51
    client.workspace.faults.clear()
    page = await client.read(f"?call={session}")
    sound = [message for message in [*page["messages"], *page["open"]] if message["name"] == "audio"]
    assert sum(message["count"] for message in sound if message["direction"] == "out") == before
    assert [message["acks"] for message in sound if message["direction"] == "in"] == [0]
    assert [message["direction"] for message in page["messages"] if message["name"] == "checkPoint"] == ["in"]


async def test_an_acknowledgment_counts_when_it_leaves(clients):
    client = await clients()
    session = await client.connected()
    client.set("ack_late", seconds=0.1)
    await client.post_audio(session)
    await client.advance(60)
    assert [run["acks"] for run in (await client.read(f"?call={session}&direction=in"))["open"]] == [0]
    await client.advance(60)
    (run,) = (await client.read(f"?call={session}&direction=in"))["open"]
    assert (run["acks"], run["reply"]) == (1, {"success": True, "error": None})


async def test_what_a_fault_refused_or_dropped_is_kept_and_says_so(clients):
    client = await clients()
    client.set("http_error", status=503)
    assert (await client.get("/cdr"))[0] == 503
    client.workspace.faults.clear()
    client.set("http_drop")
    with pytest.raises(aiohttp.ClientError):
        await client.post("/pbx/call", {"phoneNumber": NUMBER})
    client.workspace.faults.clear()
    client.set("connect_refused", message="Not today")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await socketio.AsyncClient(reconnection=False).connect(client.url, auth={"token": TOKEN})
    failed, dropped, refused = (await client.messages())[-3:]
    assert (failed["name"], failed["status"]) == ("GET /cdr", 503)
    assert (dropped["name"], dropped["status"], dropped["reply"]) == ("POST /pbx/call", None, None)
    assert "closed the connection" in dropped["error"]
    assert (refused["name"], refused["error"], refused["reply"]) == ("connect", "Not today", {"message": "Not today"})


@pytest.mark.parametrize(
    ("mutant", "count", "size"), [("frames-of-160-bytes", 100, 16_000), ("frames-at-half-pace", 25, 8_000)]
)
async def test_a_mutants_messages_are_those_that_it_sends(clients, mutant, count, size):
    client = await clients(mutant=mutant)
    session = await client.connected()
    await client.advance(1_000)
    (run,) = (await client.read(f"?call={session}"))["open"]
    assert run["count"] == client.frames
    assert abs(run["count"] - count) <= 2
    assert run["bytes"] == run["count"] * (size // count)


# --- sockets ----------------------------------------------------------------------------------------------------------


async def test_a_socket_comes_and_goes_with_or_without_a_goodbye(clients):
    client = await clients()
    for farewell in (["41"], []):  # Socket.IO's DISCONNECT packet, or nothing
        async with client.http.ws_connect(f"{client.url}/socket.io/?EIO=4&transport=websocket") as ws:
            await ws.receive()
            await ws.send_str("40" + json.dumps({"token": client.token}))
            sid = json.loads((await ws.receive()).data.removeprefix("40"))["sid"]
            for packet in farewell:
                await ws.send_str(packet)
        position, seen = "0", []
        while "disconnect" not in names(seen):
            page = await client.read(f"?after={position}&q={sid}&wait=10")
            position, seen = page["next"], seen + page["messages"]
        assert said(seen[0]) == ("in", "connect", None)
        assert said(seen[1]) == ("in", "disconnect", {"goodbye": bool(farewell)})
        assert (seen[1]["error"] is None) == bool(farewell)


async def test_what_several_sockets_get_is_one_message(clients):
    client, sister = await clients(), await clients()
    session = (await client.post("/pbx/call", {"phoneNumber": NUMBER}))[1]["data"]["sessionId"]
    await sister.sio.emit("joinRoom", {"sessionId": session})
    await client.advance(0)
    told = {message["name"]: message for message in await client.messages(f"?call={session}&direction=out")}
    assert (told["newSession"]["clients"], told["newSession"]["client"]) == (2, None)
    assert (told["roomJoined"]["clients"], told["roomJoined"]["client"]) == (1, sister.sio.get_sid())


async def test_another_workspace_sees_nothing_of_it(clients):
    client, stranger = await clients(), await clients(token="other")
    session = await client.connected()
    await client.play(session)
    await stranger.play(session)  # refused, and the stranger's own message
    seen = await stranger.read()
    assert names(seen) == ["connect"]
    assert [(run["count"], run["refused"]) for run in seen["open"]] == [(1, 1)]
    assert (await stranger.read(f"?call={session}"))["open"] == seen["open"]
    assert [run["count"] for run in (await client.read())["open"] if run["direction"] == "in"] == [1]


async def test_no_token_is_shown_wherever_it_was_sent(clients):
    client = await clients()
    await client.send("joinRoom", sessionId="x", token=TOKEN, auth={"authorization": f"Bearer {TOKEN}"})
    await client.post(f"/pbx/call?token={TOKEN}", {"phoneNumber": "1", "accessToken": TOKEN})
    await client.get(f"/nowhere?access_token={TOKEN}&page=2")
    page = await client.read()
    assert "/nowhere?access_token=…&page=2" in names(page)[-1]
    assert len(page["messages"]) >= 4
    assert TOKEN not in json.dumps(page)


# --- pages ------------------------------------------------------------------------------------------------------------


async def test_pages_follow_each_other_without_a_gap(log_only):
    log_only.note(*"abcde")
    first = await log_only.read("?limit=2")
    second = await log_only.read(f"?limit=2&after={first['next']}")
    third = await log_only.read(f"?limit=2&after={second['next']}")
    assert [*names(first), *names(second), *names(third)] == list("abcde")
    assert [first["previous"], second["previous"], third["previous"]] == [None, 3, 5]
    assert not third["truncated"]
    assert names(await log_only.read(f"?after={third['next']}")) == []


async def test_the_newest_come_first_and_the_way_back_leads_to_all_of_them(log_only):
    log_only.note(*"abcdefg")
    page = await log_only.read("?latest=3")
    assert names(page) == ["e", "f", "g"]
    following = page["next"]
    back = []
    while page["previous"] is not None:
        log_only.note("while scrolling")
        page = await log_only.read(f"?before={page['previous']}&limit=3")
        back.append(names(page))
    assert back == [["b", "c", "d"], ["a"]]
    assert names(await log_only.read(f"?after={following}")) == ["while scrolling"] * 2
    assert names(await log_only.read("?before=9999&limit=1")) == ["while scrolling"]
    assert await log_only.read("?before=1") | {"started": 0, "next": ""} == {
        "messages": [], "open": [], "next": "", "previous": None, "first": 1, "started": 0, "truncated": False,
    }  # fmt: skip


async def test_messages_are_found_by_words_in_any_of_their_parts(log_only):
    traffic = log_only.traffic
    traffic.event("in", "joinRoom", {"sessionId": "one"}, call="one", client="Socket-7")
    traffic.event("in", "checkPoint", {"name": 'Grüße "hier"'}, call="one")
    traffic.event("in", "dtmf", None, call="two", error="Call is not connected")
    traffic.exchange("GET /cdr", 0, 1, call=None, payload=None, status=200, reply={"data": []}, error=None)
    for words, numbers in {
        "JOINroom": [1], "socket-7": [1], '"sessionId": "one"': [1], "ONE": [1, 2], "GRÜSSE": [2],
        'Grüße "hier"': [2], "not connected": [3], "/cdr": [4], '"data"': [4], "nothing": [], "": [1, 2, 3, 4],
    }.items():  # fmt: skip
        page = await log_only.read(f"?q={quote(words, safe='')}")
        assert [message["number"] for message in page["messages"]] == numbers, words
    assert names(await log_only.read("?q=one&call=one&via=socket&direction=in")) == ["joinRoom", "checkPoint"]
    assert names(await log_only.read("?via=rest&latest=5")) == ["GET /cdr"]
    assert names(await log_only.read("?call=two&latest=5")) == ["dtmf"]


async def test_a_search_backwards_goes_on_where_it_stopped(log_only):
    log_only.note("wanted", "x", "y", "wanted", "z", "wanted")
    page = await log_only.read("?q=wanted&latest=1")
    numbers = [message["number"] for message in page["messages"]]
    while page["previous"] is not None:
        page = await log_only.read(f"?q=wanted&limit=1&before={page['previous']}")
        numbers += [message["number"] for message in page["messages"]]
    assert numbers == [6, 4, 1]


async def test_a_page_of_big_messages_ends_early_and_goes_on(log_only, monkeypatch):
    monkeypatch.setattr(pages, "LARGEST_PAGE", 10_000)
    for _ in range(10):
        log_only.traffic.event("in", "checkPoint", {"name": "x" * 900, "more": ["y" * 900] * 9})
    page, seen = await log_only.read(), 0
    while page["messages"]:
        assert len(page["messages"]) < 5
        seen += len(page["messages"])
        page = await log_only.read(f"?after={page['next']}")
    assert seen == 10


async def test_messages_that_are_gone_are_said_to_be(log_only, monkeypatch):
    monkeypatch.setattr(log, "MOST_MESSAGES", 3)
    log_only.note(*"abcde")
    page = await log_only.read()
    assert (names(page), page["first"], page["truncated"], page["previous"]) == (["c", "d", "e"], 3, True, None)
    assert not (await log_only.read("?after=2"))["truncated"]
    assert (await log_only.read("?latest=5"))["previous"] is None


async def test_after_a_reset_the_messages_are_others(log_only):
    log_only.note(*"abc")
    before = await log_only.read()
    await log_only.post("/__admin/reset")
    log_only.note("new")
    page = await log_only.read(f"?after={before['next']}")
    assert (names(page), page["messages"][0]["number"], page["truncated"]) == (["new"], 1, True)
    assert page["started"] > before["started"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?after=yesterday", "after is not valid: expected the `next` of a reply"),
        ("?limit=1001", "limit is not valid: expected at most 1000"),
        ("?latest=0", "latest is not valid: expected at least 1"),
        ("?before=0", "before is not valid: expected at least 1"),
        ("?wait=61", "wait is not valid: expected at most 60"),
        ("?direction=up", "direction is not valid"),
        ("?after=1&latest=1", "after and latest exclude each other: ask with one of after, before and latest"),
        ("?before=5&wait=1", "wait does not go with before"),
        (f"?q={'x' * 201}", "q is not valid"),
        ("?cal=x", "cal is no query parameter of this request; did you mean call?"),
    ],
)
async def test_questions_that_make_no_sense_get_a_sentence(log_only, query, sentence):
    assert sentence in await log_only.refused(query)


# --- long polls -------------------------------------------------------------------------------------------------------


@pytest.fixture
def listening(monkeypatch):
    """`await listening(inspector).wait()`: somebody waits for the next message."""

    def watch(inspector: Inspector) -> asyncio.Event:
        traffic, waits = inspector.traffic, asyncio.Event()
        grown = traffic.grown

        def watched() -> asyncio.Future[None]:
            waits.set()
            return grown()

        monkeypatch.setattr(traffic, "grown", watched)
        return waits

    return watch


async def test_a_long_poll_answers_with_what_it_waited_for_and_with_nothing_else(log_only, listening):
    log_only.note("before")
    position = (await log_only.read())["next"]
    waits = listening(log_only)
    poll = asyncio.ensure_future(log_only.read(f"?after={position}&call=one&wait=60"))
    await waits.wait()
    waits.clear()
    log_only.note("of another call", call="other")
    await waits.wait()
    log_only.note("mine", call="one")
    assert names(await poll) == ["mine"]


async def test_a_long_poll_comes_back_empty_when_its_time_is_over(log_only):
    log_only.note("seen")
    page = await log_only.read("?after=1&wait=0.01")
    assert (page["messages"], page["truncated"]) == ([], False)


async def test_a_reset_wakes_a_long_poll(log_only, listening):
    log_only.note("seen")
    waits = listening(log_only)
    poll = asyncio.ensure_future(log_only.read("?after=1&wait=60"))
    await waits.wait()
    await log_only.post("/__admin/reset")
    page = await poll
    assert (page["messages"], page["truncated"], page["first"]) == ([], True, 1)


async def test_nobody_who_waits_holds_up_the_end_of_the_server(serve, http, listening):
    pbx = await serve()
    inspector = Inspector(http, pbx)
    waits = listening(inspector)
    poll = asyncio.ensure_future(inspector.read("?wait=60"))
    await waits.wait()
    await asyncio.wait_for(pbx.stop(), 4)
    assert (await poll)["messages"] == []
