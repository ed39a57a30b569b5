"""A dial plan out of the values of its file, and out of the files that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from mockpbx.domain.plan import Always, Choice, Drawn, Inline, InTurn, Named, Plan, Rule
from mockpbx.domain.scenario import Scenario, Step
from mockpbx.runtime.files.bots import load_module, scenario_in
from mockpbx.runtime.files.document import (
    Place,
    ScenarioError,
    check_fields,
    hint,
    listed,
    plain,
    read_document,
    read_file,
    shown,
)
from mockpbx.runtime.files.stamps import Stamp, stamp
from mockpbx.runtime.files.steps import steps_at
from mockpbx.runtime.sounds import Beside, clips_of

_CHOICES = ("scenario", "sequence", "weights")
_FUNCTION = r"(?s)(?P<file>.+\.py):(?P<name>\w+)"
_FILE = r"(?s).+\.(?:yaml|yml|json)"


class PlanReader:
    """Reads one plan: the scenarios that it may name, where its files are, and how those were when they were read."""

    def __init__(self, known: Mapping[str, Scenario], base: Path | None) -> None:
        self.stamps: dict[Path, Stamp | None] = {}
        self._scenarios: dict[str, Scenario] = dict(known)
        self._base = base
        self._modules: dict[Path, ModuleType] = {}

    def read(self, path: Path, name: str) -> str:
        """Return a file's text. Raises ScenarioError."""
        self.stamps[path] = stamp(path)
        return read_file(path, name)

    def plan(self, value: object, place: Place) -> Plan:
        """Return a value as a plan. Raises ScenarioError."""
        sections = _fields(value, ("scenarios", "rules"), place)
        own = self._own_scenarios(sections.get("scenarios"), place.part("scenarios"))
        self._scenarios |= own
        rules, place = sections.get("rules"), place.part("rules")
        if not isinstance(rules, list):
            raise place.error(f"rules: expected a list of rules, got {shown(rules)}")
        read = [self._rule(rule, place.part(index, f"rule {index + 1}")) for index, rule in enumerate(rules)]
        plan = Plan(tuple(read), own)
        self.stamps |= {Path(clip): stamp(Path(clip)) for clip in clips_of(plan) if Path(clip).is_file()}
        return plan

    def _own_scenarios(self, value: object, place: Place) -> dict[str, tuple[Step, ...]]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise place.error(f"scenarios: expected names with lists of steps, got {shown(value)}")
        return {
            _name(name, place): steps_at(steps, place.part(name, f"scenario {plain(name)}"))
            for name, steps in value.items()
        }

    # --- rules --------------------------------------------------------------------------------------------------------

    def _rule(self, value: object, place: Place) -> Rule:
        rule = _fields(value, ("number", *_CHOICES, "repeat"), place)
        if "number" not in rule:
            raise place.error("number is missing; * stands for every number")
        number = rule["number"]
        if not isinstance(number, str):
            raise place.part("number").error(f"number: expected text, got {shown(number)}; quote it")
        place = place.labelled(f"{place.trail[-1]} ({plain(number)})")
        choice = self._choice(rule, place)
        try:
            return Rule(number, choice)
        except ValueError as error:
            raise place.part("number").error(f"number: {error}, got {shown(number)}") from None

    def _choice(self, rule: dict[object, object], place: Place) -> Choice:
        given = [kind for kind in _CHOICES if kind in rule]
        if len(given) != 1:
            raise place.error(f"expected one of {listed(_CHOICES)}, got {listed(given, 'and') or 'none'}")
        kind, value, repeat = given[0], rule[given[0]], rule.get("repeat", False)
        if "repeat" in rule and kind != "sequence":
            raise place.part("repeat").error(f"repeat belongs to a sequence, not to {kind}")
        if not isinstance(repeat, bool):
            raise place.part("repeat").error(f"repeat: expected true or false, got {shown(repeat)}")
        place = place.part(kind)
        try:
            match kind:
                case "scenario":
                    return Always(self._scenario(value, place))
                case "sequence":
                    return InTurn(self._scenarios_in_turn(value, place), repeat)
                case _:
                    return Drawn(self._weights(value, place))
        except ValueError as error:
            raise place.error(f"{kind}: {error}") from None

    def _scenarios_in_turn(self, value: object, place: Place) -> tuple[Named, ...]:
        if not isinstance(value, list):
            raise place.error(f"sequence: expected a list of scenarios, got {shown(value)}")
        return tuple(self._scenario(each, place.part(index, f"call {index + 1}")) for index, each in enumerate(value))

    def _weights(self, value: object, place: Place) -> tuple[tuple[Named, float], ...]:
        if not isinstance(value, dict):
            raise place.error(f"weights: expected scenarios with numbers, such as {{human: 7}}, got {shown(value)}")
        for name, weight in value.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise place.part(str(name)).error(f"weights: {plain(name)}: expected a number, got {shown(weight)}")
        return tuple((self._named(_name(name, place), place.part(name)), weight) for name, weight in value.items())

    # --- scenarios ----------------------------------------------------------------------------------------------------

    def _scenario(self, value: object, place: Place) -> Named:
        match value:
            case str():
                return self._named(value, place)
            case list():
                return Inline(", ".join(place.trail), steps_at(value, place))
            case _:
                raise place.error(f"expected a scenario's name or a list of steps, got {shown(value)}")

    def _named(self, name: str, place: Place) -> Named:
        if name not in self._scenarios:
            if not (re.fullmatch(_FUNCTION, name) or re.fullmatch(_FILE, name)):
                raise place.error(f"no scenario is called {plain(name)}{hint(name, self._scenarios)}")
            if self._base is None:
                raise place.error(f"{plain(name)}: files are for a plan's file to name; write the steps here")
            self._scenarios[name] = self._in_file(name, self._base, place)
        return Named(name, self._scenarios[name])

    def _in_file(self, name: str, base: Path, place: Place) -> Scenario:
        if function := re.fullmatch(_FUNCTION, name):
            path = base / function["file"]
            if path not in self._modules:
                self.stamps[path] = stamp(path)
                self._modules[path] = load_module(path, place)
            return scenario_in(self._modules[path], function["name"], place)
        try:
            path = base / name
            return steps_at(*read_document(self.read(path, name), name, Beside(path.parent)))
        except ScenarioError as error:
            raise place.error(str(error)) from None


def _fields(value: object, known: tuple[str, ...], place: Place) -> dict[object, object]:
    if not isinstance(value, dict):
        raise place.error(f"expected a mapping of {listed(known, 'and')}, got {shown(value)}")
    check_fields(value, known, place)
    return value


def _name(value: object, place: Place) -> str:
    if not isinstance(value, str) or not value:
        raise place.error(f"expected the name of a scenario, got {shown(value)}; quote it")
    return value
