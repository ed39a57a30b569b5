"""The fast path of a client's sound is the way of its handler, only faster: nobody can tell them apart."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from peers import Peer, peer

from mockpbx.adapters.realtime import service
from mockpbx.runtime.faults.notation import read_fault
from mockpbx.runtime.workspace import Workspace

NUMBER = "089608675796"
TONE = bytes(range(256)) * 10


class Side:
    """A call on a server of its own, whose clock stands still, with two clients in its room."""

    def __init__(self, workspace: Workspace, clients: list[Peer], ids: list[str]) -> None:
        self.workspace = workspace
        self.clients = clients
        self.ids = ids
        self.asked = 0

    async def say(self, client: int, event: str, payload: dict, sound: bytes | None, ack: bool) -> str | None:
        """Send an event, and return its acknowledgment as it came."""
        self.asked += 1
        number = str(self.asked) if ack else ""
        if sound is not None:
            payload = payload | {"audioData": {"_placeholder": True, "num": 0}}
        text = json.dumps([event, payload], separators=(",", ":"))
        speaker = self.clients[client]
        await speaker.say(f"4{'' if sound is None else '5'}{'1-' if sound is not None else '2'}{number}{text}")
        if sound is not None:
            await speaker.say(sound)
        if not ack:
            await asyncio.wait_for(self.workspace.clients.sockets[self.ids[client]].ping(), 20)
            return None
        while not (heard := await speaker.hear()) or not str(heard).startswith("43"):
            pass
        return str(heard)

    def seen(self) -> list[object]:
        """Everything that there is to see of it, without names that differ."""
        workspace = self.workspace
        workspace.traffic.end_runs("s")
        journal = [(entry.at, entry.session_id, repr(entry.event)) for entry in workspace.journal]
        passed = [
            (m.name, m.call, self._name(m.client), m.payload, m.reply, m.count, m.bytes, m.formats, m.refused, m.acks,
             m.error, m.at, m.until)
            for m in workspace.traffic.after(0)
        ]  # fmt: skip
        recording = workspace.recordings.find("s")
        arrivals = () if recording is None else recording.sound().arrivals
        line = workspace.line("s")
        return [self._anonymous(journal), passed, arrivals, line and line.playout.audio]

    def _name(self, client: str | None) -> int | None:
        return None if client is None else self.ids.index(client)

    def _anonymous(self, journal: list[tuple]) -> str:
        text = repr(journal)
        for place, client in enumerate(self.ids):
            text = text.replace(client, f"client {place}")
        return text


@contextlib.asynccontextmanager
async def calling(serve) -> AsyncIterator[Side]:
    pbx = await serve(clock="manual", clock_start="2026-01-01T00:00:00Z", dial_delay=0, playout_limit=2)
    workspace = pbx.workspace_of("dev")
    async with contextlib.AsyncExitStack() as stack:
        clients, ids = [], []
        for _ in range(2):
            client = await stack.enter_async_context(peer(f"{pbx.url}/socket.io/", "websocket"))
            await client.say('40{"token":"dev"}')
            ids.append(json.loads(str(await client.hear())[2:])["sid"])
            clients.append(client)
        workspace.place_call("s", NUMBER)
        workspace.announce("s")
        for client in ids:
            workspace.join("s", client)
        await workspace.advance(5_000)
        assert workspace.line("s") is not None
        yield Side(workspace, clients, ids)


def said(payload: dict, sound: bytes | None = TONE, *, client: int = 0, event: str = "audio", ack: bool = True):
    return ("say", client, event, {"sessionId": "s"} | payload, sound, ack)


PCM16, ULAW, MP3 = ({"audioFormat": name} for name in ("pcm16", "ulaw", "mp3"))
KNOWN = '{"sessionId":"s","audioFormat":"pcm16","audioData":{"_placeholder":true,"num":0}}]'
SOUND = st.builds(
    said,
    st.sampled_from([PCM16, PCM16, ULAW]),
    st.sampled_from([TONE, TONE, TONE[:320], b"", b"odd"]),
    client=st.sampled_from([0, 0, 0, 1]),
    ack=st.booleans(),
)
STRANGE = [MP3, {"audioFormat": "wav"}, {}, PCM16 | {"sessionId": "none"}, PCM16 | {"n": 1}]
EVENT = st.sampled_from([({"checkPoint": "here"}, "checkPoint"), ({}, "interruption"), ({}, "hangup")]).map(
    lambda event: said(event[0], None, event=event[1], ack=False)
)
TIME = st.sampled_from([20, 60, 400]).map(lambda ms: ("advance", ms))
ACTIONS = st.lists(st.one_of(SOUND, SOUND, SOUND, st.builds(said, st.sampled_from(STRANGE)), EVENT, TIME), max_size=20)


async def test_no_client_and_nobody_who_looks_can_tell_it_from_the_way_of_the_handler(serve, monkeypatch):
    loop, taken = asyncio.get_running_loop(), 0
    prepare = service.prepare_audio

    def counted(connection, payload):
        taker = prepare(connection, payload)

        def take(data, number):
            nonlocal taken
            took = taker(data, number)
            taken += took
            return took

        return taker and take

    async def both(actions) -> None:
        seen = []
        for prepared in (counted, lambda *_: None):
            monkeypatch.setattr(service, "prepare_audio", prepared)
            async with calling(serve) as side:
                acks = []
                for kind, *what in actions:
                    if kind == "advance":
                        await side.workspace.advance(*what)
                    else:
                        acks.append(await side.say(*what))
                seen.append([acks, *side.seen()])
        fast, plain = seen
        assert fast == plain

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @example([said(PCM16), said(PCM16), said(PCM16, ack=False), ("advance", 400), said(PCM16, b"odd"), said(PCM16)])
    @example([said(PCM16), *[said(ULAW)] * 2, said(PCM16, client=1), said(PCM16), ("advance", 60), said(ULAW, b"")])
    @example([said(PCM16)] * 20)
    @given(ACTIONS)
    def throw(actions) -> None:
        asyncio.run_coroutine_threadsafe(both(actions), loop).result(60)

    await asyncio.to_thread(throw)
    assert taken > 12, "what is compared is the fast path"


async def test_what_a_fault_does_to_acknowledgments_it_does_to_known_sound_too(serve):
    async with calling(serve) as side:
        for number in (1, 2):
            assert str(await side.say(*said(PCM16)[1:])).startswith(f"43{number}[")
        side.workspace.faults.add(read_fault({"fault": "ack_lost", "times": 1}))
        await side.clients[0].say('451-99["audio",' + KNOWN, TONE)
        assert str(await side.say(*said(PCM16)[1:])).startswith("433[")
