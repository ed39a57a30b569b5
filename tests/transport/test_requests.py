"""HTTP requests to an Engine.IO server: handshakes, polls, POSTs, upgrades, and how mistakes are refused."""

import asyncio
import contextlib
import json
import logging

import aiohttp
import pytest
from aiohttp import web
from peers import POLLING, WEBSOCKET, OnPolling, OnWebsocket, get, payload, peer, post, session

from mockpbx.transport import EngineServer
from mockpbx.transport.engine import EngineSocket
from mockpbx.transport.polling import Outbox

UNKNOWN_TRANSPORT = {"code": 0, "message": "Transport unknown"}
UNKNOWN_SESSION = {"code": 1, "message": "Session ID unknown"}
BAD_METHOD = {"code": 2, "message": "Bad handshake method"}
BAD_REQUEST = {"code": 3, "message": "Bad request"}
FORBIDDEN = {"code": 4, "message": "Forbidden"}
BAD_VERSION = {"code": 5, "message": "Unsupported protocol version"}
UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}  # fmt: skip


class Echo:
    """An Engine.IO server that returns what it is sent, and what became of its sessions."""

    def __init__(self, **options) -> None:
        self.sessions: list[EngineSocket] = []
        self.handled: list[str | bytes] = []
        self.ended: asyncio.Queue[str] = asyncio.Queue()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.engine = EngineServer(
            self.echo, opened=self.sessions.append, closed=lambda _, reason: self.ended.put_nowait(reason), **options
        )
        self.url = ""

    async def echo(self, session, message):
        self.handled.append(message)
        if message == "slow":
            await self.may_answer.wait()
        session.send(message)
        if message == "last":
            asyncio.get_running_loop().call_soon(session._die)
            await asyncio.sleep(0)

    async def end(self) -> str:
        return await asyncio.wait_for(self.ended.get(), 20)


@contextlib.asynccontextmanager
async def echoing(**options):
    echo = Echo(**({"ping_interval": 30, "ping_timeout": 30} | options))
    app = web.Application()
    echo.engine.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    echo.url = f"http://127.0.0.1:{runner.addresses[0][1]}/engine.io/"
    yield echo
    await runner.cleanup()


@pytest.fixture
async def echo():
    async with echoing() as echo:
        yield echo


async def refused(http, url, method="GET", status=400, **options) -> dict:
    async with http.request(method, url, **options) as reply:
        assert (reply.status, reply.content_type) == (status, "application/json"), await reply.text()
        return await reply.json()


async def test_a_handshake_says_what_the_server_does(echo, http):
    async with http.get(f"{echo.url}?{POLLING}") as reply:
        assert reply.content_type == "text/plain"
        assert reply.headers["Cache-Control"] == "no-store"
        opening = await reply.text()
    assert opening[0] == "0"
    told = json.loads(opening[1:])
    assert len(told.pop("sid")) == 20
    assert told == {"upgrades": ["websocket"], "pingInterval": 30_000, "pingTimeout": 30_000, "maxPayload": 1_000_000}
    async with http.ws_connect(f"{echo.url}?{WEBSOCKET}") as ws:
        assert '"upgrades":[]' in await ws.receive_str()


@pytest.mark.parametrize(
    ("query", "method", "headers", "refusal"),
    [
        ("transport=polling", "GET", {}, BAD_VERSION),
        ("transport=polling&EIO=3", "GET", {}, BAD_VERSION),
        ("transport=polling&EIO=abc", "GET", {}, BAD_VERSION),
        ("transport=websocket&EIO=3", "GET", UPGRADE, BAD_VERSION),
        ("EIO=4", "GET", {}, UNKNOWN_TRANSPORT),
        ("EIO=4&transport=abc", "GET", {}, UNKNOWN_TRANSPORT),
        ("EIO=4&transport=abc", "GET", UPGRADE, UNKNOWN_TRANSPORT),
        ("", "POST", {}, UNKNOWN_TRANSPORT),
        (f"{POLLING}&sid=unknown", "GET", {}, UNKNOWN_SESSION),
        (f"{POLLING}&sid=unknown", "POST", {}, UNKNOWN_SESSION),
        (f"{WEBSOCKET}&sid=unknown", "GET", UPGRADE, UNKNOWN_SESSION),
        (POLLING, "POST", {}, BAD_METHOD),
        (POLLING, "PUT", {}, BAD_METHOD),
        (POLLING, "DELETE", {}, BAD_METHOD),
        (WEBSOCKET, "GET", {}, BAD_REQUEST),
        (WEBSOCKET, "GET", UPGRADE | {"Sec-WebSocket-Key": "short"}, BAD_REQUEST),
        (POLLING, "GET", UPGRADE, BAD_REQUEST),
        (f"{POLLING}&j=0", "GET", {}, BAD_REQUEST),
    ],
)
async def test_a_request_that_opens_nothing_is_refused_with_a_code(echo, http, query, method, headers, refusal):
    assert await refused(http, f"{echo.url}?{query}", method, headers=headers) == refusal
    assert not echo.engine.sessions


