"""Floods end at limits that have names, and a call of another token goes on, frame by frame, on a stepped clock."""

import asyncio
import contextlib
import gzip
import json
import logging
import socket
import zlib

import aiohttp
import pytest
from conftest import Api

NUMBER = "089608675796"
SECONDS = 20
HANDSHAKE = "/socket.io/?EIO=4&transport="


def event(name: str, payload: object) -> str:
    return "42" + json.dumps([name, payload])


class Socket:
    """A raw websocket of a token's."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        self.api = Api(http, url, token)
        self.token = token
        self.channel: aiohttp.ClientWebSocketResponse

    async def connect(self) -> str:
        """Join the namespace; return what was said to that."""
        self.channel = await self.api.http.ws_connect(f"{self.api.url}{HANDSHAKE}websocket", max_msg_size=0)
        assert (await self.channel.receive_str())[:1] == "0"
        await self.channel.send_str("40" + json.dumps({"token": self.token}))
        return await self.channel.receive_str()

    async def told(self, name: str) -> dict:
        """The next event of that name."""
        async with asyncio.timeout(SECONDS):
            async for message in self.channel:
                if message.data == "2":
                    await self.channel.send_str("3")
                elif isinstance(message.data, str) and message.data.startswith(f'42["{name}"'):
                    return json.loads(message.data[2:])[1]
        raise AssertionError(f"the socket closed before {name}")

    async def place(self, *, join: bool = True) -> str:
        _, reply = await self.api.post("/pbx/call", {"phoneNumber": NUMBER})
        session_id = reply["data"]["sessionId"]
        if join:
            await self.channel.send_str(event("joinRoom", {"sessionId": session_id}))
        return session_id

    async def journal(self, *kinds: str) -> list[dict]:
        _, reply = await self.api.get("/__admin/journal?" + "&".join(f"kind={kind}" for kind in kinds))
        return [entry["data"] for entry in reply["data"]["entries"]]


@pytest.fixture
async def calm(serve, http):
    """Start a server with limits, and hold a call of another token meanwhile: none of its frames is missing."""
    calls = []

    async def start(**settings) -> str:
        pbx = await serve(clock="manual", dial_delay=0, record_delay=0, **settings)
        witness = Api(http, pbx.url, "witness")
        _, reply = await witness.post("/pbx/call", {"phoneNumber": NUMBER})
        await witness.post("/__admin/clock/advance", {"ms": 3_000})
        calls.append((witness, reply["data"]["sessionId"]))
        return pbx.url

    yield start
    for witness, session_id in calls:
        before = await _frames(witness, session_id)
        assert (await witness.post("/__admin/clock/advance", {"ms": 2_000}))[0] == 200
        assert await _frames(witness, session_id) == before + 100


async def _frames(witness: Api, session_id: str) -> int:
    _, call = await witness.get(f"/__admin/calls/{session_id}")
    return call["data"]["line"]["frames"]


async def figure(http, url: str, name: str) -> float:
    async with http.get(f"{url}/metrics") as reply:
        return next(float(line.split()[1]) for line in (await reply.text()).splitlines() if line.startswith(f"{name} "))


# --- how many ---------------------------------------------------------------------------------------------------------


async def test_connections_too_many_are_told_so_and_those_that_are_there_stay(calm, http, caplog):
    url = await calm(most_connections=20)
    host, port = url.removeprefix("http://").split(":")
    opened = [await asyncio.open_connection(host, int(port)) for _ in range(30)]
    answers = []
    for reader, writer in opened[-5:]:
        writer.write(b"GET /cdr HTTP/1.1\r\n\r\n")
        answers.append((await asyncio.wait_for(reader.read(), SECONDS)).decode())
    for answer in answers:
        head, _, body = answer.partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 503")
        assert "most_connections" in json.loads(body)["errors"]
    for _, writer in opened:
        writer.close()
    async with asyncio.timeout(SECONDS):
        while True:  # until the server has seen them go
            try:
                assert await figure(http, url, "mockpbx_connections_refused_total") >= 5
                break
            except (aiohttp.ClientError, StopIteration, RuntimeError):
                await asyncio.sleep(0.01)
    assert "most_connections is 20" in caplog.text


async def test_tokens_without_end_take_no_room_from_those_that_do_something(calm, http):
    url = await calm(most_workspaces=30)
    for n in range(200):
        assert (await Api(http, url, f"flood-{n}").get("/cdr"))[0] == 200
    assert await figure(http, url, "mockpbx_workspaces") <= 30


async def test_where_every_workspace_is_used_another_token_is_refused_by_name(calm, http):
    url = await calm(most_workspaces=3)
    for n in range(2):
        assert (await Api(http, url, f"user-{n}").post("/pbx/call", {"phoneNumber": NUMBER}))[0] == 200
    status, reply = await Api(http, url, "one-more").post("/pbx/call", {"phoneNumber": NUMBER})
    assert (status, reply["status"]) == (503, 503)
    assert reply["errors"] == (
        "Another token would need another workspace: there are 3 of them already, and most_workspaces allows no more"
    )
    assert "most_workspaces" in await Socket(http, url, "one-more").connect()
    assert (await Api(http, url, "user-0").get("/cdr"))[0] == 200


async def test_calls_sockets_and_rooms_of_a_workspace(calm, http):
    url = await calm(most_calls=3, most_sockets=2, most_rooms=2)
    first, second, third = [Socket(http, url, "flood") for _ in range(3)]
    assert (await first.connect())[:2] == (await second.connect())[:2] == "40"
    refused = await third.connect()
    assert refused[:2] == "44"
    assert "most_sockets" in refused
    sessions = [await first.place() for _ in range(3)]
    joined = [await first.told("roomJoined") for _ in sessions]
    assert [each["status"] for each in joined] == ["success", "success", "failed"]
    (told,) = await first.journal("EventRefused")
    assert (told["event"], "most_rooms" in told["reason"]) == ("joinRoom", True)
    await first.channel.send_str(event("joinRoom", {"sessionId": sessions[0]}))
    assert (await first.told("roomJoined"))["status"] == "success"  # it is in there already
    for path, body in (("/pbx/call", {"phoneNumber": NUMBER}), ("/__admin/calls", {"from": NUMBER, "to": NUMBER})):
        status, reply = await first.api.post(path, body)
        assert (status, "most_calls" in reply["errors"]) == (503, True)
    await first.channel.send_str(event("hangup", {"sessionId": sessions[0]}))
    await first.told("cdr")
    assert (await first.api.post("/pbx/call", {"phoneNumber": NUMBER}))[0] == 200
    await first.channel.send_str(event("joinRoom", {"sessionId": sessions[2]}))
    assert (await first.told("roomJoined"))["status"] == "success"
    await second.channel.close()


async def test_sessions_that_join_nothing_make_room_for_those_that_do(calm, http):
    url = await calm(most_connections=50)
    for _ in range(120):
        async with http.get(f"{url}{HANDSHAKE}polling") as reply:
            assert (reply.status, (await reply.text())[:1]) == (200, "0")
    user = Socket(http, url, "user")
    assert (await user.connect())[:2] == "40"
    await user.channel.close()


# --- how long ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", b"GET /cdr HTTP/1.1\r\nHost: local", b"POST"])
async def test_a_request_whose_header_does_not_come_is_closed(calm, sent):
    url = await calm(request_timeout=0.3)
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), SECONDS) == b""
    writer.close()


@pytest.mark.parametrize(
    ("path", "encoding"), [("/pbx/call", "identity"), ("/pbx/call", "gzip"), ("/__admin/reset", "identity")]
)
async def test_a_body_that_drips_is_answered_408(calm, path, encoding):
    url = await calm(request_timeout=0.3)
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: {encoding}\r\n"
        "Authorization: Bearer flood\r\nContent-Length: 99\r\n\r\n".encode()
    )
    line = await asyncio.wait_for(reader.readline(), SECONDS)
    assert line.startswith(b"HTTP/1.1 408")
    writer.close()


# --- how much ---------------------------------------------------------------------------------------------------------


def endless() -> bytes:
    """A whole gzip of `{}`, and a lot behind it."""
    return gzip.compress(b"{}") + bytes(3_000_000)


def idle() -> bytes:
    """Packed data that comes to nothing: empty blocks, one after the other."""
    packer = zlib.compressobj(wbits=31)
    return (
        packer.compress(b" ")
        + b"".join(packer.flush(zlib.Z_FULL_FLUSH) for _ in range(10))
        + b"\x00\x00\x00\xff\xff" * 400_000
    )


@pytest.mark.parametrize(
    "body", [gzip.compress(bytes(50_000_000)), endless(), idle()], ids=["bomb", "tail", "empty blocks"]
)
async def test_a_body_that_unpacks_to_much_or_to_nothing_is_cut_short(calm, http, body):
    url = await calm()
    read = 0

    async def pieces():
        nonlocal read
        for start in range(0, len(body), 65_536):
            read += 65_536
            yield body[start : start + 65_536]

    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json", "Authorization": "Bearer flood"}
    try:
        async with http.post(f"{url}/pbx/call", data=pieces(), headers=headers) as reply:
            assert (reply.status, "larger than the limit" in (await reply.json())["errors"]) == (413, True)
    except aiohttp.ClientConnectionError:
        pass  # it was closed while it still sent


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["42" + "x" * 1_000_001], 1009),
        (['42["joinRoom",' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "]"], None),
        (["45999999999-[" + '{"_placeholder":true,"num":0}]'], None),
        (['451999-["audio",' + ",".join(['{"_placeholder":true,"num":7}'] * 999) + "]", *[b"x"] * 999], None),
        (['451-["audio",{"_placeholder":true,"num":99999999999}]', b"x"], None),
    ],
    ids=["giant", "deep", "many attachments", "many placeholders", "no such placeholder"],
)
async def test_messages_that_no_client_sends_close_their_own_socket(calm, http, messages, code, caplog):
    caplog.set_level(logging.DEBUG)
    url = await calm()
    flood = Socket(http, url, "flood")
    await flood.connect()
    try:
        for message in messages:
            await (flood.channel.send_str(message) if isinstance(message, str) else flood.channel.send_bytes(message))
    except ConnectionError:
        pass  # closed before all was said
    async with asyncio.timeout(SECONDS):
        while not (await flood.channel.receive()).type.name.startswith("CLOS"):
            pass
    assert code is None or flood.channel.close_code == code
    assert "Traceback" not in caplog.text
    assert "coroutine" not in caplog.text


async def test_a_deep_body_is_no_json_and_a_shallow_one_that_is_shown_costs_nothing(calm, http):
    url = await calm()
    api = Api(http, url, "flood")
    for depth, status in ((15_000, 400), (400, 400)):
        body = '{"phoneNumber":' + '{"a":' * depth + "1" + "}" * depth + "}"
        headers = {"Content-Type": "application/json"}
        assert (await api.ask("POST", "/pbx/call", data=body, headers=headers))[0] == status
        assert (await api.ask("PATCH", "/__admin/settings", data=body, headers=headers))[0] == 400
    assert (await api.get("/__admin/messages"))[0] == 200


async def test_long_names_are_shortened_where_they_are_kept(calm, http):
    url = await calm()
    flood = Socket(http, url, "flood")
    await flood.connect()
    long = "x" * 200_000
    for name in ("joinRoom", "hangup", "checkPoint", "dtmf", long):
        await flood.channel.send_str(event(name, {"sessionId": long, "name": long, "digit": long}))
    assert (await flood.told("roomJoined"))["status"] == "failed"
    await flood.told("exception")
    await flood.channel.send_str(event("hangup", {}))
    await flood.told("exception")
    for path in ("/journal", "/messages"):
        _, reply = await flood.api.get(f"/__admin{path}")
        assert len(json.dumps(reply)) < 50_000
    await flood.channel.close()


async def test_pages_without_end_are_empty(calm, http):
    url = await calm()
    api = Api(http, url, "witness")
    for query in ("page=1000000", f"page={'9' * 4_000}", "limit=1000000000", "page=99999999&limit=100&sortBy=id:ASC"):
        status, reply = await api.get(f"/cdr?{query}")
        assert (status, reply["data"]) == (200, []), query
        assert reply["meta"]["itemsPerPage"] <= 100


# --- readers that do not read -----------------------------------------------------------------------------------------


async def test_a_reader_that_takes_nothing_is_cut_off_and_the_journal_the_log_and_the_figures_tell(calm, http, caplog):
    url = await calm(slow_reader_timeout=0.3)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=_small)) as narrow:
        flood = Socket(narrow, url, "flood")
        await flood.connect()
        flood.channel._conn.transport.pause_reading()
        flood.api.http = http
        async with asyncio.timeout(SECONDS):
            while not await figure(http, url, "mockpbx_unread_bytes"):
                await flood.channel.send_str(f"40/{'x' * 50_000},")  # the refusal names that namespace
            while not (cut_off := await flood.journal("ClientCutOff")):
                with contextlib.suppress(aiohttp.ClientError):
                    await flood.channel.send_str("40/x,")
        assert "and it has taken none for 0.3 s" in cut_off[0]["why"]
        assert "cut off a client that stopped reading" in caplog.text
        assert await figure(http, url, "mockpbx_clients_cut_off_total") == 1


def _small(address: tuple) -> socket.socket:
    """A socket whose kernel holds little of what nobody reads."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    return made
