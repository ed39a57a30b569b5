"""Clocks over real sockets: by hand, by themselves, side by side. A bot that only reacts needs no real time."""

import asyncio
import json

import numpy as np
import pytest
import socketio

from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.media import facts as f

NUMBER = "089608675796"
GREETING = np.arange(1, 12_001, dtype="<i2").tobytes()  # 1.5 s


class Reactive:
    """A bot without any time of its own: it greets when connected, hangs up when the greeting has been heard."""

    def __init__(self, workspace, url: str, token: str) -> None:
        self.workspace = workspace
        self.url, self.token = url, token
        self.sio = socketio.AsyncClient(reconnection=False)
        self.frames = 0
        self.heard: list[str] = []
        self.done = asyncio.Event()
        self.sio.on("*", self.react)

    async def __aenter__(self):
        await self.sio.connect(self.url, auth={"token": self.token}, transports=["websocket"])
        return self

    async def __aexit__(self, *_):
        await self.sio.disconnect()

    async def react(self, event, data):
        if event == "audio":
            self.frames += 1
            return
        session = {"sessionId": data["sessionId"]}
        self.heard.append(data["status"] if event == "dialStatus" else event)
        match event, data:
            case "newSession", _:
                await self.sio.emit("joinRoom", session)
            case "dialStatus", {"status": "Connected"}:
                await self.sio.emit("audio", session | {"audioData": GREETING, "audioFormat": "pcm16"})
                await self.sio.emit("checkPoint", session | {"name": "greeted"})
            case "checkPoint", _:
                await self.sio.emit("hangup", session)
            case "cdr", _:
                self.done.set()

    def times(self, kind: type) -> list[int]:
        return [entry.at for entry in self.workspace.journal if isinstance(entry.event, kind)]


def story(workspace) -> list[object]:
    """What happened, and when since the call was placed; clients by any other name are the same."""
    entries = [entry for entry in workspace.journal if entry.session_id is not None]
    start = entries[0].at
    return [
        (entry.at - start, "RoomJoined" if isinstance(entry.event, e.RoomJoined) else summary(entry.event, start))
        for entry in entries
    ]


def summary(event: object, start: int) -> object:
    if isinstance(event, e.CallEnded | e.RecordIssued):
        record = event.record
        return type(event).__name__, record.started_at - start, record.ended_at - start, record.cause
    return event


@pytest.fixture
async def bot(serve, http):
    """A bot in a workspace: `await bot("auto")`."""
    running: list[Reactive] = []

    async def start(clock: str, token: str = "dev", pbx=None, **settings) -> Reactive:
        pbx = pbx or await serve(clock_start="2026-01-01T00:00:00Z", **settings)
        workspace = pbx.workspace_of(token)
        workspace.set_clock(clock)
        bot = await Reactive(workspace, pbx.url, token).__aenter__()
        bot.pbx = pbx
        running.append(bot)
        return bot

    async def call(bot: Reactive) -> None:
        headers = {"Authorization": f"Bearer {bot.token}"}
        async with http.post(f"{bot.url}/pbx/call", json={"phoneNumber": NUMBER}, headers=headers) as reply:
            assert reply.status == 200

    start.call = call
    yield start
    for bot in running:
        await bot.__aexit__()


async def test_nothing_happens_on_a_manual_clock_until_it_is_advanced(bot):
    tester = await bot("manual")
    await bot.call(tester)
    before = tester.workspace.clock.now()
    await tester.workspace.advance(0)
    assert tester.heard == ["newSession", "roomJoined", "Dialing"]
    await tester.workspace.advance(499)
    assert tester.heard[3:] == []
    await tester.workspace.advance(1)
    assert tester.heard[3:] == ["Ringing"]
    await tester.workspace.advance(2_000)
    assert tester.heard[4:] == ["Connected"]
    assert tester.workspace.clock.now() == before + 2_500


