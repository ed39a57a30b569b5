"""What the judge of clients says: on a terminal, as JSON and as JUnit XML. Strings of clients do nothing in any."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import click

from mockpbx.evidence.listing import INDENT, LEVELS, Case, as_bad_as, sums, wrapped
from mockpbx.evidence.rules import RULES, counted
from mockpbx.evidence.telling import plain

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Rules that were not tried."""

    rules: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A call, or what belongs to none (`session` is None): its name, the file it is from, and what was found.

    `late` says how late the emulator itself was, where that may be the cause of what is said of times.
    """

    session: str | None
    name: str
    source: str
    cases: list[Case]
    missing: list[Missing]
    late: str = ""

    def without(self, rules: Collection[str]) -> Judged:
        """Return it without these rules."""
        missing = [
            replace(each, rules=tuple(rule for rule in each.rules if rule not in rules)) for each in self.missing
        ]
        cases = [case for case in self.cases if case.id not in rules]
        return replace(self, cases=cases, missing=[each for each in missing if each.rules])


@dataclass(frozen=True, slots=True)
class Report:
    """All calls, the oldest first, and the level that fails."""

    judged: Sequence[Judged]
    level: str

    @property
    def cases(self) -> list[Case]:
        """Everything that was found."""
        return [case for each in self.judged for case in each.cases]

    @property
    def failed(self) -> bool:
        """Whether anything of the level, or worse, was found."""
        return any(self.fails(case) for case in self.cases)

    def fails(self, case: Case) -> bool:
        """Return whether a case is bad enough."""
        return case.level in as_bad_as(self.level)


def show(report: Report) -> None:
    """Print what was found, call by call, what was not tried, and the sum."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for judged in report.judged:
        if judged.cases:
            where = "".join(f"  {plain(part)}" for part in (judged.session, judged.source) if part)
            click.echo(click.style(plain(judged.name), bold=True) + click.style(where, dim=True))
            for case in judged.cases:
                for line in case.lines(width, _painted):
                    click.echo(line)
            for part in wrapped(plain(judged.late), width, INDENT) if judged.late else ():
                click.echo(" " * INDENT + click.style(part, fg="yellow"))
            click.echo()
    for line in _not_tried(report):
        for part in wrapped(line, width, 2):
            click.echo(click.style(part, dim=True))
    click.echo(summary(report))


def _painted(text: str, level: str) -> str:
    return click.style(text, _COLOURS.get(level))


def _not_tried(report: Report) -> Iterator[str]:
    """Yield what was not tried: reasons and rules are the same for many calls."""
    groups = Counter((each.why, each.rules) for judged in report.judged for each in judged.missing)
    for (why, rules), calls in groups.items():
        yield f"not tried in {counted(calls, 'call')}, since {plain(why)}: {', '.join(map(plain, rules))}"


def summary(report: Report) -> str:
    """Return the sum in one line."""
    calls = [judged for judged in report.judged if judged.session is not None]
    if not report.cases:
        return f"nothing found in {counted(len(calls), 'call')}"
    bad = sum(bool(judged.cases) for judged in calls)
    return f"{sums(case.level for case in report.cases)} in {bad} of {counted(len(calls), 'call')}"


def list_rules() -> None:
    """Print every rule: its level, its id, the contract's section, and the remedy."""
    for rule in RULES.values():
        level, name = _painted(f"{rule.level:7}", rule.level), click.style(f"{rule.id:28}", bold=True)
        click.echo(f"{level}  {name}  {rule.remedy} [{rule.section}]")
    click.echo(f"{len(RULES)} rules")


def write_json(report: Report, file: Path) -> None:
    """Write the report as one object."""
    calls = [
        {
            "call": judged.session,
            "name": judged.name,
            "source": judged.source,
            "findings": [asdict(case) for case in judged.cases],
            "untried": [asdict(each) for each in judged.missing],
            "late": judged.late,
        }
        for judged in report.judged
    ]
    by_level = Counter(case.level for case in report.cases)
    counts = {level: by_level[level] for level in LEVELS}
    whole = {"level": report.level, "failed": report.failed, "counts": counts, "calls": calls}
    file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_junit(report: Report, file: Path) -> None:
    """Write the report as JUnit XML: a test case for each call, which fails by what is bad enough."""
    failed = sum(any(map(report.fails, judged.cases)) for judged in report.judged)
    counts = {"tests": str(len(report.judged)), "failures": str(failed), "errors": "0"}
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "mockpbx lint", **counts})
    for judged in report.judged:
        name = f"{judged.name} {judged.session or ''}".strip()
        case = ElementTree.SubElement(suite, "testcase", {"classname": "mockpbx.lint", "name": plain(name)})
        for found in filter(report.fails, judged.cases):
            failure = ElementTree.SubElement(case, "failure", {"type": found.id, "message": plain(found.what)})
            beside = f"\n{plain(judged.late)}" if judged.late else ""
            failure.text = plain(f"Contract, {found.section}. {found.remedy}") + beside
    ElementTree.ElementTree(suites).write(file, encoding="utf-8", xml_declaration=True)
