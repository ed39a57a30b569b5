"""Socket.IO and plain Engine.IO without the emulator, as the official test suites of both protocols want them."""

import asyncio

from aiohttp import web

from mockpbx.transport import EngineServer, Namespace, SocketServer

TIMES = {"ping_interval": 0.3, "ping_timeout": 0.2}


def greet(connection):  # a moment later: the suites overlook a message that comes together with the one before it
    asyncio.get_running_loop().call_later(0.05, connection.emit, "auth", connection.identity)


async def answer(connection, *arguments):
    return arguments if connection.ack_wanted else connection.emit("message-back", *arguments)


async def echo(session, message):
    session.send(message)


namespace = Namespace(lambda auth: auth, greet, events={"message": answer, "message-with-ack": answer})
app = web.Application()
SocketServer({"/": namespace, "/custom": namespace}, **TIMES).attach(app)
EngineServer(echo, **TIMES).attach(app, "engine.io")
if __name__ == "__main__":
    web.run_app(app, host="localhost", port=3000)