@pytest.mark.parametrize("clock", ["manual", "auto"])
async def test_what_a_client_does_about_an_event_is_admitted_at_that_instant(bot, clock):
    tester = await bot(clock)
    await bot.call(tester)
    if clock == "manual":
        await tester.workspace.advance(60_000)
    await tester.done.wait()
    kinds = (e.RoomJoined, f.CheckpointQueued, f.CheckpointReached)
    (joined,), (queued,), (reached,) = (tester.times(kind) for kind in kinds)
    connected = tester.times(e.DialStatusChanged)[-1]
    assert connected - joined == 2_500
    assert queued == connected
    assert reached - queued in range(1_500, 1_541)
    assert tester.times(e.CallEnded) == [reached]
    assert tester.heard[:5] == ["newSession", "roomJoined", "Dialing", "Ringing", "Connected"]
    assert tester.heard[5:] == ["checkPoint", "hangup", "cdr"]


async def test_a_clock_that_is_stepped_and_one_that_jumps_tell_the_same_story(bot):
    stories = []
    for clock in ("manual", "auto", "auto"):
        tester = await bot(clock)
        await bot.call(tester)
        if clock == "manual":
            await tester.workspace.advance(60_000)
        await tester.done.wait()
        stories.append((story(tester.workspace), tester.frames))
    assert stories[0] == stories[1] == stories[2]


async def test_three_workspaces_of_one_server_tell_one_story_at_three_rates(serve):
    pbx = await serve()
    workspaces = [pbx.workspace_of(clock) for clock in ("20x", "100x", "manual")]
    for workspace, clock in zip(workspaces, ("20x", "100x", "manual"), strict=True):
        workspace.set_clock(clock)
        workspace.set_plan(Plan((Rule.of("*", Named("ivr", PERSONAS["ivr"])),)))
        workspace.place_call("s", NUMBER)
    await workspaces[-1].advance(120_000)
    for workspace in workspaces:
        while not any(isinstance(entry.event, e.RecordIssued) for entry in workspace.journal):
            await workspace.journal.grown()
    stories = [story(workspace) for workspace in workspaces]
    assert stories[0] == stories[1] == stories[2]
    assert len(stories[0]) > 10


async def test_ten_minutes_pass_by_themselves_and_no_frame_is_missing(bot):
    tester = await bot("auto")
    minutes = (s.Ring(0, setup=0), s.Answer(), s.Wait(600), s.HangUp())
    tester.workspace.set_plan(Plan((Rule.of("*", Named("long", minutes)),)))
    tester.sio.on("*", patient(tester))
    await bot.call(tester)
    await tester.done.wait()
    record = next(entry.event.record for entry in tester.workspace.journal if isinstance(entry.event, e.CallEnded))
    assert record.billable_seconds == 600
    assert tester.frames == 30_000


def patient(tester: Reactive):
    """Return what a bot does that joins and listens."""

    async def react(event, data):
        if event == "audio":
            tester.frames += 1
        elif event == "newSession":
            await tester.sio.emit("joinRoom", {"sessionId": data["sessionId"]})
        elif event == "cdr":
            tester.done.set()

    return react


async def test_time_is_real_on_a_clock_that_jumps_while_a_call_waits_for_its_client(bot, serve):
    pbx = await serve(clock="auto")
    workspace = pbx.workspace_of("dev")
    workspace.place_call("s", "089608675796")
    assert workspace.clock.rate == 1
    tester = await bot("auto", pbx=pbx)
    assert workspace.clock.rate == 0
    await tester.sio.disconnect()
    while workspace.clients.connected:
        await asyncio.sleep(0.01)
    assert workspace.clock.rate == 1
    workspace.hang_up("s")
    assert workspace.clock.rate == 0  # nobody has to be waited for until the record is due
    while not [entry for entry in workspace.journal if isinstance(entry.event, e.RecordIssued)]:
        await workspace.journal.grown()
    ended, issued = (
        next(entry.at for entry in workspace.journal if isinstance(entry.event, kind))
        for kind in (e.CallEnded, e.RecordIssued)
    )
    assert issued - ended == 2_000


