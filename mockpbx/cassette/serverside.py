"""Plays the server's side of a cassette to a client.

What the recorded server did, it does again at the same distance from what the recorded client had done before: the
last request or event about the same session, sound apart. Session ids are the recorded ones: the client learns them as
the recorded one did.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from mockpbx.cassette.lines import Cassette, Closed, Failed, Line, Packet, Raw, Reply
from mockpbx.cassette.part import Deed, Part
from mockpbx.cassette.redaction import Redactor
from mockpbx.cassette.score import SOCKET_PATH, content_of, is_audio, session_in, told, wire_of
from mockpbx.cassette.timetable import Timetable
from mockpbx.cassette.transcription import Asked, Heard, Transcriber
from mockpbx.client.packets import messages_of

ACKS = "acks on"  # they keep an order of their own, on each connection
PING_EVERY = 25.0  # s
HANDSHAKE = {"upgrades": [], "pingInterval": 25_000, "pingTimeout": 20_000, "maxPayload": 1_000_000}
GOODBYE = 5.0  # s that a client has to close its sockets when all has been played
SENDABLE = (*range(1000, 1004), *range(1007, 1012), *range(3000, 5000))  # close codes, RFC 6455, 7.4


@dataclass(eq=False, slots=True)
class _Socket:
    """A live connection. `number` is the recorded one that it stands for; what leaves waits in `outbox`."""

    key: int
    number: int | None = None
    outbox: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)


class ServerSide:
    """`async with ServerSide(cassette, host, port, speed=1) as side` listens at `side.url`; `await side.finished(60)`.

    Entering raises OSError where the address cannot be had. `unknown` counts what the client did and the recorded one
    did not.
    """

    def __init__(self, cassette: Cassette, host: str, port: int, *, speed: float = 1.0) -> None:
        self.url = ""
        self.unknown: Counter[str] = Counter()
        self._part = Part(cassette)
        self._address = (host, port)
        self._speed = speed
        self._transcriber = Transcriber(Redactor())
        self._keys = itertools.count(1)
        self._open: dict[int, _Socket] = {}
        self._taken: dict[int, _Socket] = {}  # by the recorded socket's number
        self._unsent: dict[int, list[Line]] = defaultdict(list)  # for recorded sockets that are not open yet
        self._acks: dict[str | None, list[Any]] = {}  # the last one about each session, for sound cut in more pieces
        self._stirred = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._timetable = Timetable(self._send, self._fill, self._speed)
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        host, port = self._address
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, host, port).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timetable.clear()
        for live in self._open.values():
            live.outbox.put_nowait(Closed(0, 0, "server", 1001))
        await self._runner.cleanup()

    async def finished(self, patience: float) -> list[str]:
        """Return what the client has not done, once all is played or nothing has happened for `patience` seconds.

        Waits for the first thing that the client does without limit.
        """
        await self._stirred.wait()
        while self._timetable or self._part.missed():
            if not await self._stirs(patience) and not self._timetable:
                break
        with suppress(TimeoutError):
            async with asyncio.timeout(min(patience, GOODBYE)):
                while self._open:
                    await self._stirs(GOODBYE)
        return self._part.missed()

    async def _stirs(self, within: float) -> bool:
        self._stirred.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), within)
        return self._stirred.is_set()

    # --- requests -----------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith(SOCKET_PATH):
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._converse(request)
            return web.json_response({"code": 0, "message": "a replay has the websocket transport only"}, status=400)
        asked = Asked(0, 0, request.method, request.raw_path, request.headers, await request.read())
        (line,) = self._transcriber.lines(asked)
        deed = self._part.request(line.method, line.path, line.body)  # type: ignore[union-attr]
        self._stirred.set()
        if deed is None:
            self.unknown[told(line)] += 1
        if deed is None or deed.reply is None:
            return _nothing_recorded(told(line))
        if deed.about is not None and request.path.rstrip("/").endswith("/hangup"):
            self._timetable.drop(deed.about)
        self._timetable.add(deed.about, deed.before_reply())
        await asyncio.sleep(deed.reply[0] / self._speed)
        return await self._reply(request, deed, deed.reply[1])

    async def _reply(self, request: web.Request, deed: Deed, line: Reply | Failed) -> web.StreamResponse:
        if isinstance(line, Failed):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)
        response = web.Response(status=line.status, headers=line.headers, body=content_of(line.body))
        await response.prepare(request)
        await response.write_eof()
        self._timetable.add(deed.about, deed.since_reply())  # nothing of this may overtake the reply
        return response

    # --- sockets ------------------------------------------------------------------------------------------------------

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        connection = web.WebSocketResponse(compress=False, max_msg_size=0)
        await connection.prepare(request)
        live = _Socket(next(self._keys))
        self._open[live.key] = live
        await connection.send_str("0" + json.dumps({"sid": f"replay-{live.key}", **HANDSHAKE}))
        writing = asyncio.create_task(self._write(connection, live))
        pinging = asyncio.create_task(_ping(connection))
        try:
            async for message in connection:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    for line in self._transcriber.lines(Heard(0, live.key, "client", message.data)):
                        self._take(live, line)
        finally:
            for task in (writing, pinging):
                task.cancel()
            await asyncio.gather(writing, pinging, return_exceptions=True)
            del self._open[live.key]
            self._stirred.set()
        return connection

    def _take(self, live: _Socket, line: Line) -> None:
        """Let happen what the recorded server did upon this."""
        self._stirred.set()
        if isinstance(line, Packet) and line.type == "connect" and live.number is None:
            self._open_for(live, line)
        deed = self._part.packet(live.number, line) if isinstance(line, Packet) else None
        if deed is None:
            self._answer_unknown(live, line)
            return
        assert isinstance(line, Packet)
        if line.event == "hangup":
            self._timetable.drop(deed.about)
        self._timetable.add(deed.about, [it for it in deed.upon if not _is_ack(it[1])])
        for distance, ack in deed.upon:
            if isinstance(ack, Packet) and _is_ack(ack):
                self._acks[deed.about] = ack.data
                if line.id is not None:
                    self._timetable.add(f"{ACKS} {live.key}", [(distance, replace(ack, socket=live.key, id=line.id))])

    def _open_for(self, live: _Socket, packet: Packet) -> None:
        payload = packet.payload if isinstance(packet.payload, dict) else {}
        deed = self._part.socket(str(payload.get("token", "")).removeprefix("Bearer ") or None)
        if deed is None:
            return
        live.number = deed.line.socket
        self._taken[live.number] = live
        self._timetable.add(None, deed.upon)
        for line in self._unsent.pop(live.number, ()):
            live.outbox.put_nowait(line)

    def _answer_unknown(self, live: _Socket, line: Line) -> None:
        if not isinstance(line, Packet):
            return
        if line.type == "connect":
            self.unknown["opened a socket"] += 1
            live.outbox.put_nowait(Packet(0, live.key, "server", "connect", [{"sid": f"replay-{live.key}"}]))
        elif is_audio(line):
            ack = self._acks.get(session_in(line.payload))
            if ack is not None and line.id is not None:
                live.outbox.put_nowait(Packet(0, live.key, "server", "ack", ack, line.id))
        elif line.type == "event":
            self.unknown[told(line)] += 1

    def _send(self, line: Line) -> None:
        """Put a line, which is due, into the outbox of its connection."""
        self._stirred.set()
        number = getattr(line, "socket", 0)
        live = self._open.get(number) if _is_ack(line) else self._taken.get(number)
        if live is not None:
            live.outbox.put_nowait(line)
        elif not _is_ack(line):
            self._unsent[number].append(line)

    def _fill(self, frame: Packet) -> None:
        """Send as much silence as a frame has sound, for a client that takes longer than the recorded one did."""
        live = self._taken.get(frame.socket)
        sound = frame.payload.get("audioData") if isinstance(frame.payload, dict) else None
        if live is not None and isinstance(sound, bytes):
            live.outbox.put_nowait(replace(frame, data=[{**frame.payload, "audioData": bytes(len(sound))}]))

    async def _write(self, connection: web.WebSocketResponse, live: _Socket) -> None:
        with suppress(ConnectionError):
            while True:
                match await live.outbox.get():
                    case Packet() as packet:
                        for message in messages_of(wire_of(packet)):
                            await _say(connection, message)
                    case Raw(content=content):
                        await _say(connection, content)
                    case Closed(code=code):
                        await connection.close(code=code if code in SENDABLE else 1000)


async def _say(connection: web.WebSocketResponse, message: str | bytes) -> None:
    await (connection.send_str(message) if isinstance(message, str) else connection.send_bytes(message))


async def _ping(connection: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        while True:
            await asyncio.sleep(PING_EVERY)
            await connection.send_str("2")


def _is_ack(line: Line) -> bool:
    return isinstance(line, Packet) and line.type == "ack"


def _nothing_recorded(what: str) -> web.Response:
    sentence = f"mockpbx replay: the cassette holds no reply to {what}"
    return web.json_response({"status": 500, "errors": sentence, "data": None}, status=500)
