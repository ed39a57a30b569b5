"""The Socket.IO server by itself: other handlers, other namespaces, no calls."""

import asyncio
import contextlib

import aiohttp
import pytest
import socketio
from aiohttp import web

from mockpbx.transport import ConnectionRefused, Namespace, PreparedEvent, SocketServer


class Host:
    """A server whose namespaces note what happens to them."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.connections = []
        self.gone = asyncio.Event()
        self.sockets: SocketServer
        self.url = ""

    def authenticate(self, auth):
        if auth.get("token") == "bad":
            raise ConnectionRefused("no")
        return auth.get("token")

    def connected(self, connection):
        self.connections.append(connection)
        connection.emit("welcome", connection.identity)

    def disconnected(self, connection):
        self.log.append("gone")
        self.gone.set()

    async def note(self, connection, *arguments):
        self.log.append(arguments)
        await asyncio.sleep(0)  # gives a later event every chance to overtake

    async def fail(self, connection, *arguments):
        raise RuntimeError("a handler's own mistake")

    async def fail_to_answer(self, connection, *arguments):
        return {"what is no JSON"}

    async def double(self, connection, data):
        return {"twice": data + data}


@pytest.fixture
async def host():
    host = Host()
    namespace = Namespace(
        host.authenticate, host.connected, host.disconnected,
        {"note": host.note, "double": host.double, "fail": host.fail, "fail to answer": host.fail_to_answer},
    )  # fmt: skip
    host.sockets = SocketServer(
        {"/": namespace, "/other": namespace}, ping_interval=0.2, ping_timeout=0.5, backlog=50_000
    )
    app = web.Application()
    host.sockets.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield host
    await host.sockets.close()
    await runner.cleanup()


@contextlib.asynccontextmanager
async def client(host, *, transports=("websocket",), **options):
    sio = socketio.AsyncClient(reconnection=False)
    received = asyncio.Queue()
    sio.on("*", lambda event, _, *data: received.put_nowait((event, *data)), namespace="*")
    await sio.connect(host.url, transports=list(transports), **options)
    try:
        yield sio, received
    finally:
        await sio.disconnect()


BOTH = pytest.mark.parametrize("transports", [("websocket",), ("polling",), ("polling", "websocket")])


@BOTH
async def test_events_go_both_ways_and_answers_come_back(host, transports):
    async with client(host, transports=transports, auth={"token": "me"}) as (sio, received):
        assert await received.get() == ("welcome", "me")
        assert await sio.call("double", b"\x01\x02") == {"twice": b"\x01\x02\x01\x02"}
        assert await sio.call("double", "ab") == {"twice": "abab"}


@BOTH
async def test_one_clients_events_are_handled_in_the_order_sent(host, transports):
    async with client(host, transports=transports) as (sio, _):
        sent = [(number, bytes([number % 256])) if number % 3 else (number,) for number in range(200)]
        for arguments in sent:
            await sio.emit("note", arguments)
        await sio.call("double", "x")
        assert host.log == sent


@BOTH
async def test_a_ping_is_answered_after_what_the_client_sent_before_it_was_handled(host, transports):
    async with client(host, transports=transports) as (sio, _):
        (connection,) = host.connections
        for number in range(50):
            asked = connection.ping()
            await sio.emit("note", number)
            await sio.emit("note", -number)
            while not asked.done():
                await asyncio.sleep(0)
        await sio.call("double", "x")
        assert host.log == [(sign * number,) for number in range(50) for sign in (1, -1)]
        assert connection.waiting == 0


def count_pings(sio) -> asyncio.Queue:
    """Note each ping that a client gets from here on."""
    pings, receive = asyncio.Queue(), sio.eio._receive_packet

    async def count(packet):
        if packet.packet_type == 2:
            pings.put_nowait(packet)
        await receive(packet)

    sio.eio._receive_packet = count
    return pings


async def test_pings_in_between_leave_the_heartbeat_alone_and_end_with_the_session(host):
    async with client(host) as (sio, _):
        (connection,) = host.connections
        pings = count_pings(sio)
        await asyncio.gather(*[connection.ping() for _ in range(20)])
        for _ in range(20 + 4):  # four heartbeats more, which take longer than one may go unanswered
            await asyncio.wait_for(pings.get(), 10)
        await connection.ping()
        assert sio.connected
    last = connection.ping()
    await host.gone.wait()
    await last


@BOTH
async def test_events_and_prepared_frames_leave_in_the_order_emitted(host, transports):
    async with client(host, transports=transports) as (_, received):
        await received.get()
        prepared = PreparedEvent("frame", {"data": b""}, "data", 3)
        (connection,) = host.connections
        for number in range(100):
            connection.emit_prepared(prepared, bytes([number] * 3))
            connection.emit("after", number)
        for number in range(100):
            assert await received.get() == ("frame", {"data": bytes([number] * 3)})
            assert await received.get() == ("after", number)


@pytest.mark.parametrize("binary", [bytearray(b"ab"), memoryview(b"ab"), b"ab"])
async def test_every_kind_of_binary_leaves_as_bytes(host, binary):
    async with client(host) as (_, received):
        await received.get()
        host.connections[0].emit("data", {"deep": [binary, (binary,)]})
        assert await received.get() == ("data", {"deep": [b"ab", [b"ab"]]})


async def test_a_failing_handler_and_an_unknown_event_harm_nothing_and_never_answer(host):
    async with client(host) as (sio, _):
        for event in ("fail", "fail to answer", "unknown", "note"):
            with pytest.raises(socketio.exceptions.TimeoutError):
                await sio.call(event, "x", timeout=0.05)
        assert await sio.call("double", "still here") == {"twice": "still herestill here"}


async def test_a_refused_client_is_told_why_and_other_namespaces_stay_open(host):
    async with raw(host) as peer:
        await peer.say('40{"token":"bad"}')
        assert await peer.hear() == '44{"message":"no"}'
        await peer.say('40/other,{"token":"good"}')
        assert (await peer.hear()).startswith('40/other,{"sid":')
        assert await peer.hear() == '42/other,["welcome","good"]'
    async with client(host, namespaces=["/other"]) as (_, received):
        assert await received.get() == ("welcome", None)


class Raw:
    """An Engine.IO peer that says exactly what it is told to."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def say(self, *messages: str | bytes) -> None:
        for message in messages:
            await (self.ws.send_bytes(message) if isinstance(message, bytes) else self.ws.send_str(message))

    async def hear(self) -> str | bytes | None:
        """Return the next message that is no heartbeat, answering those; None when the server closes."""
        async for message in self.ws:
            if message.data != "2":
                return message.data
            await self.ws.send_str("3")
        return None


