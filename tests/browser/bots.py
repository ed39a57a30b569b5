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

    async def emit(self, event: str, **payload: object) -> None:
        """Emit an event of the contract."""
        await self._do(emit=[event, payload])

    async def say(self, session_id: str, hz: int, seconds: float) -> None:
        """Send a tone, in packets as the contract recommends."""
        await self._do(say={"sessionId": session_id, "hz": hz, "seconds": seconds})

    async def heard(self, session_id: str) -> np.ndarray:
        """Return what it has heard of a call so far, as samples."""
        after = len(self.log)
        await self._do(hear=session_id)
        told = await self.told("heard", after)
        return np.frombuffer(base64.b64decode(told["text"]), "<i2")

    async def close(self) -> None:
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def _do(self, **act: object) -> None:
        self._process.stdin.write(json.dumps(act).encode() + b"\n")
        await self._process.stdin.drain()

    async def _read(self) -> None:
        async for line in self._process.stdout:
            async with self._news:
                self.log.append(json.loads(line))
                self._news.notify_all()
