"""Floods of one token on a server of its own, and what they do to a call of another: `python floods.py [NAME ...]`.

For each flood: frames that the witness heard of those due, its gaps between frames in ms (p99 and worst), the server's
memory, and how the flood was answered. Lateness depends on the machine: the quiet round is without a flood.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import aiohttp

SECONDS = 6.0
NUMBER = {"phoneNumber": "08000001000"}
HANDSHAKE = "/socket.io/?EIO=4&transport="


async def place(http, url, token):
    async with http.post(f"{url}/pbx/call", json=NUMBER, headers={"Authorization": f"Bearer {token}"}) as reply:
        return (await reply.json())["data"]["sessionId"]


async def connected(http, url, token):
    socket = await http.ws_connect(f"{url}{HANDSHAKE}websocket", max_msg_size=0)
    await socket.receive()
    await socket.send_str("40" + json.dumps({"token": token}))
    await socket.receive()
    return socket


async def joined(http, url, token):
    socket = await connected(http, url, token)
    session_id = await place(http, url, token)
    await socket.send_str("42" + json.dumps(["joinRoom", {"sessionId": session_id}]))
    return socket, session_id


# --- the call of somebody else, in a process of its own ---------------------------------------------------------------


def witness(url, pipe):
    asyncio.run(watch(url, pipe))


async def watch(url, pipe):
    times = []
    async with aiohttp.ClientSession() as http:
        socket, _ = await joined(http, url, "witness")

        async def read():
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    times.append(time.perf_counter())
                elif message.data == "2":
                    await socket.send_str("3")

        reading = asyncio.ensure_future(read())
        while len(times) < 50:
            await asyncio.sleep(0.1)
        pipe.send("ready")
        while await asyncio.to_thread(pipe.recv) == "round":
            times.clear()
            began = time.perf_counter()
            await asyncio.to_thread(pipe.recv)
            lasted = time.perf_counter() - began
            gaps = sorted((b - a) * 1000 for a, b in pairwise(times)) or [0.0]
            pipe.send((len(times), lasted, gaps[int(len(gaps) * 0.99)], gaps[-1]))
        reading.cancel()


# --- floods -----------------------------------------------------------------------------------------------------------


async def quiet(http, url):
    await asyncio.sleep(SECONDS)
    return "nothing"


def address(url):
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


async def raw(url, data, answers):
    """Send bytes on a connection of their own; count the first line of the answer."""
    try:
        reader, writer = await asyncio.open_connection(*address(url))
        writer.write(data)
        async with asyncio.timeout(SECONDS):
            line = await reader.readline()
        answers[line.decode().strip() or "closed"] += 1
        writer.close()
    except TimeoutError:
        answers["no answer"] += 1
    except OSError as error:
        answers[type(error).__name__] += 1


async def in_turn(work, most=100):
    """Await many, `most` at a time."""
    limit = asyncio.Semaphore(most)

    async def one(each):
        async with limit:
            await each

    await asyncio.gather(*map(one, work))


async def connections(http, url):
    answers, open_ = Counter(), []

    async def one():
        try:
            open_.append(await asyncio.open_connection(*address(url)))
        except OSError as error:
            answers[type(error).__name__] += 1

    await in_turn(one() for _ in range(3000))
    await asyncio.sleep(2)
    for reader, writer in open_:
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(0.001):
                answers[(await reader.readline()).decode().strip()] += 1
        writer.close()
    return f"{len(open_)} opened; {dict(answers)}"


async def slow_headers(http, url):
    async def one():
        _, writer = await asyncio.open_connection(*address(url))
        writer.write(b"GET /cdr HTTP/1.1\r\n")
        with contextlib.suppress(OSError):
            for _ in range(int(SECONDS * 2)):
                writer.write(b"X")
                await writer.drain()
                await asyncio.sleep(0.5)
            return False
        return True

    closed = await asyncio.gather(*(one() for _ in range(500)))
    return f"{sum(closed)} of 500 closed (request_timeout 3)"


async def slow_bodies(http, url):
    answers = Counter()
    head = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n"
    head += "Authorization: Bearer flood\r\n\r\n{{"
    paths = ("/pbx/call", "/__admin/reset")
    await asyncio.gather(*(raw(url, head.format(paths[n % 2]).encode(), answers) for n in range(500)))
    return dict(answers)


async def handshakes(http, url):
    answers = Counter()

    async def one():
        async with http.get(f"{url}{HANDSHAKE}polling") as reply:
            answers[reply.status, (await reply.text())[:1]] += 1

    await in_turn(one() for _ in range(5000))
    return dict(answers)


async def tokens(http, url):
    answers = Counter()

    async def one(n):
        async with http.get(f"{url}/cdr", headers={"Authorization": f"Bearer flood-{n}"}) as reply:
            answers[reply.status] += 1

    await in_turn(one(n) for n in range(5000))
    return dict(answers)


async def events(http, url, texts, tail=0.5):
    """Send texts at once on one socket; count what comes back."""
    socket = await connected(http, url, "flood")
    answers = Counter()

    async def read():
        async for message in socket:
            name = re.match(r'\d+\["(\w+)"', message.data) if isinstance(message.data, str) else None
            answers[name[1] if name else str(message.data)[:10]] += 1

    reading = asyncio.ensure_future(read())
    for text in texts:
        await (socket.send_str(text) if isinstance(text, str) else socket.send_bytes(text))
    await asyncio.wait([reading], timeout=SECONDS - tail)
    reading.cancel()
    return f"{dict(answers)}{f', closed with {socket.close_code}' if socket.closed else ''}"


def event(name, payload):
    return "42" + json.dumps([name, payload])


async def joins(http, url):
    return await events(http, url, [event("joinRoom", {"sessionId": f"no-such-session-{n}"}) for n in range(10_000)])


async def strangers(http, url):
    return await events(http, url, [event("no such event", {"n": n}) for n in range(30_000)])


async def presses(http, url):
    return await events(http, url, [event("dtmf", {"sessionId": "x", "digit": "1"}) for _ in range(10_000)])


async def long_ids(http, url):
    return await events(http, url, [event("joinRoom", {"sessionId": str(n) * 900_000}) for n in range(1, 10)])


async def giant(http, url):
    return [await events(http, url, ["42" + "x" * 2_000_000]) for _ in range(20)][-1]


async def deep(http, url):
    return await events(http, url, ['42["joinRoom",' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]"])


async def placeholders(http, url):
    many = '451999-["audio",' + ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(999)) + "]"
    return await events(http, url, [many, *(b"x" for _ in range(999))])


async def rooms(http, url):
    """One socket in the rooms of as many calls as most_calls allows here, 20 s of sound each."""
    socket = await connected(http, url, "flood")
    answers, heard = Counter(), Counter()

    async def one():
        try:
            session_id = await place(http, url, "flood")
            await socket.send_str(event("joinRoom", {"sessionId": session_id}))
            answers["placed"] += 1
        except TypeError:
            answers["refused"] += 1

    async def read():
        async for message in socket:
            heard[message.type.name] += 1

    reading = asyncio.ensure_future(read())
    await in_turn((one() for _ in range(300)), 20)
    await asyncio.sleep(SECONDS)
    reading.cancel()
    await socket.close()
    headers = {"Authorization": "Bearer flood"}
    async with http.post(f"{url}/__admin/reset", headers=headers) as reply:
        answers["reset"] = reply.status
    return f"{dict(answers)}, heard {dict(heard)}"


async def bombs(http, url):
    answers = Counter()
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json", "Authorization": "Bearer flood"}
    bomb, tail = gzip.compress(bytes(100_000_000)), gzip.compress(b"{}") + bytes(50_000_000)

    async def chunks(data):
        for start in range(0, len(data), 60_000):
            yield data[start : start + 60_000]

    async def one(data):
        try:
            async with http.post(f"{url}/pbx/call", data=chunks(data), headers=headers) as reply:
                answers[reply.status] += 1
        except aiohttp.ClientError as error:
            answers[type(error).__name__] += 1

    await in_turn([*(one(bomb) for _ in range(50)), *(one(tail) for _ in range(10))], 10)
    return dict(answers)


async def pipelined(http, url):
    reader, writer = await asyncio.open_connection(*address(url))
    writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000)
    came = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while came < 20_000:
                came += (await reader.read(65_536)).count(b"HTTP/1.1 404")
    writer.close()
    return f"{came} answered"


async def pages(http, url):
    answers = Counter()
    queries = (
        "page=1000000000000",
        "limit=1000000000",
        "filter.destination=$contains:%25&page=99999999",
        "page=" + "9" * 5000,
    )

    async def one(n):
        headers = {"Authorization": "Bearer witness"}
        async with http.get(f"{url}/cdr?{queries[n % len(queries)]}", headers=headers) as reply:
            answers[reply.status] += 1

    await in_turn((one(n) for n in range(2000)), 20)
    return dict(answers)


async def cut_off(http, url):
    """Clients that the server has cut off so far."""
    async with http.get(f"{url}/metrics") as reply:
        return re.search(r"^mockpbx_clients_cut_off_total (\S+)", await reply.text(), re.M)[1]


async def until_cut_off(http, url, before, say=lambda: None):
    """Wait for one more, at most a minute, then reset; how long it took."""
    began = time.monotonic()
    while (took := time.monotonic() - began) < 60 and await cut_off(http, url) == before:
        say()
        await asyncio.sleep(0.5)
    async with http.post(f"{url}/__admin/reset", headers={"Authorization": "Bearer flood"}):
        pass
    return f"cut off after {took:.1f} s" if took < 60 else "not cut off"


UPGRADE = (
    f"GET {HANDSHAKE}websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
).encode()


async def slow_reader(http, url):
    """A socket in 50 calls that reads nothing and says it lives all the same."""
    _, writer = await asyncio.open_connection(*address(url), limit=1)
    writer.write(UPGRADE)

    def say(text):
        data = text.encode()
        writer.write(bytes([0x81, 0xFE]) + len(data).to_bytes(2, "big") + bytes(4) + data)

    say("40" + json.dumps({"token": "flood"}))
    writer.transport.pause_reading()
    for _ in range(50):
        say(event("joinRoom", {"sessionId": await place(http, url, "flood")}))
    return await until_cut_off(http, url, await cut_off(http, url), lambda: say("3"))


async def polling(http, url):
    """Open a session that polls and has joined; its address."""
    async with http.get(f"{url}{HANDSHAKE}polling") as reply:
        session = f"{url}{HANDSHAKE}polling&sid=" + json.loads((await reply.text())[1:])["sid"]
    await posted(http, session, "40" + json.dumps({"token": "flood"}))
    return session


async def posted(http, session, body):
    async with http.post(session, data=body) as reply:
        return reply.status


async def polling_posts(http, url):
    """One POST of very many packets."""
    began = time.monotonic()
    session = await polling(http, url)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5 * SECONDS):
            status = await posted(http, session, "\x1e".join(['42["interruption",{}]'] * 45_000))
            return f"{status} after {time.monotonic() - began:.1f} s"
    return "no answer"


async def polling_stops(http, url):
    """A client in a call that polls no more."""
    session = await polling(http, url)
    before = await cut_off(http, url)
    session_id = await place(http, url, "flood")
    await posted(http, session, event("joinRoom", {"sessionId": session_id}))
    return await until_cut_off(http, url, before)


async def websocket_pings(http, url):
    """Bursts of empty pings of the websocket's own, on one connection after the other."""
    answers, began = Counter(), time.monotonic()
    while time.monotonic() - began < SECONDS:
        reader, writer = await asyncio.open_connection(*address(url))
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x89\x80\0\0\0\0" * 40_000)
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(1):
                while heard := await reader.read(65_536):
                    answers["pongs"] += heard.count(b"\x8a\0")
        answers["closed" if reader.at_eof() or reader.exception() else "open"] += 1
        writer.transport.abort()
    return dict(answers)


