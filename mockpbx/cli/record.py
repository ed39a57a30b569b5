"""`mockpbx record`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from mockpbx.cassette.proxy import Proxy
from mockpbx.cassette.recorder import Recorder, Summary
from mockpbx.cassette.redaction import Redactor, redact
from mockpbx.cassette.tape import write_cassette
from mockpbx.cli import refuse
from mockpbx.cli.playing import listening, load, plural, until_stopped
from mockpbx.client.address import base_of
from mockpbx.client.errors import ConnectionFailed

BYTES_A_SECOND = 16_000  # contract, section "Audio Format"
SECRET = click.option("--secret", "secrets", multiple=True, metavar="TEXT", help="take this out as well; repeatable")


@dataclass(frozen=True, slots=True)
class Order:
    """What to record, and where to."""

    upstream: str
    listen: tuple[str, int]
    output: Path
    redact: tuple[str, ...]
    secrets: tuple[str, ...]


@click.group(invoke_without_command=True)
@click.option("--upstream", envvar="MOCKPBX_UPSTREAM", metavar="URL", help="the server to stand in front of")
@listening("127.0.0.1:7291")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="cassette to write [default: mockpbx-<time>.cassette.jsonl]",
)  # fmt: skip
@click.option("--redact", type=click.Choice(["numbers"]), multiple=True, help="beside tokens, which are never recorded")
@SECRET
@click.pass_context
def command(
    ctx: click.Context,
    *,
    upstream: str | None,
    listen: tuple[str, int],
    output: Path | None,
    redact: tuple[str, ...],
    secrets: tuple[str, ...],
) -> None:
    """Stand between a client and the server at URL, pass everything on unchanged, and keep it in a cassette.

    Point the client at the address that this prints, and stop it with Ctrl-C. REST and websockets are kept so that
    `mockpbx replay` can play them; the polling transport passes as the plain HTTP that it is, and is kept as such.

    `mockpbx record redact CASSETTE` takes more out of a cassette later.
    """
    if ctx.invoked_subcommand is not None:
        return
    if upstream is None:
        raise click.UsageError("name the server to stand in front of, for instance --upstream https://api.example.com")
    try:
        base = base_of(upstream)
    except ConnectionFailed as error:
        refuse(f"--upstream: {error}")
    if urlsplit(base).username is not None:
        refuse("--upstream must not bear a name or password: the client's own Authorization header is passed on")
    file = output or Path(f"mockpbx-{datetime.now():%Y%m%d-%H%M%S}.cassette.jsonl")  # noqa: DTZ005 - for people
    trouble = until_stopped(_record(Order(base, listen, file, redact, secrets)))
    raise SystemExit(1 if trouble else 0)


async def _record(order: Order) -> bool:
    """Record until it is cancelled. Returns whether something went wrong with the file."""
    redactor = Redactor(numbers="numbers" in order.redact, known=order.secrets)
    recorder = Recorder(order.output, order.upstream, redactor, redacted=("tokens", *order.redact))
    host, port = order.listen
    try:
        async with recorder:
            try:
                async with Proxy(order.upstream, host, port, recorder) as proxy:
                    click.echo(f"mockpbx records {order.upstream} at {proxy.url} to {order.output}; stop with Ctrl-C")
                    await _for_ever()
            except OSError as error:
                order.output.unlink(missing_ok=True)
                refuse(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another address: --listen")
    except FileExistsError:
        refuse(f"{order.output} is there already; choose another --output, or remove it")
    except OSError as error:
        refuse(f"cannot write {order.output}: {error.strerror or error}")
    _tell(recorder.summary)
    if recorder.trouble:
        click.echo(f"mockpbx: {recorder.trouble}; what came later was passed on, and not kept", err=True)
    return recorder.trouble is not None


async def _for_ever() -> None:
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        click.echo("")  # behind the ^C


def _tell(summary: Summary) -> None:
    counts, sound = summary.counts, summary.sound
    click.echo(
        f"recorded {summary.length / 1000:.1f} s: {plural(len(summary.sessions), 'call')}, "
        f"{plural(counts['requests'], 'request')} ({counts['failed']} without a reply), "
        f"{plural(counts['opened'], 'socket')}, {plural(counts['events'], 'event')}, "
        f"{plural(counts['audio'], 'message')} of sound "
        f"({sound['client'] / BYTES_A_SECOND:.1f} s as pcm16 from the client, "
        f"{sound['server'] / BYTES_A_SECOND:.1f} s from the server)"
    )
    if counts["polling"]:
        click.echo(
            f"{plural(counts['polling'], 'request')} of the polling transport, kept as plain HTTP: a replay leaves "
            'them out. Let the client say transports: ["websocket"], as the contract does'
        )


@command.command("redact")
@click.argument("cassette")
@click.option("--numbers", is_flag=True, help="replace phone numbers: length and first digits stay")
@SECRET
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="cassette to write [default: <name>.redacted.cassette.jsonl beside it]",
)  # fmt: skip
def redact_command(*, cassette: str, numbers: bool, secrets: tuple[str, ...], output: Path | None) -> None:
    """Take tokens, and more where that is wanted, out of CASSETTE, and write what is left as another one."""
    whole = load(cassette)
    source = Path(cassette)
    file = output or source.with_name(f"{source.name.split('.')[0]}.redacted.cassette.jsonl")
    if file.exists():
        refuse(f"{file} is there already; choose another --output, or remove it")
    try:
        write_cassette(file, redact(whole, numbers=numbers, known=secrets))
    except OSError as error:
        refuse(f"cannot write {file}: {error.strerror or error}")
    click.echo(file)
