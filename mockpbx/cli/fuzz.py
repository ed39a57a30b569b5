"""`mockpbx fuzz`."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from mockpbx.cli import refuse
from mockpbx.cli.check import until_told
from mockpbx.cli.finite import POSITIVE
from mockpbx.cli.target import confirm, is_loopback, target
from mockpbx.conformance.fuzz import WRONG_TOKEN, ending, knock, steps_of, told
from mockpbx.conformance.fuzz.breach import Breach
from mockpbx.conformance.fuzz.gone import Gone
from mockpbx.conformance.fuzz.script import Script, calls_of, write_script
from mockpbx.conformance.fuzz.search import SHRINKS, Found, Search, Watcher
from mockpbx.conformance.run import Options
from mockpbx.conformance.ticket import Redaction, visible

#: Scripts at a time on this machine; a phone elsewhere takes one call at a time.
HERE = 16
FOUND = 1


@click.command(context_settings={"auto_envvar_prefix": "MOCKPBX"})
@click.argument("url", required=False, envvar="MOCKPBX_URL")
@click.option("--token", metavar="TOKEN", help="bearer token")
@click.option("--number", metavar="NUMBER", help="the only number that is called")
@click.option("--examples", type=click.IntRange(1), default=200, show_default=True, metavar="N", help="scripts to play")
@click.option("--seed", type=click.IntRange(0), metavar="S", help="the same seed makes the same scripts")
@click.option("--seconds", type=POSITIVE, metavar="SECONDS", help="begin no script after that")
@click.option(
    "--parallel",
    type=click.IntRange(1),
    metavar="N",
    help=f"scripts at a time [default: {HERE} on this machine, else 1]",
)
@click.option(
    "--max-calls", type=click.IntRange(0), metavar="N", help="place no more calls; leave scripts with more out"
)
@click.option(
    "--timeout", type=POSITIVE, default=30, show_default=True, metavar="SECONDS",
    help="longest time of a ring, and of a record on its way",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="place the calls without asking")
@click.option(
    "--save", type=click.Path(path_type=Path, dir_okay=False), default=Path("mockpbx-fuzz.jsonl"), show_default=True,
    metavar="FILE", help="where to keep the script that is found, for mockpbx replay",
)  # fmt: skip
def command(
    *,
    url: str | None,
    token: str | None,
    number: str | None,
    examples: int,
    seed: int | None,
    seconds: float | None,
    parallel: int | None,
    yes: bool,
    save: Path,
    **others: Any,
) -> None:
    """Search for a call script that makes the server at URL break the contract, and make it as short as it gets.

    A server that stops answering gets 5 s to come back. Where it does not, the scripts that were played just then are
    kept as they are, in FILE and in files beside it, the likeliest cause first: start it again and play them.

    \b
    Exit status:
      0  nothing was found
      1  a script was found; it is kept in a file, and mockpbx replay plays it again.
         Or the server stopped answering
      2  it could not be run
    """
    options = Options(*target("fuzz", url, token, number), WRONG_TOKEN, **others)
    if find_spec("hypothesis") is None:
        refuse("scripts are made by hypothesis, which is not installed: pip install 'mockpbx[fuzz]'")
    if not save.resolve().parent.is_dir():
        refuse(f"cannot write {save}: there is no folder {save.resolve().parent}")
    luck = secrets.randbits(32) if seed is None else seed
    from mockpbx.conformance.fuzz.generate import generated

    scripts = generated(examples, luck)
    local = is_loopback(options.url)
    calls = tell_plan(options, scripts, luck)
    if calls and not (yes or local):
        confirm(calls)
    with progress(len(scripts)) as watcher:
        search = Search(options, watcher, parallel or (HERE if local else 1), seconds)
        stopped = _searched(search, scripts, luck)
    raise SystemExit(report(search, save, luck, stopped=stopped))


def tell_plan(options: Options, scripts: Sequence[Script], luck: int) -> int:
    """Say how many calls may be placed, and return that."""
    most = options.max_calls
    calls = sum(map(calls_of, scripts))
    calls = calls if most is None else min(most, calls)
    more = "" if most is not None else f", and up to {SHRINKS} more to make a script short that shows something"
    click.echo(
        f"{len(scripts)} scripts on {visible(options.url)} (seed {luck}) place {calls} calls at most, "
        f"all to {visible(options.number)}{more}",
        err=True,
    )
    return calls


def report(search: Search, save: Path, luck: int, *, stopped: bool) -> int:
    """Tell what was found, keep it in a file, and return the exit status."""
    for found in search.by_chance:
        click.echo(f"Note: once it did not hold that {found.breach.rule}, but it did in {found.plays - 1} plays more")
    counts = f"{search.plays} plays, {search.calls} calls, seed {luck}"
    if search.left_out:
        click.echo(f"Note: {search.left_out} scripts were left out: they would have placed more calls than --max-calls")
    if search.calls and not (search.placed or search.gone or stopped):
        click.echo(f"Note: no call was placed: the server took none to {visible(search.options.number)}")
    if search.best is None and search.gone is None:
        click.echo(f"{'stopped; ' if stopped else ''}nothing was found ({counts})")
        return 130 if stopped else 0
    if search.best is not None:
        _show(search.best, search.options)
        _keep(search.best.script, save, search.best.breach.rule, luck)
        click.echo(f"\nfound ({counts}); the script is in {save}:\n  {_again(save, search.options)}")
    if search.gone is not None:
        files = _files(save, len(search.gone.plays) + (search.best is not None))[search.best is not None :]
        for file, played in zip(files, search.gone.plays, strict=True):
            _keep(played.script, file, "the server stopped answering", luck)
        _show_gone(search.gone, files, search.options)
        click.echo(f"\n({counts}) start the server again, and play them alone, one by one:")
        click.echo(f"  {_again(files[0], search.options)}")
    return FOUND


def _keep(script: Script, file: Path, found: str, luck: int) -> None:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        write_script(file, script, {"mockpbx": version("mockpbx"), "found": found, "seed": luck, "when": when})
    except OSError as error:
        refuse(f"cannot write {file}: {error.strerror}")


def _files(save: Path, count: int) -> list[Path]:
    """Return so many names: f.jsonl, f-2.jsonl, f-3.jsonl."""
    return [save, *(save.with_name(f"{save.stem}-{place}{save.suffix}") for place in range(2, count + 1))]


def _again(file: Path, options: Options) -> str:
    number = shlex.quote(visible(options.number))
    return f"mockpbx replay {shlex.quote(str(file))} --to {options.url} --token ... --number {number}"


def _show_gone(gone: Gone, files: Sequence[Path], options: Options) -> None:
    why = Redaction.of(options).text(gone.why)
    click.echo(click.style("The server stopped answering", bold=True) + f" ({why}) while these were played:")
    for file, played in zip(files, gone.plays, strict=True):
        last = ending(played, options)
        click.echo(f"{file}, {len(played.script)} steps, {'of which the last were:' if last else 'and over by then'}")
        for line in last:
            click.echo(f"  {line}")


def _show(found: Found, options: Options) -> None:
    click.echo(click.style("The script", bold=True))
    for line in steps_of(found.script):
        click.echo(f"  {line}")
    click.echo(click.style("What it shows", bold=True) + f", in {found.shown} of {found.plays} plays")
    for line in told([found.breach], options):
        click.echo(f"  {line}")


def _searched(search: Search, scripts: Sequence[Script], luck: int) -> bool:
    """Search, and return whether it was stopped before its end."""
    try:
        with asyncio.Runner() as runner:
            try:
                runner.run(knock(search.options))
            except ConnectionError as error:
                refuse(visible(str(error)))
            runner.run(until_told(search.look(scripts)))
            if search.best is not None and search.gone is None:
                search.shorten(len(scripts), luck, lambda work: runner.run(until_told(work)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return True
    return False


class _Lines:
    """A line for every tenth of the way, and for what is found."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._count = 0
        self._searching = True

    def tried(self, script: Script) -> None:
        """Count it."""
        self._count += 1
        if self._searching and self._count % max(1, self._total // 10) == 0:
            click.echo(f"{self._count}/{self._total} scripts", err=True)

    def suspected(self, breach: Breach) -> None:
        """Say what."""
        self._searching = False
        click.echo(f"it did not hold that {breach.rule}: playing the script again", err=True)

    def shortened(self, script: Script) -> None:
        """Say how far."""
        click.echo(f"shorter: {len(script)} steps", err=True)


@contextmanager
def progress(total: int) -> Iterator[Watcher]:
    """Yield what tells of the search on stderr: a bar on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TimeElapsedColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scripts", total=total)

        class Bar:
            """A bar of the scripts."""

            def tried(self, script: Script) -> None:
                bar.update(task, advance=1)

            def suspected(self, breach: Breach) -> None:
                bar.update(task, description=f"it did not hold that {breach.rule}: playing the script again")

            def shortened(self, script: Script) -> None:
                bar.update(task, description=f"shorter: {len(script)} steps")

        yield Bar()
