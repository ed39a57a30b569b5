"""The console's own figures: `python tests/benchmarks/console.py [--part weight|memory|delay] [--calls 1000]`.

A headless Chromium (the package playwright, a chromium on the path) opens the page of a `mockpbx serve` in a process of
its own, on loopback. The figures change with what else the machine does.

weight: what comes over the wire for the page and the views that it loads ahead, the API's replies left out; and when,
from the start of navigation, something is seen first, and when the page says that it is live. Each time nothing is
cached, and the browser itself runs already.

memory: JavaScript heap, DOM nodes and listeners once garbage is collected, with the view of calls open, before and
after calls that came in bursts at fifty times the speed. What the browser uses outside that heap is left out.

delay: from mouth to ear in one call, by correlation. To the page: from `send_audio` of a whole probe to when, by the
browser's account, its first sample leaves the speaker; that contains socket, server, jitter buffer, resampling and
output latency. To the bot: from when the page is given a sample of the microphone to when the client has its frame;
that contains resampling, framing, socket and server. Left out: a network, air, whatever the browser does not know of
the sound device, and what it does with a microphone's sound (echo cancellation and so on) before the page is given it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, async_playwright, expect

from mockpbx.client import Call, Client
from mockpbx.conformance.signals import FRAME, RATE, Probe, samples_of
from mockpbx.contract.messages import CalleeAudio, DialStatusChange
from mockpbx.runtime.clips import load

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SWITCHES = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
SERVE = (sys.executable, "-m", "mockpbx", "serve", "--port", "0", "--database", ":memory:", "--seed", "1")
SETTLED = 1.0  # s after which a page has loaded what it loads ahead

OPENS = 7
MARKS = ("first-contentful-paint", "live")
NOTE_LIVE = """new MutationObserver((_, observer) => {
  if (document.getElementById("state")?.dataset.state !== "live") return;
  performance.mark("live");
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true });"""

NUMBERS = ("08000000016", "08000000017", "08000000021")  # answers and hangs up after 5 s, is busy, declines
BURST = 20
KNOWN = 1_000  # calls, the most that a page keeps
METRICS = {"JSHeapUsedSize": "bytes", "Nodes": "", "JSEventListeners": ""}

TAPS = Path(__file__).with_name("console-taps.js")
PROBES = 12
PROBE, PIECE, STEP = 0.3, 0.4, 0.5  # s: a probe, a piece of the microphone's speech, from one piece to the next
QUIET = 0.02  # of full scale: pieces of speech below are pauses
LIKE = 0.6  # correlation from which on a sound is the known one
LONGEST = 2_000  # ms, the delay up to which sound is looked for
BLOCK = 128  # samples, what the audio thread handles at once

Floats = NDArray[np.float64]
Row = tuple[str, str, list[float]]  # what was measured, its unit, the figures


@asynccontextmanager
async def server(*options: str) -> AsyncIterator[str]:
    """Run `mockpbx serve` and yield its address."""
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
    process = await asyncio.create_subprocess_exec(*SERVE, *options, **pipes)
    assert process.stdout is not None
    try:
        yield next(word for word in (await process.stdout.readline()).decode().split() if word.startswith("http"))
    finally:
        process.terminate()
        await process.communicate()


@asynccontextmanager
async def chromium(*switches: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, *switches])
        yield browser
        await browser.close()


async def show(page: Page, url: str) -> None:
    await page.goto(f"{url}/__console/#token=dev")
    await expect(page.locator("#state")).to_have_attribute("data-state", "live")


# --- weight and memory ------------------------------------------------------------------------------------------------


async def weight() -> list[Row]:
    async with server() as url, chromium() as browser:
        sizes, *times = zip(*[await weigh(browser, url) for _ in range(OPENS)], strict=True)
    on_the_wire: list[Row] = [
        ("page: files", "", [len(each) for each in sizes]),
        ("page: on the wire", "bytes", [sum(each) for each in sizes]),
    ]
    return on_the_wire + [(f"page: {name}", "ms", list(each)) for name, each in zip(MARKS, times, strict=True)]


async def weigh(browser: Browser, url: str) -> tuple[Any, ...]:
    """Open the page once. Returns the sizes of its files, and when each of MARKS was."""
    async with await browser.new_context(viewport={"width": 1_440, "height": 900}) as context:
        await context.add_init_script(NOTE_LIVE)
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        begun: list[dict[str, Any]] = []
        ended: list[dict[str, Any]] = []
        # Playwright marks the functions that it is given; a list's method takes no mark.
        session.on("Network.responseReceived", lambda told: begun.append(told))  # noqa: PLW0108
        session.on("Network.loadingFinished", lambda told: ended.append(told))  # noqa: PLW0108
        await session.send("Network.enable")
        await show(page, url)
        await asyncio.sleep(SETTLED)
        files = {each["requestId"] for each in begun if "/__console/" in each["response"]["url"]}
        look = "mark => performance.getEntriesByName(mark)[0].startTime"
        times = [await page.evaluate(look, mark) for mark in MARKS]
    return [each["encodedDataLength"] for each in ended if each["requestId"] in files], *times


async def memory(calls: int) -> list[Row]:
    async with server("--clock", "50x", "--record-delay", "0") as url, chromium() as browser:
        page = await browser.new_page(viewport={"width": 1_440, "height": 900})
        await show(page, url)
        await page.evaluate("() => { location.hash = '#/calls'; }")
        await asyncio.sleep(SETTLED)
        rows = await kept(page, "no call")
        async with Client(url, "dev", timeout=60) as client:
            for first in range(0, calls, BURST):
                numbers = [NUMBERS[each % len(NUMBERS)] for each in range(first, min(first + BURST, calls))]
                placed = await asyncio.gather(*(client.place_call(number) for number in numbers))
                await asyncio.gather(*(call.finished() for call in placed))
        await expect(page.locator("#main")).to_contain_text(f"0 live · {min(calls, KNOWN)} known")
        await asyncio.sleep(SETTLED)
        return rows + await kept(page, f"{calls:,} calls")


async def kept(page: Page, when: str) -> list[Row]:
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    await session.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in (await session.send("Performance.getMetrics"))["metrics"]}
    await session.detach()
    return [(f"memory, {when}: {name}", unit, [metrics[name]]) for name, unit in METRICS.items()]


# --- delay ------------------------------------------------------------------------------------------------------------


async def delay() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        speech = f"{folder}/speech.wav"
        with wave.open(speech, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(load("speech").astype("<i2").tobytes())
        async with server() as url, chromium(f"--use-file-for-fake-audio-capture={speech}") as browser:
            page = await browser.new_page(bypass_csp=True)
            await page.add_init_script(path=TAPS)
            await show(page, url)
            await page.get_by_role("button", name="Ring here", exact=True).click()
            await expect(page.get_by_role("list", name="numbers that ring here")).to_contain_text("0896*")
            async with Client(url, "dev") as client:
                return await converse(page, await client.place_call("089608675796"))


async def converse(page: Page, call: Call) -> list[Row]:
    heard: list[tuple[float, bytes]] = []
    said: list[tuple[float, Probe]] = []

    async def listen() -> None:
        async for event in call.events():
            if isinstance(event, CalleeAudio):
                heard.append((time.time() * 1_000, event.audio_data))  # noqa: PERF401 - stamped as it comes

    await page.get_by_role("button", name="Answer", exact=True).click()
    await call.until(DialStatusChange, status="Connected")
    listening = asyncio.create_task(listen())
    await asyncio.sleep(2)
    for number in range(PROBES):
        said.append((time.time() * 1_000, Probe(number, PROBE)))
        await call.send_audio(samples_of(said[-1][1]).tobytes())
        await asyncio.sleep(random.uniform(0.9, 1.1))  # so that probes fall anywhere between two frames
    await asyncio.sleep(LONGEST / 1_000)
    speaker, microphone = await Tapped.of(page, "speaker"), await Tapped.of(page, "microphone")
    await call.hang_up()
    await listening
    return [
        ("delay: send_audio to the page's speaker", "ms", list(to_page(said, speaker))),
        ("delay: the page's microphone to the bot", "ms", list(to_bot(microphone, heard))[:PROBES]),
    ]


@dataclass(frozen=True)
class Tapped:
    """What a tap heard: samples, in blocks whose first ones are numbered by the context's time."""

    sound: Floats
    frames: list[int]
    offsets: list[float]  # ms from the context's time at the speaker to the wall clock's, by block
    rate: int
    latency: float  # ms from the audio thread to the speaker

    @classmethod
    async def of(cls, page: Page, name: str) -> Tapped:
        told = await page.evaluate("name => tapped(name)", name)
        sound = np.frombuffer(base64.b64decode(told.pop("sound")), "<f4").astype(float)
        return cls(sound=sound, **told)

    def at_speaker(self, sample: int) -> float:
        """Return when a sample leaves the speaker, in wall ms."""
        block, rest = divmod(sample, BLOCK)
        offset = statistics.median(self.offsets[max(0, block - 200) : block + 200])
        return (self.frames[block] + rest) / self.rate * 1_000 + offset


