"""What a websocket brings is handled in the moment in which it is read, in order, whatever takes its time."""

import asyncio
import contextlib
from random import Random

import pytest
from aiohttp import WSMessage, WSMsgType, web
from peers import OnWebsocket, peer

from mockpbx.transport import EngineServer, Namespace, PreparedAck, SocketServer

HELLO = '["hello",{"data":{"_placeholder":true,"num":0},"n":1}]'


@contextlib.asynccontextmanager
async def serving(server):
    app = web.Application()
    server.attach(app, "io")
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/io/"
    await runner.cleanup()


def answer(session, message) -> None:
    """Say whether this is called as the connection is read, and by no task."""
    session.send(f"{message} {asyncio.current_task() is None}")


@pytest.mark.parametrize("release", ["3.14.", "none that there is"])
async def test_a_message_is_handled_as_it_is_read_and_by_a_task_with_an_unknown_aiohttp(monkeypatch, release):
    monkeypatch.setattr("mockpbx.transport.websocket.FITTING", release)
    monkeypatch.setattr("mockpbx.transport.turns.LONGEST_TURN", 3_600)  # however long this machine takes
    async with serving(EngineServer(answer)) as url, peer(url, "websocket") as client:
        await client.say("4hello")
        assert (await client.hear()).startswith("4hello")  # it may have come before the session was waiting
        for _ in range(5):
            await client.say("4there")
            assert await client.hear() == f"4there {release == '3.14.'}"


async def test_an_upgraded_session_handles_what_it_reads_at_once_too(monkeypatch):
    monkeypatch.setattr("mockpbx.transport.turns.LONGEST_TURN", 3_600)
    async with serving(EngineServer(answer)) as url, peer(url, "polling") as polling:
        await polling.say("4hello")
        assert await polling.hear() == "4hello False"
        ws = await polling.http.ws_connect(f"{url}?transport=websocket&EIO=4&sid={polling.sid}")
        await ws.send_str("2probe")
        assert await ws.receive_str() == "3probe"
        await ws.send_str("5")
        await ws.send_str("4hello")
        assert (await ws.receive_str()).startswith("4hello")
        await ws.send_str("4there")
        assert await ws.receive_str() == "4there True"


@pytest.mark.parametrize("seed", range(5))
async def test_everything_is_handled_in_order_however_it_arrives_and_however_long_it_takes(seed):
    luck, handled, done = Random(seed), [], asyncio.Event()
    working = 0

    def begin(message) -> None:
        nonlocal working
        assert not working, "one message at a time"
        working = 1
        handled.append(len(message) if isinstance(message, bytes) else int(message[1:].rstrip("x") or 0))

    def end(message) -> None:
        nonlocal working
        working = 0
        if len(handled) == len(said):
            done.set()

    async def take_time(message):
        begin(message)
        for _ in range(int(message[0])):
            await asyncio.sleep(0)
        end(message)

    def take(session, message):
        if isinstance(message, str) and message[0] != "0":
            return take_time(message)
        begin(message)
        end(message)
        return None

    said, expected = [], []
    for number in range(300):
        if luck.random() < 0.3:
            said.append(b"\0" * number)
        else:  # how often it lets others go first, its number, and so much more
            takes = luck.choice("0000000123")
            said.append(f"4{takes}{number}" + "x" * luck.choice([0, 0, 0, 5, 70_000]))
        expected.append(number)
    async with serving(EngineServer(take)) as url, peer(url, "websocket") as client:
        assert isinstance(client, OnWebsocket)
        begun = 0
        while begun < len(said):
            burst = luck.choice([1, 1, 3, 40])
            await client.say(*said[begun : begun + burst])
            begun += burst
            if luck.random() < 0.5:
                await client.ws.ping()
                await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await done.wait()
        assert handled == expected


@pytest.mark.parametrize(
    ("last", "why"), [("1", "transport close"), ("9", "parse error"), ("4late", "forced close")], ids=str
)
async def test_a_session_that_ends_by_what_it_reads_handles_nothing_more(last, why):
    heard: list[str] = []
    ended: asyncio.Queue[str] = asyncio.Queue()

    def take(session, message):
        heard.append(message)
        if message == "late":
            session._end("forced close")

    server = EngineServer(take, closed=lambda _, reason: ended.put_nowait(reason))
    async with serving(server) as url, peer(url, "websocket") as client:
        await client.say("4hello", last, "4more")
        assert await asyncio.wait_for(ended.get(), 20) == why
        assert await client.hear_end() == []
        assert heard == (["hello", "late"] if last == "4late" else ["hello"])
        assert not server.sessions


