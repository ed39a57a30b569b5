"""Shapes of payloads, and what is said of those that have another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.conformance.check import Violated
from mockpbx.conformance.checks.shapes import (
    BINARY,
    BOOLEAN,
    INTEGER,
    LIST,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    TEXT,
    either,
    field_problems,
    one_of,
    require,
    shown,
)
from mockpbx.conformance.transcript import NO_JSON

KINDS = (BINARY, BOOLEAN, INTEGER, LIST, NULL, NUMBER, OBJECT, STRING, TEXT, one_of(200, "", None), either(TEXT, NULL))
HUGE = 10**400
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(NO_JSON),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (STRING, ["", "a"], [None, 1, b"a", ["a"]]),
        (TEXT, ["a", " "], ["", None, 1]),
        (NUMBER, [0, -1, 1.5, HUGE], [True, "1", None, float("nan"), float("inf")]),
        (INTEGER, [0, 24.0, HUGE], [24.5, True, "24", float("inf")]),
        (BOOLEAN, [True, False], [1, 0, "true", None]),
        (NULL, [None], [0, "", False, "null"]),
        (BINARY, [b"", b"a"], ["YQ==", [97], {"type": "Buffer", "data": [97]}]),
        (OBJECT, [{}], [[], None, "{}"]),
        (LIST, [[]], [{}, None, "[]"]),
        (one_of(200), [200, 200.0], ["200", True, None, [200]]),
        (one_of(1, True), [1, True], [0, False]),
        (one_of(1), [1], [True]),
        (one_of("a", None), ["a", None], ["A", "b", "", {}]),
        (either(TEXT, NULL), ["a", None], ["", 0]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_kind_takes_what_is_of_it_and_nothing_else(kind, right, wrong):
    assert [value for value in right if not kind.fits(value)] == []
    assert [value for value in wrong if kind.fits(value)] == []


def test_each_field_that_is_wrong_has_its_sentence():
    shape = {"status": one_of(200), "errors": one_of(""), "data": OBJECT, "more": BOOLEAN}
    assert field_problems({"status": "200", "errors": None, "data": [1, 2], "beside": 1}, shape) == [
        'status is "200", not 200',
        'errors is null, not ""',
        "data is a list of 2, not an object",
        "more is missing",
    ]


def test_what_is_no_object_has_one_sentence():
    assert field_problems(None, {"a": TEXT, "b": TEXT}) == ["it is null, not an object"]
    assert field_problems(NO_JSON, {"a": TEXT}) == ["it is no JSON, not an object"]


def test_a_right_payload_has_no_problems_and_violates_nothing():
    assert field_problems({"a": 1, "b": {}}, {"a": INTEGER}) == []
    require("the reply", {"a": 1}, {"a": INTEGER})


def test_a_violation_names_what_was_looked_at():
    with pytest.raises(Violated) as verdict:
        require("the reply", {"a": "1"}, {"a": INTEGER, "b": NULL})
    assert verdict.value.got == 'the reply: a is "1", not a whole number; b is missing'


@given(anything)
def test_any_value_is_shown_in_one_short_line(value):
    text = shown(value)
    assert len(text) <= 80
    assert "\n" not in text


@given(anything)
def test_any_payload_is_judged_by_any_kind(value):
    for kind in KINDS:
        assert kind.fits(value) in (True, False)
    problems = field_problems({"a": value}, {f"a{number}": kind for number, kind in enumerate(KINDS)} | {"a": NULL})
    assert len(problems) >= len(KINDS)
