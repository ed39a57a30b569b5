"""The emulator's own figures: start, cadence, CPU and memory. Run by hand: `python tests/benchmarks/figures.py`.

Each is measured on a real `mockpbx serve` in a process of its own, by a client that reads raw websocket messages and
notes when they came. Bounded: `--calls` calls of `--seconds` each, on loopback, then it stops by itself. Linux only,
since CPU and memory are read from /proc.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

FRAME_MS = 20.0
PACKET = bytes(2560)  # 160 ms of pcm16, the contract's recommended packet
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Run `mockpbx serve`; yields its URL and process id."""
    command = [sys.executable, "-m", "mockpbx", "serve", "--port", "0", "--database", ":memory:", "--seed", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield re.search(r"http://\S+", process.stdout.readline())[0], process.pid
    finally:
        process.terminate()
        process.wait()


def start_time() -> float:
    """Return the seconds from the start of the process to the first answer with status 200."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mockpbx", "serve", "--port", str(port), "--database", ":memory:"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/cdr", headers={"Authorization": "Bearer dev"})
    try:
        while time.perf_counter() - began < 20:
            try:
                with urllib.request.urlopen(request, timeout=1) as reply:
                    if reply.status == 200:
                        return time.perf_counter() - began
            except urllib.error.URLError:
                time.sleep(0.002)
        raise TimeoutError("no answer within 20 s")
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kb(pid: int) -> int:
    """Return a process's resident memory."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Caller:
    """One call on a socket of its own: sends 160 ms packets with acknowledgments, notes each frame's arrival."""

    def __init__(self, url: str, number: int) -> None:
        self.url, self.token = url, f"bench-{number}"
        self.arrivals: list[float] = []
        self.acks = 0
        self.connected = asyncio.Event()

    async def run(self, http: aiohttp.ClientSession, seconds: float) -> None:
        socket_url = f"{self.url}/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(socket_url, max_msg_size=0, compress=0) as ws:
            await ws.receive()
            await ws.send_str("40" + json.dumps({"token": self.token}))
            await ws.receive()
            reader = asyncio.create_task(self.read(ws))
            headers = {"Authorization": f"Bearer {self.token}"}
            body = {"phoneNumber": "089608675796"}
            async with http.post(f"{self.url}/pbx/call", json=body, headers=headers) as reply:
                session_id = (await reply.json())["data"]["sessionId"]
            await ws.send_str("42" + json.dumps(["joinRoom", {"sessionId": session_id}]))
            await self.connected.wait()
            payload = {"sessionId": session_id, "audioData": {"_placeholder": True, "num": 0}, "audioFormat": "pcm16"}
            began = time.perf_counter()
            for packet in range(int(seconds / 0.16)):
                await ws.send_str(f"451-{packet}" + json.dumps(["audio", payload]))
                await ws.send_bytes(PACKET)
                await asyncio.sleep(max(0, began + (packet + 1) * 0.16 - time.perf_counter()))
            await ws.send_str("42" + json.dumps(["hangup", {"sessionId": session_id}]))
            await reader

    async def read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.arrivals.append(time.perf_counter())
            elif message.data == "2":
                await ws.send_str("3")
            elif message.data.startswith("43"):
                self.acks += '"success":true' in message.data
            elif '"Connected"' in message.data:
                self.connected.set()
            elif message.data.startswith('42["hangup"'):
                return

    def deviations(self) -> list[float]:
        """Return how far each frame came from the 20 ms grid that fits the call best, in ms."""
        offsets = [arrival * 1_000 - FRAME_MS * number for number, arrival in enumerate(self.arrivals)]
        grid = statistics.median(offsets)
        return [abs(offset - grid) for offset in offsets]


async def cadence(url: str, pid: int, calls: int, seconds: float) -> dict[str, float]:
    """Hold full-duplex calls for a while; returns the figures."""
    callers = [Caller(url, number) for number in range(calls)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        running = [asyncio.create_task(caller.run(http, seconds)) for caller in callers]
        await asyncio.gather(*(caller.connected.wait() for caller in callers))
        before, began = cpu_seconds(pid), time.perf_counter()
        await asyncio.sleep(seconds * 0.9)
        used, lasted = cpu_seconds(pid) - before, time.perf_counter() - began
        memory = memory_kb(pid)
        await asyncio.gather(*running)
    deviations = sorted(deviation for caller in callers for deviation in caller.deviations())
    expected = int(seconds / 0.16)
    return {
        "calls": calls,
        "p50_ms": round(deviations[len(deviations) // 2], 2),
        "p99_ms": round(deviations[int(len(deviations) * 0.99)], 2),
        "max_ms": round(deviations[-1], 2),
        "frames_worst_call": min(len(caller.arrivals) for caller in callers),
        "acks_missing": sum(expected - caller.acks for caller in callers),
        "cpu_percent_of_a_core": round(100 * used / lasted, 1),
        "cpu_percent_per_call": round(100 * used / lasted / calls, 2),
        "memory_kb": memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--starts", type=int, default=10)
    options = parser.parse_args()
    figures: dict[str, object] = {}
    if options.starts:
        start_time()  # compiles what is not compiled yet
        starts = sorted(start_time() for _ in range(options.starts))
        figures["start_to_first_200_s"] = {"median": round(statistics.median(starts), 3), "max": round(starts[-1], 3)}
    with server() as (url, pid):
        request = urllib.request.Request(f"{url}/cdr", headers={"Authorization": "Bearer dev"})
        urllib.request.urlopen(request).read()
        figures["idle_memory_kb"] = memory_kb(pid)
        figures["cadence"] = [asyncio.run(cadence(url, pid, calls, options.seconds)) for calls in options.calls]
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
