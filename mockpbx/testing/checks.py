"""What is checked of every call by itself when its test is over: findings that nobody asserted, and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding, Level
from mockpbx.evidence.findings import findings
from mockpbx.evidence.listing import LEVELS, Case, as_bad_as, sums
from mockpbx.evidence.measures import Metrics, Spread, Uplink
from mockpbx.evidence.metrics import measure
from mockpbx.evidence.pacing import own_lateness
from mockpbx.evidence.rules import RULES
from mockpbx.runtime.cadence import Pacing
from mockpbx.runtime.files.document import hint
from mockpbx.testing.errors import Misuse

Grade = Literal[Level, "ignore"]
_GRADES = (*get_args(Level), "ignore")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was wrong with a call, or with none in particular: an `error` fails the test."""

    level: Grade
    id: str
    text: str


_PARTS: dict[str, type] = dict.fromkeys(("turn_latency", "barge_in_stop", "barge_in_reaction"), Spread) | {
    "uplink": Uplink,
    "pacing": Pacing,
}


def _figures() -> list[str]:
    """Return the names of the metrics that can have a limit: `time_to_first_audio`, `turn_latency.max`."""
    names: list[str] = []
    for each in fields(Metrics):
        inner = _PARTS.get(each.name)
        if inner is not None and is_dataclass(inner):
            names += [f"{each.name}.{part.name}" for part in fields(inner)]
        elif not str(each.type).startswith("tuple"):
            names.append(each.name)
    return names


FIGURES = tuple(_figures())


@dataclass(frozen=True, slots=True)
class Checks:
    """How bad each finding is, by its rule's id, where that is not as the rule says; and the most a metric may be.

    Raises Misuse for a rule, a level or a metric that there is not.
    """

    levels: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        __tracebackhide__ = True
        for rule, level in self.levels.items():
            if rule not in RULES:
                raise Misuse(f"levels: there is no finding {rule!r}{hint(rule, list(RULES))}")
            if level not in _GRADES:
                raise Misuse(f"levels: {rule} is to be {level!r}{hint(level, _GRADES)}")
        for figure, most in self.limits.items():
            if figure not in FIGURES:
                raise Misuse(f"limits: there is no metric {figure!r}{hint(figure, FIGURES)}")
            if not isinstance(most, int | float):
                raise Misuse(f"limits: {figure} is to be a number, got {most!r}")

    def lint(
        self, dossiers: Iterable[Dossier], stray: Iterable[Finding], asserted: set[int], *, level: str, allow: object
    ) -> str:
        """Return the findings of a level and of worse ones as text, but for rules to `allow` and what was asserted.

        Empty where there are none. Raises Misuse for a level or a rule that there is not.
        """
        __tracebackhide__ = True
        if level not in LEVELS:
            raise Misuse(f"lint: the level is to be error, warning or note, got {level!r}{hint(level, LEVELS)}")
        allowed = _rules(allow)
        of_calls = [
            (f"{each.call.direction} call to {each.call.number}", each.call.placed_at, findings(each))
            for each in dossiers
        ]
        lines: list[str] = []
        levels: list[str] = []
        for name, placed_at, found in [*of_calls, ("no call", None, list(stray))]:
            cases = [
                replace(Case.of(each, placed_at), level=self.levels.get(each.id, each.level))
                for each in found
                if each.id not in allowed and not (each.entries and asserted.issuperset(each.entries))
            ]
            cases = [case for case in cases if case.level in as_bad_as(level)]
            levels += [case.level for case in cases]
            lines += [name] * bool(cases) + [line for case in cases for line in case.lines()]
        return "\n".join([f"{sums(levels)} in what the client did:", *lines]) if lines else ""

    def problems(self, dossiers: Iterable[Dossier], stray: Iterable[Finding], asserted: set[int]) -> list[Problem]:
        """Return what is wrong with some calls, and with what belongs to none, but for what was asserted."""
        found: list[Problem] = []
        for dossier in dossiers:
            where = f"call to {dossier.call.number}"
            found += [
                self._judged(each, where, dossier.call.placed_at)
                for each in findings(dossier)
                if not (each.entries and asserted.issuperset(each.entries))
            ]
            found += self._breaches(dossier, where)
        found += [
            self._judged(each, "no call", None)
            for each in stray
            if not (each.entries and asserted.issuperset(each.entries))
        ]
        return [problem for problem in found if problem.level != "ignore"]

    def _judged(self, finding: Finding, where: str, placed_at: int | None) -> Problem:
        level: Grade = self.levels.get(finding.id, finding.level)  # type: ignore[assignment]
        when = "" if finding.at is None or placed_at is None else f" at {(finding.at - placed_at) / 1_000:.3f} s"
        return Problem(level, finding.id, f"{where}{when}: {finding.what}. {finding.rule.remedy}")

    def _breaches(self, dossier: Dossier, where: str) -> list[Problem]:
        if not self.limits:
            return []
        metrics = measure(dossier)
        own = own_lateness(dossier)
        found: list[Problem] = []
        for figure, most in self.limits.items():
            value = _value(metrics, figure)
            if value is not None and value > most:
                found.append(
                    Problem("error", figure, f"{where}: {figure} is {value:g}, and the limit is {most:g} ({own})")
                )
            elif value is None and figure == "time_to_first_audio" and dossier.connected_at is not None:
                text = f"{where}: the client was never heard; {figure} is to be {most:g} ({own})"
                found.append(Problem("error", figure, text))
        return found


def _value(metrics: Metrics, figure: str) -> float | None:
    value: object = metrics
    for part in figure.split("."):
        value = None if value is None else getattr(value, part)
    return value if isinstance(value, int | float) else None


def _rules(allow: object) -> set[str]:
    __tracebackhide__ = True
    if isinstance(allow, str) or not isinstance(allow, Iterable):
        raise Misuse(f'lint: allow is to be a list of rules, such as ["burst"], got {allow!r}')
    rules = list(allow)
    for rule in rules:
        if rule not in RULES:
            raise Misuse(f"lint: there is no rule {rule!r}{hint(rule, list(RULES))}")
    return set(rules)


def table_of(name: str, given: object) -> dict[str, Any]:
    """Return levels or limits as they were given. Raises Misuse for what is no mapping."""
    __tracebackhide__ = True
    if not isinstance(given, Mapping):
        raise Misuse(f'{name}: expected a mapping, such as {{"small-packets": "error"}}, got {given!r}')
    return dict(given)
