"""A bot that tests can talk to, and ask what it was told."""

import asyncio
import base64
import json

import numpy as np


class Bot:
    """The official JavaScript client as a bot (tests/js/console-bot.mjs): it joins every call that it is told of."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.log: list[dict] = []  # {"event", "data"}, audio left out
        self._process = process
        self._news = asyncio.Condition()
        self._reading = asyncio.ensure_future(self._read())

    async def told(self, event: str, after: int = 0, **wanted: object) -> dict:
        """Return the first such event's data, once it has come; `after` lets so many entries of the log pass."""

        def found() -> dict | None:
            for each in self.log[after:]:
                data = each["data"]
                if each["event"] == event and (not wanted or wanted.items() <= data.items()):
                    return data if isinstance(data, dict) else {"text": data}
            return None

        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: found() is not None)
        return found()

    async def call(self, number: str) -> "BotCall":
        """Place a call, and return it once it rings."""
        after = len(self.log)
        await self.do(call=number)
        call = BotCall(self, (await self.told("placed", after))["sessionId"])
        await call.told("dialStatus", status="Ringing")
        return call

    async def emit(self, event: str, **payload: object) -> None:
        """Emit an event of the contract."""
        await self.do(emit=[event, payload])

    async def do(self, **act: object) -> None:
        """Do one of the things that the program can do."""
        self._process.stdin.write(json.dumps(act).encode() + b"\n")
        await self._process.stdin.drain()

    async def close(self) -> None:
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        async for line in self._process.stdout:
            async with self._news:
                self.log.append(json.loads(line))
                self._news.notify_all()


class BotCall:
    """A call that a Bot placed. Sound is pcm16 at 8 kHz, as an array."""

    def __init__(self, bot: Bot, session_id: str) -> None:
        self.session_id = session_id
        self._bot = bot
        self._heard = 0  # frames of 20 ms

    async def told(self, event: str, **wanted: object) -> dict:
        """Return the first such event's data, once it has come."""
        return await self._bot.told(event, sessionId=self.session_id, **wanted)

    def digits(self) -> str:
        """Return the keys that the callee has pressed so far."""
        return "".join(each["data"]["digit"] for each in self._bot.log if each["event"] == "dtmf")

    async def emit(self, event: str, **payload: object) -> None:
        """Emit an event of the contract."""
        await self._bot.emit(event, sessionId=self.session_id, **payload)

    async def say(self, sound: np.ndarray) -> None:
        """Send sound, in packets as the contract recommends."""
        data = base64.b64encode(sound.astype("<i2").tobytes()).decode()
        await self._bot.do(say={"sessionId": self.session_id, "sound": data})

    async def listens(self) -> None:
        """Leave out what it has heard so far."""
        after = len(self._bot.log)
        await self._bot.do(count=self.session_id)
        self._heard = (await self._bot.told("count", after, sessionId=self.session_id))["frames"]

    async def listened(self, frames: int) -> np.ndarray:
        """Return the next frames that it hears."""
        first, self._heard = self._heard, self._heard + frames
        await self._bot.do(hear={"sessionId": self.session_id, "first": first, "frames": frames})
        told = await self.told("heard", first=first)
        return np.frombuffer(base64.b64decode(told["sound"]), "<i2").astype(float)
