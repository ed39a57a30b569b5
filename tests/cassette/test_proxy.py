"""The recorder between a client and a server: neither notices, and everything is on the tape."""

import asyncio
import gzip
import json
import os
import shutil
import ssl
import subprocess
import sys

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from cassette.conftest import Recording

from mockpbx.cassette.tape import Closed, Failed, Opened, Packet, Raw, Reply, Request, read_cassette
from mockpbx.client import Client
from mockpbx.contract.messages import CalleeAudio, CheckPointReached, DialStatusChange

SECRET = "very-secret/token+4711=="


class Upstream:
    """A server that keeps what it got, byte for byte, and answers what it is told to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def upstream():
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        there.requests.append(head + await reader.readexactly(length))
        writer.write(there.answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    there = Upstream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield there
    server.close()


async def ask(url: str, request: bytes) -> bytes:
    """Send bytes to a server and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(request)
    reply = await reader.read()
    writer.close()
    return reply


def headers(message: bytes) -> list[bytes]:
    return sorted(message.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:])


async def test_a_request_passes_as_it_is(upstream, recording: Recording, tape):
    body = b'{ "phoneNumber":  "\\u0030812" , "phoneNumber": 1e3 }'
    request = (
        b"PATCH //pbx/call/%7Eme?filter.destination=$eq:08%2B1&x=%zz HTTP/1.1\r\nHost: phone.example\r\n"
        b"authorization: Bearer " + SECRET.encode() + b"\r\nX-Odd: caf\xc3\xa9\r\nX-Odd: twice\r\n"
        b"Content-Type: application/json; charset=utf-8\r\nConnection: close, X-Hop\r\nX-Hop: mine\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    async with recording(upstream.url) as proxy:
        await ask(proxy.url, request)

    (passed,) = upstream.requests
    first, _, content = passed.partition(b"\r\n")[0], *passed.partition(b"\r\n\r\n")[1:]
    assert first == b"PATCH //pbx/call/%7Eme?filter.destination=$eq:08%2B1&x=%zz HTTP/1.1"
    assert content == body
    assert headers(passed) == sorted(
        [
            b"Host: " + upstream.url.removeprefix("http://").encode(),
            b"Authorization: Bearer " + SECRET.encode(),
            b"X-Odd: caf\xc3\xa9",
            b"X-Odd: twice",
            b"Content-Type: application/json; charset=utf-8",
            b"Content-Length: %d" % len(body),
        ]
    )
    kept, reply = read_cassette(tape).lines[:2]
    assert (kept.method, kept.token) == ("PATCH", "t1")
    assert kept.path == "//pbx/call/%7Eme?filter.destination=$eq:08%2B1&x=%zz"
    assert kept.body.json == {"phoneNumber": 1000.0}
    assert isinstance(reply, Reply)
    assert SECRET.encode() not in tape.read_bytes()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (
            b"HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n",
            b'{"a": [1]}',
        ),
        (b"HTTP/1.1 404 Not Found\r\nX-Nothing: else\r\n", b"<html>nothing here</html>"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\n", b""),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\n",
            gzip.compress(b'{"a": [1]}', mtime=0),
        ),
        (b"HTTP/1.1 500 Oh\r\nContent-Type: application/octet-stream\r\n", bytes(range(256)) * 300),
    ],
)
async def test_a_reply_passes_as_it_is(upstream, recording: Recording, tape, head, body):
    upstream.answer = head + b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
    async with recording(upstream.url) as proxy:
        passed = await ask(proxy.url, b"GET /cdr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert passed.partition(b"\r\n")[0] == head.partition(b"\r\n")[0]
    assert passed.partition(b"\r\n\r\n")[2] == body
    assert headers(passed) == headers(upstream.answer)
    kept = read_cassette(tape).lines[1]
    assert kept.status == int(head[9:12])
    if b"json" in head:
        assert kept.body.json == {"a": [1]}


async def test_a_head_request_keeps_its_length(upstream, recording: Recording):
    upstream.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nConnection: close\r\n\r\n"
    async with recording(upstream.url) as proxy:
        passed = await ask(proxy.url, b"HEAD /cdr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 1234\r\n" in passed
    assert passed.endswith(b"\r\n\r\n")


async def test_a_server_that_is_down_is_a_502_in_the_contracts_envelope(recording: Recording, tape):
    nowhere = "http://127.0.0.1:1"
    async with recording(nowhere) as proxy, aiohttp.ClientSession() as http:
        async with http.post(f"{proxy.url}/pbx/call", json={"phoneNumber": "0812"}) as reply:
            assert (reply.status, await reply.json()) == (
                502,
                {"status": 502, "errors": f"mockpbx record: {nowhere} gave no reply: Connection refused", "data": None},
            )
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await http.ws_connect(f"{proxy.url}/socket.io/?EIO=4&transport=websocket")
        assert refusal.value.status == 502
    kept = read_cassette(tape).lines
    assert [type(line) for line in kept[:4]] == [Request, Failed, Request, Failed]
    assert kept[1].error == f"{nowhere} gave no reply: Connection refused"
    assert proxy.summary.counts["failed"] == 2


# --- websockets -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def echo(aiohttp_server):
    """A websocket server that says everything back, and closes as it is told to: `close 4001 because`."""
    seen = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if "refuse" in request.query:
            return web.json_response({"code": 5, "message": "Unsupported protocol version"}, status=400)
        connection = web.WebSocketResponse(max_msg_size=0, protocols=["phone"])
        await connection.prepare(request)
        seen.append(dict(request.headers))
        async for message in connection:
            if message.type is WSMsgType.BINARY:
                await connection.send_bytes(message.data)
            elif message.data.startswith("close"):
                _, code, reason = message.data.split()
                await connection.close(code=int(code), message=reason.encode())
            elif message.data == "drop":
                request.transport.abort()
            else:
                await connection.send_str(message.data)
        seen.append(connection.close_code)
        return connection

    app = web.Application()
    app.router.add_get("/socket.io/", handle)
    server = await aiohttp_server(app)
    server.seen = seen
    return server


def at(server) -> str:
    return str(server.make_url("")).rstrip("/")


async def test_messages_pass_as_they_are_whatever_they_are(echo, recording: Recording, tape):
    messages = ["", "no Socket.IO", "ünïcødé \x00", bytes(2_000_000), b"", '42["dtmf",{"digit":"1"}]', "x" * 300_000]
    async with recording(at(echo)) as proxy, aiohttp.ClientSession() as http:
        url = f"{proxy.url}/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(url, max_msg_size=0, protocols=["phone"], compress=15, origin="http://page") as ws:
            assert ws.protocol == "phone"
            assert not ws.compress
            for message in messages:
                await (ws.send_bytes(message) if isinstance(message, bytes) else ws.send_str(message))
                assert (await ws.receive()).data == message
    assert echo.seen[0]["Origin"] == "http://page"
    assert "Sec-WebSocket-Extensions" not in echo.seen[0]
    lines = read_cassette(tape).lines
    assert lines[0] == Opened(lines[0].at, 1, None)
    for side in ("client", "server"):
        raw = [line.content for line in lines if isinstance(line, Raw) and line.sender == side]
        assert raw == [message for message in messages if not str(message).startswith("42")]
        (packet,) = [line for line in lines if isinstance(line, Packet) and line.sender == side]
        assert (packet.type, packet.event, packet.data) == ("event", "dtmf", [{"digit": "1"}])


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4001])
async def test_a_close_code_reaches_the_other_side(echo, recording: Recording, tape, code):
    async with recording(at(echo)) as proxy, aiohttp.ClientSession() as http:
        ws = await http.ws_connect(f"{proxy.url}/socket.io/", autoclose=False)
        await ws.send_str(f"close {code} because")
        message = await ws.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, code, "because")
        await ws.close()

        ws = await http.ws_connect(f"{proxy.url}/socket.io/")
        await ws.close(code=code)
    assert echo.seen[-1] == code
    closed = [(line.by, line.code) for line in read_cassette(tape).lines if isinstance(line, Closed)]
    assert closed == [("server", code), ("client", code)]