FLOODS = [
    quiet, connections, slow_headers, slow_bodies, handshakes, tokens, joins, strangers, presses, long_ids, giant, deep,
    placeholders, rooms, bombs, pipelined, pages, slow_reader, polling_posts, polling_stops,
    websocket_pings,
]  # fmt: skip
SWITCHES = ("--request-timeout", "3", "--most-connections", "2000", "--most-workspaces", "1000", "--most-calls", "200",
            "--slow-reader-timeout", "3", "--call-limit", "600")  # fmt: skip


def memory(pid):
    """Megabytes, now and at most since this was asked last."""
    status = Path(f"/proc/{pid}/status").read_text()
    now, peak = (int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1]) / 1024 for name in ("VmRSS", "VmHWM"))
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return now, peak


def chosen():
    """The floods that the command line names, or all."""
    floods = {flood.__name__: flood for flood in FLOODS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(floods)}; all where none is named")
    names = parser.parse_args().names
    unknown = [name for name in names if name not in floods]
    if unknown:
        parser.error(f"there is no flood {', '.join(unknown)}: expected {', '.join(floods)}")
    return [floods[name] for name in names] or FLOODS


def main():
    wanted = chosen()
    command = [sys.executable, "-m", "mockpbx", "serve", "--port", "0", "--database", ":memory:", *SWITCHES]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = re.search(r"http://\S+", server.stdout.readline())[0]
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=witness, args=(url, theirs), daemon=True)
    process.start()
    ours.recv()
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'flood':15} {'frames':>11} {'p99':>6} {'worst':>6} {'MB':>5} {'peak':>5}  answered")
    try:
        for flood in wanted:
            memory(server.pid)
            ours.send("round")
            answered = asyncio.run(one_flood(flood, url))
            ours.send("over")
            frames, lasted, p99, worst = ours.recv()
            now, peak = memory(server.pid)
            share = f"{frames}/{lasted * 50:.0f}"
            name = flood.__name__
            print(f"{name:15} {share:>11} {p99:6.1f} {worst:6.1f} {now:5.0f} {peak:5.0f}  {answered}", flush=True)
    finally:
        server.terminate()
        server.wait()


async def one_flood(flood, url):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        return await flood(http, url)


if __name__ == "__main__":
    main()
