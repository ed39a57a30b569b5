"""What the recorder adds: `python tests/benchmarks/recorder.py [rounds]`.

A server of our own, a recorder in front of it and this client are processes of their own, on loopback. The client asks
each of the two in turn, so that both meet the same load: an `audio` event of 320 bytes and its acknowledgment, on open
websockets, and `GET /cdr?limit=1` on kept connections. The figures change with what else the machine does.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from mockpbx.client.packets import Assembly, Packet, messages_of

FRAME = bytes(range(256)) + bytes(64)
PAUSE = 0.002  # s between two rounds
WARM = 100  # rounds that do not count
MOCKPBX = (sys.executable, "-m", "mockpbx")
SERVE = ("serve", "--port", "0", "--database", ":memory:", "--log-format", "json")


@asynccontextmanager
async def process(*words: str, marker: str):
    """Start a command and yield the address that it prints."""
    started = await asyncio.create_subprocess_exec(
        *MOCKPBX,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        while marker not in (line := (await started.stdout.readline()).decode()):
            assert line, f"{words[0]} did not start"
        yield next(word for word in line.split(marker)[1].split() if word.startswith("http"))
    finally:
        started.terminate()
        await started.communicate()


class Socket:
    """A client's socket, spoken without a library, so that what is measured is the way and not the client."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.connection = connection
        self.assembly = Assembly()
        self.number = 0

    async def hear(self, kind: str) -> Packet:
        while True:
            message = await self.connection.receive()
            if message.data == "2":
                await self.connection.send_str("3")
                continue
            packet = self.assembly.take(message.data)
            if packet is not None and packet.kind == kind:
                return packet

    async def say(self, packet: Packet) -> None:
        for message in messages_of(packet):
            await (self.connection.send_str if isinstance(message, str) else self.connection.send_bytes)(message)

    async def round_trip(self) -> float:
        self.number += 1
        payload = {"sessionId": "none", "audioData": FRAME, "audioFormat": "pcm16"}
        begun = time.perf_counter()
        await self.say(Packet("event", ["audio", payload], id=self.number))
        assert (await self.hear("ack")).id == self.number
        return time.perf_counter() - begun


async def connect(http: aiohttp.ClientSession, url: str) -> Socket:
    socket = Socket(await http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket"))
    await socket.hear("open")
    await socket.say(Packet("connect", {"token": "dev"}))
    await socket.hear("connect")
    return socket


async def measure(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tape = Path(folder) / "bench.cassette.jsonl"
        record = ("record", "--listen", "127.0.0.1:0", "--output", str(tape), "--upstream")
        async with (
            process(*SERVE, marker="listens on") as direct,
            process(*record, direct, marker=" at ") as far,
            aiohttp.ClientSession(headers={"Authorization": "Bearer dev"}) as http,
        ):
            near_socket, far_socket = await connect(http, direct), await connect(http, far)

            async def get(url: str) -> float:
                begun = time.perf_counter()
                async with http.get(f"{url}/cdr?limit=1") as reply:
                    await reply.read()
                return time.perf_counter() - begun

            await compare("audio and its ack", rounds, near_socket.round_trip, far_socket.round_trip)
            await compare("GET /cdr?limit=1", rounds, lambda: get(direct), lambda: get(far))
        print(f"{tape.stat().st_size:,} bytes of cassette")


async def compare(what: str, rounds: int, near, far) -> None:
    times: tuple[list[float], list[float]] = [], []
    for number in range(rounds + WARM):
        for way, ask in sorted(enumerate((near, far)), reverse=bool(number % 2)):
            took = await ask()
            if number >= WARM:
                times[way].append(took)
        await asyncio.sleep(PAUSE)
    print(f"{what}, {rounds} rounds, milliseconds")
    for share in (50, 90, 99):
        direct, through = (sorted(way)[len(way) * share // 100] * 1000 for way in times)
        print(f"  p{share}  direct {direct:6.2f}  through the recorder {through:6.2f}  added {through - direct:+.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", type=int, nargs="?", default=3_000, help="of each of the two (default: 3000)")
    asyncio.run(measure(parser.parse_args().rounds))
