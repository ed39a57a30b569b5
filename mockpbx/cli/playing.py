"""What the commands that deal with cassettes share."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from mockpbx.cassette.cast import NotEnough
from mockpbx.cassette.clientside import ClientSide
from mockpbx.cassette.lines import Cassette
from mockpbx.cassette.score import dialled
from mockpbx.cassette.tape import NoCassette, read_cassette
from mockpbx.cli import refuse
from mockpbx.cli.finite import POSITIVE
from mockpbx.client.errors import ClientError

LOOPBACK = ("127.0.0.1", "::1", "localhost")

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def listening(default: str) -> Callable[[F], F]:
    """Give a command `--listen HOST:PORT`."""
    return click.option(
        "--listen",
        envvar="MOCKPBX_LISTEN",
        default=default,
        show_default=True,
        metavar="HOST:PORT",
        callback=_address,
        help="where to listen; port 0 takes any that is free",
    )


def acting(function: F) -> F:
    """Give a command the options of whoever plays a client."""
    for option in (
        click.option("--yes", is_flag=True, help="place calls anywhere without asking first"),
        click.option(
            "--timeout", type=POSITIVE, default=60.0, show_default=True,
            envvar="MOCKPBX_TIMEOUT", metavar="SECONDS", help="wait so long for a call's next status, or for a client",
        ),
        click.option(
            "--speed", type=POSITIVE, default=1.0, show_default=True,
            envvar="MOCKPBX_SPEED", metavar="FACTOR", help="play so many times as fast",
        ),
        click.option(
            "--number", "numbers", multiple=True, metavar="[RECORDED=]NUMBER",
            help="dial NUMBER, in place of one recorded number or of all; repeatable",
        ),
        click.option(
            "--token", "tokens", multiple=True, envvar="MOCKPBX_TOKEN", default=("dev",), show_default=True,
            metavar="TOKEN", help="for each token that was taken in the recording, in order; repeatable",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def load(path: str) -> Cassette:
    """Read a cassette and say where it is cut, or leave with one sentence."""
    try:
        cassette = read_cassette(path)
    except NoCassette as error:
        refuse(str(error))
    if cassette.cut is not None:
        click.echo(f"mockpbx: {path}: {cassette.cut}", err=True)
    return cassette


def client_of(
    cassette: Cassette, url: str, tokens: tuple[str, ...], numbers: tuple[str, ...], *, speed: float, timeout: float
) -> ClientSide:
    """Return who plays the client's side, or leave with one sentence."""
    try:
        return ClientSide(cassette, url, tokens, _dialled(cassette, numbers), speed=speed, patience=timeout)
    except (NotEnough, ClientError) as error:
        refuse(str(error))


def play(side: ClientSide, name: str) -> Cassette:
    """Play the client's side, tell what could not be done, and return what happened; or leave with one sentence."""
    click.echo(f"mockpbx plays {name} to {side.url}: {plural(side.calls, 'call')}", err=True)
    try:
        live = until_stopped(side.play())
    except ClientError as error:
        refuse(str(error))
    if live is None:
        refuse("stopped before all was played")
    for words, count in side.left_out.items():
        click.echo(f"could not be done: {printable(words)}{times(count)}", err=True)
    return live


def agree(url: str, calls: int, *, yes: bool) -> None:
    """Ask before calls are placed anywhere but on this machine."""
    if yes or not calls or urlsplit(url).hostname in LOOPBACK:
        return
    words = f"this places {calls} call{'s' if calls > 1 else ''} at {url}"
    if not sys.stdin.isatty():
        refuse(f"{words}; say --yes if that is meant")
    if not click.confirm(f"{words}; go on?", err=True):
        raise SystemExit(2)


def until_stopped(work: Coroutine[Any, Any, T]) -> T | None:
    """Return what work returns, None where Ctrl-C or SIGTERM ended it."""

    async def run() -> T | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return None

    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        return runner.run(run())


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's event loop where that is installed: a recorder should add as little as it can."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def printable(text: str) -> str:
    """Return a text that may come from a stranger without what would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def plural(count: int, what: str) -> str:
    """Return `1 call`, `2 calls`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def times(count: int) -> str:
    """Return how often, where that is more than once."""
    return f" ({count} times)" if count > 1 else ""


def _address(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise click.BadParameter(f"{value!r} is no address; expected HOST:PORT, for instance 127.0.0.1:7291")
    return host.strip("[]") or "127.0.0.1", int(port)


def _dialled(cassette: Cassette, numbers: tuple[str, ...]) -> dict[str, str]:
    """Return which number to dial for each recorded one."""
    recorded = dialled(cassette)
    chosen: dict[str, str] = {}
    for number in numbers:
        old, equals, new = number.rpartition("=")
        if equals and old not in recorded:
            refuse(f"--number {number}: the cassette dials no {old}, but {', '.join(recorded) or 'nobody'}")
        chosen |= {old: new} if equals else {each: new for each in recorded if each not in chosen}
    return chosen
