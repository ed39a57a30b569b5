"""`mockpbx top`: a running server on a terminal, in lines and as JSON."""

import asyncio
import json
import os
import pty
import signal
import struct
import sys
import termios
from dataclasses import replace
from fcntl import ioctl

import aiohttp
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Api

from mockpbx.cli import mockpbx
from mockpbx.cli.control import ControlClient
from mockpbx.cli.top import NEWS, Watch
from mockpbx.cli.top_figures import CallFigures, Late, Look, ServerFigures, look, server_figures
from mockpbx.cli.top_view import Picture, line_of_json, lines_of
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

WORLD = Plan(
    (
        Rule.of("0811*", Named("rings", (s.Ring(600, setup=0),))),
        Rule.of("*", Named("stays", (s.Ring(0, setup=0), s.Answer(), s.Wait(600)))),
    )
)
NUMBER = "089608675796"


async def top(*arguments: str):
    given = ["top", "--once", "--interval", "0.1", *arguments]
    ran = await asyncio.to_thread(CliRunner().invoke, mockpbx, given, standalone_mode=False)
    return ran, ran.output


@pytest.fixture
async def api(serve, http) -> Api:
    """A server with a call that was answered 2 s ago, and one that rings."""
    pbx = await serve(plan=WORLD, clock="manual", dial_delay=0)
    api = Api(http, pbx.url)
    api.workspace = pbx.workspace_of("dev")
    api.workspace.place_call("answered", NUMBER)
    api.workspace.announce("answered")
    await api.post("/__admin/clock/advance", {"ms": 2_000})
    api.workspace.place_call("ringing", "0811111111")
    api.workspace.announce("ringing")
    return api


# --- what it says -----------------------------------------------------------------------------------------------------


async def test_a_look_tells_of_the_server_and_of_its_calls(api):
    _, output = await top("--url", api.url)
    head, calls, frames, late, _, heads, first, second = output.rstrip().splitlines()
    assert head.startswith(f"mockpbx 0.1.0  {api.url}  up 00:")
    assert "clocks 1 manual" in head
    assert calls.startswith("calls 2 (1 ringing, 1 connected)  sockets 0  records waiting 0  refused audio 0")
    assert frames.startswith("frames/s 0 out, 0 in")
    assert late == "frames late –  loop lag –  slips 0"  # where time is virtual, nothing is late
    assert heads.split()[:7] == ["number", "state", "for", "late", "p99", "late", "queue"]
    assert first.split()[:3] == ["0811111111", "Ringing", "00:00"]
    assert second.split() == [NUMBER, "Connected", "00:02", "–", "–", "0", "0", "0", "B", "outbound", "answered"]


async def test_the_same_as_json(api):
    workspace = api.workspace
    workspace.play("answered", np.zeros(1_600, np.int16))
    workspace.refuse_audio("answered", 320, "odd", "bad_audio")
    workspace.cadence.everyone.add(300)
    _, output = await top("--url", api.url, "--json")
    told = json.loads(output)
    assert (told["url"], told["live"], told["notices"]) == (api.url, 2, [])
    server, (_, call) = told["server"], told["calls"]
    assert server["calls"] == {"ringing": 1, "connected": 1}
    assert server["refused"] == {"bad_audio": 1}
    assert server["cadence"] == {"count": 0, "p50": 0, "p99": 0, "worst": 0}  # since the first look
    assert (call["session_id"], call["number"], call["state"]) == ("answered", NUMBER, "Connected")
    assert (call["seconds"], call["queue_ms"], call["refused"], call["unread"], call["late"]) == (2, 200, 1, 0, None)


async def test_the_calls_are_those_of_the_token(api):
    _, output = await top("--url", api.url, "--token", "somebody")
    assert "calls 2 (" in output
    assert output.rstrip().endswith("no live call of this token")
    assert NUMBER not in output


