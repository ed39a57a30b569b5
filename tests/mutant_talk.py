"""One conversation that comes near everything the contract says, as a client hears it. It goes by the clock alone,
so that it takes the same course whatever a mutant makes of what is heard."""

import asyncio
import re
from dataclasses import dataclass, field

import aiohttp
import numpy as np
import socketio
from conftest import Api

from mockpbx.app import Server
from mockpbx.domain.events import CallPlaced
from mockpbx.media.g711 import encode_ulaw

NUMBER, BUSY, UNANSWERED = "08000001000", "08000000017", "08000000019"
PCM = (np.arange(8_000) % 4_001 * 7 - 14_000).astype("<i2").tobytes()  # 1 s that is never silent for long
ULAW = encode_ulaw((np.arange(4_000) % 1_999 * 13 - 13_000).astype("<i2"))
AGAIN = (np.arange(1_600) % 801 * 11 - 4_000).astype("<i2").tobytes()
LONG = bytes([1, 1]) * 32_000  # 4 s
CONVERSATION = {
    "clock": "manual", "clock_start": "2026-01-05T08:00:00Z", "grace": 0.001, "session_id_version": 4,
}  # fmt: skip


@dataclass
class Transcript:
    """What a client heard: (virtual ms, event, payload), calls named A to D; acknowledgments and replies by name."""

    heard: list[tuple[int, str, dict]] = field(default_factory=list)
    overheard: list[tuple[str, dict]] = field(default_factory=list)  # by a socket that joined nothing
    next_door: list[tuple[str, dict]] = field(default_factory=list)  # by a socket that joined C alone
    acks: dict[str, object] = field(default_factory=dict)
    replies: dict[str, tuple[int, object]] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)  # sockets with a wrong token that came in

    def of(self, event: str, call: str = "A") -> list[dict]:
        return [data for _, name, data in self.heard if name == event and data.get("sessionId") == call]

    def one(self, event: str, call: str = "A") -> dict:
        """The first such event; an empty one where none came."""
        return (self.of(event, call) or [{}])[0]

    def statuses(self, call: str = "A") -> list[str]:
        return [data["status"] for data in self.of("dialStatus", call)]

    def marks(self) -> list[str]:
        return [data["name"] for data in self.of("checkPoint")]

    def at(self, event: str, call: str = "A", **fields: object) -> int:
        """When such an event was first heard; never is late."""
        fits = [at for at, name, data in self.heard if name == event and data == data | fields | {"sessionId": call}]
        return fits[0] if fits else 10**9

    def story(self, call: str = "A") -> list[str]:
        """The names of a call's events in order, frames apart; of statuses, those."""
        about = [(name, data) for _, name, data in self.heard if data.get("sessionId") == call and name != "audio"]
        return [data["status"] if name == "dialStatus" else name for name, data in about]

    def frames(self) -> list[bytes]:
        return [data["audioData"] for data in self.of("audio")]

    def sound(self) -> bytes:
        return b"".join(data for data in self.frames() if isinstance(data, bytes))

    def body(self, name: str) -> dict:
        return self.replies[name][1]

    def views(self, call: str = "A") -> list[dict]:
        """The record of a call in its event, in the list and, of A, in detail."""
        rows = [row for row in self.body("list")["data"] if row["sessionId"] == call]
        return [*self.of("cdr", call), *rows, *([self.body("detail")["data"]] if call == "A" else [])]