@contextlib.asynccontextmanager
async def raw(host):
    url = f"{host.url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as ws:
        peer = Raw(ws)
        assert (await peer.hear()).startswith('0{"sid":')
        yield peer


async def test_the_handshake_tells_whole_milliseconds(host):
    async with aiohttp.ClientSession() as http, http.get(f"{host.url}/socket.io/?EIO=4&transport=polling") as reply:
        opening = await reply.text()
    assert '"pingInterval":200,"pingTimeout":500,"maxPayload":1000000' in opening
    assert '"upgrades":["websocket"]' in opening


async def test_an_unknown_namespace_is_refused_by_name_and_nothing_else_happens(host):
    async with raw(host) as peer:
        await peer.say("40/nowhere,")
        assert await peer.hear() == '44/nowhere,{"message":"Invalid namespace"}'
        await peer.say("40")
        assert (await peer.hear()).startswith('40{"sid":')


async def test_a_client_whose_heart_stops_is_closed_and_its_namespaces_hear_of_it(host):
    async with raw(host) as peer:
        await peer.say("40")
        await asyncio.wait_for(host.gone.wait(), 10)  # never answers a ping
        assert host.log == ["gone"]


async def test_what_was_said_before_a_client_hangs_has_left(host):
    async with client(host) as (_, received):
        await received.get()
        (connection,) = host.connections
        connection.hold()
        connection.emit("before")
        connection.hang()
        connection.emit("lost")
        connection.release()
        connection.recover()
        connection.emit("after")
        assert [await received.get() for _ in range(2)] == [("before",), ("after",)]


async def test_a_session_that_joins_no_namespace_is_closed_after_a_while(host, monkeypatch):
    monkeypatch.setattr("mockpbx.transport.server.CONNECT_TIMEOUT", 1)
    async with raw(host) as joins:
        await joins.say("40")
        await joins.hear()
        assert await joins.hear() == '42["welcome",null]'
        answer = asyncio.create_task(joins.hear())  # which answers its pings meanwhile
        async with raw(host) as joins_nothing:
            assert await joins_nothing.hear() is None
        await joins.say('420["double","x"]')
        assert await answer == '430[{"twice":"xx"}]'


async def test_closing_does_not_wait_for_a_peer_that_never_reads(host, monkeypatch):
    monkeypatch.setattr("mockpbx.transport.websocket.CLOSE_TIMEOUT", 0.2)
    _, writer = await asyncio.open_connection(*host.url.removeprefix("http://").split(":"), limit=1)
    writer.write(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
        b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        b"\x81\x82\0\0\0\x0040"
    )
    while not host.connections:
        await asyncio.sleep(0)
    wire = host.connections[0]._socket.wire
    wire._backlog = 10**9
    wire.write(bytes(20_000_000))
    await asyncio.wait_for(host.sockets.close(), 10)
    assert host.log == ["gone"]
    writer.close()


async def test_a_reader_that_stops_is_cut_off_and_others_do_not_notice(host):
    async with raw(host) as peer:
        await peer.say("40")
        await peer.hear()
        (slow,) = host.connections
        for _ in range(10_000):
            slow.emit("flood", "x" * 10_000)
            if host.gone.is_set():
                break
            await asyncio.sleep(0)
        await asyncio.wait_for(host.gone.wait(), 10)
    async with client(host) as (sio, _):
        assert await sio.call("double", "x") == {"twice": "xx"}
