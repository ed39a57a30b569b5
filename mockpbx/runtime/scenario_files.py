"""Scenario files: a YAML or JSON list of steps: a word alone, a word and its first field, or a word and its fields.

    - ring: 2s
    - answer
    - expect_speech: {within: 5s, otherwise: go_on}

The words are the keys of `scenario.STEPS`; what a field takes is what its type says.
"""

from __future__ import annotations

from dataclasses import fields

from mockpbx.domain.performance import impossible_step
from mockpbx.domain.scenario import Step, word
from mockpbx.runtime.files.document import Place, ScenarioError, Sounds, as_it_is, read_document, read_file
from mockpbx.runtime.files.schemas import scenario_schema
from mockpbx.runtime.files.steps import steps_at

__all__ = ["ScenarioError", "notation", "read_file", "read_in_order", "read_scenario", "read_steps", "scenario_schema"]


def read_scenario(text: str, name: str, sounds: Sounds = as_it_is) -> tuple[Step, ...]:
    """Return the steps of a scenario file's text. Raises ScenarioError; `name` is the file, for its sentence.

    `sounds` finds and tries the clips and words that they name (see `runtime.sounds`).
    """
    return steps_at(*read_document(text, name, sounds))


def read_in_order(text: str, name: str, sounds: Sounds = as_it_is) -> tuple[Step, ...]:
    """Return the steps of a scenario file's text, if an outbound call can take them one after the other.

    Raises ScenarioError.
    """
    value, place = read_document(text, name, sounds)
    steps = steps_at(value, place)
    impossible = impossible_step(steps)
    if impossible is None:
        return steps
    number, reason = impossible
    label = f"step {number} ({word(steps[number - 1])})"
    raise place.part(number - 1, label).error(f"{reason}; so in a call out (in a call in, ring and answer are skipped)")


def read_steps(value: object, name: str, sounds: Sounds = as_it_is) -> tuple[Step, ...]:
    """Return the steps of a JSON value. Raises ScenarioError; `name` is where it came from, for its sentence."""
    return steps_at(value, Place(name, sounds=sounds))


def notation(step: Step) -> object:
    """Return a step as a file has it, in its shortest form: `"answer"`, or `{"ring": 3}`."""
    given = {
        field.name: _number(value) for field in fields(step) if (value := getattr(step, field.name)) != field.default
    }
    if not given:
        return word(step)
    first = fields(step)[0].name
    return {word(step): given[first] if list(given) == [first] else given}


def _number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