async def test_a_close_without_a_code_is_passed_on_without_one(echo, recording: Recording, tape):
    async with recording(at(echo)) as proxy, aiohttp.ClientSession() as http:
        ws = await http.ws_connect(f"{proxy.url}/socket.io/", autoclose=False)
        await ws.send_frame(b"", WSMsgType.CLOSE)
        assert (await ws.receive()).type is WSMsgType.CLOSE
        await ws.close()
    assert echo.seen[-1] == 0
    assert read_cassette(tape).lines[-2].code == 1005


async def test_a_lost_connection_is_lost_on_the_other_side_too(echo, recording: Recording, tape):
    async with recording(at(echo)) as proxy, aiohttp.ClientSession() as http:
        ws = await http.ws_connect(f"{proxy.url}/socket.io/")
        await ws.send_str("drop")
        assert (await ws.receive()).type is WSMsgType.CLOSED
    closed = [line for line in read_cassette(tape).lines if isinstance(line, Closed)]
    assert [(line.by, line.code) for line in closed] == [("server", 1006)]


async def test_a_refused_handshake_keeps_the_servers_words(echo, recording: Recording):
    async with recording(at(echo)) as proxy, aiohttp.ClientSession() as http:
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        async with http.get(f"{proxy.url}/socket.io/?refuse", headers=upgrade | key) as reply:
            assert (reply.status, await reply.json()) == (400, {"code": 5, "message": "Unsupported protocol version"})


