"""Many calls that end in one instant: one record and one `cdr` event each, and no event before its row."""

import asyncio
import contextlib
import json
import sqlite3
from collections import Counter

from conftest import Api

from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.domain.scenario import Ring
from mockpbx.transport import Connection

CALLS, SOCKETS = 200, 4
PATIENCE = 30
ROW = "SELECT 1 FROM records WHERE session_id = ?"
RINGS_ON = Plan((Rule.of("*", Named("rings on", (Ring(600),))),))


class Ear:
    """A socket that notes what it hears."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self.heard: asyncio.Queue[tuple[str, dict]] = asyncio.Queue()

    async def listen(self) -> None:
        async for message in self.socket:
            if message.data == "2":
                await self.socket.send_str("3")
            elif message.data.startswith("42"):
                self.heard.put_nowait(json.loads(message.data[2:]))

    async def say(self, event: str, session_id: str) -> None:
        await self.socket.send_str(f"42{json.dumps([event, {'sessionId': session_id}])}")

    async def hear(self, event: str) -> str:
        while True:
            name, payload = await asyncio.wait_for(self.heard.get(), PATIENCE)
            if name == event:
                return payload["sessionId"]


async def test_calls_that_end_in_one_instant_get_one_record_and_one_event_each(serve, http, tmp_path, monkeypatch):
    pbx = await serve(clock="manual", database=tmp_path / "calls.db", plan=RINGS_ON)
    api = Api(http, pbx.url)
    async with contextlib.AsyncExitStack() as held:
        file = held.enter_context(contextlib.closing(sqlite3.connect(tmp_path / "calls.db", isolation_level=None)))
        emit, early = Connection.emit, []

        def emit_and_look(connection, event, payload):
            """Look into the file as another process sees it, in the moment that the event leaves."""
            if event == "cdr" and not file.execute(ROW, (payload["sessionId"],)).fetchone():
                early.append(payload["sessionId"])
            emit(connection, event, payload)

        monkeypatch.setattr(Connection, "emit", emit_and_look)
        ears = []
        for _ in range(SOCKETS):
            socket = await held.enter_async_context(http.ws_connect(f"{pbx.url}/socket.io/?EIO=4&transport=websocket"))
            await socket.receive()
            await socket.send_str('40{"token":"dev"}')
            await socket.receive()
            ears.append(Ear(socket))
        listening = [asyncio.ensure_future(ear.listen()) for ear in ears]
        joined = {}
        for number in range(CALLS):
            _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
            ear, session_id = ears[number % SOCKETS], reply["data"]["sessionId"]
            await ear.say("joinRoom", session_id)
            assert await ear.hear("roomJoined") == session_id
            joined[session_id] = ear
        await asyncio.gather(*(ear.say("hangup", session_id) for session_id, ear in joined.items()))
        for ear in joined.values():
            await ear.hear("hangup")
        await api.post("/__admin/clock/advance", {"ms": 1_999})
        assert (await api.get("/cdr"))[1]["meta"]["totalItems"] == 0
        await api.post("/__admin/clock/advance", {"ms": 1})
        cdrs = Counter([await ear.hear("cdr") for ear in joined.values()])
        assert cdrs == Counter(list(joined))
        await api.post("/__admin/clock/advance", {"ms": 10_000})  # each socket has answered a ping since: all is heard
        assert [ear.heard.empty() for ear in ears] == [True] * SOCKETS
        assert early == []
        pages = [(await api.get(f"/cdr?page={page}"))[1] for page in (1, 2)]
        assert Counter(row["sessionId"] for page in pages for row in page["data"]) == Counter(list(joined))
        assert {row["disposition"] for page in pages for row in page["data"]} == {"CANCEL"}
        assert pages[0]["meta"]["totalItems"] == CALLS
        for listener in listening:
            listener.cancel()
