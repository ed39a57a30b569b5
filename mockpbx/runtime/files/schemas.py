"""JSON Schemas (draft 2020-12) of scenario and plan files, made from the steps' classes, for completion in editors."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from mockpbx.contract.vocabulary import HANGUP_CAUSES
from mockpbx.domain.plan import HEAVIEST, NUMBER_PATTERN
from mockpbx.domain.scenario import STEPS, Cause, Seconds, Step

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = r"^ *(\d+(\.\d+)? *(ms|h|m|s) *)+$"
_REF = {name: {"$ref": f"#/$defs/{name}"} for name in ("seconds", "step", "steps", "scenario")}

#: What a type's own schema would not tell: that seconds may be written as a duration, and which causes there are.
_SPECIAL: tuple[tuple[Any, Schema], ...] = ((Seconds, _REF["seconds"]), (Cause, {"enum": list(HANGUP_CAUSES)}))


def scenario_schema() -> Schema:
    """Return the schema of a scenario file."""
    return {"$schema": _DRAFT, "title": "A scenario of mockpbx", **_REF["steps"], "$defs": _definitions()}


def plan_schema() -> Schema:
    """Return the schema of a dial plan's file."""
    number = {
        "description": "Digits, with * for any of them and ? for one; it must fit the whole dialled number.",
        "type": "string",
        "pattern": NUMBER_PATTERN,
    }
    choices: dict[str, Schema] = {
        "scenario": {"description": "What every call gets.", **_REF["scenario"]},
        "sequence": {
            "description": "What the first call gets, the second, and so on; all further calls get the last.",
            "type": "array",
            "minItems": 1,
            "items": _REF["scenario"],
        },
        "weights": {
            "description": "What a call gets by chance, each scenario as often as its weight says.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "maximum": HEAVIEST},
        },
    }
    repeat = {"description": "Begin the sequence anew after its last.", "type": "boolean", "default": False}
    rule = _object({"number": number, **choices, "repeat": repeat}, ["number"])
    rule |= {"oneOf": [{"required": [name]} for name in choices], "dependentRequired": {"repeat": ["sequence"]}}
    own = {
        "description": "Scenarios of the plan's own, by the names that its rules have for them.",
        "anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": _REF["steps"]}],
    }
    rules = {"description": "The first that fits a number decides.", "type": "array", "items": rule}
    scenario = {
        "description": "A scenario's name, a file (./polite.yaml), a Python function (bots.py:polite), or its steps.",
        "anyOf": [{"type": "string", "minLength": 1}, _REF["steps"]],
    }
    return {
        "$schema": _DRAFT,
        "title": "A dial plan of mockpbx",
        **_object({"scenarios": own, "rules": rules}, ["rules"]),
        "$defs": {**_definitions(), "scenario": scenario},
    }


def _definitions() -> dict[str, Schema]:
    alone: list[Schema] = [
        {"const": name, "description": _doc(step)} for name, step in STEPS.items() if not _required(step)
    ]
    filled = _object({name: _filled(step) for name, step in STEPS.items()}, [])
    return {
        "seconds": {
            "description": "Seconds as a number, or a duration such as 200ms, 2s or 1m30s.",
            "anyOf": [{"type": "number", "minimum": 0, "maximum": 86_400}, {"type": "string", "pattern": _DURATION}],
        },
        "step": {"anyOf": [*alone, {**filled, "minProperties": 1, "maxProperties": 1}]},
        "steps": {"type": "array", "minItems": 1, "items": _REF["step"]},
    }


def _filled(step: type[Step]) -> Schema:
    """Return the schema of what may stand behind a word: its fields, the first of them by itself, or nothing."""
    hints = get_type_hints(step, include_extras=True)
    own = {field.name: _field(hints[field.name], field.default) for field in fields(step)}
    required = _required(step)
    forms: list[Schema] = [_object(own, required)]
    if own and required in ([], list(own)[:1]):
        forms.insert(0, own[next(iter(own))])
    if not required:
        forms.append({"type": "null"})
    return {"description": _doc(step), "anyOf": forms}


def _field(declared: Any, default: object) -> Schema:
    return _type(declared) | ({} if default is MISSING else {"default": default})


def _type(declared: Any) -> Schema:
    from pydantic import TypeAdapter

    for special, schema in _SPECIAL:
        if declared == special:
            return schema
    if NoneType in get_args(declared):
        return {"anyOf": [_type(each) for each in get_args(declared)]}
    return TypeAdapter(declared).json_schema()


def _required(step: type[Step]) -> list[str]:
    return [field.name for field in fields(step) if field.default is MISSING]


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _doc(step: type[Step]) -> str:
    return inspect.getdoc(step) or ""
