"""A voice bot for the Outgoing Call Service.

It greets, answers keys, falls silent when it is spoken over, and says goodbye before it hangs up. It counts time in the
frames that it hears, 20 ms each, so that its calls may pass as fast as a test wants.
"""

from __future__ import annotations

import asyncio
import logging
import math
import wave
from array import array
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp
import socketio

SOUNDS = Path(__file__).parents[3] / "fixtures" / "clips"
PACKET = 2_560  # bytes: 160 ms, which the service recommends
ANSWERS = {"1": "menu-billing", "2": "menu-outage"}  # by key
BYE, TRANSFER = "0", "9"
EXTENSION = "12#"  # keys that the bot presses for a transfer
KEY, KEY_GAP = 200, 15  # ms, and frames from one key to the next
LOUD = 500  # of speech, as the root mean square of 16-bit samples
SPEECH = 8  # loud frames in a row that are speech and no click
TONE = 20  # frames after a key in which what is loud is its tone
HELLO = 50  # frames after the answer in which people say who they are, and mean no interruption
PATIENCE = 250  # frames of silence after which the bot gives up

log = logging.getLogger("bot")


class Refused(Exception):
    """The service says no to a request; its sentence says why."""


class Told(NamedTuple):
    """An event of the service's, its payload, and how many frames had come before it."""

    event: str
    data: dict[str, Any]
    frames: int


