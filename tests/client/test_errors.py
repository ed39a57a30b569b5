"""What a client says when the server refuses, is not there, or is something else."""

import asyncio
import re

import aiohttp
import pytest
import socketio
from aiohttp import web

from mockpbx.client import (
    Client,
    ConnectionFailed,
    ConnectionRefused,
    RequestFailed,
    Rest,
    TimedOut,
    UnexpectedReply,
    Unreadable,
)
from mockpbx.contract.messages import DialStatusChange

NUMBER = "089608675796"


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "Authentication token is required"),
        ("invalid-one", "Authentication token is invalid"),
        ("expired-one", "Authentication token has expired"),
    ],
)
async def test_a_refused_token_is_told_in_the_servers_words(serve, http, token, sentence):
    pbx = await serve()

    with pytest.raises(ConnectionRefused) as socket:
        await Client(pbx.url, token).__aenter__()
    with pytest.raises(RequestFailed) as rest:
        await Rest(pbx.url, token, http).records()

    assert str(socket.value) == sentence
    assert (rest.value.status, rest.value.errors) == (401, sentence)


async def test_a_refused_number(client):
    with pytest.raises(RequestFailed, match=r"Invalid phone number format \(400\)"):
        await client.place_call("08")


async def test_a_service_that_fails(client):
    with pytest.raises(RequestFailed) as failed:
        await client.place_call("08000000500")
    assert (failed.value.status, failed.value.errors) == (500, "Failed to initiate call")


@pytest.mark.parametrize("session", ["nonsense", "a/b?c#d"])
async def test_a_record_that_does_not_exist(client, session):
    with pytest.raises(RequestFailed) as failed:
        await client.record(session)
    assert failed.value.status == 404


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://", "http://[::1", "http://host:99999"])
async def test_an_address_that_is_none(url):
    with pytest.raises(ConnectionFailed, match="is no address of a server; expected one like"):
        await Client(url, "dev").__aenter__()


async def test_a_server_that_is_down(unused_tcp_port, http):
    url = f"http://127.0.0.1:{unused_tcp_port}"

    with pytest.raises(ConnectionFailed, match=f"nothing answers at {url}: Connection refused"):
        await Client(url, "dev").__aenter__()
    with pytest.raises(ConnectionFailed, match=f"nothing answers at {url}: Connection refused"):
        await Rest(url, "dev", http).place_call(NUMBER)


async def test_https_where_the_server_speaks_http(serve, http):
    url = (await serve()).url.replace("http:", "https:")
    sentence = (
        f"nothing answers at {url}: it does not speak https there; if it speaks http, begin its address with http://"
    )

    with pytest.raises(ConnectionFailed, match=re.escape(sentence)):
        await Client(url, "dev").__aenter__()
    with pytest.raises(ConnectionFailed, match=re.escape(sentence)):
        await Rest(url, "dev", http).place_call(NUMBER)


async def test_https_with_a_server_that_wants_another_one(http):
    async def refuse(reader, writer):
        await reader.read(1)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")  # the alert of TLS: handshake failure
        await reader.read()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectionFailed, match=r"https failed: .*alert handshake failure"):
            await Rest(url, "dev", http).place_call(NUMBER)


async def test_a_server_that_says_nothing(mute, http):
    with pytest.raises(ConnectionFailed, match=r"did not answer the Socket\.IO handshake within 0\.05 s"):
        await Client(mute, "dev", timeout=0.05).__aenter__()
    with pytest.raises(TimedOut, match=r"GET .*/cdr was not answered within 0\.05 s"):
        await Rest(mute, "dev", http, timeout=0.05).records()


@pytest.mark.parametrize("status", [200, 404, 502])
async def test_a_server_that_answers_html(stranger, http, status):
    async def page(_):
        return web.Response(status=status, text="<html>", content_type="text/html")

    url = await stranger(page)

    with pytest.raises(ConnectionFailed, match=f"with HTTP {status}: is this the Outgoing Call Service"):
        await Client(url, "dev").__aenter__()
    with pytest.raises(UnexpectedReply, match=f"answered {status} with 6 bytes of text/html where a JSON object"):
        await Rest(url, "dev", http).place_call(NUMBER)


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ({"body": b""}, "an empty body"),
        ({"text": "[]"}, "where a JSON object was expected"),
        ({"text": '{"status": "ok"}'}, "`status` 'ok' where a number was expected"),
        ({"text": '{"status": 200, "data": {"phoneNumber": "1"}}'}, "sessionId is required"),
        ({"text": '{"status": 200}'}, "must be an object, got nothing"),
        ({"status": 301, "headers": {"Location": "https://there/"}}, "redirects to https://there/; use that"),
    ],
)
async def test_a_reply_that_does_not_keep_the_contract(stranger, http, reply, sentence):
    async def answer(_):
        return web.Response(**reply)

    with pytest.raises(UnexpectedReply, match=sentence):
        await Rest(await stranger(answer), "dev", http).place_call(NUMBER)


async def test_a_list_without_rows(stranger, http):
    async def answer(_):
        return web.json_response({"data": None})

    with pytest.raises(UnexpectedReply, match="without a list of records"):
        await Rest(await stranger(answer), "dev", http).records()