async def test_figures_are_shown_where_calls_may_not_be(serve, http):
    url = (await serve(admin_token="s3cret")).url
    _, output = await top("--url", url)
    assert output.startswith("no calls are shown: ")
    assert "(--admin-token)" in output.splitlines()[0]
    assert "calls 0  sockets 0" in output
    assert "no live call" not in output
    _, output = await top("--url", url, "--admin-token", "s3cret")
    assert output.startswith("mockpbx ")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1/__admin does not answer as a mockpbx does: "),
        ("here", "'here' is no address of a server"),
    ],
)
async def test_a_server_that_is_not_there_is_told_in_a_line(url, sentence):
    ran, output = await top("--url", url)
    assert (ran.exception.code, output.count("\n")) == (2, 1)
    assert sentence in output


async def test_https_where_the_server_speaks_http_is_told_in_a_line(serve):
    url = (await serve()).url.replace("http:", "https:")
    ran, output = await top("--url", url)
    assert (ran.exception.code, output.count("\n")) == (2, 1)
    assert output.rstrip().endswith(
        ": it does not speak https there; if it speaks http, begin its address with http://"
    )


async def test_figures_of_something_else_are_told_from_a_mockpbxs():
    with pytest.raises(ValueError, match="not those of a mockpbx"):
        look("up 1\n", 0)


# --- between two looks ------------------------------------------------------------------------------------------------


def looked(at: float, **figures: float) -> Look:
    return Look(at, {(name, frozenset()): value for name, value in figures.items()})


def lateness(at: float, *counts: int) -> Look:
    bounds = ("0.001", "0.002", "0.02", "1.0", "+Inf")
    pairs = zip(bounds, counts, strict=True)
    return Look(at, {("mockpbx_tick_lateness_seconds_bucket", frozenset({("le", le)})): n for le, n in pairs})


def test_rates_are_those_of_the_interval():
    before = looked(10, mockpbx_frames_sent_total=1_000, process_cpu_seconds_total=5)
    now = looked(12, mockpbx_frames_sent_total=2_000, mockpbx_audio_taken_seconds_total=8, process_cpu_seconds_total=6)
    figures = server_figures(now, before, wall=0)
    assert (figures.frames_out, figures.frames_in, figures.cpu) == (500, 200, 50)
    first = server_figures(now, None, wall=0)
    assert (first.frames_out, first.frames_in, first.cpu, first.cadence) == (None, None, None, None)


@pytest.mark.parametrize(
    ("counts", "late"),
    [
        ((100, 100, 100, 100, 100), Late(0, 0, 0, 0)),
        ((199, 199, 200, 200, 200), Late(100, 1, 1, 20)),
        ((149, 198, 199, 200, 200), Late(100, 2, 20, 1_000)),
        ((100, 100, 100, 100, 101), Late(1, None, None, None)),
    ],
)
def test_lateness_is_that_of_the_interval(counts, late):
    before = lateness(0, 100, 100, 100, 100, 100)
    assert server_figures(lateness(1, *counts), before, wall=0).cadence == late


# --- how it looks -----------------------------------------------------------------------------------------------------

BUSY = ServerFigures(
    version="0.1.0", uptime=93_784, clocks={"real": 12, "manual": 3}, calls={"connected": 1_204, "ringing": 3},
    sockets=1_207, frames_out=60_200, frames_in=60_180.4, cadence=Late(900, 1, 50, None), lag=Late(900, 0.5, 2, 20),
    slips=2, slipped=1.24, refused={"not_connected": 31, "queue_full": 2}, unread=1_250_000, records_waiting=7,
    rss=183_000_000, cpu=87.3, fds=1_301,
)  # fmt: skip
CALL = CallFigures("0199-1234", NUMBER, "inbound", "Connected", 4_000, 12_345.6, 1_234, 40.0, 3, 999_999)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal(width):
    picture = Picture("http://127.0.0.1:7290", BUSY, [CALL] * 50, 1_207, ("no answer for 3 s " * 20,))
    lines = [line.text for line in lines_of(picture, width, 24)]
    assert max(map(len, lines)) <= width
    assert len(lines) == 24
    assert lines[-1] == f"and {1_207 - (24 - lines.index('') - 3):,} more"


