"""`mockpbx top`."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import click

from mockpbx.cli import refuse
from mockpbx.cli.control import ControlClient, Refused
from mockpbx.cli.finite import Finite
from mockpbx.cli.top_figures import Look, call_figures, look, server_figures
from mockpbx.cli.top_view import Picture, line_of_json, lines_of, painted
from mockpbx.client.errors import ClientError

#: Calls that are asked for: as many as the server tells the pulse of at a time.
MOST = 300
#: Seconds that a server may take for one answer.
PATIENCE = 5
#: Seconds for which it is told that the server is another one.
NEWS = 30
#: Behind every frame that a call could have: what it sounds like is not asked for.
NO_SOUND = 2**40
#: Columns of lines that are no terminal's.
WIDE = 140


@dataclass(frozen=True, slots=True)
class Top:
    """Which server, whose calls, how often, and how it is shown."""

    url: str
    token: str
    admin_token: str | None
    interval: float
    once: bool
    as_json: bool


@click.command()
@click.option("--url", envvar="MOCKPBX_URL", default="http://127.0.0.1:7290", show_default=True, help="the server")
@click.option("--token", envvar="MOCKPBX_TOKEN", default="dev", show_default=True, help="whose calls")
@click.option("--admin-token", envvar="MOCKPBX_ADMIN_TOKEN", metavar="TEXT", help="the server's --admin-token")
@click.option("--interval", type=Finite(0.1, 3_600), default=1, show_default=True, metavar="SECONDS", help="how often")
@click.option("--once", is_flag=True, help="look for one interval, print that, and leave")
@click.option("--json", "as_json", is_flag=True, help="print a line of JSON each time")
def command(**options: Any) -> None:
    """Watch a running server: its calls, its pace, and how late it is itself. q leaves.

    On a terminal the picture changes in place; anywhere else it is printed each time.
    """
    top = Top(**options)
    try:
        asyncio.run(_watch(top))
    except (Refused, ClientError) as error:
        refuse(str(error))


async def _watch(top: Top) -> None:
    in_place = sys.stdout.isatty() and not (top.once or top.as_json)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http:
        watch = Watch(ControlClient(http, top.url, top.token, top.admin_token), top.url)
        first = await watch.look()
        if top.once:
            await asyncio.sleep(top.interval)
            _printing(top.as_json)(await watch.look())
            return
        with _leaving() as over, _screen() if in_place else contextlib.nullcontext(_printing(top.as_json)) as show:
            show(first)
            while not await _within(over, top.interval):
                show(await watch.look())


class Watch:
    """Looks at a server again and again. One that does not answer any more is waited for."""

    def __init__(self, control: ControlClient, url: str) -> None:
        self._control = control
        self._url = url
        self._before: Look | None = None
        self._picture: Picture | None = None
        self._gone: float | None = None  # when it fell silent
        self._another: float | None = None  # when it was seen that it had been started again

    async def look(self) -> Picture:
        """Return how the server is. Raises Refused where the first look fails."""
        try:
            text = (await self._control.fetch("/metrics")).decode()
            now = look(text, time.monotonic())
        except (Refused, ValueError) as error:
            return self._without(str(error))
        self._gone = None
        before = self._before
        if before is not None and before.of("process_start_time_seconds") != now.of("process_start_time_seconds"):
            before, self._another = None, now.at
        self._before = now
        picture = Picture(self._url, server_figures(now, before, time.time()), (), 0, self._news(now.at))
        try:
            self._picture = await self._with_calls(picture)
        except (Refused, KeyError, TypeError, ValueError) as error:
            self._picture = replace(picture, calls=None, notices=(*picture.notices, f"no calls are shown: {error}"))
        return self._picture

    async def _with_calls(self, picture: Picture) -> Picture:
        listed = (await self._control.ask("GET", "/calls", params={"live": "true", "limit": str(MOST)}))["calls"]
        wanted = {call["sessionId"]: NO_SOUND for call in listed}
        pulse = await self._control.ask("POST", "/calls/pulse", json={"calls": wanted})
        return replace(picture, calls=list(call_figures(listed, pulse)), live=pulse["live"])

    def _without(self, why: str) -> Picture:
        """Return the last picture, and that there is no other."""
        if self._picture is None:
            raise Refused(why)
        now = time.monotonic()
        self._gone = now if self._gone is None else self._gone
        trouble = f"no answer for {now - self._gone:.0f} s, still trying; below is how it was"
        return replace(self._picture, notices=(trouble, why))

    def _news(self, now: float) -> tuple[str, ...]:
        if self._another is None or now - self._another > NEWS:
            return ()
        return ("the server has been started again: figures count from there",)


# --- to show ----------------------------------------------------------------------------------------------------------

Show = Callable[[Picture], None]


def _printing(as_json: bool) -> Show:
    def show(picture: Picture) -> None:
        if as_json:
            click.echo(line_of_json(picture))
        else:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
            click.echo("\n".join(line.text for line in lines_of(picture, width)) + "\n")

    return show


@contextlib.contextmanager
def _screen() -> Iterator[Show]:
    """Draw on the whole terminal, which is as it was when this is over."""
    from rich.live import Live

    with Live(screen=True, auto_refresh=False, vertical_overflow="crop") as live:

        def show(picture: Picture) -> None:
            size = live.console.size
            live.update(painted(lines_of(picture, size.width, size.height)), refresh=True)

        yield show


# --- to leave ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _leaving() -> Iterator[asyncio.Event]:
    """Return what is set when somebody wants to leave: by Ctrl-C, by the key q."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    with contextlib.ExitStack() as undone:
        if sys.stdin.isatty() and sys.stdout.isatty():
            undone.enter_context(_keys(lambda key: over.set() if key in b"qQ" else None))
        yield over


@contextlib.contextmanager
def _keys(pressed: Callable[[bytes], None]) -> Iterator[None]:
    """Take the terminal's keys one by one, without Enter and without an echo."""
    import os
    import termios
    import tty

    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    kept = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    loop.add_reader(terminal, lambda: pressed(os.read(terminal, 1)))
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, kept)


async def _within(over: asyncio.Event, seconds: float) -> bool:
    """Return whether somebody wants to leave, after so many seconds at most."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
    return over.is_set()