@pytest.mark.parametrize(
    ("query", "method", "headers"),
    [
        (POLLING, "PUT", {}),
        ("transport=polling&EIO=3", "GET", {}),
        ("transport=polling", "POST", {}),
        (WEBSOCKET, "GET", {}),
        (WEBSOCKET, "GET", UPGRADE | {"Sec-WebSocket-Version": "1"}),
    ],
)
async def test_a_mistake_about_a_session_is_refused_and_the_session_goes_on(echo, http, query, method, headers):
    sid = await session(http, echo.url)
    assert await refused(http, f"{echo.url}?{query}&sid={sid}", method, headers=headers) == BAD_REQUEST
    url = f"{echo.url}?{POLLING}&sid={sid}"
    assert await post(http, url, "4still") == (200, "ok")
    assert await get(http, url) == (200, "4still")


@pytest.mark.parametrize("body", ["4hello", "4a\x1e4b\x1e4c", "4hello\x1ebAQIDBA==", "bAAD/\x1e4é☃"])
async def test_what_is_posted_comes_back_with_the_next_poll(echo, http, body):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    assert await post(http, url, body) == (200, "ok")
    assert await get(http, url) == (200, body)


async def test_a_body_of_no_declared_type_is_text(echo, http):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    assert await post(http, url, "4plain", skip_auto_headers=["Content-Type"]) == (200, "ok")
    assert await get(http, url) == (200, "4plain")


async def test_one_reply_carries_16_packets_and_the_next_the_rest(echo, http):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    said = [f"4{number}" for number in range(20)]
    assert await post(http, url, payload(*said)) == (200, "ok")
    assert await get(http, url) == (200, payload(*said[:16]))
    assert await get(http, url) == (200, payload(*said[16:]))


async def polling(echo, http, url) -> asyncio.Task:
    """Begin a poll, and return once it waits."""
    task = asyncio.create_task(get(http, url))
    while not echo.sessions[-1].outbox.awaited:
        await asyncio.sleep(0)
    return task


async def test_a_second_poll_closes_the_session(echo, http):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    first = await polling(echo, http, url)
    assert await refused(http, url) == BAD_REQUEST
    assert await first == (200, "1")
    assert await refused(http, url) == UNKNOWN_SESSION
    assert await echo.end() == "transport error"


async def test_a_second_post_closes_the_session(echo, http):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    echo.may_answer.clear()
    first = asyncio.create_task(post(http, url, "4slow"))
    while not echo.sessions[0]._posts.locked():
        await asyncio.sleep(0)
    assert await refused(http, url, "POST", data="4second") == BAD_REQUEST
    echo.may_answer.set()
    await first
    assert await refused(http, url) == UNKNOWN_SESSION


@pytest.mark.parametrize("body", ["abc", "", "4fine\x1e", b"\x00\x01", "2", "2probe"])
async def test_a_post_that_breaks_the_protocol_closes_the_session_and_ends_its_poll(echo, http, body):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    poll = await polling(echo, http, url)
    headers = {"Content-Type": "application/octet-stream" if isinstance(body, bytes) else "text/plain"}
    assert await refused(http, url, "POST", data=body, headers=headers) == BAD_REQUEST
    status, heard = await poll
    assert (status, heard.removeprefix("4fine\x1e")) in [(200, "1"), (200, "4fine")]
    assert await refused(http, url) == UNKNOWN_SESSION
    assert await echo.end() == "parse error"


async def test_a_client_that_says_goodbye_gets_its_poll_back(echo, http):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    poll = await polling(echo, http, url)
    assert await post(http, url, "1\x1e4unheard") == (200, "ok")
    assert await poll == (200, "6")
    assert await refused(http, url) == UNKNOWN_SESSION
    assert await echo.end() == "transport close"


async def test_a_client_that_does_not_poll_just_then_is_told_by_its_next_poll_that_it_is_closed(echo, http):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    echo.sessions[0].send("last words")
    await echo.engine.close()
    assert await refused(http, url, "POST", data="4late") == UNKNOWN_SESSION
    assert await get(http, url) == (200, "4last words\x1e1")
    assert await refused(http, url) == UNKNOWN_SESSION


