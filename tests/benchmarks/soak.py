"""Whether anything grows: an emulator under calls that come and go for long, sampled all the while. Run by hand.

`python tests/benchmarks/soak.py --minutes 30 --calls 200` holds full-duplex calls in real time (downlink 320 bytes per
20 ms, uplink 2,560 per 160 ms with acks); `--hours 8 --calls 20` lets virtual hours pass at `--rate`: most of those
calls are placed by REST alone, the first is heard and talked to. Each call lasts a while, ends in one of several ways,
and is followed by another; sockets are changed now and then. What is kept by age is kept for a tenth of the time.
Prints a table; writes `--out`.json and a graph in `--out`.svg.
The server is a process of its own; memory and handles are read from /proc, so this is for Linux.
"""

import argparse
import asyncio
import collections
import gc
import json
import os
import random
import re
import statistics
import sys
import time
from pathlib import Path

import aiohttp

PACKET = bytes(2560)
#: Among whom the lines are shared out.
TOKENS = 4
NUMBERS = ("089608675796", "089608675796", "08000000016", "08000000017", "08000000021", "08000000034")
#: What is sampled, in words; the keys of a sample.
SERIES = {
    "rss_mb": "resident memory, MB",
    "blocks": "memory blocks of Python",
    "handles": "open handles",
    "tasks": "asyncio tasks",
    "live": "live calls",
    "rest_ms": "GET /cdr?limit=10, median of 5, ms",
    "late_ms": "frames off their grid, p99, ms",
}


# --- the server, in a process of its own -----------------------------------------------------------------------------


async def serve(database: str, clock: str, age: str) -> None:
    """Serve, and answer each line of the standard input with what only the process itself can know."""
    from mockpbx.app import Server
    from mockpbx.cli.memory import collect_when_quiet
    from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

    server = ServerSettings(port=0, database=Path(database), seed=1)
    settings = WorkspaceSettings(clock=clock, dial_delay=0, record_delay=0.5, journal_age=float(age))
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with Server(server, settings) as pbx:
        print(pbx.url, flush=True)
        tending = asyncio.ensure_future(collect_when_quiet(lambda: any(w.live_calls() for w in pbx.workspaces())))
        while line := await lines.readline():
            seen = {
                "blocks": sys.getallocatedblocks(),
                "tasks": len(asyncio.all_tasks()),
                "live": sum(len(workspace.live_calls()) for workspace in pbx.workspaces()),
            }
            if line == b"types\n":
                gc.unfreeze()
                gc.collect()
                kinds = collections.Counter(type(each).__name__ for each in gc.get_objects())
                seen["types"] = dict(kinds.most_common(300))
            print(json.dumps(seen), flush=True)
        tending.cancel()


class Emulator:
    """That process, seen from here."""

    @classmethod
    async def start(cls, database: str, clock: str, age: float) -> "Emulator":
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--serve", database, clock, str(age), stdin=-1, stdout=-1, limit=1 << 24
        )
        self.url = (await self.process.stdout.readline()).decode().strip()
        return self

    async def ask(self, what: str = "") -> dict:
        self.process.stdin.write(what.encode() + b"\n")
        return json.loads(await self.process.stdout.readline())

    async def sample(self, http: aiohttp.ClientSession) -> dict:
        seen = await self.ask()
        folder = Path(f"/proc/{self.process.pid}")
        seen["rss_mb"] = round(int(re.search(r"VmRSS:\s+(\d+)", (folder / "status").read_text())[1]) / 1_024, 2)
        seen["handles"] = len(os.listdir(folder / "fd"))
        took = []
        for _ in range(5):
            began = time.perf_counter()
            async with http.get(f"{self.url}/cdr?limit=10", headers={"Authorization": "Bearer line0"}) as reply:
                await reply.read()
            took.append(time.perf_counter() - began)
        return seen | {"rest_ms": round(statistics.median(took) * 1_000, 2)}


# --- its clients -----------------------------------------------------------------------------------------------------


