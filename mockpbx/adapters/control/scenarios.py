"""Scenarios by name or by their steps, as requests give them."""

from __future__ import annotations

import inspect

from mockpbx.contract.errors import InvalidRequest
from mockpbx.domain import scenario as s
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Inline, Named, Plan
from mockpbx.runtime.files.document import hint, listed, shown
from mockpbx.runtime.scenario_files import read_steps
from mockpbx.runtime.sounds import Within

#: What errors name as the place of a scenario that came in a request.
HERE = "the scenario"
#: The name of a scenario that is a mere list.
UNNAMED = "steps"


def known_scenarios(*plans: Plan) -> dict[str, s.Scenario]:
    """Return what a request may name: the personas, and what these plans hold and name, which goes before them."""
    known: dict[str, s.Scenario] = dict(PERSONAS)
    for plan in plans:
        for named in plan.named():
            if not isinstance(named, Inline):
                known[named.name] = named.scenario
        known |= plan.scenarios
    return known


def scenario_of(value: str | list[object], plan: Plan, sounds: Within) -> Named:
    """Return the scenario of a name or a list of steps. Raises InvalidRequest or ScenarioError."""
    if isinstance(value, list):
        return Named(UNNAMED, read_steps(value, HERE, sounds))
    known = known_scenarios(plan)
    if value not in known:
        raise InvalidRequest(f"No scenario is called {shown(value)}{hint(value, known)}")
    return Named(value, known[value])


def sound_of(value: dict[str, object], sounds: Within) -> s.Sound:
    """Return the sound that a request is for: a step's, or the fields of `play`. Raises ScenarioError."""
    (step,) = read_steps([{"play": value} if "clip" in value else value], "the sound", sounds)
    if not isinstance(step, s.SOUNDS):
        raise InvalidRequest(f"{s.word(step)} is no sound: expected {listed([s.word(each) for each in s.SOUNDS])}")
    return step


def about(thing: object) -> str:
    """Return the first line of a thing's docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]
