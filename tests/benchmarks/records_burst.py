"""Two thousand calls that end in one instant: when their records are committed and their `cdr` events are here.

Part of `records.py`. The server runs in a process of its own, which notes when each record was due and how long its
event loop was held up; the client here joins every call, lets all be hung up by one burst of events, and counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

SOCKETS = 20
PATIENCE = 60.0
HEADERS = {"Authorization": "Bearer dev"}


async def serve(database: Path) -> None:
    """Serve until standard input ends; then tell what was seen."""
    from mockpbx.app import Server
    from mockpbx.domain import events as e
    from mockpbx.domain.plan import Named, Plan, Rule
    from mockpbx.domain.scenario import Ring
    from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

    ended: list[float] = []
    due: list[float] = []
    stalls: list[tuple[float, float, float]] = []

    def read(entry) -> None:
        if isinstance(entry.event, e.CallEnded):
            ended.append(entry.at)
        elif isinstance(entry.event, e.RecordIssued):
            due.append(entry.at)

    async def watch_loop() -> None:
        while True:
            before, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            late, work = time.perf_counter() - before - 0.001, time.thread_time() - worked
            stalls.append((time.time() * 1_000, late * 1_000, work * 1_000))

    plan = Plan((Rule.of("*", Named("rings on", (Ring(600),))),))  # no sound: it is the ends that are measured
    pbx = Server(ServerSettings(port=0, database=database, seed=1), WorkspaceSettings(), plan)
    pbx.readers.append(read)
    async with pbx:
        watching = asyncio.ensure_future(watch_loop())
        print(pbx.url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        watching.cancel()
    print(json.dumps({"ended": ended, "due": due, "stalls": stalls}))


async def burst(url: str, calls: int) -> dict:
    """Place calls, join them, hang all up. Returns when each event came, in ms since 1970."""
    heard: Counter[str] = Counter()
    cdrs: Counter[str] = Counter()
    times: list[float] = []
    joined = asyncio.Semaphore(0)

    async def read(socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = time.time() * 1_000
            text = message.data if isinstance(message.data, str) else ""
            if text == "2":
                await socket.send_str("3")
            elif text.startswith('42["roomJoined"'):
                joined.release()
            elif text.startswith('42["hangup"'):
                heard["hangup"] += 1
            elif text.startswith('42["cdr"'):
                cdrs[json.loads(text[2:])[1]["sessionId"]] += 1
                times.append(now)

    async with contextlib.AsyncExitStack() as held:
        http = await held.enter_async_context(aiohttp.ClientSession(headers=HEADERS))
        sockets = []
        for _ in range(SOCKETS):
            socket = await held.enter_async_context(http.ws_connect(url + "/socket.io/?EIO=4&transport=websocket"))
            await socket.receive()
            await socket.send_str('40{"token":"dev"}')
            await socket.receive()
            sockets.append(socket)
        readers = [asyncio.ensure_future(read(socket)) for socket in sockets]
        sessions = []
        for number in range(calls):
            async with http.post(url + "/pbx/call", json={"phoneNumber": "089608675796"}) as reply:
                session = (await reply.json())["data"]["sessionId"]
            sessions.append(session)
            await sockets[number % SOCKETS].send_str(f'42["joinRoom",{{"sessionId":"{session}"}}]')
        for _ in range(calls):
            await asyncio.wait_for(joined.acquire(), PATIENCE)
        await asyncio.sleep(1)
        sent = time.time() * 1_000
        for number, session in enumerate(sessions):
            await sockets[number % SOCKETS].send_str(f'42["hangup",{{"sessionId":"{session}"}}]')
        until = time.monotonic() + PATIENCE
        while len(times) < calls and time.monotonic() < until:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # one that comes twice would be here
        for reader in readers:
            reader.cancel()
    return {"sent": sent, "times": times, "cdrs": len(cdrs), "twice": sum(n > 1 for n in cdrs.values()),
            "hangups": heard["hangup"]}  # fmt: skip


def run(calls: int) -> dict:
    """Run server and client. Returns the figures, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "burst.db"
        command = [sys.executable, __file__, "serve", str(database)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            seen = asyncio.run(burst(process.stdout.readline().strip(), calls))
            told, _ = process.communicate("", timeout=PATIENCE)
        finally:
            process.kill()
            process.wait()
        with contextlib.closing(sqlite3.connect(database)) as file:
            rows, sessions = file.execute("SELECT COUNT(*), COUNT(DISTINCT session_id) FROM records").fetchone()
    server = json.loads(told)
    ended, due = server["ended"], server["due"]
    phases = {"ending": (min(ended), min(due)), "issuing": (min(due), max(seen["times"]))}
    stalls = {
        name: {
            "worst_ms": max(late for at, late, _ in server["stalls"] if first <= at <= last),
            "worst_cpu_ms": max(work for at, _, work in server["stalls"] if first <= at <= last),
        }
        for name, (first, last) in phases.items()
    }
    return {
        "calls": calls,
        "hangup_span_ms": max(ended) - min(ended),
        "due_span_ms": max(due) - min(due),
        "last_event_after_last_due_ms": max(seen["times"]) - max(due),
        "last_event_after_first_due_ms": max(seen["times"]) - min(due),
        "events": seen["cdrs"],
        "events_twice": seen["twice"],
        "hangup_events": seen["hangups"],
        "rows": rows,
        "sessions": sessions,
        "stalls": stalls,
    }


def show(result: dict) -> None:
    """Print the figures."""
    print(f"{result['calls']} calls hung up within {result['hangup_span_ms']:.0f} ms: {result['rows']} rows, "
          f"{result['events']} events ({result['events_twice']} twice), the last "
          f"{result['last_event_after_last_due_ms']:.0f} ms after the last was due, "
          f"{result['last_event_after_first_due_ms']:.0f} ms after the first (target 2000)")  # fmt: skip
    for name, stall in result["stalls"].items():
        print(f"  the event loop while {name}: held up {stall['worst_ms']:.0f} ms at worst, its own work in one turn "
              f"{stall['worst_cpu_ms']:.1f} ms of CPU at worst")  # fmt: skip


if __name__ == "__main__" and sys.argv[1:2] == ["serve"]:
    asyncio.run(serve(Path(sys.argv[2])))
