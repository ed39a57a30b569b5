"""Steps out of the values of a scenario file: each word by its class, each field as its type says."""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from mockpbx.contract.errors import PBXError
from mockpbx.contract.vocabulary import DTMF_DIGITS
from mockpbx.domain.scenario import STEPS, Seconds, Step, word
from mockpbx.runtime.files.document import Place, ScenarioError, check_fields, hint, listed, plain, shown

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails


#: Steps of one scenario: what is longer is logic, or an attack.
MOST_STEPS = 1_000


def steps_at(value: object, place: Place) -> tuple[Step, ...]:
    """Return the steps of a value at its place in a file. Raises ScenarioError."""
    if not isinstance(value, list) or not value:
        raise place.error(f"expected a list of steps, got {'an empty one' if value == [] else shown(value)}")
    if len(value) > MOST_STEPS:
        raise place.error(f"expected at most {MOST_STEPS} steps, got {len(value)}; a Python generator may loop")
    return tuple(_step(step, place.part(index, f"step {index + 1}")) for index, step in enumerate(value))


def _step(value: object, place: Place) -> Step:
    match value:
        case str():
            name, body = value, None
        case dict() if len(value) == 1:
            ((name, body),) = value.items()
        case dict() if value:
            raise place.error(_two_words(list(value)))
        case _:
            raise place.error(f"expected a step such as answer, or ring: 2s, got {shown(value)}")
    place = place.labelled(f"{place.trail[-1]} ({plain(name)})").part(str(name))
    if name not in STEPS:
        raise place.error(f"no such step{hint(name, STEPS)}")
    return _filled(STEPS[name], body, place)


def _two_words(words: list[object]) -> str:
    first, *others = words
    if first in STEPS and all(other in _names(STEPS[first]) for other in others):
        return f"{plain(others[0])} stands beside {first}, not under it; indent it further"
    return f"expected one word, got {listed([plain(each) for each in words], 'and')}; give each step a dash of its own"


def _filled(step: type[Step], body: object, place: Place) -> Step:
    from pydantic import ValidationError

    names = _names(step)
    match body:
        case None:
            body = {}
        case dict():
            check_fields(body, names, place)
        case _ if not names:
            raise place.error(f"expected the word alone, got {shown(body)}")
        case _:
            body = {names[0]: body}
    try:
        filled = step(**_model(word(step)).model_validate(body).model_dump())
    except ValidationError as error:
        raise _wrong(step, error.errors(include_url=False)[0], place) from None
    try:
        return place.sounds(filled)
    except PBXError as error:
        raise place.error(str(error).removeprefix(f"{word(step)}: ")) from None


def _names(step: type[Step]) -> list[str]:
    return [field.name for field in fields(step)]


@cache
def _model(name: str) -> type[BaseModel]:
    """Return a step's fields as a model that is strict: true is no number, and 1 is no truth."""
    from pydantic import ConfigDict, create_model

    step = STEPS[name]
    hints = get_type_hints(step, include_extras=True)
    declared: dict[str, Any] = {
        field.name: (hints[field.name], ... if field.default is MISSING else field.default) for field in fields(step)
    }
    return create_model(step.__name__, __config__=ConfigDict(strict=True), **declared)


#: What pydantic's complaints ask for, in a user's words; a field's own validator has words of its own.
_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_pattern_mismatch": f"1 to 64 keys out of {DTMF_DIGITS}",
    "string_too_short": "text of at least {min_length} character",
    "string_too_long": "text of at most {max_length} characters",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}


def _wrong(step: type[Step], error: ErrorDetails, place: Place) -> ScenarioError:
    name, kind, got = str(error["loc"][0]), error["type"], error["input"]
    place = place.part(name)
    if kind == "missing":
        return place.error(f"{name} is missing; write {word(step)}: {{{name}: ...}}")
    declared = get_type_hints(step, include_extras=True)[name]
    if kind == "float_type" and Seconds in (declared, *get_args(declared)):
        expected = "seconds as a number, or a duration such as 200ms, 2s or 1m30s"
    elif kind == "literal_error":
        expected = listed(get_args(declared))
    elif kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**error.get("ctx", {}))
    else:
        expected = error["msg"].removeprefix("Value error, expected ")
    advice = "; quote it" if kind == "string_type" and isinstance(got, bool | int | float) else ""
    return place.error(f"{name}: expected {expected}, got {shown(got)}{advice}")