async def test_a_client_that_hangs_up_on_its_poll_is_closed_and_loses_nothing_in_silence(echo, http, monkeypatch):
    monkeypatch.setattr("mockpbx.transport.polling.WATCH", 0.01)
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    poll = await polling(echo, http, url)
    poll.cancel()
    assert await echo.end() == "transport close"
    assert await refused(http, url) == UNKNOWN_SESSION


async def test_a_client_that_posts_and_never_polls_is_bounded(http):
    async with echoing(backlog=10_000) as echo:
        url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
        for _ in range(10):
            await post(http, url, "4" + "x" * 2_000)
        assert await echo.end() == "transport error"


async def test_a_client_that_stops_polling_is_cut_off_and_the_log_says_why(http, caplog):
    async with echoing(slow_reader_timeout=0.05) as echo:
        url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
        (server,) = echo.sessions
        async with asyncio.timeout(20):
            while not server.closed:
                server.send("news")
                await asyncio.sleep(0.01)
        assert await echo.end() == "transport error"
        assert server.cut_off is not None
        assert "it has taken none for 0.05 s" in server.cut_off
        assert f"cut off a client that stopped polling: {server.cut_off}" in caplog.text
        assert await get(http, url) == (200, "1")


async def test_what_waits_for_a_poll_is_counted_until_it_is_taken(echo, http):
    url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
    (server,) = echo.sessions
    server.send("x" * 99)
    assert server.waiting == 100
    await get(http, url)
    assert server.waiting == 0


