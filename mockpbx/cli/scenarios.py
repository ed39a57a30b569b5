"""`mockpbx scenarios`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import click

from mockpbx.cli import refuse
from mockpbx.contract.errors import PBXError
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.scenario import STEPS
from mockpbx.runtime.files.document import hint
from mockpbx.runtime.plan_files import plan_schema
from mockpbx.runtime.scenario_files import read_file, read_in_order, scenario_schema
from mockpbx.runtime.sounds import Beside

_SCHEMAS = {"scenario": scenario_schema, "dialplan": plan_schema}


@click.command()
@click.argument("name", required=False)
@click.option("--steps", is_flag=True, help="list the steps instead of the personas")
@click.option("--schema", type=click.Choice(list(_SCHEMAS)), help="print a JSON Schema for your editor")
def command(name: str | None, steps: bool, schema: str | None) -> None:
    """List the callee personas, show the one called NAME, or check the scenario file NAME."""
    if schema is not None:
        click.echo(json.dumps(_SCHEMAS[schema](), indent=2, ensure_ascii=False))
    elif name is None:
        listing = STEPS.items() if steps else PERSONAS.items()
        width = max(len(word) for word, _ in listing)
        for word, what in listing:
            click.echo(f"{word:<{width}}  {_first_line(what)}")
    elif name in PERSONAS:
        click.echo(inspect.getsource(PERSONAS[name]).rstrip())
    else:
        _check(Path(name))


def _check(file: Path) -> None:
    if not file.is_file():
        refuse(f"{file} is neither a persona nor a file{hint(str(file), PERSONAS)}")
    try:
        steps = read_in_order(read_file(file, str(file)), str(file), Beside(file.parent))
    except PBXError as error:
        refuse(str(error))
    click.echo(f"{file}: {len(steps)} steps, all in order")


def _first_line(what: object) -> str:
    return (inspect.getdoc(what) or "").partition("\n")[0]
