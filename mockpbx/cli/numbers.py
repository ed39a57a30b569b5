"""`mockpbx numbers`."""

from __future__ import annotations

import click

from mockpbx.contract.vocabulary import HANGUP_CAUSES
from mockpbx.domain.magic import MAGIC_NUMBERS


@click.command()
def command() -> None:
    """List the magic numbers: what each does, with no configuration."""
    for magic in MAGIC_NUMBERS:
        click.echo(f"{magic.number}  {_text(magic.behaviour, magic.cause)}")
    click.echo("any other   rings for 2 s, answers and echoes sound and keys")


def _text(behaviour: str, cause: int | None) -> str:
    return behaviour if cause is None else f"{behaviour}: cause {cause}, {HANGUP_CAUSES[cause].contract}"
