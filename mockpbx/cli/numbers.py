"""`mockpbx numbers`."""

from __future__ import annotations

import click

from mockpbx.domain.magic import MAGIC_NUMBERS


@click.command()
def command() -> None:
    """List the magic numbers: what each does, with no configuration."""
    for magic in MAGIC_NUMBERS:
        click.echo(f"{magic.number}  {magic.about}")
    click.echo("any other   rings for 2 s, answers and echoes sound and keys")
