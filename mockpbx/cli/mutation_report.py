"""What a suite made of the mutants: as a table, as JUnit XML and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import click

from mockpbx.cli.mutation_runs import NOTICED, Result, Run
from mockpbx.runtime.mutants import Mutant

_WIDTHS = (11, 8, 34, 8, 0)
_COLOURS = {"noticed": "green", "timed out": "green", "survived": "red", "not reached": "yellow", "unrelated": "yellow"}
_WHY = {
    "survived": "no test noticed",
    "not reached": "no test got so far",
    "unrelated": "the run failed, though the contract was kept: for another reason",
}


@dataclass(frozen=True, slots=True)
class Report:
    """The results, in the order of the table of mutants, beside the run against a faithful service."""

    baseline: Run
    results: Sequence[Result]

    @property
    def noticed(self) -> int:
        """How many mutants the suite noticed."""
        return sum(result.outcome in NOTICED for result in self.results)

    @property
    def score(self) -> float:
        """The percentage of them."""
        return 100 * self.noticed / len(self.results) if self.results else 0.0

    @property
    def missed(self) -> list[Result]:
        """Those that it did not notice."""
        return [result for result in self.results if result.outcome not in NOTICED]


def show(report: Report) -> None:
    """Print the table of all results, what would have noticed the others, and the score."""
    _row("OUTCOME", "AREA", "MUTANT", "SECONDS", "SECTION")
    for result in report.results:
        mutant = result.mutant
        _row(result.outcome, mutant.area, mutant.name, f"{result.run.seconds:.1f}", mutant.section)
    if report.missed:
        click.echo("\nNot noticed:")
    for result in report.missed:
        mutant = result.mutant
        click.echo(f"  {mutant.name}: {mutant.breaks} ({_WHY[result.outcome]})\n      {mutant.notice}")
    click.echo(f"\n{summary(report)}")
    if report.results and all(not result.run.struck for result in report.results):
        click.echo(
            "The contract was never broken: do the tests come near what these mutants break, and does the suite talk "
            "to the server that MOCKPBX_URL names, or to that of the pytest plugin?"
        )


def summary(report: Report) -> str:
    """Return the score in one line."""
    counts = Counter(result.outcome for result in report.results)
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    return f"{report.noticed} of {len(report.results)} mutants noticed, {report.score:.0f} % ({told})"


def list_mutants(mutants: Sequence[Mutant]) -> None:
    """Print what each mutant breaks."""
    for mutant in mutants:
        click.echo(f"{mutant.area:8}  {mutant.name:34}  {mutant.breaks}  [{mutant.section}]")
    click.echo(f"{len(mutants)} mutants")


def write_json(report: Report, file: Path) -> None:
    """Write the report as one object."""
    mutants = [
        {
            "name": result.mutant.name,
            "area": result.mutant.area,
            "section": result.mutant.section,
            "breaks": result.mutant.breaks,
            "outcome": result.outcome,
            "seconds": round(result.run.seconds, 3),
            "exitStatus": result.run.exit_status,
            "failedTests": list(result.run.failed_tests),
            "hint": None if result.outcome in NOTICED else result.mutant.notice,
        }
        for result in report.results
    ]
    whole = {
        "baseline": {"seconds": round(report.baseline.seconds, 3)},
        "mutants": mutants,
        "noticed": report.noticed,
        "total": len(mutants),
        "score": round(report.score, 1),
    }
    file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_junit(report: Report, file: Path) -> None:
    """Write the report as JUnit XML: a test case for each mutant, which fails where the mutant was not noticed."""
    missed, took = len(report.missed), sum(result.run.seconds for result in report.results)
    counts = {"tests": str(len(report.results)), "failures": str(missed), "errors": "0", "time": f"{took:.3f}"}
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "mockpbx mutate", **counts})
    for result in report.results:
        mutant = result.mutant
        about = {
            "classname": f"mockpbx.mutants.{mutant.area}",
            "name": mutant.name,
            "time": f"{result.run.seconds:.3f}",
        }
        case = ElementTree.SubElement(suite, "testcase", about)
        if result.outcome not in NOTICED:
            message = f"{mutant.breaks}: {_WHY[result.outcome]}"
            failure = ElementTree.SubElement(case, "failure", {"type": result.outcome, "message": message})
            failure.text = f"Contract, {mutant.section}. To notice it: {mutant.notice}."
    ElementTree.ElementTree(suites).write(file, encoding="utf-8", xml_declaration=True)


def _row(*cells: str) -> None:
    outcome, *rest = (f"{cell:{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    click.echo("  ".join([click.style(outcome, _COLOURS.get(cells[0])), *rest]).rstrip())
