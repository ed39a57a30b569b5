"""`mockpbx replay`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mockpbx.cassette.clientside import ClientSide
from mockpbx.cassette.comparison import compare
from mockpbx.cassette.lines import Cassette
from mockpbx.cassette.serverside import ServerSide
from mockpbx.cassette.tape import write_cassette
from mockpbx.cli import refuse
from mockpbx.cli.comparing import show
from mockpbx.cli.playing import acting, agree, client_of, listening, load, play, printable, times, until_stopped

#: Exit status where the two sides did not do what the recorded ones did.
DIFFERENT = 1
#: What a fuzz script dials where it is not told.
NUMBER = "089608675796"


@click.command()
@click.argument("cassette")
@click.option("--to", "url", metavar="URL", help="play the client's side to this server, not the server's to a client")
@listening("127.0.0.1:7290")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="with --to: keep what happened"
)
@acting
def command(
    *,
    cassette: str,
    url: str | None,
    listen: tuple[str, int],
    output: Path | None,
    tokens: tuple[str, ...],
    numbers: tuple[str, ...],
    speed: float,
    timeout: float,
    yes: bool,
) -> None:
    """Play the server's side of CASSETTE to a client, or with --to the client's side to a server.

    To a client: its requests and events are the cues, and what the server did upon them comes at the recorded
    distances, with the recorded session ids. It ends when all has been played, or the client has done nothing for
    --timeout; what it did not do and the recorded one did is told.

    To a server: how its answers differ is told. A script of `mockpbx fuzz` runs again, too.

    Exit status 0: both did what the recorded ones did; 1: they did not; 2: it could not be run.
    """
    if _is_script(cassette):
        raise SystemExit(_run_script(cassette, url, tokens[0], numbers))
    played = load(cassette)
    if output is not None and (url is None or output.exists()):
        refuse("--output goes with --to, and names a file that is not there yet")
    if url is None:
        raise SystemExit(_to_client(played, cassette, listen, speed, timeout))
    side = client_of(played, url, tokens, numbers, speed=speed, timeout=timeout)
    agree(side.url, side.calls, yes=yes)
    raise SystemExit(_to_server(played, cassette, side, output))


def _to_client(cassette: Cassette, name: str, listen: tuple[str, int], speed: float, patience: float) -> int:
    host, port = listen

    async def answer() -> tuple[ServerSide, list[str]]:
        try:
            async with ServerSide(cassette, host, port, speed=speed) as side:
                length = cassette.lines[-1].at / 1000 if cassette.lines else 0.0
                click.echo(f"mockpbx replays {name} ({length:.1f} s of {cassette.header.upstream}) at {side.url}")
                return side, await side.finished(patience)
        except OSError as error:
            refuse(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another address: --listen")

    outcome = until_stopped(answer())
    if outcome is None:
        click.echo("mockpbx: stopped before all was played", err=True)
        return DIFFERENT
    side, missed = outcome
    for words, count in side.unknown.items():
        click.echo(f"the client did, and the recorded one did not: {printable(words)}" + times(count))
    for words in missed:
        click.echo(f"the client did not, and the recorded one did: {printable(words)}")
    if not missed:
        click.echo("the client did all that the recorded one did")
    return DIFFERENT if missed else 0


def _to_server(cassette: Cassette, name: str, side: ClientSide, output: Path | None) -> int:
    live = play(side, name)
    if output is not None:
        try:
            write_cassette(output, live)
        except OSError as error:
            refuse(f"cannot write {output}: {error.strerror or error}")
    differences = compare(cassette, live)
    show(name, side.url, differences)
    return DIFFERENT if differences else 0


def _is_script(path: str) -> bool:
    """Tell whether a file is a script of `mockpbx fuzz`: its first line says so."""
    try:
        with Path(path).open("rb") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "script" in first


def _run_script(path: str, url: str | None, token: str, numbers: tuple[str, ...]) -> int:
    if url is None:
        refuse(f"{path} is a script of `mockpbx fuzz`; name the server to run it against with --to URL")
    from mockpbx.conformance.fuzz import replay

    return int(replay(path, url, token, numbers[0] if numbers else NUMBER))
