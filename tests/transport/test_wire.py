"""What closes a client and what does not, on both transports, with pings that are answered all the while.

The reference is the JavaScript server. A ping comes every 50 ms and may go unanswered for a minute, so that nothing but
what a client said can be why it is closed; the log says what that was.
"""

import asyncio
import contextlib
import logging

import pytest
from aiohttp import web
from peers import OnPolling, OnWebsocket, peer, post

from mockpbx.transport import ConnectionRefused, Namespace, SocketServer

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "polling"])
ONE = '{"_placeholder":true,"num":0}'


class Host:
    """Two namespaces, whose handlers note what reaches them."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.url = ""

    def authenticate(self, auth):
        if auth.get("token") == "bad":
            raise ConnectionRefused("no")
        return auth

    async def note(self, connection, *arguments):
        self.log.append(arguments)
        await asyncio.sleep(0)  # gives a later event every chance to overtake

    async def double(self, connection, data):
        return data + data

    async def several(self, connection, *arguments):
        return arguments


@pytest.fixture
async def host():
    host = Host()
    events = {"note": host.note, "double": host.double, "several": host.several}
    namespace = Namespace(
        host.authenticate, lambda connection: connection.emit("welcome"),
        lambda connection: host.log.append("gone"), events,
    )  # fmt: skip
    sockets = SocketServer({"/": namespace, "/other": namespace}, ping_interval=0.05, ping_timeout=60)
    async with served(sockets) as url:
        host.url = f"{url}/socket.io/"
        yield host


@contextlib.asynccontextmanager
async def served(sockets):
    app = web.Application()
    sockets.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def joined(host, transport):
    async with peer(host.url, transport) as client:
        await client.say("40")
        assert (await client.hear()).startswith('40{"sid":')
        assert await client.hear() == '42["welcome"]'
        yield client


BEFORE_CONNECT = [
    (['42["note"]'], "before its CONNECT"),
    (["41"], "before its CONNECT"),
    (["40null"], "a payload that"),
    (['40["list"]'], "a payload that"),
    (['40"text"'], "a payload that"),
    (['44{"message":"no"}'], "before its CONNECT"),
    ([b"stray"], "no packet announced"),
]
AFTER_CONNECT = [
    (["40"], "not the first"),
    (["42{}"], "a payload that"),
    (["42[]"], "a payload that"),
    (["42[true]"], "a payload that"),
    (["42[false]"], "a payload that"),
    (["42[not json"], "no JSON"),
    (['42["note",NaN]'], "no JSON"),
    (["42" + "[" * 100_000], "no JSON"),
    (['42abc["note"]'], "no JSON"),
    (['42["connect"]'], "a payload that"),
    (['42["disconnect"]'], "a payload that"),
    (['42["disconnecting"]'], "a payload that"),
    (['42/other,["note"]'], "/other before its CONNECT"),
    (["41{}"], "a payload that"),
    (["431{}"], "a payload that"),
    (["44"], "only a server sends"),
    (["47"], "unknown kind"),
    (["4x"], "unknown kind"),
    (["4"], "unknown kind"),
    ([b"stray"], "no packet announced"),
    (['45["note"]'], "unknown kind"),
    (['450-["note"]'], "0 attachments"),
    (['4511-["note"]'], "11 attachments"),
    ([f'451-²["note",{{"data":{ONE}}}]'], "no JSON"),
    ([f'451-["note",NaN,{{"data":{ONE}}}]'], "no JSON"),
    ([f"451-[{ONE}]"], "a payload that"),
    ([f'451-["connect",{ONE}]'], "a payload that"),
    (['451-["note",{"_placeholder":true,"num":1}]', b"x"], "a placeholder without"),
    (['451-["note",{"_placeholder":true,"num":-1}]', b"x"], "a placeholder without"),
    (['451-["note",{"_placeholder":true}]', b"x"], "a placeholder without"),
    ([f'451-["note",{ONE}]', '42["note"]'], "an attachment was due"),
    ([f'451-/other,["note",{ONE}]', b"x"], "/other before its CONNECT"),
    (["2"], "Engine.IO"),
    (["7"], "Engine.IO"),
    (["x"], "Engine.IO"),
    (["bA"], "base64"),
]


@contextlib.contextmanager
def closed_because(caplog, words):
    with caplog.at_level(logging.INFO, "mockpbx.transport"):
        yield
    (line,) = [record.getMessage() for record in caplog.records if "closed connection" in record.getMessage()]
    assert words in line


async def breach(client, messages):
    """Say what is not allowed and hear the end; a POST that breaks the protocol is refused beside."""
    if isinstance(client, OnPolling):
        with pytest.raises(AssertionError, match="400"):
            await client.say(*messages)
    else:
        await client.say(*messages)
    return await client.hear_end()


@TRANSPORTS
@pytest.mark.parametrize(("messages", "why"), BEFORE_CONNECT)
async def test_what_closes_a_client_before_its_connect(host, caplog, transport, messages, why):
    async with peer(host.url, transport) as client:
        with closed_because(caplog, why):
            assert await breach(client, messages) == []
        assert host.log == []


@TRANSPORTS
@pytest.mark.parametrize(("messages", "why"), AFTER_CONNECT)
async def test_what_closes_a_client_at_once_and_runs_no_handler(host, caplog, transport, messages, why):
    async with joined(host, transport) as client:
        with closed_because(caplog, why):
            assert await breach(client, messages) == []
        assert host.log == ["gone"]


@TRANSPORTS
async def test_what_closes_nobody(host, transport):
    harmless = [
        "42", "42[1]", '42["unknown"]', '421["unknown"]', '42["toString"]', '425["note"]', "431[]", "431",
        '461-1[{"_placeholder":true,"num":0}]', b"x", "0", "5", "6", "3", "40/nowhere", '420["double","x"]',
    ]  # fmt: skip
    async with joined(host, transport) as client:
        await client.say(*harmless)
        assert await client.hear() == '44/nowhere,{"message":"Invalid namespace"}'
        assert await client.hear() == '430["xx"]'
        assert host.log == [()]


@TRANSPORTS
async def test_a_client_that_answers_its_pings_stays(host, transport):
    async with joined(host, transport) as client:
        while client.pings < 3:
            await asyncio.sleep(0.01)
        await client.say('420["double","x"]')
        assert await client.hear() == '430["xx"]'


@TRANSPORTS
async def test_a_refused_client_is_told_so_and_its_transport_stays_open(host, transport):
    async with peer(host.url, transport) as client:
        await client.say('40{"token":"bad"}')
        assert await client.hear() == '44{"message":"no"}'
        await client.say("40/nowhere,{}", "40/other,")
        assert await client.hear() == '44/nowhere,{"message":"Invalid namespace"}'
        assert (await client.hear()).startswith('40/other,{"sid":')
        assert await client.hear() == '42/other,["welcome"]'


@TRANSPORTS
async def test_who_leaves_a_namespace_may_come_back(host, transport):
    async with joined(host, transport) as client:
        await client.say("41", "40")
        assert (await client.hear()).startswith('40{"sid":')
        assert host.log == ["gone"]


@TRANSPORTS
async def test_binary_travels_both_ways_in_events_and_acknowledgments(host, transport):
    async with joined(host, transport) as client:
        await client.say(f'451-7["double",{ONE}]', b"\x00\xff", '427["double","a"]')
        assert [await client.hear() for _ in range(3)] == [f"461-7[{ONE}]", b"\x00\xff\x00\xff", '437["aa"]']
        two = f'{ONE},{{"deep":[{ONE.replace("0", "1")}]}}'
        await client.say(f'452-8["several",{two},null]', b"one", b"")
        assert [await client.hear() for _ in range(3)] == [f"462-8[{two},null]", b"one", b""]
        await client.say('429["several"]', '4210["several",null]')
        assert [await client.hear() for _ in range(2)] == ["439[]", "4310[null]"]


@TRANSPORTS
async def test_a_placeholders_number_may_be_written_as_any_number_is(host, transport):
    async with joined(host, transport) as client:
        await client.say('451-7["double",{"_placeholder":true,"num":0.0}]', b"\x01")
        assert [await client.hear() for _ in range(2)] == [f"461-7[{ONE}]", b"\x01\x01"]


@TRANSPORTS
async def test_a_number_beyond_doubles_goes_back_as_javascript_writes_it(host, transport):
    async with joined(host, transport) as client:
        await client.say('421["several",1e400,[-1e400]]', f'451-2["several",1e400,{{"data":{ONE}}}]', b"x")
        assert [await client.hear() for _ in range(2)] == ["431[null,[null]]", f'461-2[null,{{"data":{ONE}}}]']
        assert await client.hear() == b"x"


@TRANSPORTS
async def test_events_are_handled_in_the_order_sent_however_they_are_mixed(host, transport):
    async with joined(host, transport) as client:
        for start in range(0, 60, 6):
            said = []
            for number in range(start, start + 6):
                said += [f'451-["note",{number},{ONE}]', b"%d" % number] if number % 2 else [f'42["note",{number}]']
            await client.say(*said)
        await client.say('420["double","x"]')
        await client.hear()
        assert host.log == [(n, b"%d" % n) if n % 2 else (n,) for n in range(60)]


async def test_a_message_of_exactly_the_limit_is_taken_and_one_byte_more_closes_with_1009(host):
    async with joined(host, "websocket") as client:
        assert isinstance(client, OnWebsocket)
        await client.say(f'451-["note",{ONE}]', bytes(1_000_000), '420["double","x"]')
        assert await client.hear() == '430["xx"]'
        assert [len(data) for (data,) in host.log] == [1_000_000]
        await client.say(f'451-["note",{ONE}]', bytes(1_000_001))
        assert await client.hear_end() == []
        assert client.ws.close_code == 1009
    assert host.log[1:] == ["gone"]


async def test_a_post_over_the_limit_is_refused_and_the_session_goes_on(host):
    async with joined(host, "polling") as client:
        for options in ({}, {"chunked": True}):
            assert (await post(client.http, client.url, "4" * 1_000_001, **options))[0] == 413
        await client.say('42["note","' + "x" * (1_000_000 - len('42["note",""]')) + '"]')
        await client.say('420["double","x"]')
        assert await client.hear() == '430["xx"]'
        assert len(host.log) == 1


async def test_a_post_that_ends_too_early_closes_the_session(host, caplog):
    async with joined(host, "polling") as client:
        address = host.url.removeprefix("http://").split("/")[0].split(":")
        _, writer = await asyncio.open_connection(*address)
        path = client.url[client.url.index("/socket.io/") :]
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        with closed_because(caplog, "not complete"):
            writer.write(head.encode() + b"42")
            await writer.drain()
            writer.close()
            assert await client.hear_end() == []
    assert host.log == ["gone"]


@TRANSPORTS
async def test_no_websocket_is_compressed(host, transport):
    async with joined(host, transport) as client:
        if isinstance(client, OnWebsocket):
            assert client.ws.compress == 0