def test_eighty_columns_have_what_matters():
    text = "\n".join(line.text for line in lines_of(Picture("http://127.0.0.1:7290", BUSY, [CALL], 1), 80))
    for part in (
        "p50 ≤ 1 ms, p99 ≤ 50 ms, worst > 1 s\n",
        "slips 2 (1.2 s)",
        "33 (31 not_connected, 2 queue_full)",
        "up 1d 02h",
    ):
        assert part in text
    assert text.splitlines()[-1].split() == [NUMBER, "Connected", "1:06:40", "40", "ms", "1,234", "12,346", "3"]


@pytest.mark.parametrize("width", [46, 60, 80, 140])
def test_how_late_a_call_is_can_be_seen_on_every_terminal(width):
    _, heads, row = (line.text for line in lines_of(Picture("", BUSY, [CALL], 1), width)[-3:])
    assert heads[38:46] == "late p99"
    assert row[38:46] == "   40 ms"


def test_a_server_that_is_late_shows_it():
    late, calm = (
        {line.style for line in lines_of(Picture("", replace(BUSY, cadence=each), [], 0), 80)}
        for each in (BUSY.cadence, Late(900, 1, 5, 20))
    )
    assert "bold red" in late - calm


def test_what_a_client_named_does_nothing_to_the_terminal():
    evil = replace(CALL, number="\x1b[2J", session_id="\n\x07")
    picture = Picture("http://\x1b[2J", BUSY, [evil], 1, ("\x1b]0;x",))
    assert all(line.text.isprintable() for line in lines_of(picture, 200))
    assert line_of_json(picture).isascii()


# --- a server that comes and goes -------------------------------------------------------------------------------------


async def test_a_server_that_goes_is_waited_for_and_one_that_comes_back_is_known(serve):
    first = await serve()
    port = int(first.url.rpartition(":")[2])
    async with aiohttp.ClientSession() as http:
        watch = Watch(ControlClient(http, first.url, "dev", None), first.url)
        before = await watch.look()
        assert before.notices == ()
        await first.stop()
        for _ in range(2):
            gone = await watch.look()
            assert gone.notices[0].startswith("no answer for 0 s, still trying")
            assert gone.server == before.server
        await serve(port=port)
        back = await watch.look()
        assert back.notices == ("the server has been started again: figures count from there",)
        assert back.server.frames_out is None
        watch._another -= NEWS + 1
        assert (await watch.look()).notices == ()


class Terminal:
    """The program on a terminal of its own, of so many columns."""

    def __init__(self, columns: int, *arguments: str) -> None:
        self.seen = b""
        self.columns = columns
        self.arguments = arguments

    async def __aenter__(self) -> "Terminal":
        self.outer, inner = pty.openpty()
        ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mockpbx", "top", *self.arguments,
            stdin=inner, stdout=inner, stderr=inner, env=kept | {"TERM": "xterm"},
        )  # fmt: skip
        os.close(inner)
        return self

    async def __aexit__(self, *_) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        os.close(self.outer)

    async def until(self, part: bytes) -> None:
        while part not in self.seen:
            self.seen += await asyncio.to_thread(os.read, self.outer, 65_536)


@pytest.mark.parametrize("leaves", ["q", "Ctrl-C"])
async def test_on_a_terminal_it_draws_in_place_and_leaves_it_as_it_was(api, leaves):
    async with Terminal(80, "--url", api.url, "--interval", "0.1") as terminal:
        await terminal.until(NUMBER.encode())
        assert b"\x1b[?1049h" in terminal.seen  # a screen of its own
        if leaves == "q":
            os.write(terminal.outer, b"xq")
        else:
            terminal.process.send_signal(signal.SIGINT)
        await terminal.until(b"\x1b[?1049l")
        assert await terminal.process.wait() == 0
        assert b"Traceback" not in terminal.seen


async def test_lines_of_json_come_until_somebody_leaves(api):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mockpbx", "top", "--url", api.url, "--json", "--interval", "0.1",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told = [json.loads(await process.stdout.readline()) for _ in range(3)]
    assert [each["live"] for each in told] == [2, 2, 2]
    assert told[0]["server"]["frames_out"] is None
    assert told[2]["server"]["frames_out"] == 0
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
