"""What becomes of a client when what the library's user has given fails: the same on both transports."""

import asyncio
import contextlib
import gc
import weakref

import pytest
from aiohttp import web
from peers import peer

from mockpbx.transport import EngineServer, Namespace, SocketServer

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "polling"])


@contextlib.asynccontextmanager
async def serving(server):
    app = web.Application()
    server.attach(app, "io")
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/io/"
    await runner.cleanup()


def fail(*_: object) -> None:
    raise RuntimeError("a mistake of the user's")


async def repeat(_, word):
    return word


@TRANSPORTS
async def test_who_cannot_be_authenticated_is_told_so_and_may_try_again(transport, caplog):
    namespace = Namespace(authenticate=lambda auth: auth["token"])
    async with serving(SocketServer({"/": namespace})) as url, peer(url, transport) as client:
        await client.say("40{}")
        assert await client.hear() == '44{"message":"Internal server error"}'
        assert "KeyError: 'token'" in caplog.text
        await client.say('40{"token":"me"}')
        assert (await client.hear()).startswith('40{"sid":')


@TRANSPORTS
async def test_a_welcome_that_fails_leaves_the_client_in_its_namespace(transport, caplog):
    namespace = Namespace(connected=fail, events={"repeat": repeat})
    async with serving(SocketServer({"/": namespace})) as url, peer(url, transport) as client:
        await client.say("40", '421["repeat","hello"]')
        assert (await client.hear()).startswith('40{"sid":')
        assert await client.hear() == '431["hello"]'
        assert "a mistake of the user's" in caplog.text


@TRANSPORTS
async def test_a_farewell_that_fails_keeps_nobody_from_leaving_and_coming_back(transport, caplog):
    async with serving(SocketServer({"/": Namespace(disconnected=fail)})) as url, peer(url, transport) as client:
        for _ in range(2):
            await client.say("40")
            assert (await client.hear()).startswith('40{"sid":')
            await client.say("41")
        assert "a mistake of the user's" in caplog.text


@TRANSPORTS
async def test_a_farewell_that_fails_keeps_no_other_namespace_from_hearing_of_the_end(transport):
    left = []
    other = Namespace(disconnected=lambda connection: left.append(connection.namespace))
    server = SocketServer({"/": Namespace(disconnected=fail), "/other": other})
    async with serving(server) as url, peer(url, transport) as client:
        await client.say("40", "40/other,")
        assert (await client.hear()).startswith('40{"sid":')
        assert (await client.hear()).startswith('40/other,{"sid":')
        await server.close()
        assert await client.hear_end() == []
        assert left == ["/other"]


@TRANSPORTS
async def test_engine_io_alone_goes_on_after_each_of_its_callbacks_has_failed(transport, caplog):
    async def echo(session, message):
        if message == "bad":
            fail()
        session.send(message)

    server = EngineServer(echo, opened=fail, closed=fail)
    async with serving(server) as url, peer(url, transport) as client:
        await client.say("4bad", "4good")
        assert await client.hear() == "4good"
        await server.close()
        assert await client.hear_end() == []
        assert caplog.text.count("RuntimeError: a mistake of the user's") == 3
        assert not server.sessions or transport == "polling"


@pytest.mark.parametrize(
    ("transport", "end"), [("websocket", "1"), ("polling", "1"), ("websocket", "lost"), ("websocket", "9")]
)
async def test_a_session_that_is_over_is_freed_at_once_not_by_the_garbage_collector(transport, end):
    over = asyncio.Event()
    sessions: list[weakref.ref] = []
    namespace = Namespace(
        connected=lambda connection: sessions.append(weakref.ref(connection._socket)),
        disconnected=lambda _: over.set(),
        events={"repeat": repeat},
    )
    gc.disable()
    try:
        async with serving(SocketServer({"/": namespace})) as url, peer(url, transport) as client:
            await client.say("40", '421["repeat","hello"]')
            assert (await client.hear()).startswith('40{"sid":')
            assert await client.hear() == '431["hello"]'
            if end == "lost":
                client.ws._response.connection.transport.abort()
            else:
                await client.say(end)
            await over.wait()
        assert sessions[0]() is None
    finally:
        gc.enable()