async def test_what_is_read_as_its_session_ends_is_not_handled_any_more():
    log, connections = [], []

    async def handle(connection):
        log.append("handled")

    namespace = Namespace(
        connected=connections.append, disconnected=lambda _: log.append("gone"), events={"hello": handle}
    )
    async with serving(SocketServer({"/": namespace})) as url, peer(url, "websocket") as client:
        await client.say("40")
        await client.hear()
        session = connections[0]._socket
        assert session._take_at_once('42["hello"]') is False, "the rest of it waits for the session's task"
        session._die()  # a heartbeat that is due in the same turn of the event loop
        session._websocket.response.inbox.feed_data(WSMessage(WSMsgType.TEXT, '42["hello"]', ""), 11)
        assert await client.hear_end() == []
        assert log == ["gone"]


async def test_nothing_follows_the_close_of_a_session_not_even_an_acknowledgment(monkeypatch):
    answer, begun, left, connections = asyncio.Event(), asyncio.Event(), asyncio.Event(), []

    async def slow(connection):
        begun.set()
        await answer.wait()
        asyncio.get_running_loop().call_soon(left.set)
        return PreparedAck("late")

    namespace = Namespace(connected=connections.append, events={"slow": slow})
    written = []
    async with serving(SocketServer({"/": namespace})) as url, peer(url, "websocket") as client:
        await client.say("40", '427["slow"]')
        await begun.wait()
        monkeypatch.setattr("mockpbx.transport.wire.Wire.write", lambda _, data: written.append(data))
        closing = asyncio.ensure_future(connections[0].close())
        await asyncio.sleep(0)
        answer.set()
        await left.wait()
        await closing
        assert written == []


# --- what is prepared -------------------------------------------------------------------------------------------------


class Prepared:
    """A namespace whose event `hello` is prepared for whoever says `n: 1`, for data that is no `b"odd"`."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.namespace = Namespace(events={"hello": self.handle}, prepared={"hello": self.prepare})

    async def handle(self, connection, payload):
        self.log.append(("handled", payload["data"]))
        return "handled"

    def prepare(self, connection, payload):
        self.log.append(("prepared", payload["n"]))
        if payload["n"] != 1:
            return None

        def take(data, number):
            if data == b"odd":
                return False
            self.log.append(("taken", data))
            if number is not None:
                connection.acknowledge_prepared(number, PreparedAck("taken"))
            return True

        return take


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_what_is_prepared_is_asked_for_once_and_takes_what_it_can(transport):
    user = Prepared()
    async with serving(SocketServer({"/": user.namespace})) as url, peer(url, transport) as client:
        await client.say("40")
        await client.hear()
        for number, (data, answer) in enumerate([(b"a", "taken"), (b"b", "taken"), (b"odd", "handled")]):
            await client.say(f"451-{number}{HELLO}", data)
            assert await client.hear() == f'43{number}["{answer}"]'
        await client.say(f"451-{HELLO}", b"unasked", f"451-3{HELLO.replace('1}', '2}')}", b"c")
        assert await client.hear() == '433["handled"]'
        assert user.log == [
            ("prepared", 1), ("taken", b"a"), ("taken", b"b"), ("handled", b"odd"), ("taken", b"unasked"),
            ("prepared", 2), ("handled", b"c"),
        ]  # fmt: skip


async def test_who_joins_again_is_another_connection_for_which_it_is_prepared_anew():
    user = Prepared()
    async with serving(SocketServer({"/": user.namespace})) as url, peer(url, "websocket") as client:
        for _ in range(2):
            await client.say("40", f"451-7{HELLO}", b"a")
            assert (await client.hear()).startswith("40")
            assert await client.hear() == '437["taken"]'
            await client.say("41")
        assert user.log == [("prepared", 1), ("taken", b"a")] * 2


async def test_what_is_prepared_badly_costs_its_message_and_no_more(caplog):
    def fail(*_):
        raise RuntimeError("a mistake of the user's")

    async def handle(connection, payload):
        return "handled"

    namespace = Namespace(events={"hello": handle, "other": handle}, prepared={"hello": lambda *_: fail})
    async with serving(SocketServer({"/": namespace})) as url, peer(url, "websocket") as client:
        await client.say("40", f"451-1{HELLO}", b"a", '422["other",1]')
        assert (await client.hear()).startswith("40")
        assert await client.hear() == '432["handled"]'
        assert "a mistake of the user's" in caplog.text
