"""A small voice bot: it places a call, speaks when it is answered, and hangs up when it was heard."""

import asyncio
import threading

import aiohttp
import socketio

from mockpbx.media.pcm import to_bytes
from mockpbx.runtime.clips import load

SPEECH = to_bytes(load("bot-greeting"))
SECONDS = len(SPEECH) / 16_000


class Bot:
    """`await Bot(url, token).call(number)` places a call and lives until it is over; `start` does so in a thread."""

    def __init__(self, url: str, token: str, *, speech: bytes = SPEECH, early: bool = False, goodbye: str = "goodbye"):
        self.url, self.token = url, token
        self.speech, self.early, self.goodbye = speech, early, goodbye
        self.digits: list[str] = []
        self.record: dict | None = None

    async def call(self, number: str) -> None:
        over = asyncio.Event()
        sio = socketio.AsyncClient(reconnection=False)

        async def speak(session_id: str) -> None:
            for start in range(0, len(self.speech), 2_560):
                data = self.speech[start : start + 2_560]
                await sio.emit("audio", {"sessionId": session_id, "audioData": data, "audioFormat": "pcm16"})
            await sio.emit("checkPoint", {"sessionId": session_id, "name": self.goodbye})

        @sio.on("newSession")
        async def _(data):
            await sio.emit("joinRoom", {"sessionId": data["sessionId"]})

        @sio.on("dialStatus")
        async def _(data):
            if data["status"] == ("Ringing" if self.early else "Connected"):
                await speak(data["sessionId"])
            if self.early and data["status"] == "Connected":
                await sio.emit("hangup", {"sessionId": data["sessionId"]})

        @sio.on("checkPoint")
        async def _(data):
            if not self.early:
                await sio.emit("hangup", {"sessionId": data["sessionId"]})

        sio.on("dtmf", lambda data: self.digits.append(data["digit"]))

        @sio.on("cdr")
        async def _(data):
            self.record = data
            over.set()

        await sio.connect(self.url, auth={"token": self.token}, transports=["websocket"])
        try:
            async with (
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"}) as http,
                http.post(f"{self.url}/pbx/call", json={"phoneNumber": number}) as reply,
            ):
                assert reply.status == 200, await reply.text()
            await asyncio.wait_for(over.wait(), 20)
        finally:
            await sio.disconnect()

    def start(self, number: str) -> threading.Thread:
        """Place the call in a thread of its own, as a bot that is a program of its own would."""
        thread = threading.Thread(target=lambda: asyncio.run(self.call(number)), daemon=True)
        thread.start()
        return thread
