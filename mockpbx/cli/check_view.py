"""What `mockpbx check` shows: the plan and how it goes on on stderr, the results on stdout."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mockpbx.conformance.check import Check, Outcome, Result
from mockpbx.conformance.report.account import Account, Told
from mockpbx.conformance.run import Options
from mockpbx.conformance.runner import Plan, Watcher
from mockpbx.conformance.scene import Scene
from mockpbx.conformance.scenes import SCENES
from mockpbx.conformance.ticket import visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Seconds that a call of the checker takes on the mean, ringing apart, and what the rest takes.
PER_CALL, BESIDES = 7, 5
_COLOURS = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.SKIPPED: "bright_black",
}
_VERDICTS = {0: "green", 1: "red"}


# --- before -----------------------------------------------------------------------------------------------------------


def tell_plan(options: Options, plan: Plan) -> None:
    """Say how many calls will be placed, to which numbers, and about how long it takes."""
    numbers = Counter[str]()
    for scene in plan.scenes:
        number = next((getattr(options, need) for need in scene.needs if need.endswith("_number")), options.number)
        numbers[visible(number)] += scene.calls
    each = ", ".join(f"{count} to {number}" for number, count in numbers.items() if count)
    calls = f"{plan.calls} call{'' if plan.calls == 1 else 's'} at most: {each}" if plan.calls else "no call"
    seconds = BESIDES + PER_CALL * plan.calls
    rings = ", and as long as they ring" if plan.calls else ""
    click.echo(f"{len(plan.checks)} checks on {visible(options.url)} take {calls}", err=True)
    click.echo(f"that is about {_duration(seconds)}{rings}", err=True)


def list_checks(checks: Sequence[Check]) -> None:
    """Print what each check expects, and the scenes."""
    width = max((len(check.id) for check in checks), default=0)
    for section in dict.fromkeys(check.section for check in checks):
        click.echo(click.style(section, bold=True))
        for check in (check for check in checks if check.section == section):
            needs = "".join(f", --{need.replace('_', '-')}" for need in check.needs)
            click.echo(f"  {check.id:{width}}  {check.level:6}  {check.expects}  [{', '.join(check.scenes)}{needs}]")
    names = {name for check in checks for name in check.scenes}
    click.echo(click.style("\nScenes", bold=True))
    for scene in SCENES:
        if scene.name in names:
            needs = "".join(f"  [--{need.replace('_', '-')}]" for need in scene.needs)
            click.echo(f"  {scene.name:16}{scene.calls} call{'' if scene.calls == 1 else 's':2} {scene.about}{needs}")
    click.echo(f"\n{len(checks)} checks")


# --- meanwhile --------------------------------------------------------------------------------------------------------


class _Lines:
    """A line for each scene."""

    def __init__(self, plan: Plan) -> None:
        self._total = len(plan.scenes)
        self._count = 0

    def scene_began(self, scene: Scene) -> None:
        """Name the scene."""
        self._count += 1
        click.echo(f"{self._count}/{self._total} {scene.name}: {scene.about}", err=True)

    def judged(self, result: Result) -> None:
        """Wait for the table."""


class _Bar:
    """A bar of the scenes."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._begun = False

    def scene_began(self, scene: Scene) -> None:
        """Name the scene that plays now; the one before is over."""
        self._bar.update(self._task, advance=self._begun, scene=f"{scene.name}: {scene.about}")
        self._begun = True

    def judged(self, result: Result) -> None:
        """Wait for the table."""


@contextmanager
def progress(plan: Plan) -> Iterator[Watcher]:
    """Yield what tells of the scenes on stderr: a bar on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines(plan)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = (
        TimeElapsedColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[scene]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, bar.add_task("scenes", total=len(plan.scenes), scene=""))


# --- afterwards -------------------------------------------------------------------------------------------------------


def show(account: Account) -> None:
    """Print the results by section, what is behind those that did not pass, and the verdict."""
    width = max((len(told.check.id) for told in account.results), default=0)
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for section, results in account.sections():
        click.echo(click.style(section, bold=True))
        for told in results:
            _row(told, width, room)
    _reasons("Skipped", account.of(Outcome.SKIPPED))
    _reasons("Inconclusive", account.of(Outcome.INCONCLUSIVE))
    for told in account.of(Outcome.FAILED):
        _failure(told)
    click.echo(f"\n{account.counts}")
    click.echo(click.style(account.verdict, _VERDICTS.get(account.exit_status, "yellow"), bold=True))
    for hint in account.hints:
        click.echo(f"Note: {hint}")
    click.echo(f"Exit status {account.exit_status}: {account.meaning}.")


def _row(told: Told, width: int, room: int | None) -> None:
    outcome = f"{told.outcome:12}"
    remark = told.got if told.outcome is Outcome.PASSED else ""
    rest = f"  {told.check.level:6}  {told.check.id:{width}}  {remark}".rstrip()
    if room is not None and len(outcome) + len(rest) + 2 > room:
        rest = f"{rest[: room - len(outcome) - 3]}…"
    click.echo(f"  {click.style(outcome, _COLOURS[told.outcome])}{rest}")


def _reasons(heading: str, results: Sequence[Told]) -> None:
    """Print the names of what was not decided, those of one reason together."""
    if results:
        click.echo(f"\n{click.style(heading, bold=True)}")
    by_reason: dict[str, list[str]] = {}
    for told in results:
        by_reason.setdefault(told.got, []).append(told.check.id)
    for reason, names in by_reason.items():
        click.echo(f"  {reason}\n      {', '.join(names)}")


def _failure(told: Told) -> None:
    head = f"{click.style('Failed', 'red', bold=True)}  {click.style(told.check.id, bold=True)}"
    click.echo(f"\n{head}  ({told.check.level}; contract: {told.check.section})")
    click.echo(f"  expected  {told.check.expects}\n  came      {told.got}")
    for line in told.exchange:
        click.echo(f"  | {line}")


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
