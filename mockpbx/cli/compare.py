"""`mockpbx compare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from mockpbx.cassette.comparison import as_json, compare
from mockpbx.cassette.lines import Cassette
from mockpbx.cli import refuse
from mockpbx.cli.comparing import show
from mockpbx.cli.playing import acting, agree, client_of, load, play

#: Exit status where they differ.
DIFFERENT = 1


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--with", "script", metavar="CASSETTE", help="whose client's side is played to a server; needed for two")
@click.option(
    "--token-b", "tokens_b", multiple=True, metavar="TOKEN", help="like --token, for B where that is another server"
)
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="write JSON")
@acting
def command(
    *,
    a: str,
    b: str,
    script: str | None,
    json_file: Path | None,
    tokens: tuple[str, ...],
    tokens_b: tuple[str, ...],
    numbers: tuple[str, ...],
    speed: float,
    timeout: float,
    yes: bool,
) -> None:
    """Tell where A and B, each a cassette or the URL of a server, differ in anything but time and ids.

    To a server the client's side of the other cassette is played, or that of --with. Compared are the replies to each
    request, the events of each session in their order, its sound by amount and packing, the acks, and the records; a
    count of seconds may differ by as much as the call itself, and one.

    Exit status 0: they do not differ; 1: they do; 2: it could not be told.
    """
    if _is_server(a) and _is_server(b) and script is None:
        raise click.UsageError("two servers need a client: name a cassette that has one, --with CASSETTE")
    if json_file is not None and not json_file.resolve().parent.is_dir():
        refuse(f"cannot write {json_file}: there is no folder {json_file.resolve().parent}")
    client = load(script) if script is not None else None

    def told(name: str, other: str, tokens: Sequence[str]) -> Cassette:
        if not _is_server(name):
            return load(name)
        side = client_of(client or load(other), name, tuple(tokens), numbers, speed=speed, timeout=timeout)
        agree(side.url, side.calls, yes=yes)
        return play(side, script or other)

    differences = compare(told(a, b, tokens), told(b, a, tokens_b or tokens))
    show(a, b, differences)
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(as_json(a, b, differences), indent=2) + "\n")
        except OSError as error:
            refuse(f"cannot write {json_file}: {error.strerror or error}")
    raise SystemExit(DIFFERENT if differences else 0)


def _is_server(name: str) -> bool:
    return name.startswith(("http://", "https://"))
