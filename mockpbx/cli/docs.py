"""`mockpbx docs`."""

from __future__ import annotations

from pathlib import Path

import click

from mockpbx.cli import refuse
from mockpbx.contract.documents.files import DOCUMENTS


@click.command()
@click.argument("name", type=click.Choice(list(DOCUMENTS)), required=False)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="write files there instead: the one called NAME, or all",
)
def command(name: str | None, output: Path | None) -> None:
    """Print the contract: as OpenAPI 3.1 (the default), as AsyncAPI 3.0, or as a page to read."""
    if output is None:
        _, write = DOCUMENTS[name or "openapi"]
        click.echo(write(), nl=False)
        return
    for file, write in [DOCUMENTS[name]] if name else DOCUMENTS.values():
        try:
            output.mkdir(parents=True, exist_ok=True)
            (output / file).write_text(write(), encoding="utf-8")
        except OSError as error:
            refuse(f"cannot write {output / file}: {error.strerror or error}; choose another folder with --output")
        click.echo(output / file)