class Bot:
    """One bot with one socket, holding one call at a time: `async with Bot(url, token) as bot`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._token = token
        self._socket = socketio.AsyncClient()
        self._news: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._over: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._reasons: list[object] = []  # why the service wants no connection
        self._saying: str | None = None  # the checkpoint behind what it says
        self._loud = self._deaf = self._quiet = 0  # frames
        self.session_id: str | None = None
        self._keys: list[str] = []  # that are still to be pressed
        self.events: list[Told] = []  # all but audio
        self.frames: list[dict[str, Any]] = []
        self.acknowledged: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(self._url, headers=self._headers)
        self._socket.on("*", self._hear)
        self._socket.on("connect_error", self._reasons.append)
        try:
            await self._socket.connect(self._url, transports=["websocket"], auth={"token": self._token})
        except socketio.exceptions.ConnectionError as error:
            await self._http.close()
            raise Refused(f"no connection: {self._reasons or error}") from None
        self._mind = asyncio.create_task(self._think())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._mind.cancel()
        await self._socket.disconnect()
        await self._http.close()

    # --- calls --------------------------------------------------------------------------------------------------------

    async def call(self, number: str) -> dict[str, Any]:
        """Call a number, hold the call, and return its record."""
        await self.place(number)
        return await self.finished()

    async def place(self, number: str) -> str:
        """Call a number and return the session. Raises Refused."""
        placed = await self._request("POST", "/pbx/call", json={"phoneNumber": number})
        return str(placed["data"]["sessionId"])

    async def give_up(self, session_id: str) -> None:
        """End a call that need not be answered any more. Raises Refused."""
        await self._request("POST", "/pbx/hangup", json={"sessionId": session_id})

    async def finished(self, within: float = 5) -> dict[str, Any]:
        """Return the call's record, once it is there. Raises TimeoutError."""
        async with asyncio.timeout(within):
            return await self._over

    async def history(self, **filters: str) -> dict[str, Any]:
        """Return a page of records: `history(duration="$gte:3")`. Raises Refused."""
        return await self._request("GET", "/cdr", params={f"filter.{name}": value for name, value in filters.items()})

    async def record(self, session_id: str) -> dict[str, Any]:
        """Return the record of a call. Raises Refused."""
        record: dict[str, Any] = (await self._request("GET", f"/cdr/{session_id}"))["data"]
        return record

    async def _request(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        async with self._http.request(method, path, **content) as reply:
            body: dict[str, Any] = await reply.json()
        if body.get("errors") or reply.status != 200:
            raise Refused(f"{reply.status}: {body.get('errors')}")
        return body

    # --- what it hears ------------------------------------------------------------------------------------------------

    def _hear(self, event: str, data: dict[str, Any]) -> None:
        self._news.put_nowait((event, data))

    async def _think(self) -> None:
        while True:
            event, data = await self._news.get()
            try:
                await self._take(event, data)
            except Exception as error:
                log.exception("the bot is confused")
                if not self._over.done():
                    self._over.set_exception(error)

    async def _take(self, event: str, data: dict[str, Any]) -> None:
        if event == "audio":
            self.frames.append(data)
            await self._listen(data["audioData"])
            return
        self.events.append(Told(event, data, len(self.frames)))
        match event, data:
            case "newSession", {"sessionId": session_id}:
                await self._socket.emit("joinRoom", {"sessionId": session_id})
            case "roomJoined", {"sessionId": session_id, "status": "success"}:
                self.session_id = session_id
            case "dialStatus", {"status": "Connected"}:
                self._deaf = HELLO
                await self.say("bot-greeting.mp3", "greeting")
            case "dtmf", {"digit": digit}:
                await self._answer(digit)
            case "checkPoint", {"name": name} if name == self._saying:
                await self._heard_out(name)
            case "cdr", record:
                if not self._over.done():
                    self._over.set_result(record)

    async def _listen(self, frame: bytes) -> None:
        samples = array("h", frame)
        self._deaf = max(0, self._deaf - 1)
        is_loud = math.hypot(*samples) > LOUD * math.sqrt(len(samples)) and not self._deaf
        self._loud = self._loud + 1 if is_loud else 0
        self._quiet = 0 if is_loud or self._saying else self._quiet + 1
        if self._loud == SPEECH and self._saying not in (None, "goodbye"):
            await self._fall_silent()
        elif self._quiet == PATIENCE:
            await self.say("goodbye.wav", "goodbye")
        elif self._keys and self._quiet % KEY_GAP == KEY_GAP - 1:
            await self._press(self._keys.pop(0))

    # --- what it says -------------------------------------------------------------------------------------------------

    async def _answer(self, digit: str) -> None:
        self._deaf = TONE
        if self._saying == "goodbye":
            return
        if self._saying is not None:
            await self._fall_silent()
        if digit == BYE:
            await self.say("goodbye.wav", "goodbye")
        elif digit == TRANSFER:
            self._keys, self._quiet = list(EXTENSION), 0
        else:
            await self.say(f"{ANSWERS.get(digit, 'menu-invalid')}.wav", f"answer {digit}")

    async def _heard_out(self, name: str) -> None:
        self._saying = None
        if name == "goodbye":
            await self._socket.emit("hangup", {"sessionId": self.session_id})

    async def say(self, sound: str, mark: str) -> None:
        """Say a sound file, and mark its end by a checkpoint."""
        self._saying, self._quiet = mark, 0
        kind, data = sound_of(SOUNDS / sound)
        for start in range(0, len(data), PACKET):
            packet = {"sessionId": self.session_id, "audioData": data[start : start + PACKET], "audioFormat": kind}
            await self._socket.emit("audio", packet, callback=self._acknowledge)
        await self._socket.emit("checkPoint", {"sessionId": self.session_id, "name": mark})

    async def _press(self, key: str) -> None:
        await self._socket.emit("dtmf", {"sessionId": self.session_id, "digit": key, "duration": KEY})

    async def _fall_silent(self) -> None:
        self._saying, self._quiet = None, 0
        await self._socket.emit("interruption", {"sessionId": self.session_id})

    def _acknowledge(self, answer: dict[str, Any]) -> None:
        self.acknowledged.append(answer)
        if not answer["success"]:
            log.warning("audio was refused: %s", answer["error"])


def sound_of(path: Path) -> tuple[str, bytes]:
    """Return a file's format and what is to be sent of it: MP3 as it is, of WAV the samples without the header."""
    if path.suffix == ".mp3":
        return "mp3", path.read_bytes()
    with wave.open(str(path)) as file:
        return "pcm16", file.readframes(file.getnframes())