class Line:
    """One call after the other, with a token of its own; `heard` ones join their calls and talk."""

    def __init__(self, url: str, number: int, rate: float, *, heard: bool) -> None:
        self.url, self.rate, self.heard = url, rate, heard
        self.token = f"line{number % TOKENS}"
        self.luck = random.Random(number)
        self.calls = 0
        self.arrivals: list[float] = []
        self.ended = asyncio.Event()

    async def run(self, http: aiohttp.ClientSession) -> None:
        while True:
            async with http.ws_connect(f"{self.url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0) as ws:
                await ws.receive()
                await ws.send_str("40" + json.dumps({"token": self.token}))
                await ws.receive()
                reader = asyncio.create_task(self.read(ws))
                for _ in range(self.luck.randint(2, 6)):
                    await self.call(http, ws)
                reader.cancel()

    async def call(self, http: aiohttp.ClientSession, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ended.clear()
        headers = {"Authorization": f"Bearer {self.token}"}
        body = {"phoneNumber": self.luck.choice(NUMBERS)}
        async with http.post(f"{self.url}/pbx/call", json=body, headers=headers) as reply:
            session_id = (await reply.json())["data"]["sessionId"]
        self.calls += 1
        until = asyncio.get_running_loop().time() + self.luck.uniform(10, 90) / self.rate
        if self.heard:
            await ws.send_str("42" + json.dumps(["joinRoom", {"sessionId": session_id}]))
            await self.talk(ws, session_id, until)
        else:
            await asyncio.sleep(until - asyncio.get_running_loop().time())
        async with http.post(f"{self.url}/pbx/hangup", json={"sessionId": session_id}, headers=headers) as reply:
            await reply.read()  # 404 for a call that has ended by itself

    async def talk(self, ws: aiohttp.ClientWebSocketResponse, session_id: str, until: float) -> None:
        payload = {"sessionId": session_id, "audioData": {"_placeholder": True, "num": 0}, "audioFormat": "pcm16"}
        event = json.dumps(["audio", payload])
        now = asyncio.get_running_loop().time
        packet, began = 0, now()
        while now() < until and not self.ended.is_set():
            await ws.send_str(f"451-{packet}{event}")
            await ws.send_bytes(PACKET)
            packet += 1
            if packet % 50 == 0:
                await ws.send_str(
                    "42" + json.dumps(["checkPoint", {"sessionId": session_id, "name": f"mark {packet}"}])
                )
            await asyncio.sleep(max(0, began + packet * 0.16 - now()))

    async def read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.arrivals.append(time.perf_counter())
            elif message.data == "2":
                await ws.send_str("3")
            elif message.data.startswith('42["hangup"'):
                self.ended.set()
                self.arrivals.append(0)  # the grid of the next call is another

    def lateness(self) -> list[float]:
        """Return by how many ms the frames since the last time were off the grids of their calls, and forget them."""
        arrivals, self.arrivals = self.arrivals, []
        off, call = [], []
        for arrival in [*arrivals, 0]:
            if arrival:
                call.append(arrival * 1_000 - 20 / self.rate * len(call))
            elif call:
                grid = statistics.median(call)
                off += [abs(each - grid) for each in call]
                call = []
        return off


# --- what comes of it ------------------------------------------------------------------------------------------------


async def soak(options: argparse.Namespace) -> dict:
    rate = options.rate if options.hours else 1.0
    seconds = options.hours * 3_600 / rate if options.hours else options.minutes * 60
    database = options.out.with_suffix(".db")
    for old in database.parent.glob(database.name + "*"):
        old.unlink()
    pbx = await Emulator.start(str(database), f"{rate:g}x" if options.hours else "real", seconds / 10)
    lines = [Line(pbx.url, n, rate, heard=not options.hours or n == 0) for n in range(options.calls)]
    samples: list[dict] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        running = [asyncio.create_task(line.run(http)) for line in lines]
        began = time.monotonic()
        every = max(2.0, seconds / 120)
        before = None
        while (now := time.monotonic() - began) < seconds:
            await asyncio.sleep(min(every, seconds - now))
            off = sorted(each for line in lines for each in line.lateness())
            late = round(off[int(len(off) * 0.99)], 2) if off else None
            calls = sum(line.calls for line in lines)
            samples.append(await pbx.sample(http) | {"s": round(now), "late_ms": late, "calls": calls})
            if before is None and now > seconds * 0.25:  # by then what is bounded has been filled, or nearly
                before = (await pbx.ask("types"))["types"]
            failed = [task.exception() for task in running if task.done()]
            assert not failed, failed
        after = (await pbx.ask("types"))["types"]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    pbx.process.stdin.close()
    await pbx.process.wait()
    grown = {name: after[name] - (before or {}).get(name, 0) for name in after}
    return {
        "what": f"{options.hours:g} virtual hours at {rate:g}x" if options.hours else f"{options.minutes:g} minutes",
        "lines": options.calls,
        "calls": sum(line.calls for line in lines),
        "load": os.getloadavg(),
        "trend": {name: trend(samples, name) for name in SERIES},
        "grown": dict(sorted(grown.items(), key=lambda item: -item[1])[:15]),
        "samples": samples,
    }


def trend(samples: list[dict], name: str) -> dict:
    """Return the medians of the second, third and last quarter, and what the last has over the second in percent."""
    values = [sample[name] for sample in samples if sample.get(name) is not None]
    if len(values) < 8:
        return {}
    size = len(values) // 4
    second, third, last = (statistics.median(values[place * size : (place + 1) * size]) for place in (1, 2, 3))
    change = round(100 * (last - second) / second, 1) if second else None
    return {"second": second, "third": third, "last": last, "percent": change}


def table(result: dict) -> str:
    """Return the trends as lines for a terminal."""
    lines = [f"{result['what']}, {result['lines']} lines, {result['calls']} calls; by quarters of the time:"]
    lines.append(f"{'':38}{'second':>10}{'third':>10}{'last':>10}{'change':>9}")
    for name, about in SERIES.items():
        found = result["trend"][name]
        if found:
            figures = "".join(f"{found[quarter]:>10g}" for quarter in ("second", "third", "last"))
            lines.append(f"{about:38}{figures}{found['percent'] or 0:>8g}%")
    lines.append("grown most since the first quarter: " + ", ".join(f"{k} {v:+}" for k, v in result["grown"].items()))
    return "\n".join(lines)


def graph(result: dict) -> str:
    """Return one small picture for each series, from nought up, under one another, as SVG."""
    width, height, gap = 800, 90, 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 40}" height="{(height + gap) * len(SERIES) + 40}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="20" y="20">{result["what"]}, {result["lines"]} lines, {result["calls"]} calls</text>'
    ]
    end = max(sample["s"] for sample in result["samples"]) or 1
    for place, (name, about) in enumerate(SERIES.items()):
        top = 40 + place * (height + gap)
        points = [(sample["s"], sample[name]) for sample in result["samples"] if sample.get(name) is not None]
        most = max((value for _, value in points), default=0) or 1
        at = " ".join(f"{20 + width * s / end:.1f},{top + 16 + height * (1 - v / most):.1f}" for s, v in points)
        parts.append(f'<text x="20" y="{top + 10}">{about}: 0 to {most:g}</text>')
        parts.append(f'<rect x="20" y="{top + 16}" width="{width}" height="{height}" fill="#f4f4f4"/>')
        parts.append(f'<polyline points="{at}" fill="none" stroke="#246" stroke-width="1.5"/>')
    return "\n".join([*parts, "</svg>"])


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(*sys.argv[2:]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, help="real minutes")
    parser.add_argument("--hours", type=float, default=0, help="virtual hours instead")
    parser.add_argument("--rate", type=float, default=60, help="virtual time over real time, for those")
    parser.add_argument("--calls", type=int, default=200, help="calls at a time")
    parser.add_argument("--out", type=Path, default=Path("soak"), help="where the results go, without suffix")
    options = parser.parse_args()
    result = asyncio.run(soak(options))
    options.out.with_suffix(".json").write_text(json.dumps(result, indent=1))
    options.out.with_suffix(".svg").write_text(graph(result))
    print(table(result))


if __name__ == "__main__":
    main()