def to_page(said: list[tuple[float, Probe]], speaker: Tapped) -> Iterator[float]:
    for at, probe in said:
        place = found(samples_of(probe, speaker.rate).astype(float), speaker.sound)
        if place is not None:
            yield speaker.at_speaker(place) - at


def to_bot(microphone: Tapped, heard: list[tuple[float, bytes]]) -> Iterator[float]:
    size, length = round(PIECE * microphone.rate), round(PIECE * RATE)
    for start in range(2 * microphone.rate, len(microphone.sound) - size, round(STEP * microphone.rate)):
        piece = microphone.sound[start : start + size]
        if np.abs(piece).max() < QUIET:
            continue
        at = microphone.at_speaker(start) - microphone.latency
        came = [frame for frame in heard if at <= frame[0] <= at + LONGEST]
        sound = np.frombuffer(b"".join(data for _, data in came), "<i2").astype(float)
        place = found(np.fft.irfft(np.fft.rfft(piece)[: length // 2 + 1], length), sound)  # at the rate of calls
        if place is not None:
            yield came[place // FRAME][0] + place % FRAME / RATE * 1_000 - at


def found(piece: Floats, sound: Floats) -> int | None:
    """Return the sample at which a piece is in a sound, None where nothing there is like it."""
    if len(sound) < len(piece):
        return None
    length = 1 << (len(piece) + len(sound)).bit_length()
    products = np.fft.irfft(np.fft.rfft(sound, length) * np.conj(np.fft.rfft(piece, length)), length)
    sums = np.concatenate([[0.0], np.cumsum(sound**2)])
    energy = sums[len(piece) :] - sums[: -len(piece)]
    alike = products[: len(energy)] / np.sqrt(np.maximum(energy, energy.max() / 1e4)) / np.linalg.norm(piece)
    place = int(np.argmax(alike))
    return place if alike[place] > LIKE else None


# --- the table --------------------------------------------------------------------------------------------------------


def line(what: str, unit: str, values: list[float]) -> str:
    columns = (f"{each:>12,.0f}" for each in (statistics.median(values), min(values), max(values)))
    return f"{what:<42}{unit:>6}{len(values):>4}{''.join(columns)}"


async def measure(part: str | None, calls: int) -> None:
    began = os.getloadavg()[0]
    parts = {"weight": weight, "memory": lambda: memory(calls), "delay": delay}
    rows = [row for name, each in parts.items() if part in (None, name) for row in await each()]
    print(f"{'':<42}{'unit':>6}{'n':>4}{'median':>12}{'min':>12}{'max':>12}")
    print(*(line(*row) for row in rows), sep="\n")
    print(f"load average: {began:.1f} before, {os.getloadavg()[0]:.1f} after; {os.cpu_count()} cores")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("weight", "memory", "delay"), help="this one only")
    parser.add_argument("--calls", type=int, default=1_000, help="how many the page sees (default: 1000)")
    asyncio.run(measure(**vars(parser.parse_args())))
