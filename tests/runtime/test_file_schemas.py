"""The JSON Schemas for editors: they take what the readers take, and mark what an editor can see to be wrong."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.domain.scenario import STEPS
from mockpbx.runtime.plan_files import ScenarioError, plan_schema
from mockpbx.runtime.scenario_files import read_steps, scenario_schema

TYPES: dict[str, Any] = {
    "array": list,
    "object": dict,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}


def takes(schema: dict[str, Any], value: Any, root: dict[str, Any] | None = None) -> bool:
    """Tell whether a value keeps a schema: the keywords that these schemas use, and no others."""
    root = root or schema
    return all(KEYWORDS[keyword](wanted, value, schema, root) for keyword, wanted in schema.items())


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def of_type(name: str, value: Any) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def matches(pattern: str, value: Any) -> bool:
    assert not re.search(r"\\(?![sd^$\\.*+?()\[\]{}|])", pattern), "no escape of an editor's expressions"
    return not isinstance(value, str) or re.search(pattern, value) is not None


def referred(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    return root["$defs"][reference.removeprefix("#/$defs/")]


def properties_taken(wanted: Any, value: Any, root: Any) -> bool:
    return not isinstance(value, dict) or all(takes(wanted[key], value[key], root) for key in wanted.keys() & value)


def others_taken(wanted: Any, value: Any, schema: Any, root: Any) -> bool:
    others = value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ()
    return not others if wanted is False else all(takes(wanted, value[key], root) for key in others)


ANNOTATIONS = dict.fromkeys(("$schema", "$defs", "title", "description", "default"), lambda *_: True)
KEYWORDS: dict[str, Any] = ANNOTATIONS | {
    "type": lambda w, v, s, r: of_type(w, v),
    "const": lambda w, v, s, r: v == w,
    "enum": lambda w, v, s, r: not isinstance(v, bool) and v in w,
    "pattern": lambda w, v, s, r: matches(w, v),
    "minLength": lambda w, v, s, r: not isinstance(v, str) or len(v) >= w,
    "maxLength": lambda w, v, s, r: not isinstance(v, str) or len(v) <= w,
    "minimum": lambda w, v, s, r: not is_number(v) or v >= w,
    "maximum": lambda w, v, s, r: not is_number(v) or v <= w,
    "exclusiveMinimum": lambda w, v, s, r: not is_number(v) or v > w,
    "anyOf": lambda w, v, s, r: any(takes(each, v, r) for each in w),
    "oneOf": lambda w, v, s, r: sum(takes(each, v, r) for each in w) == 1,
    "items": lambda w, v, s, r: not isinstance(v, list) or all(takes(w, each, r) for each in v),
    "minItems": lambda w, v, s, r: not isinstance(v, list) or len(v) >= w,
    "minProperties": lambda w, v, s, r: not isinstance(v, dict) or len(v) >= w,
    "maxProperties": lambda w, v, s, r: not isinstance(v, dict) or len(v) <= w,
    "required": lambda w, v, s, r: not isinstance(v, dict) or set(w) <= v.keys(),
    "dependentRequired": lambda w, v, s, r: all(set(n) <= v.keys() for k, n in w.items() if k in v),
    "properties": lambda w, v, s, r: properties_taken(w, v, r),
    "additionalProperties": others_taken,
    "$ref": lambda w, v, s, r: takes(referred(w, r), v, r),
}

SCENARIO, PLAN = scenario_schema(), plan_schema()


def test_they_say_which_draft_they_are_and_describe_every_step():
    assert SCENARIO["$schema"] == PLAN["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    *alone, filled = SCENARIO["$defs"]["step"]["anyOf"]
    assert list(filled["properties"]) == list(STEPS)
    assert {each["const"] for each in alone} < STEPS.keys()
    described = {name: schema["description"] for name, schema in filled["properties"].items()}
    assert described["answer"] == "The callee answers its ringing phone."
    assert described == {name: (step.__doc__ or "").replace("\n    ", "\n").rstrip() for name, step in STEPS.items()}


@pytest.mark.parametrize(
    "step",
    [
        "answer",
        "ring",
        {"ring": 2},
        {"ring": "1m30s"},
        {"ring": {"seconds": "200ms", "setup": 0.5}},
        {"answer": None},
        {"press": "08*#"},
        {"press": {"keys": "1", "via": "in_band"}},
        {"expect_checkpoint": {"name": "greeting"}},
        {"tone": {"hertz": 440, "seconds": None}},
        {"fail": 34},
        {"play": {"clip": "hello", "loop": True}},
    ],
)
def test_an_editor_takes_every_form_of_a_step(step):
    assert takes(SCENARIO, [step])
    assert takes(PLAN, {"scenarios": {"own": [step]}, "rules": [{"number": "*", "scenario": [step]}]})


@pytest.mark.parametrize(
    "step",
    [
        "answr",
        "press",
        5,
        None,
        {},
        ["answer"],
        {"ring": 2, "answer": None},
        {"ring": "fast"},
        {"ring": "2"},
        {"ring": True},
        {"ring": -1},
        {"ring": {"secnds": 2}},
        {"answer": 5},
        {"press": 812},
        {"press": {"gap": 1}},
        {"press": {"keys": "1", "via": "air"}},
        {"press": {"keys": "1", "bounces": 9}},
        {"fail": 99},
        {"play": {"clip": "hello", "loop": 1}},
    ],
)
def test_an_editor_marks_a_mistake(step):
    assert not takes(SCENARIO, ["answer", step])
    assert not takes(PLAN, {"scenarios": {"own": [step]}, "rules": []})


@pytest.mark.parametrize("value", [[], {}, None, "answer"])
def test_an_editor_marks_what_is_no_list_of_steps(value):
    assert not takes(SCENARIO, value)


@pytest.mark.parametrize(
    "rule",
    [
        {"number": "0896*", "scenario": "human"},
        {"number": "+62?", "sequence": ["busy", "./polite.yaml", ["ring", "answer"]], "repeat": True},
        {"number": "*", "weights": {"human": 7, "bots.py:polite": 0.5}},
    ],
)
def test_an_editor_takes_every_kind_of_rule(rule):
    assert takes(PLAN, {"rules": [rule]})


@pytest.mark.parametrize(
    "rule",
    [
        "human",
        {},
        {"scenario": "human"},
        {"number": 896, "scenario": "human"},
        {"number": "08[12]", "scenario": "human"},
        {"number": "0896"},
        {"number": "0896", "scenario": "human", "weights": {"human": 1}},
        {"number": "0896", "scenario": "human", "repeat": True},
        {"number": "0896", "scenario": []},
        {"number": "0896", "sequence": []},
        {"number": "0896", "sequence": "busy"},
        {"number": "0896", "weights": {}},
        {"number": "0896", "weights": {"human": 0}},
        {"number": "0896", "scenaro": "human"},
    ],
)
def test_an_editor_marks_a_rule_that_is_none(rule):
    assert not takes(PLAN, {"rules": [rule]})


FIELDS = ["seconds", "setup", "within", "otherwise", "keys", "hertz", "clip", "words", "tone", "name", "digits"]
VALUES = st.sampled_from([None, True, 0, 1, 2.5, 440, 99_999, "", "2s", "1m 30s", "fast", "12*#", "fail", "busy", "id"])
BODIES = VALUES | st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3)


@settings(deadline=None)
@given(st.sampled_from(list(STEPS)), BODIES)
def test_an_editor_never_marks_what_the_reader_takes(word, body):
    try:
        read_steps([{word: body}], "x")
    except ScenarioError:
        return
    assert takes(SCENARIO, [{word: body}])