class Caller:
    """The client of the conversation."""

    def __init__(self, pbx: Server, http: aiohttp.ClientSession) -> None:
        self.pbx = pbx
        self.api = Api(http, pbx.url)
        self.nobody = Api(http, pbx.url, None)
        self.workspace = pbx.workspace_of("dev")
        self.began = self.workspace.clock.now()
        self.transcript = Transcript()
        self.names: dict[str, str] = {}  # of calls, by session id
        self.sockets: list[socketio.AsyncClient] = []

    async def socket(self, hear, token: str = "dev") -> socketio.AsyncClient:
        sio = socketio.AsyncClient(reconnection=False)
        sio.on("*", hear)
        self.sockets.append(sio)
        await sio.connect(self.pbx.url, auth={"token": token}, transports=["websocket"])
        return sio

    async def hang_up_sockets(self) -> None:
        for sio in self.sockets:
            await sio.disconnect()
            if sio.eio.http is not None:
                await sio.eio.http.close()

    def hear(self, event: str, data: dict) -> None:
        self.transcript.heard.append((self.workspace.clock.now() - self.began, event, data))

    def overhear(self, event: str, data: dict) -> None:
        self.transcript.overheard.append((event, data))

    def hear_next_door(self, event: str, data: dict) -> None:
        self.transcript.next_door.append((event, data))

    async def ask(self, name: str, method: str, path: str, api: Api | None = None, **body) -> None:
        self.transcript.replies[name] = await (api or self.api).ask(method, path, **body)
        self.hear(f"reply: {name}", {})

    async def call(self, name: str, number: str) -> str:
        await self.ask(f"call {name}", "POST", "/pbx/call", json={"phoneNumber": number})
        session_id = [e.session_id for e in self.workspace.journal if isinstance(e.event, CallPlaced)][-1]
        self.names[session_id] = name
        await self.emit("joinRoom", session_id)
        return session_id

    async def emit(self, event: str, session_id: str, **fields: object) -> None:
        await self.sio.emit(event, {"sessionId": session_id, **fields})

    async def say(self, name: str, session_id: str, data: bytes, audio_format: str = "pcm16") -> None:
        def acknowledged(*ack: object) -> None:
            self.transcript.acks[name] = ack[0] if ack else None

        message = {"sessionId": session_id, "audioData": data, "audioFormat": audio_format}
        await self.sio.emit("audio", message, callback=acknowledged)

    async def advance(self, ms: int) -> None:
        await self.workspace.advance(ms)

    async def talk(self) -> Transcript:
        try:
            await self.refusals()
            self.sio = await self.socket(self.hear)
            await self.socket(self.overhear)
            await self.emit("joinRoom", "unknown")
            session_id = await self.call("A", NUMBER)
            await self.call("B", BUSY)
            other = await self.call("C", UNANSWERED)
            await (await self.socket(self.hear_next_door)).emit("joinRoom", {"sessionId": other})
            await self.conversation(session_id)
            await self.records(session_id)
        finally:
            await self.hang_up_sockets()
        return self.named()

    async def refusals(self) -> None:
        await self.ask("no token", "GET", "/cdr", self.nobody)
        await self.ask("bad number", "POST", "/pbx/call", json={"phoneNumber": "abc"})
        await self.ask("no such record", "GET", "/cdr/unknown")
        await self.ask("no such call", "POST", "/pbx/hangup", json={"sessionId": "unknown"})
        try:
            await self.socket(self.overhear, "invalid-1")
        except socketio.exceptions.ConnectionError:
            pass
        else:
            self.transcript.strangers.append("invalid-1")

    async def conversation(self, session_id: str) -> None:
        await self.advance(1_000)
        await self.say("early", session_id, PCM)
        await self.advance(1_600)  # Connected came at 2,500
        await self.emit("checkPoint", session_id, name="Empty")
        await self.advance(40)
        await self.say("pcm", session_id, PCM)
        await self.emit("checkPoint", session_id, name="One")
        await self.say("ulaw", session_id, ULAW, "ulaw")
        await self.emit("checkPoint", session_id, name="Two")
        await self.say("odd", session_id, b"odd")
        await self.advance(1_700)
        await self.emit("dtmf", session_id, digit="7", duration=200)
        await self.emit("checkPoint", session_id, name="Key")
        await self.advance(400)
        await self.say("long", session_id, LONG)
        await self.emit("checkPoint", session_id, name="Cut")
        await self.advance(400)
        await self.emit("interruption", session_id)
        await self.advance(1_300)
        await self.say("again", session_id, AGAIN)
        await self.emit("checkPoint", session_id, name="After")
        await self.advance(600)
        await self.emit("hangup", session_id)
        await self.advance(5_500)  # C rings on

    async def records(self, session_id: str) -> None:
        await self.say("ended", session_id, AGAIN)
        await self.ask("hang up again", "POST", "/pbx/hangup", json={"sessionId": session_id})
        last = await self.call("D", NUMBER)
        await self.advance(4_000)
        await self.ask("hang up", "POST", "/pbx/hangup", json={"sessionId": last})
        await self.advance(2_100)
        await self.ask("detail", "GET", f"/cdr/{session_id}")
        for name, query in {
            "list": "",
            "one": "?page=1&limit=1",
            "busy": f"?filter.destination=$eq:{BUSY}",
            "unanswered": f"?filter.destination=$eq:{UNANSWERED}&filter.duration=$gte:10",
            "answered": f"?filter.destination=$eq:{NUMBER}",
            "unbilled": f"?filter.destination=$eq:{BUSY}&filter.billableSeconds=$gt:1",
            "busy beyond": f"?page=2&limit=1&filter.destination=$eq:{BUSY}",
        }.items():
            await self.ask(name, "GET", f"/cdr{query}")

    def named(self) -> Transcript:
        """The transcript with the calls' names in place of session ids."""
        ids = re.compile("|".join(self.names))

        def plain(value: object) -> object:
            match value:
                case str():
                    return ids.sub(lambda found: self.names[found[0]], value)
                case dict():
                    return {key: plain(inner) for key, inner in value.items()}
                case list() | tuple():
                    return type(value)(plain(inner) for inner in value)
                case _:
                    return value

        t = self.transcript
        return Transcript(plain(t.heard), plain(t.overheard), plain(t.next_door), t.acks, plain(t.replies), t.strangers)


async def talk(pbx: Server, http: aiohttp.ClientSession) -> Transcript:
    """Hold the conversation with a server."""
    async with asyncio.timeout(20):
        return await Caller(pbx, http).talk()
