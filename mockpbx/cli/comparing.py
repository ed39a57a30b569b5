"""How two recordings differ, on a terminal and elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from mockpbx.cassette.comparison import NOTHING, Difference
from mockpbx.cli.playing import plural, printable


def show(name_a: str, name_b: str, differences: Sequence[Difference]) -> None:
    """Print where A and B differ, what A has and what B has below."""
    if not differences:
        click.echo(f"{name_a} and {name_b} differ in nothing but times and ids")
        return
    colours = sys.stdout.isatty()
    click.echo(_line(f"--- {name_a}", "red", colours))
    click.echo(_line(f"+++ {name_b}", "green", colours))
    where = ""
    for difference in differences:
        if difference.where != where:
            where = difference.where
            click.echo(_line(f"@@ {printable(where)}", "cyan", colours))
        if difference.a != NOTHING:
            click.echo(_line(f"- {printable(difference.a)}", "red", colours))
        if difference.b != NOTHING:
            click.echo(_line(f"+ {printable(difference.b)}", "green", colours))
    click.echo(plural(len(differences), "difference"))


def _line(text: str, colour: str, colours: bool) -> str:
    return click.style(text, fg=colour) if colours else text
