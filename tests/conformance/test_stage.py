"""Calls are placed, whichever comes first: the reply to the request, or the news of the session."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from conformance.odd_servers import running

from mockpbx.conformance.desk import new_session
from mockpbx.conformance.patience import Patience
from mockpbx.conformance.run import Options, Take
from mockpbx.conformance.stage import Stage, Unplayable
from mockpbx.conformance.transcript import Said

MINE = "mine"


class Service:
    """Announces these sessions, and replies to POST /pbx/call when the room of the first outbound one is joined."""

    def __init__(self, *announced: tuple[str, str], waits: bool = True, reply: str | None = MINE) -> None:
        self.announced = announced
        self.reply = reply
        self.joined = asyncio.Event()
        if not waits:
            self.joined.set()
        self.sockets: list[web.WebSocketResponse] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/socket.io"):
            return await self._socket(request)
        await self._tell(self.announced)
        await self.joined.wait()
        data = {"phoneNumber": "0812", "sessionId": self.reply} if self.reply else None
        status = 200 if self.reply else 500
        return web.json_response({"status": status, "errors": "", "data": data}, status=status)

    async def _tell(self, sessions: Sequence[tuple[str, str]]) -> None:
        for socket in self.sockets:
            for session_id, kind in sessions:
                await socket.send_str("42" + json.dumps(["newSession", {"sessionId": session_id, "type": kind}]))

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":5000}')
        async for message in socket:
            if message.data.startswith("40"):
                self.sockets.append(socket)
                await socket.send_str('40{"sid":"def"}')
            elif message.data.startswith("42"):
                event, payload = json.loads(message.data[2:])
                assert event == "joinRoom"
                await socket.send_str("42" + json.dumps(["roomJoined", payload | {"status": "success"}]))
                self.joined.set()
                if all(session_id != MINE for session_id, _ in self.announced):
                    await self._tell([(MINE, "outbound")])
        return socket


@asynccontextmanager
async def stage_at(service: Service) -> AsyncIterator[Stage]:
    async with running(service.handle) as url, new_session() as http:
        stage = Stage(Options(url, "dev", "0812", "invalid", timeout=10), Take("placing"), http, Patience())
        yield stage
        await asyncio.gather(*(line.close() for line in stage._lines.values()))


def rooms(stage: Stage) -> list[str]:
    return [said.payload["sessionId"] for said in stage.transcript.of(Said) if said.event == "joinRoom"]


async def test_a_room_is_joined_when_it_is_announced_though_the_reply_takes_its_time():
    async with stage_at(Service((MINE, "outbound"))) as stage:
        call = await stage.place("0812")
        assert (call.session_id, rooms(stage)) == (MINE, [MINE])
        assert call.marks["joined"] < call.placed.at


async def test_who_is_patient_joins_when_the_reply_is_there():
    async with stage_at(Service((MINE, "outbound"), waits=False)) as stage:
        call = await stage.place("0812", patiently=True)
        assert rooms(stage) == [MINE]
        assert call.marks["joined"] >= call.placed.at


async def test_the_reply_tells_which_of_two_sessions_is_ours():
    async with stage_at(Service(("somebody-s", "outbound"))) as stage:
        call = await stage.place("0812", members=("member", "second"))
        assert call.session_id == MINE
        assert rooms(stage) == ["somebody-s"] * 2 + [MINE] * 2
        assert call.marks["joined"] > call.placed.at


async def test_joining_would_answer_an_inbound_call_that_is_somebody_else_s():
    async with stage_at(Service(("somebody-s", "inbound"), (MINE, "outbound"), waits=False)) as stage:
        await stage.place("0812")
        assert rooms(stage) == [MINE]


async def test_a_call_that_is_refused_after_all_is_none():
    async with stage_at(Service(("somebody-s", "outbound"), reply=None)) as stage:
        with pytest.raises(Unplayable, match="no call was placed: POST /pbx/call was answered 500"):
            await stage.place("0812")
        assert stage.take.calls == []
