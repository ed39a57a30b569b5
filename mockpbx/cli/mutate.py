"""`mockpbx mutate`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from mockpbx.cli import refuse
from mockpbx.cli.finite import POSITIVE, Finite
from mockpbx.cli.mutation_report import Report, list_mutants, show, write_json, write_junit
from mockpbx.cli.mutation_runs import NOTICED, Result, Run, run
from mockpbx.runtime.mutants import Mutant
from mockpbx.runtime.mutants.table import MUTANTS

#: A run against a mutant may take so many times as long as the baseline, and so many seconds on top.
TIMES, MORE = 5, 10
#: Exit status where a mutant was not noticed.
MISSED = 1

T = TypeVar("T")


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--only", multiple=True, metavar="GLOB", help="only mutants with such names or areas; repeatable")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="runs at a time [default: half the processors]")
@click.option(
    "--timeout", type=POSITIVE, metavar="SECONDS",
    help=f"longest time of a run [default: {TIMES} times the first, and {MORE} s]",
)  # fmt: skip
@click.option(
    "--min-score", type=Finite(0, 100), default=100, metavar="PERCENT", show_default=True,
    help="noticed mutants that are enough for exit status 0",
)  # fmt: skip
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="write JUnit XML")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="write JSON")
@click.option("--keep-going", is_flag=True, help="let pytest go on behind its first failed test, to name them all")
@click.option("--list", "listing", is_flag=True, help="list the mutants and leave")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]...")
def command(
    *,
    only: tuple[str, ...],
    workers: int | None,
    timeout: float | None,
    min_score: float,
    junit: Path | None,
    json_file: Path | None,
    keep_going: bool,
    listing: bool,
    words: tuple[str, ...],
) -> None:
    """Run COMMAND, a test suite, against services that break the contract, one way each, and tell what it missed.

    The first run is against a faithful service and must pass. A mutant is noticed when the command fails. The command
    finds its server as under `mockpbx exec`; the server of the pytest plugin is a mutant, too. Exit status 0 when all
    were noticed, or enough of them (--min-score), 1 when not, 2 when it could not be run.
    """
    mutants = _chosen(only)
    if listing:
        list_mutants(mutants)
        return
    if not words:
        raise click.UsageError("name the command that runs your tests, for instance: mockpbx mutate -- pytest tests/")
    for file in (junit, json_file):
        if file is not None and not file.resolve().parent.is_dir():
            refuse(f"cannot write {file}: there is no folder {file.resolve().parent}")
    settings = {} if keep_going else {"PYTEST_ADDOPTS": f"{os.environ.get('PYTEST_ADDOPTS', '')} -x".strip()}
    results: list[Result] = []
    try:
        baseline = asyncio.run(_until_told(run(words, None, seconds=timeout, settings={})))
        _check(baseline)
        limit = timeout or TIMES * baseline.seconds + MORE
        with _progress(len(mutants)) as show_progress:

            def tell(result: Result) -> None:
                results.append(result)
                show_progress(result)

            attempt = partial(run, words, seconds=limit, settings=settings)
            asyncio.run(_until_told(_try_all(mutants, attempt, workers or _half(), tell)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if results:
            click.echo("stopped; so far:")
            show(Report(baseline, _sorted(results)))
        raise click.Abort from None
    report = Report(baseline, _sorted(results))
    show(report)
    try:
        if junit is not None:
            write_junit(report, junit)
        if json_file is not None:
            write_json(report, json_file)
    except OSError as error:
        refuse(f"cannot write {error.filename}: {error.strerror}")
    if report.score < min_score:
        raise SystemExit(MISSED)


def _chosen(globs: Sequence[str]) -> list[Mutant]:
    """Return the mutants whose name or area fits one of the globs, all where there are none."""
    for glob in globs:
        if not any(_fits(mutant, glob) for mutant in MUTANTS.values()):
            known = [*MUTANTS, *dict.fromkeys(mutant.area for mutant in MUTANTS.values())]
            near = get_close_matches(glob, known, 1)
            hint = f"did you mean {near[0]}?" if near else "mockpbx mutate --list shows them"
            refuse(f"--only {glob!r} fits no mutant; {hint}")
    return [mutant for mutant in MUTANTS.values() if not globs or any(_fits(mutant, glob) for glob in globs)]


def _fits(mutant: Mutant, glob: str) -> bool:
    return fnmatchcase(mutant.name, glob) or fnmatchcase(mutant.area, glob)


def _check(baseline: Run) -> None:
    """Leave with the end of its output where the baseline has failed."""
    if baseline.exit_status == 0:
        return
    for line in baseline.output:
        click.echo(f"  | {line}", err=True)
    how = "takes too long" if baseline.exit_status is None else f"fails with exit status {baseline.exit_status}"
    refuse(f"the command {how} against a faithful service; its tests must pass there before they can notice anything")


def _half() -> int:
    return max(1, (os.cpu_count() or 1) // 2)


def _sorted(results: Sequence[Result]) -> list[Result]:
    order = {name: place for place, name in enumerate(MUTANTS)}
    return sorted(results, key=lambda result: order[result.mutant.name])


async def _until_told(work: Coroutine[Any, Any, T]) -> T:
    """Return what work returns; SIGTERM cancels it as Ctrl-C does, and so ends what it has started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _try_all(
    mutants: Sequence[Mutant], attempt: Callable[[str], Awaitable[Run]], workers: int, tell: Callable[[Result], None]
) -> None:
    """Let the command run against each mutant, so many at a time."""
    waiting = iter(mutants)

    async def work() -> None:
        for mutant in waiting:
            tell(Result(mutant, await attempt(mutant.name)))

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Result], None]]:
    """Yield what tells of each result on stderr: a bar on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        count = 0

        def tell(result: Result) -> None:
            nonlocal count
            count += 1
            click.echo(f"{count}/{total} {result.outcome}: {result.mutant.name} ({result.run.seconds:.1f} s)", err=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("mutants"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("mutants", total=total, last="")

        def move(result: Result) -> None:
            if result.outcome not in NOTICED:
                bar.console.print(f"{result.outcome}: {result.mutant.name}", highlight=False, markup=False)
            bar.update(task, advance=1, last=result.mutant.name)

        yield move