class Time:
    """A clock that is set by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_who_polls_now_and_then_is_no_slow_reader_and_who_comes_too_late_is(monkeypatch):
    time = Time()
    monkeypatch.setattr("mockpbx.transport.polling.time", time)
    outbox = Outbox(backlog=1_000, patience=10)
    for _ in range(5):
        outbox.put("news")
        outbox.put("more")
        time.now += 9
        assert not outbox.look()
        outbox.take(1)
    time.now += 100
    outbox.take(100)
    time.now += 100
    outbox.put("news")
    assert not outbox.look()
    time.now += 11
    assert outbox.look()
    assert outbox.cut_off == "4 bytes wait for it, and it has taken none for 10 s"
    assert (len(outbox), outbox.size, outbox.look()) == (0, 0, False)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_client_is_not_taken_for_dead_while_something_that_it_sent_is_being_handled(transport):
    async with echoing(ping_interval=0.05, ping_timeout=0.1) as echo, peer(echo.url, transport) as client:
        echo.may_answer.clear()
        saying = asyncio.create_task(client.say("4slow"))
        await left_unread(echo, pongs=3)
        echo.may_answer.set()
        assert await client.hear() == "4slow"
        await saying
        await client.say("4still here")
        assert await client.hear() == "4still here"
        assert echo.ended.empty()


async def test_a_client_that_is_dead_is_found_out_when_what_it_sent_is_handled(http):
    async with (
        echoing(ping_interval=0.05, ping_timeout=0.1) as echo,
        http.ws_connect(f"{echo.url}?{WEBSOCKET}") as ws,
    ):
        echo.may_answer.clear()
        await ws.send_str("4slow")
        await left_unread(echo, pongs=2)
        assert echo.ended.empty()
        echo.may_answer.set()
        assert await echo.end() == "ping timeout"


async def left_unread(echo, pongs: int) -> None:
    """Wait until so many pings have gone unanswered, as far as the server knows."""
    async with asyncio.timeout(20):
        while not echo.sessions or len(echo.sessions[0]._heart._unanswered) < pongs:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_whoever_leaves_pings_unanswered_is_closed_for_that(http, transport):
    async with echoing(ping_interval=0.05, ping_timeout=0.1) as echo:
        if transport == "polling":
            url = f"{echo.url}?{POLLING}&sid={await session(http, echo.url)}"
            assert await get(http, url) == (200, "2")
            assert (await get(http, url))[1] in ("1", '{"code":1,"message":"Session ID unknown"}')
        else:
            async with http.ws_connect(f"{echo.url}?{WEBSOCKET}") as ws:
                assert [message.data async for message in ws][1:] == ["2"]
        assert await echo.end() == "ping timeout"


async def test_what_is_here_unread_when_a_session_ends_is_not_handled_any_more(echo, http):
    async with http.ws_connect(f"{echo.url}?{WEBSOCKET}") as ws:
        echo.may_answer.clear()
        said = ["slow", "last", "too late"]
        for message in said:
            await ws.send_str(f"4{message}")
        for _ in range(5):  # a handshake each, in which all that has come in
            await session(http, echo.url)
        echo.may_answer.set()
        assert [message.data async for message in ws][1:] == [f"4{message}" for message in said[:-1]]
    assert await echo.end() == "ping timeout"
    assert echo.handled == said[:-1]


async def test_pages_of_other_origins_are_served_or_not_as_it_is_set(http):
    async with echoing() as echo:
        asked = {"Origin": "http://a.example", "Access-Control-Request-Headers": "x-own"}
        async with http.options(echo.url, headers=asked) as reply:
            assert reply.status == 204
            assert reply.headers["Access-Control-Allow-Headers"] == "x-own"
        async with http.get(f"{echo.url}?EIO=4", headers=asked) as reply:
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
    async with echoing(cors_origin="http://a.example") as echo:
        url, other = f"{echo.url}?{POLLING}", {"Origin": "http://b.example"}
        assert (await get(http, url, headers=asked))[0] == 200
        assert (await get(http, url))[0] == 200
        assert await refused(http, url, status=403, headers=other) == FORBIDDEN
        assert await refused(http, f"{echo.url}?{WEBSOCKET}", status=403, headers=other | UPGRADE) == FORBIDDEN
    async with echoing(cors_origin=None) as echo, http.get(f"{echo.url}?{POLLING}", headers=asked) as reply:
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert await refused(http, f"{echo.url}?{POLLING}", "OPTIONS") == BAD_METHOD


async def test_a_body_that_does_not_come_in_time_closes_the_session(http):
    async with echoing(request_timeout=0.05) as echo:
        path = f"/engine.io/?{POLLING}&sid={await session(http, echo.url)}"
        reader, writer = await asyncio.open_connection(*echo.url.removeprefix("http://").split("/")[0].split(":"))
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n42".encode())
        assert await echo.end() == "parse error"
        writer.write_eof()
        assert b" 400 " in await asyncio.wait_for(reader.readline(), 20)
        writer.close()


async def test_where_there_are_most_sessions_only_one_that_is_named_a_newcomer_makes_room(http):
    async with echoing(most_sessions=1) as echo:
        url = f"{echo.url}?{POLLING}"
        await session(http, echo.url)
        await refused(http, url, status=503)
        echo.engine.newcomer(echo.sessions[0])
        await session(http, echo.url)
        assert await echo.end() == "forced close"
        echo.engine.newcomer(echo.sessions[1])
        echo.engine.settled(echo.sessions[1])
        await refused(http, url, status=503)
        assert echo.ended.empty()


async def test_what_speaks_of_websockets_without_asking_for_one_is_a_plain_request(echo, http):
    status, opening = await get(http, f"{echo.url}?{POLLING}", headers={"Upgrade": "websocket"})
    assert (status, opening[0]) == (200, "0")


# --- The upgrade ------------------------------------------------------------------------------------------------------


async def upgraded(echo, http, sid) -> aiohttp.ClientWebSocketResponse:
    ws = await http.ws_connect(f"{echo.url}?{WEBSOCKET}&sid={sid}")
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    return ws


async def test_a_session_moves_to_a_websocket_and_its_poll_comes_back_empty(echo, http):
    sid = await session(http, echo.url)
    url = f"{echo.url}?{POLLING}&sid={sid}"
    poll = await polling(echo, http, url)
    ws = await upgraded(echo, http, sid)
    assert await poll == (200, "6")
    assert await get(http, url) == (200, "6")
    await ws.send_str("5")
    await ws.send_str("4hello")
    assert await ws.receive_str() == "4hello"
    assert await refused(http, url) == BAD_REQUEST
    assert await refused(http, url, "POST", data="4x") == BAD_REQUEST
    async with http.ws_connect(f"{echo.url}?{WEBSOCKET}&sid={sid}") as second:
        assert (await second.receive()).type == aiohttp.WSMsgType.CLOSE
    await ws.send_bytes(b"there")
    assert await ws.receive_bytes() == b"there"
    await ws.close()
    assert await echo.end() == "transport close"


@pytest.mark.parametrize("first", [[], ["4hello"], ["2probe", "4hello"], ["2probe", "2probe"], None])
async def test_an_upgrade_that_fails_leaves_the_session_with_polling(echo, http, first, monkeypatch):
    monkeypatch.setattr("mockpbx.transport.engine.UPGRADE_TIMEOUT", 0.05 if first is None else 30)
    sid = await session(http, echo.url)
    url = f"{echo.url}?{POLLING}&sid={sid}"
    async with http.ws_connect(f"{echo.url}?{WEBSOCKET}&sid={sid}") as ws:
        for message in first or []:
            await ws.send_str(message)
        if first == []:
            await ws.close()
        else:
            assert [message.data async for message in ws] in ([], ["3probe"])
    while echo.sessions[0]._upgrading is not None:
        await asyncio.sleep(0)
    assert await post(http, url, "4still here") == (200, "ok")
    assert await get(http, url) == (200, "4still here")


async def test_a_flood_of_pings_ends_the_upgrade_and_the_session_stays_with_polling(echo, http, monkeypatch, caplog):
    monkeypatch.setattr("mockpbx.transport.websocket.MOST_CONTROL_FRAMES", 3)
    sid = await session(http, echo.url)
    with caplog.at_level(logging.INFO, "mockpbx.transport"):
        async with http.ws_connect(f"{echo.url}?{WEBSOCKET}&sid={sid}") as ws:
            for _ in range(4):
                await ws.ping()
            await asyncio.wait_for(ws.receive(), 20)
            assert ws.closed
    assert f"connection {sid} was to move: more than 3 pings" in caplog.text
    assert await post(http, f"{echo.url}?{POLLING}&sid={sid}", "4still here") == (200, "ok")


async def test_a_second_websocket_during_an_upgrade_is_closed_and_the_first_goes_on(echo, http):
    sid = await session(http, echo.url)
    ws = await upgraded(echo, http, sid)
    async with http.ws_connect(f"{echo.url}?{WEBSOCKET}&sid={sid}") as second:
        assert (await second.receive()).type == aiohttp.WSMsgType.CLOSE
    await ws.send_str("5")
    await ws.send_str("4mine")
    assert await ws.receive_str() == "4mine"


async def test_a_session_that_is_closed_takes_its_upgrade_with_it(echo, http):
    sid = await session(http, echo.url)
    ws = await upgraded(echo, http, sid)
    assert await post(http, f"{echo.url}?{POLLING}&sid={sid}", "1") == (200, "ok")
    await ws.send_str("5")
    assert (await ws.receive()).type == aiohttp.WSMsgType.CLOSE
    assert await refused(http, f"{echo.url}?{WEBSOCKET}&sid={sid}", headers=UPGRADE) == UNKNOWN_SESSION


async def test_a_server_that_closes_does_not_wait_for_an_upgrade(echo, http, monkeypatch):
    monkeypatch.setattr("mockpbx.transport.engine.UPGRADE_TIMEOUT", 300)
    ws = await upgraded(echo, http, await session(http, echo.url))
    await echo.engine.close()
    assert (await asyncio.wait_for(ws.receive(), 30)).type == aiohttp.WSMsgType.CLOSE


async def test_what_was_posted_before_the_upgrade_is_handled_before_what_comes_after_it(echo, http):
    sid = await session(http, echo.url)
    ws = await upgraded(echo, http, sid)
    echo.may_answer.clear()
    posting = asyncio.create_task(post(http, f"{echo.url}?{POLLING}&sid={sid}", "4slow\x1e4next"))
    while not echo.sessions[0]._posts.locked():
        await asyncio.sleep(0)
    await ws.send_str("5")
    await ws.send_str("4quick")
    for _ in range(5):  # a handshake each, in which the quick one has every chance to overtake
        await session(http, echo.url)
    echo.may_answer.set()
    assert await posting == (200, "ok")
    assert [await ws.receive_str() for _ in range(3)] == ["4slow", "4next", "4quick"]


async def test_nothing_is_lost_doubled_or_overtaken_in_an_upgrade_with_packets_in_flight_both_ways(echo, http):
    async with peer(echo.url, "polling") as client:
        assert isinstance(client, OnPolling)
        (server,) = echo.sessions
        sending = asyncio.create_task(send_numbers(server, 300))
        for number in range(100):
            await client.say(f"4up {number}")
        ws = await upgraded(echo, http, client.sid)
        late = asyncio.create_task(client.say("4up 100", "4up 101"))  # a POST that the upgrade is to wait for
        while not server._posts.locked() and not late.done():
            await asyncio.sleep(0)
        await ws.send_str("5")
        after = OnWebsocket(client.sid, ws)
        await after.say(*(f"4up {number}" for number in range(102, 200)))
        listening = asyncio.create_task(after.listen())
        await sending
        heard = await client.hear_end()
        while len(heard) < 500:
            heard.append(await after.hear())
        listening.cancel()
    assert [message for message in heard if message.startswith("4up")] == [f"4up {number}" for number in range(200)]
    assert [message for message in heard if message.startswith("4down")] == [f"4down {number}" for number in range(300)]


async def send_numbers(session: EngineSocket, count: int) -> None:
    for number in range(count):
        session.send(f"down {number}")
        await asyncio.sleep(0.001)
