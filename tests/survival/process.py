"""A `mockpbx serve` in a process of its own, and a client that remembers what it was told by it."""

import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp

STEADY = {"PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
TOKEN = {"Authorization": "Bearer dev"}
#: Seconds that anything may take on a machine that is loaded.
PATIENCE = 40
#: Is answered at once, and talks until somebody hangs up.
ANSWERING = "089608675796"
PLAN = {"rules": [{"number": ANSWERING, "scenario": [{"ring": {"seconds": 0, "setup": 0}}, "answer"]}]}


class Nursery:
    """Where emulators are brought forth on one file, one at a time. `log` holds what all of them logged."""

    def __init__(self, process: asyncio.subprocess.Process, database: Path) -> None:
        self.database = database
        self.url = ""
        self.pid = 0
        self.log: list[str] = []
        self._process = process
        self._grown = asyncio.Condition()
        self._reading = asyncio.ensure_future(self._read())

    async def start(self, *arguments: str) -> None:
        """Bring an emulator forth; returns when it listens. Calls are dialled when they are joined, however late."""
        plan = self.database.with_suffix(".plan.json")
        plan.write_text(json.dumps(PLAN))
        command = ["serve", "--port", "0", "--database", str(self.database), "--seed", "1", "--dialplan", str(plan)]
        self.pid = int(await self._ask(json.dumps([*command, "--dial-delay", "3600", *arguments])))
        found = re.search(r"http://\S+", first := await self._line())
        assert found, f"it did not start: {first} {self.log}"
        self.url = found[0]
        await self._line()  # its page
        await self._line()  # a request to paste

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Let the emulator have a signal; returns when it is dead."""
        os.kill(self.pid, number)
        self._process.stdin.write(b"wait\n")
        while await self._line() != "gone":
            pass
        self.pid = 0

    def kill(self) -> None:
        """Kill it this instant; `end` is still to be called."""
        os.kill(self.pid, signal.SIGKILL)

    def limit(self, what: int, most: int) -> None:
        """Let the emulator have no more than that of a resource, from here on."""
        pid = self.pid or self._process.pid
        _, hard = resource.prlimit(pid, what)
        resource.prlimit(pid, what, (hard if most < 0 else most, hard))

    async def logged(self, text: str) -> list[str]:
        """Return the lines of the log that hold a text, once there is one."""
        async with asyncio.timeout(PATIENCE), self._grown:
            await self._grown.wait_for(lambda: any(text in line for line in self.log))
        return [line for line in self.log if text in line]

    async def _ask(self, line: str) -> str:
        self._process.stdin.write(line.encode() + b"\n")
        return await self._line()

    async def _line(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return (await self._process.stdout.readline()).decode().rstrip()

    async def _read(self) -> None:
        async for line in self._process.stderr:
            async with self._grown:
                self.log.append(line.decode().rstrip())
                self._grown.notify_all()


@contextlib.asynccontextmanager
async def nursery(database: Path) -> AsyncIterator[Nursery]:
    """Run a nursery; what it brought forth dies with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("nursery.py")),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=STEADY,
    )  # fmt: skip
    nurse = Nursery(process, database)
    try:
        yield nurse
    finally:
        if nurse.pid:
            with contextlib.suppress(ProcessLookupError):
                nurse.kill()
        process.stdin.close()
        await process.wait()
        await nurse._reading


class Phone:
    """A client on a raw websocket. `told` holds the events of each session, in order: name and payload."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.placed: dict[str, str] = {}  # number by session, once the reply was here
        self.hung_up: set[str] = set()  # whose hang-up was answered 200
        self.told: dict[str, list[tuple[str, dict]]] = {}
        self.frames = 0
        self.pinged = False
        self.waits = False  # whether pings are left unanswered until `pong`
        self.closed = False
        self._http = http
        self._url = url
        self._grown = asyncio.Event()

    async def connect(self) -> None:
        """Open the websocket and read it from here on."""
        address = f"{self._url}/socket.io/?EIO=4&transport=websocket"
        self._ws = await self._http.ws_connect(address, max_msg_size=0, compress=0)
        await self._ws.receive()
        await self._ws.send_str('40{"token":"dev"}')
        await self._ws.receive()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for message in self._ws:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.frames += 1
            elif message.data == "2":
                self.pinged = True
                if not self.waits:
                    await self.pong()
            elif message.data.startswith("42"):
                name, payload = json.loads(message.data[2:])
                self.told.setdefault(payload["sessionId"], []).append((name, payload))
            self._grown.set()
        self.closed = True
        self._grown.set()

    async def pong(self) -> None:
        """Answer a ping."""
        self.pinged = False
        with contextlib.suppress(ConnectionError):
            await self._ws.send_str("3")

    async def leave(self) -> None:
        """Close the websocket."""
        await self._ws.close()

    async def place(self, number: str = ANSWERING) -> str:
        """Place a call and join its room. Returns the session."""
        async with self._http.post(f"{self._url}/pbx/call", json={"phoneNumber": number}, headers=TOKEN) as reply:
            session_id = (await reply.json())["data"]["sessionId"]
        self.placed[session_id] = number
        self._grown.set()
        await self._ws.send_str("42" + json.dumps(["joinRoom", {"sessionId": session_id}]))
        return session_id

    async def hang_up(self, session_id: str) -> None:
        """Hang up by REST."""
        body = {"sessionId": session_id}
        async with self._http.post(f"{self._url}/pbx/hangup", json=body, headers=TOKEN) as reply:
            if reply.status == 200:
                self.hung_up.add(session_id)
        self._grown.set()

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Return when `wanted()` holds, looked at whenever something came."""
        async with asyncio.timeout(PATIENCE):
            while not wanted():
                self._grown.clear()
                await self._grown.wait()

    async def connected(self, session_id: str) -> None:
        """Return when a call was told to be connected."""
        await self.until(lambda: self.has(session_id, "dialStatus", "Connected"))

    def has(self, session_id: str, event: str, status: str | None = None) -> bool:
        """Return whether a session's event was told; where one is named, with that status."""
        told = self.told.get(session_id, ())
        return any(name == event and status in (None, payload.get("status")) for name, payload in told)


async def records(http: aiohttp.ClientSession, url: str) -> list[dict]:
    """Return all records that the API lists, the oldest first."""
    found: list[dict] = []
    while True:
        page = f"{url}/cdr?page={len(found) // 100 + 1}&limit=100&sortBy=id:ASC"
        async with http.get(page, headers=TOKEN) as reply:
            rows = (await reply.json())["data"]
        found += rows
        if len(rows) < 100:
            return found


async def ready(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """Return the status of `readyz` and its sentence."""
    async with http.get(f"{url}/__admin/readyz") as reply:
        return reply.status, (await reply.json()).get("errors", "")


async def becomes_ready(http: aiohttp.ClientSession, url: str, status: int) -> str:
    """Ask `readyz` until it answers with that status. Returns its sentence."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found, sentence = await ready(http, url)
            if found == status:
                return sentence
            await asyncio.sleep(0.02)


async def journal(http: aiohttp.ClientSession, url: str, *kinds: str) -> list[dict]:
    """Return what the journal says of these kinds."""
    async with http.get(f"{url}/__admin/journal?limit=1000", headers=TOKEN) as reply:
        entries = (await reply.json())["data"]["entries"]
    return [entry for entry in entries if entry["kind"] in kinds]


def sound(database: Path) -> str:
    """Return what SQLite says of a file's soundness: `ok`."""
    with contextlib.closing(sqlite3.connect(database)) as file:
        return file.execute("PRAGMA integrity_check").fetchone()[0]
