"""The dial plan of a workspace: which scenario the call to a number gets."""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import accumulate

from mockpbx.domain.scenario import Luck, Scenario, Step

#: Brackets would be sets of characters to fnmatch; they and the rest show that a regular expression was meant.
NUMBER_PATTERN = r"^[^\s\[\](){}\\|^$]{1,64}$"
HEAVIEST = 1_000_000


def number_fits(number: str, pattern: str) -> bool:
    """Tell whether a dialled number fits a pattern: `*` is any digits, `?` one; a + may be left out (see `Rule`)."""
    return any(fnmatchcase(form, pattern) for form in {number, number.removeprefix("+")})


@dataclass(frozen=True, slots=True)
class Named:
    """A scenario and the name that rules, the journal and the API have for it."""

    name: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Inline(Named):
    """Steps that stand in the rule itself; the name tells only where."""

    scenario: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Always:
    """Every call gets the same."""

    scenario: Named

    def pick(self, calls: int, luck: Luck) -> Named:
        """Return the scenario of the call before which the rule had so many calls."""
        return self.scenario


@dataclass(frozen=True, slots=True)
class InTurn:
    """The n-th call gets the n-th; the calls after the last get the last, or begin anew where it is to `repeat`."""

    scenarios: tuple[Named, ...]
    repeat: bool = False

    def __post_init__(self) -> None:
        if not self.scenarios:
            raise ValueError("expected at least one scenario, got none")

    def pick(self, calls: int, luck: Luck) -> Named:
        """Return the scenario of the call before which the rule had so many calls."""
        last = len(self.scenarios) - 1
        return self.scenarios[calls % (last + 1) if self.repeat else min(calls, last)]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Each call gets one by chance, each scenario as often as its weight says. Raises ValueError for no weight."""

    weights: tuple[tuple[Named, float], ...]

    def __post_init__(self) -> None:
        if not self.weights:
            raise ValueError("expected at least one scenario, got none")
        for named, weight in self.weights:
            if not 0 < weight <= HEAVIEST:
                raise ValueError(f"expected a weight above 0 and up to {HEAVIEST:,} for {named.name!r}")

    def pick(self, calls: int, luck: Luck) -> Named:
        """Return a scenario by one number of `luck`."""
        bounds = list(accumulate(weight for _, weight in self.weights))
        return self.weights[bisect(bounds, luck.random() * bounds[-1], hi=len(bounds) - 1)][0]


Choice = Always | InTurn | Drawn


@dataclass(frozen=True, slots=True)
class Rule:
    """What the calls to some numbers get.

    In `number`, `*` stands for any digits and `?` for one; it must fit the whole dialled number. A number dialled with
    a + fits with it or without it, so `62*` is both +62812... and 62812..., while `+62*` is the first alone. Raises
    ValueError for a pattern that no number fits.
    """

    number: str
    choice: Choice

    def __post_init__(self) -> None:
        if not re.fullmatch(NUMBER_PATTERN, self.number):
            raise ValueError("expected digits, with * for any and ? for one, such as 0896*")

    @classmethod
    def of(cls, number: str, scenario: Named) -> Rule:
        """Return the rule that gives every call to a number the same scenario."""
        return cls(number, Always(scenario))

    def fits(self, number: str) -> bool:
        """Tell whether the rule is for a dialled number."""
        return number_fits(number, self.number)


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules in the order in which they are asked, and the plan's own scenarios, which its rules may name."""

    rules: tuple[Rule, ...] = ()
    scenarios: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)

    def named(self) -> list[Named]:
        """Return every scenario that a rule may choose."""
        chosen: list[Named] = []
        for rule in self.rules:
            match rule.choice:
                case Always(scenario):
                    chosen.append(scenario)
                case InTurn(scenarios):
                    chosen += scenarios
                case Drawn(weights):
                    chosen += [named for named, _ in weights]
        return chosen


class Dialplan:
    """The plan of one workspace, and how many calls each of its rules has had."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._calls: Counter[int] = Counter()  # by the rule itself, which others may equal

    def replace(self, plan: Plan) -> None:
        """Go by another plan from here on; its sequences begin with their first."""
        self._calls.clear()
        self.plan = plan

    def put_first(self, plan: Plan) -> None:
        """Ask another plan's rules before those of this one, whose sequences go on."""
        self.plan = Plan((*plan.rules, *self.plan.rules), {**self.plan.scenarios, **plan.scenarios})

    def choose(self, number: str, luck: Luck) -> Named | None:
        """Return the scenario that the next call to a number gets, None where no rule fits."""
        for rule in self.plan.rules:
            if rule.fits(number):
                calls = self._calls[id(rule)]
                self._calls[id(rule)] += 1
                return rule.choice.pick(calls, luck)
        return None
