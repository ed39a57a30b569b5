"""Dial-plan files: which scenario the call to a number gets, as YAML or JSON.

    scenarios:                  # of its own, if it has any; such a name goes before a persona's
      polite:
        - ring: 2s
        - answer
    rules:                      # the first that fits decides
      - number: "0896*"
        scenario: polite        # a name, a file (./polite.yaml), a Python function (bots.py:polite), or a list of steps
      - number: "08131234567"
        sequence: [busy, busy, human]
      - number: "*"
        weights: {human: 7, voicemail: 2, no-answer: 1}

Files are relative to the plan's own. A plan that came over the API names none: it would read the server's disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mockpbx.domain.plan import Always, Choice, Drawn, Inline, InTurn, Named, Plan
from mockpbx.domain.scenario import Scenario
from mockpbx.runtime.files.document import Place, ScenarioError, Sounds, as_it_is, read_document
from mockpbx.runtime.files.plans import PlanReader
from mockpbx.runtime.files.schemas import plan_schema
from mockpbx.runtime.files.stamps import Stamp, stamp
from mockpbx.runtime.scenario_files import notation
from mockpbx.runtime.sounds import Beside

__all__ = ["PlanFile", "ScenarioError", "notation_of", "plan_schema", "read_plan", "read_plan_value"]


def read_plan(
    text: str, name: str, base: Path | None, known: Mapping[str, Scenario], sounds: Sounds = as_it_is
) -> Plan:
    """Return the plan of a file's text. `base` is the file's directory; None where no other file may be named.

    `known` are the scenarios that rules may name; `sounds` tells of clips where there is no directory to find them in.
    Raises ScenarioError; `name` is the file, for its sentence.
    """
    return PlanReader(known, base).plan(*read_document(text, name, sounds if base is None else Beside(base)))


def read_plan_value(value: object, name: str, known: Mapping[str, Scenario], sounds: Sounds = as_it_is) -> Plan:
    """Return the plan of a JSON value, which names no scenario files; `sounds` tells of clips. Raises ScenarioError."""
    return PlanReader(known, None).plan(value, Place(name, sounds=sounds))


class PlanFile:
    """A dial plan's file, and with it the files that it names. `known` are the scenarios that its rules may name."""

    def __init__(self, path: Path, known: Mapping[str, Scenario]) -> None:
        self._path = path
        self._known = known
        self._stamps: dict[Path, Stamp | None] = {}

    def read(self) -> Plan:
        """Return the plan as it is now. Raises ScenarioError."""
        reader = PlanReader(self._known, self._path.parent)
        self._stamps = reader.stamps
        name = str(self._path)
        return reader.plan(*read_document(reader.read(self._path, name), name, Beside(self._path.parent)))

    def changed(self) -> bool:
        """Tell whether one of the files is another than when they were read last, whether that went well or not."""
        return any(stamp(path) != before for path, before in self._stamps.items())


def notation_of(plan: Plan) -> dict[str, object]:
    """Return a plan as a JSON value: steps as a file has them, files and functions by their names."""
    own = {name: [notation(step) for step in steps] for name, steps in plan.scenarios.items()}
    rules = [{"number": rule.number} | _choice_notation(rule.choice) for rule in plan.rules]
    return {"scenarios": own, "rules": rules} if own else {"rules": rules}


def _choice_notation(choice: Choice) -> dict[str, object]:
    match choice:
        case Always(scenario):
            return {"scenario": _scenario_notation(scenario)}
        case InTurn(scenarios, repeat):
            return {"sequence": [_scenario_notation(each) for each in scenarios]} | ({"repeat": True} if repeat else {})
        case Drawn(weights):
            return {"weights": {named.name: weight for named, weight in weights}}


def _scenario_notation(named: Named) -> object:
    return [notation(step) for step in named.scenario] if isinstance(named, Inline) else named.name