async def test_two_workspaces_on_one_server_keep_opposite_clocks(bot):
    frozen = await bot("manual", "frozen")
    jumping = await bot("auto", "jumping", pbx=frozen.pbx)
    await bot.call(frozen)
    await bot.call(jumping)
    await jumping.done.wait()
    assert frozen.heard == ["newSession", "roomJoined", "Dialing"]
    assert len(jumping.times(e.CallEnded)) == 1
    assert not {entry.session_id for entry in frozen.workspace.journal if entry.session_id} & {
        entry.session_id for entry in jumping.workspace.journal
    }
    await frozen.workspace.advance(60_000)
    assert frozen.heard[-1] == "cdr"


async def test_a_client_that_never_answers_pings_holds_time_up_once_and_not_for_ever(bot, monkeypatch):
    monkeypatch.setattr("mockpbx.runtime.stepper.LONGEST_INSTANT", 0.05)
    tester = await bot("manual")
    tester.sio.eio._send_packet = swallow_pongs(tester.sio.eio._send_packet)
    await bot.call(tester)
    await tester.workspace.advance(10_000)
    assert tester.times(e.DialStatusChanged)
    assert tester.workspace.clock.now() % 10_000 == 0


async def test_whoever_asks_second_waits_for_a_pong_of_his_own(serve, http):
    pbx = await serve(clock="manual")
    clients = pbx.workspace_of("dev").clients
    async with http.ws_connect(f"{pbx.url}/socket.io/?EIO=4&transport=websocket") as socket:
        await socket.receive()
        await socket.send_str('40{"token":"dev"}')
        assert (await socket.receive_str()).startswith("40")
        first, second = asyncio.ensure_future(clients.ping(20)), asyncio.ensure_future(clients.ping(20))
        assert [await socket.receive_str(), await socket.receive_str()] == ["2", "2"]
        assert [first.done(), second.done()] == [False, False]
        await socket.send_str("3")
        await first
        assert not second.done()
        await socket.send_str("3")
        await second


def swallow_pongs(send):
    async def swallow(packet):
        if packet.packet_type != 3:
            await send(packet)

    return swallow


async def test_a_client_may_answer_one_ping_before_it_comes_to_act_on_what_came_with_it(serve, http):
    pbx = await serve(clock="manual")
    workspace = pbx.workspace_of("dev")
    url = f"{pbx.url}/socket.io/?EIO=4&transport=websocket"
    put_off: list[str] = []  # until the second ping

    async def follow(socket) -> None:
        pings = 0
        async for message in socket:
            if str(message.data).startswith('42["newSession"'):
                session = json.loads(message.data[2:])[1]["sessionId"]
                put_off.append("42" + json.dumps(["joinRoom", {"sessionId": session}]))
                pings = 0
            elif message.data == "2":
                pings += 1
                if pings == 2 and put_off:
                    await socket.send_str(put_off.pop())
                await socket.send_str("3")

    async with http.ws_connect(url) as socket:
        assert (await socket.receive_str()).startswith("0")
        await socket.send_str('40{"token":"dev"}')
        assert (await socket.receive_str()).startswith("40")
        following = asyncio.ensure_future(follow(socket))
        workspace.place_call("s", NUMBER)
        workspace.announce("s")
        await workspace.advance(60_000)
        following.cancel()
    moments = {entry.kind: entry.at for entry in workspace.journal if entry.kind in ("CallPlaced", "RoomJoined")}
    assert moments["RoomJoined"] == moments["CallPlaced"]


async def test_an_advance_that_is_overtaken_by_another_mode_ends(bot):
    tester = await bot("manual")
    await bot.call(tester)
    walk = asyncio.ensure_future(tester.workspace.advance(86_400_000))
    while not tester.times(e.DialStatusChanged):
        await asyncio.sleep(0)
    tester.workspace.set_clock("real")
    await walk
    assert tester.workspace.clock.rate == 1