async def test_leaving_cuts_what_is_open(echo, recording: Recording, tape):
    async with aiohttp.ClientSession() as http:
        async with recording(at(echo)) as proxy:
            ws = await http.ws_connect(f"{proxy.url}/socket.io/")
            await ws.send_str("hello")
            await ws.receive()
        assert (await ws.receive()).type is WSMsgType.CLOSED
    assert read_cassette(tape).cut is None


# --- a whole call -----------------------------------------------------------------------------------------------------


async def test_a_call_is_on_the_tape_as_the_client_saw_it(serve, recording: Recording, tape):
    pbx = await serve(clock="auto")
    frames = []
    async with recording(pbx.url) as proxy, Client(proxy.url, SECRET) as client:
        call = await client.place_call("089608675796")
        await call.until(DialStatusChange, status="Connected")
        assert (await call.send_audio(bytes(range(256)) * 10)).success
        await call.check_point("heard")
        async for event in call.events():
            match event:
                case CalleeAudio(audio_data=sound):
                    frames.append(sound)
                case CheckPointReached():
                    await call.hang_up()
        record = await client.record(call.session_id)

    kept = read_cassette(tape)
    assert kept.cut is None
    assert SECRET.encode() not in tape.read_bytes()
    packets = [line for line in kept.lines if isinstance(line, Packet)]
    assert {line.token for line in kept.lines if isinstance(line, (Request, Opened))} == {"t1"}
    told = [line.event for line in packets if line.sender == "server" and line.event not in ("audio", None)]
    assert told == ["newSession", "roomJoined", "dialStatus", "dialStatus", "dialStatus", "checkPoint", "hangup", "cdr"]
    heard = [line.payload["audioData"] for line in packets if line.sender == "server" and line.event == "audio"]
    assert heard[-len(frames) :] == frames
    (sent,) = [line for line in packets if line.sender == "client" and line.event == "audio"]
    assert sent.payload["audioData"] == bytes(range(256)) * 10
    (ack,) = [line for line in packets if line.type == "ack"]
    assert (ack.id, ack.data) == (sent.id, [{"success": True, "error": None}])
    replies = [line for line in kept.lines if isinstance(line, Reply)]
    assert replies[-1].body.json["data"]["sessionId"] == record.session_id == call.session_id
    assert [line.at for line in kept.lines] == sorted(line.at for line in kept.lines)
    assert proxy.summary.sessions == {call.session_id}
    assert proxy.summary.sound == {"client": 2_560, "server": 320 * len(heard)}


async def test_polling_passes_as_plain_http(serve, recording: Recording, tape):
    pbx = await serve()
    async with recording(pbx.url) as proxy, aiohttp.ClientSession() as http:
        polling = f"{proxy.url}/socket.io/?EIO=4&transport=polling"
        async with http.get(polling) as reply:
            sid = json.loads((await reply.text())[1:])["sid"]
        async with http.post(f"{polling}&sid={sid}", data=f'40{{"token":"{SECRET}"}}') as reply:
            assert await reply.text() == "ok"
        async with http.get(f"{polling}&sid={sid}") as reply:
            assert (await reply.text()).startswith('40{"sid":')
    assert SECRET.encode() not in tape.read_bytes()
    assert proxy.summary.counts["polling"] == 3
    assert read_cassette(tape).lines[2].body.raw == '40{"token":"t1"}'


@pytest.fixture
def certificate(tmp_path) -> None:
    """cert.pem and key.pem, for localhost."""
    if shutil.which("openssl") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("openssl is missing: it makes the certificate")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.usefixtures("certificate")
async def test_a_server_behind_tls(tmp_path, aiohttp_server, tape):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    async def handle(request: web.Request) -> web.StreamResponse:
        if "Upgrade" not in request.headers:
            return web.json_response({"secure": request.secure})
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        await connection.send_str("2")
        await connection.receive()
        return connection

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    server = await aiohttp_server(app, ssl=context)
    command = ["-m", "mockpbx", "record", "--upstream", f"https://localhost:{server.port}", "--listen", "127.0.0.1:0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "--output",
        str(tape),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"SSL_CERT_FILE": str(tmp_path / "cert.pem"), "PYTHONUNBUFFERED": "1"},
    )
    try:
        url = (await process.stdout.readline()).decode().split(" at ")[1].split()[0]
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{url}/cdr") as reply:
                assert await reply.json() == {"secure": True}
            async with http.ws_connect(f"{url}/socket.io/") as ws:
                assert (await ws.receive()).data == "2"
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
    assert read_cassette(tape).cut is None
