"""`mockpbx exec`."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from mockpbx.app import Server
from mockpbx.cli import logs, refuse
from mockpbx.cli.child import CannotRun, run
from mockpbx.cli.options import read_settings, settings_options
from mockpbx.cli.readyz import address
from mockpbx.cli.serve import loop_factory
from mockpbx.contract.errors import ConfigurationError
from mockpbx.evidence.dossier import Dossier, dossier_of
from mockpbx.evidence.finding import Finding
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

_log = logging.getLogger(__name__)

#: How it differs from `serve`.
DEFAULTS = {"port": 0, "database": ":memory:", "clock": "auto"}
#: Where and for whom the server is, is this run's own: what the environment says there is about another server.
OWN = ("host", "port", "token", "database", "tls", "tls_cert", "tls_key", "tls_ca")
SECRETS = ("token", "admin_token")
#: Calls whose evidence is written, the last ones: a suite of thousands would fill the disk.
MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and what to keep of its calls. `given` are the switches of the command line."""

    words: tuple[str, ...]
    evidence: Path
    evidence_for: Literal["all", "failed"]
    given: dict[str, Any] = field(default_factory=dict)


@click.command(context_settings={"allow_interspersed_args": False})
@settings_options(ServerSettings, WorkspaceSettings)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="MOCKPBX_EVIDENCE",
    default=Path("mockpbx-evidence"),
    show_default=True,
    metavar="DIR",
    help="folder for the evidence of its calls",
)
@click.option(
    "--evidence-for",
    type=click.Choice(["all", "failed"]),
    envvar="MOCKPBX_EVIDENCE_FOR",
    default="failed",
    show_default=True,
    help="for which runs evidence is written",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]...")
@click.pass_context
def command(ctx: click.Context, /, *, words: tuple[str, ...], evidence: Path, evidence_for: Any, **values: Any) -> None:
    """Run COMMAND against a service of its own, which ends with it; the exit status is the command's.

    The command finds MOCKPBX_URL and MOCKPBX_TOKEN in its environment; any other token is another workspace. The server
    has a free port, records in memory and a clock that jumps (--clock auto), unless flags say otherwise. If the command
    fails, the evidence of its calls is written. Its input and output are this one's; the server says nothing on stdout.
    """
    if not words:
        raise click.UsageError("name the command to run, for instance: mockpbx exec -- npm test")
    given = {name for name in values if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    values |= {name: None for name in OWN if name not in given}
    values |= {name: value for name, value in DEFAULTS.items() if values[name] is None}
    plan = Plan(words, evidence, evidence_for, {name: values[name] for name in sorted(given) if name in values})
    try:
        server, workspace = read_settings(ServerSettings, values), read_settings(WorkspaceSettings, values)
        logs.set_up(server.log_format)
        logging.getLogger("mockpbx").setLevel(logging.WARNING)
        with asyncio.Runner(loop_factory=loop_factory(server.event_loop)) as runner:
            status = runner.run(_exec(Server(server, workspace), plan))
    except ConfigurationError as error:
        refuse(str(error))
    except CannotRun as error:
        click.echo(f"mockpbx: {error}", err=True)
        status = error.exit_status
    raise SystemExit(status)


async def _exec(pbx: Server, plan: Plan) -> int:
    async with pbx:
        status = await run(plan.words, os.environ | _handed_over(pbx))
        # Before the server stops: calls are to be shown as the command has left them.
        try:
            await _tell(pbx, plan, status)
        except Exception:
            _log.exception("the evidence could not be made")  # the exit status stays the command's
    return status


def _handed_over(pbx: Server) -> dict[str, str]:
    """Return the environment by which the command finds the server."""
    where = urlsplit(pbx.url)
    assert where.hostname is not None
    assert where.port is not None
    token = pbx.server.token[0] if pbx.server.token else secrets.token_hex(16)
    mutant = pbx.server.mutant
    found = {"MOCKPBX_URL": address(where.hostname, where.port, where.scheme), "MOCKPBX_TOKEN": token}
    if pbx.authority is not None:  # Node trusts it beside all others; elsewhere it would stand in their place
        found |= {"MOCKPBX_TLS_CA": str(pbx.authority), "NODE_EXTRA_CA_CERTS": str(pbx.authority)}
    return found | ({"MOCKPBX_MUTANT": mutant} if mutant else {})


async def _tell(pbx: Server, plan: Plan, status: int) -> None:
    """Write the evidence where it is wanted, and say in one line how it went."""
    from mockpbx.evidence.findings import findings, stray

    dossiers = _dossiers(pbx)
    found: list[Finding] = []
    for dossier in dossiers:
        found += await asyncio.to_thread(findings, dossier)
    for workspace in pbx.workspaces():
        found += await asyncio.to_thread(stray, tuple(workspace.journal))
    if status or plan.evidence_for == "all":
        title, again = f"exit status {status}: {shlex.join(plan.words)}", _again(plan, pbx.seed)
        titled = [replace(dossier, title=title, command=again) for dossier in dossiers]
        await asyncio.to_thread(_write, titled, plan.evidence)
    errors = [finding for finding in found if finding.level == "error"]
    ids = ", ".join(dict.fromkeys(finding.id for finding in errors))
    what = f"{_counted(errors, 'finding')} at error level" + (f": {ids}" if ids else "")
    click.echo(f"mockpbx: {_counted(dossiers, 'call')}, {what}", err=True)


def _dossiers(pbx: Server) -> list[Dossier]:
    """Return what is known of all calls, workspace by workspace, each one's oldest first."""
    sessions = [
        (workspace, view.session_id) for workspace in pbx.workspaces() for view in workspace.calls.calls()[::-1]
    ]
    dossiers = [dossier_of(workspace, session_id) for workspace, session_id in sessions]
    return [dossier for dossier in dossiers if dossier is not None]


def _write(dossiers: Sequence[Dossier], folder: Path) -> None:
    from mockpbx.evidence.page import write_evidence

    first = max(0, len(dossiers) - MOST_PAGES)
    if first:
        click.echo(f"mockpbx: evidence of the last {MOST_PAGES} calls only, {first} came before them", err=True)
    try:
        for place, dossier in enumerate(dossiers[first:], first + 1):
            page = write_evidence(dossier, folder, f"{place:03d}-{dossier.call.number}")
            click.echo(f"mockpbx: evidence in {page}", err=True)
    except OSError as error:
        click.echo(f"mockpbx: cannot write evidence to {folder}: {error.strerror or error}", err=True)


def _again(plan: Plan, seed: int) -> str:
    """Return the command line that runs the same again."""
    flags: list[str] = []
    for name, value in ({"seed": seed} | plan.given).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        elif name not in SECRETS:
            flags += [f"--{flag}", str(value)]
    return shlex.join(["mockpbx", "exec", *flags, "--", *plan.words])


def _counted(things: Sequence[object], word: str) -> str:
    return f"{len(things) or 'no'} {word}{'' if len(things) == 1 else 's'}"
