"""`mockpbx check`."""

from __future__ import annotations

import asyncio
import secrets
import signal
import string
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click

from mockpbx.cli import refuse
from mockpbx.cli.check_view import list_checks, progress, show, tell_plan
from mockpbx.cli.finite import POSITIVE
from mockpbx.cli.target import confirm, is_loopback, sendable, target
from mockpbx.conformance.check import Check
from mockpbx.conformance.checks import CHECKS
from mockpbx.conformance.report import WRITERS, write
from mockpbx.conformance.report.account import Account
from mockpbx.conformance.run import Options
from mockpbx.conformance.runner import Plan, Stopped, Unreachable, examine, plan_of
from mockpbx.conformance.ticket import Redaction

T = TypeVar("T")


def _reports(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, Path]]:
    found = []
    for part in (part for value in values for part in value.split(",") if part.strip()):
        kind, _, name = part.strip().partition("=")
        if kind not in WRITERS or not name:
            raise click.BadParameter(f"{part.strip()!r}; expected {' or '.join(f'{kind}=FILE' for kind in WRITERS)}")
        if not Path(name).resolve().parent.is_dir():
            raise click.BadParameter(f"cannot write {name}: there is no folder {Path(name).resolve().parent}")
        found.append((kind, Path(name)))
    return found


def _wrong_token() -> str:
    return "invalid-" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))


@click.command(context_settings={"auto_envvar_prefix": "MOCKPBX"})
@click.argument("url", required=False, envvar="MOCKPBX_URL")
@click.option("--token", metavar="TOKEN", help="bearer token")
@click.option("--number", metavar="NUMBER", help="number that somebody, or something, answers")
@click.option("--busy-number", metavar="NUMBER", help="one that is busy")
@click.option("--no-answer-number", metavar="NUMBER", help="one that rings and is not answered")
@click.option("--callee-hangup-number", metavar="NUMBER", help="one that answers and hangs up soon")
@click.option("--echo-number", metavar="NUMBER", help="one that returns what it hears")
@click.option(
    "--wrong-token", metavar="TOKEN", help="a token that is not valid  [default: invalid- and random letters]"
)
@click.option("--max-calls", type=click.IntRange(0), metavar="N", help="place no more calls; skip what takes more")
@click.option("--yes", is_flag=True, help="place the calls without asking")
@click.option(
    "--timeout", type=POSITIVE, default=75, show_default=True, metavar="SECONDS",
    help="longest time of a ring, and of a record on its way",
)  # fmt: skip
@click.option("--only", multiple=True, metavar="GLOB", help="only checks, sections or scenes of such names; repeatable")
@click.option("--strict", is_flag=True, help="let a SHOULD that is violated count as a MUST")
@click.option(
    "--report", "reports", multiple=True, callback=_reports, metavar="KIND=FILE",
    help="write junit=FILE, json=FILE, html=FILE; several with commas between, or repeated",
)  # fmt: skip
@click.option("--list", "listing", is_flag=True, help="list the checks and leave")
def command(
    *,
    url: str | None,
    token: str | None,
    number: str | None,
    wrong_token: str | None,
    yes: bool,
    only: tuple[str, ...],
    strict: bool,
    reports: Sequence[tuple[str, Path]],
    listing: bool,
    **others: Any,
) -> None:
    """Prove whether the server at URL keeps the contract, as a client of it: with real calls, in real time.

    \b
    Exit status:
      0  every MUST that could be tried was kept
      1  a MUST was violated; with --strict, or a SHOULD
      2  it could not be run, or a MUST stayed inconclusive
    Every option is read from MOCKPBX_<OPTION>, too: MOCKPBX_BUSY_NUMBER.
    """
    checks = _chosen(only)
    if listing:
        list_checks(checks)
        return
    options = Options(*target("check", url, token, number), sendable(wrong_token or _wrong_token()), **others)
    if options.wrong_token == options.token:
        raise click.UsageError("--wrong-token is the token itself; give one that the server does not know")
    plan = plan_of(options, checks)
    tell_plan(options, plan)
    if plan.calls and not (yes or is_loopback(options.url)):
        confirm(plan.calls)
    account = _examined(options, plan, strict=strict)
    show(account)
    for kind, file in reports:
        try:
            write(account, kind, file)
        except OSError as error:
            refuse(f"cannot write {file}: {error.strerror}")
    raise SystemExit(account.exit_status)


async def until_told(work: Coroutine[Any, Any, T]) -> T:
    """Return what work returns; SIGTERM cancels it as Ctrl-C does, and so ends what it has started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _examined(options: Options, plan: Plan, *, strict: bool) -> Account:
    begun, stopped = datetime.now(UTC), False
    try:
        with progress(plan) as watcher:
            report = asyncio.run(until_told(examine(options, plan, watcher)))
    except Stopped as error:
        report, stopped = error.report, True
    except Unreachable as error:
        refuse(Redaction.of(options).text(str(error)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise click.Abort from None
    return Account(report, begun, version("mockpbx"), strict, stopped)


def _chosen(globs: Sequence[str]) -> list[Check]:
    """Return the checks whose id, section or scene fits one of the globs, all where there are none."""
    for glob in globs:
        if not any(_fits(check, glob) for check in CHECKS):
            known = dict.fromkeys(name for check in CHECKS for name in _names(check))
            near = get_close_matches(glob, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else "mockpbx check --list shows them"
            refuse(f"--only {glob!r} fits no check, section or scene; {hint}")
    return [check for check in CHECKS if not globs or any(_fits(check, glob) for glob in globs)]


def _fits(check: Check, glob: str) -> bool:
    return any(fnmatchcase(name.lower(), glob.lower()) for name in _names(check))


def _names(check: Check) -> tuple[str, ...]:
    return check.id, check.section, *check.scenes