async def test_a_failure_may_hide_behind_http_200(stranger, http):
    async def answer(_):
        return web.json_response({"status": 500, "errors": "No line free", "data": None})

    with pytest.raises(RequestFailed, match=r"No line free \(500\)"):
        await Rest(await stranger(answer), "dev", http).place_call(NUMBER)


@pytest.mark.parametrize("greeting", ["hello", "4nonsense", '0{"sid"', "6", b"\x00"])
async def test_a_websocket_that_speaks_something_else(stranger, greeting):
    async def talk(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await (socket.send_bytes if isinstance(greeting, bytes) else socket.send_str)(greeting)
        await socket.receive()
        return socket

    url = await stranger(talk)
    with pytest.raises(ConnectionFailed, match=r"does not speak Socket\.IO"):
        await Client(url, "dev", timeout=1).__aenter__()


@pytest.fixture
async def other_service():
    """A Socket.IO server that takes joinRoom and then does as it is told."""
    sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sio.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield sio
    await sio.shutdown()
    await runner.cleanup()


async def test_events_that_break_the_contract_are_told_apart_and_unknown_ones_ignored(other_service):
    @other_service.on("joinRoom")
    async def join(sid, data):
        await other_service.emit("weather", {"sessionId": "s"}, to=sid)
        await other_service.emit("dialStatus", {"sessionId": "s", "status": "Exploded"}, to=sid)
        await other_service.emit("hangup", "text", to=sid)
        await other_service.emit("dialStatus", {"sessionId": ["s"], "status": "Busy"}, to=sid)
        await other_service.emit("dialStatus", {"sessionId": "s", "status": "Ringing", "more": 1}, to=sid)

    async with Client(other_service.url, "dev") as client:
        call = client.call("s")
        await call.join()
        events = [await call.next_event(within=5) for _ in range(4)]

    assert [type(event) for event in events] == [Unreadable, Unreadable, Unreadable, DialStatusChange]
    assert events[0].payload == {"sessionId": "s", "status": "Exploded"}
    assert "'Exploded'" in events[0].reason


async def test_a_client_that_is_sent_away_does_not_come_back(other_service):
    @other_service.on("joinRoom")
    async def join(sid, data):
        await other_service.disconnect(sid)

    async with Client(other_service.url, "dev") as client:
        call = client.call("s")
        await call.join()

        with pytest.raises(ConnectionFailed, match="closed the connection"):
            await call.next_event(within=5)
        with pytest.raises(ConnectionFailed, match="closed the connection"):
            await client.next_session(within=5)
        with pytest.raises(ConnectionFailed, match="`hangup` was not sent"):
            await call.hang_up()


async def test_audio_that_is_never_acknowledged(other_service):
    async with Client(other_service.url, "dev") as client:
        client.timeout = 0.2  # not before: connecting may take a busy machine longer
        with pytest.raises(TimedOut, match=r"did not acknowledge `audio` within 0\.2 s"):
            await client.call("s").send_audio(bytes(320))


async def test_audio_acknowledged_with_something_else(other_service):
    @other_service.on("audio")
    async def audio(sid, data):
        return "fine"

    async with Client(other_service.url, "dev") as client:
        with pytest.raises(UnexpectedReply, match="`audio` was acknowledged with something else"):
            await client.call("s").send_audio(bytes(320))


async def test_what_was_emitted_leaves_before_the_goodbye(other_service):
    arrived: list[int] = []
    hung_up = asyncio.Event()

    @other_service.on("checkPoint")
    async def check_point(sid, data):
        arrived.append(len(data["name"]))

    @other_service.on("hangup")
    async def hangup(sid, data):
        hung_up.set()

    async with Client(other_service.url, "dev") as client:
        call = client.call("s")
        for _ in range(100):  # more than the kernel takes at once
            await call.check_point("x" * 100_000)
        await call.hang_up()

    await asyncio.wait_for(hung_up.wait(), 10)
    assert arrived == [100_000] * 100


async def test_an_address_with_a_path(serve, stranger):
    pbx = await serve(clock="20x", dial_delay=3_600)

    async def forward(request):
        path = request.path.removeprefix("/behind")
        async with aiohttp.ClientSession() as session:
            if "websocket" in request.headers.get("Upgrade", ""):
                here = web.WebSocketResponse()
                await here.prepare(request)
                async with session.ws_connect(f"{pbx.url}{path}?{request.query_string}") as there:

                    async def pump(source, sink):
                        async for message in source:
                            await sink.send_str(message.data)
                        await sink.close()

                    await asyncio.gather(pump(here, there), pump(there, here))
                return here
            async with session.request(
                request.method, f"{pbx.url}{path}", data=await request.read(), headers=request.headers
            ) as reply:
                return web.Response(status=reply.status, body=await reply.read(), content_type=reply.content_type)

    async with Client(f"{await stranger(forward)}/behind/", "dev") as client:
        call = await client.place_call("08000000017")
        assert (await call.finished()).disposition == "BUSY"
