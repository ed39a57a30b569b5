"""Dial-plan files: rules come out, or one sentence that says where and what is wrong, and what is right."""

import json
import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml12 import format_yaml

from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Always, Dialplan, Drawn, Inline, InTurn, Named, Plan, Rule
from mockpbx.runtime.plan_files import PlanFile, ScenarioError, notation_of, read_plan, read_plan_value

KNOWN: dict[str, s.Scenario] = {
    "human": (s.Ring(), s.Answer()),
    "busy": (s.Busy(),),
    "voicemail": (s.Ring(20), s.Answer(), s.Play("voicemail")),
    "no-answer": (s.Ring(), s.NoAnswer()),
}
HUMAN, BUSY, VOICEMAIL, NO_ANSWER = (Named(name, scenario) for name, scenario in KNOWN.items())

PLAN = """
scenarios:                  # its own
  polite:
    - ring: 2s
    - answer
    - press: "1"
rules:
- number: "0896*"
  scenario: polite
- number: "08131234567"
  sequence: [busy, busy, human]
- number: "0813*"
  sequence:
    - busy
    - - ring: 1s
      - answer
  repeat: true
- number: "0812*"
  scenario: [ring: 3s, reject]
- number: "*"
  weights: {human: 7, voicemail: 2, no-answer: 1}
"""
POLITE = (s.Ring(), s.Answer(), s.Press("1"))


def refusal(text: str, base: Path | None = None) -> str:
    with pytest.raises(ScenarioError) as refused:
        read_plan(text, "plan.yaml", base, KNOWN)
    sentence = str(refused.value)
    assert refused.value.status == 400
    assert len(sentence.splitlines()) == 1
    assert sentence.startswith("plan.yaml")
    return sentence.removeprefix("plan.yaml")


def rule(lines: str) -> str:
    """Return a plan whose third rule, on the lines 6 and following, is in question."""
    return f"rules:\n- {{number: '1', scenario: busy}}\n- number: '2'\n  scenario: busy\n# the third\n- {lines}\n"


# --- what is right ---------------------------------------------------------------------------------------------------


def test_a_plan_with_a_rule_of_every_kind():
    assert read_plan(PLAN, "plan.yaml", None, KNOWN) == Plan(
        (
            Rule("0896*", Always(Named("polite", POLITE))),
            Rule("08131234567", InTurn((BUSY, BUSY, HUMAN))),
            Rule("0813*", InTurn((BUSY, Inline("rule 3 (0813*), call 2", (s.Ring(1), s.Answer()))), repeat=True)),
            Rule("0812*", Always(Inline("rule 4 (0812*)", (s.Ring(3), s.Reject())))),
            Rule("*", Drawn(((HUMAN, 7), (VOICEMAIL, 2), (NO_ANSWER, 1)))),
        ),
        {"polite": POLITE},
    )


def test_a_name_of_the_plan_s_own_goes_before_one_that_is_known():
    plan = read_plan("scenarios: {human: [reject]}\nrules: [{number: '*', scenario: human}]", "x", None, KNOWN)
    assert plan.rules[0].choice == Always(Named("human", (s.Reject(),)))


def test_a_plan_may_have_no_rules_yet():
    assert read_plan("rules: []", "x", None, KNOWN) == Plan()


def test_json_from_the_api_is_a_plan_too():
    value = {"rules": [{"number": "0896*", "sequence": ["busy", [{"ring": "1s"}, "answer"]]}]}
    inline = Inline("rule 1 (0896*), call 2", (s.Ring(1), s.Answer()))
    assert read_plan_value(value, "plan", KNOWN) == Plan((Rule("0896*", InTurn((BUSY, inline))),))
    assert read_plan(json.dumps(value), "plan", None, KNOWN) == read_plan_value(value, "plan", KNOWN)


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ", line 1: expected a mapping of scenarios and rules, got nothing"),
        ("- number: '1'", ", line 1: expected a mapping of scenarios and rules, got a list"),
        ("rule: []", ", line 1: rule: no such field; did you mean rules?"),
        ("scenarios: {}", ", line 1: rules: expected a list of rules, got nothing"),
        ("scenarios: {}\nrules: {a: 1}", ", line 2: rules: expected a list of rules, got a mapping"),
        ("scenarios: [a]\nrules: []", ", line 1: scenarios: expected names with lists of steps, got a list"),
        (
            "scenarios:\n  1: [answer]\nrules: []",
            ", line 1: expected the name of a scenario, got the number 1; quote it",
        ),
        ("scenarios:\n  a: busy\nrules: []", ', line 2, scenario a: expected a list of steps, got "busy"'),
        ("rules: []\nrules: []", ", line 2: rules stands here for the second time (first in line 1)"),
        ("rules: [", ", line 1: not YAML: "),
        (
            "scenarios:\n  a:\n  - answer\n  - rng: 2s\nrules: []",
            ", line 4, scenario a, step 2 (rng): no such step; did you mean ring?",
        ),
        (
            "rules:\n- number: '1'\n  scenario: a\nscenarios:\n  a:\n  - rng",
            ", line 6, scenario a, step 1 (rng): no such step; did you mean ring?",
        ),
    ],
)
def test_a_file_that_is_no_plan(text, sentence):
    assert refusal(text).startswith(sentence)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("human", 'line 6, rule 3: expected a mapping of number, scenario, sequence, weights and repeat, got "human"'),
        ("scenario: human", "line 6, rule 3: number is missing; * stands for every number"),
        ("number: 0896\n  scenario: human", "line 6, rule 3: number: expected text, got the number 896; quote it"),
        (
            "number: '08[1-9]+'\n  scenario: human",
            "line 6, rule 3 (08[1-9]+): number: expected digits, with * for any and ? for one, such as 0896*, "
            'got "08[1-9]+"',
        ),
        ("nmber: '1'\n  scenario: human", "line 6, rule 3: nmber: no such field; did you mean number?"),
        ("number: '1'", "line 6, rule 3 (1): expected one of scenario, sequence or weights, got none"),
        (
            "number: '1'\n  scenario: human\n  weights: {human: 1}",
            "line 6, rule 3 (1): expected one of scenario, sequence or weights, got scenario and weights",
        ),
        ("number: '1'\n  scenario: humn", "line 7, rule 3 (1): no scenario is called humn; did you mean human?"),
        (
            "number: '1'\n  scenario: ghost",
            "line 7, rule 3 (1): no scenario is called ghost; expected human, busy, voicemail or no-answer",
        ),
        (
            "number: '1'\n  scenario: 5",
            "line 7, rule 3 (1): expected a scenario's name or a list of steps, got the num",
        ),
        ("number: '1'\n  scenario: []", "line 7, rule 3 (1): expected a list of steps, got an empty one"),
        ("number: '1'\n  scenario:\n  - ring\n  - rng", "line 9, rule 3 (1), step 2 (rng): no such step; did you mea"),
        (
            "number: '1'\n  scenario: busy\n  repeat: true",
            "line 8, rule 3 (1): repeat belongs to a sequence, not to sce",
        ),
        (
            "number: '1'\n  sequence: [busy]\n  repeat: 1",
            "line 8, rule 3 (1): repeat: expected true or false, got the n",
        ),
        ("number: '1'\n  sequence: busy", 'line 7, rule 3 (1): sequence: expected a list of scenarios, got "busy"'),
        ("number: '1'\n  sequence: []", "line 7, rule 3 (1): sequence: expected at least one scenario, got none"),
        ("number: '1'\n  sequence:\n  - busy\n  - bsy", "line 9, rule 3 (1), call 2: no scenario is called bsy; did "),
        (
            "number: '1'\n  sequence:\n  - busy\n  - - ring\n    - rng",
            "line 10, rule 3 (1), call 2, step 2 (rng): no such step; did you mean ring?",
        ),
        (
            "number: '1'\n  weights: busy",
            "line 7, rule 3 (1): weights: expected scenarios with numbers, such as {human",
        ),
        ("number: '1'\n  weights: {}", "line 7, rule 3 (1): weights: expected at least one scenario, got none"),
        (
            "number: '1'\n  weights: {1: 2}",
            "line 7, rule 3 (1): expected the name of a scenario, got the number 1; quote",
        ),
        (
            "number: '1'\n  weights:\n    human: 7\n    bsy: 1",
            "line 9, rule 3 (1): no scenario is called bsy; did you mean busy?",
        ),
        (
            "number: '1'\n  weights:\n    human: 7\n    busy: often",
            'line 9, rule 3 (1): weights: busy: expected a number, got "often"',
        ),
        ("number: '1'\n  weights: {busy: true}", "line 7, rule 3 (1): weights: busy: expected a number, got true"),
        (
            "number: '1'\n  weights: {busy: 0}",
            "line 7, rule 3 (1): weights: expected a weight above 0 and up to 1,000,000 for 'busy'",
        ),
        (
            "number: '1'\n  weights: {busy: 1, busy: 2}",
            "line 7: busy stands here for the second time (first in line 7)",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_its_rule_and_what_was_expected(lines, sentence):
    assert refusal(rule(lines)).startswith(f", {sentence}")


def test_a_plan_of_the_api_has_numbers_and_no_lines():
    with pytest.raises(
        ScenarioError, match=r"^plan, rule 1 \(0896\): no scenario is called humn; did you mean human\?$"
    ):
        read_plan_value({"rules": [{"number": "0896", "scenario": "humn"}]}, "plan", KNOWN)


@pytest.mark.parametrize("file", ["polite.yaml", "/etc/passwd.json", "bots.py:polite", "../secret.yml"])
def test_a_plan_of_the_api_names_no_files(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "polite.yaml").write_text("- answer")
    (tmp_path / "bots.py").write_text("raise SystemError('this ran')")
    with pytest.raises(ScenarioError, match="files are for a plan's file to name; write the steps here"):
        read_plan_value({"rules": [{"number": "*", "weights": {file: 1}}]}, "plan", KNOWN)


# --- files that a plan's file names ----------------------------------------------------------------------------------

BOTS = """
from __future__ import annotations

from dataclasses import dataclass

from mockpbx.domain.scenario import Answer, Ring, Wait


@dataclass
class Manners:
    patience: float


def polite(luck):
    yield Ring(luck.uniform(1, 3))
    yield Answer()


def brief():
    return [Ring(), Answer()]


async def late(luck):
    yield Wait(1)


def choosy(luck, mood):
    yield Wait(1)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "polite.yaml").write_text("- ring: 2s\n- answer\n- press: '1'\n")
    (tmp_path / "wrong.json").write_text('["ring",\n "answr"]')
    (tmp_path / "bots.py").write_text(BOTS)
    (tmp_path / "syntax.py").write_text("def polite(:\n")
    (tmp_path / "breaks.py").write_text("raise RuntimeError('out of\\norder')")
    (tmp_path / "reads.py").write_text("open('/none/such')")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(3)")
    return tmp_path


def test_a_rule_names_a_file_of_steps(folder):
    plan = read_plan("rules: [{number: '*', scenario: ./polite.yaml}]", "plan.yaml", folder, KNOWN)
    assert plan == Plan((Rule.of("*", Named("./polite.yaml", POLITE)),))


def test_a_rule_names_a_python_function_which_may_take_luck(folder, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    text = "rules:\n- {number: '1', scenario: bots.py:polite}\n- {number: '2', weights: {bots.py:brief: 1}}"
    dialplan = Dialplan(read_plan(text, "plan.yaml", folder, KNOWN))
    polite, brief = dialplan.choose("1", Random(1)), dialplan.choose("2", Random(1))
    assert (polite.name, brief.name) == ("bots.py:polite", "bots.py:brief")
    assert list(polite.scenario(Random(7))) == [s.Ring(Random(7).uniform(1, 3)), s.Answer()]
    assert list(polite.scenario(Random(7))) == list(polite.scenario(Random(7)))
    assert [list(brief.scenario(Random(1))) for _ in range(2)] == [[s.Ring(), s.Answer()]] * 2
    assert not list(folder.rglob("*.pyc"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("./none.yaml", "./none.yaml: cannot be read: No such file or directory"),
        ("wrong.json", "wrong.json, line 2, step 2 (answr): no such step; did you mean answer?"),
        ("bots.py:polit", "bots.py has no function polit; did you mean polite?"),
        ("bots.py:ghost", "bots.py has no function ghost; expected brief, choosy, late or polite"),
        ("bots.py:__name__", "bots.py has no function __name__; expected brief, choosy, late or polite"),
        ("bots.py:late", "late in bots.py is async; expected a plain function or generator of steps"),
        ("bots.py:choosy", "choosy in bots.py takes (luck, mood); expected a function of luck, or of nothing"),
        ("none.py:polite", "none.py cannot be read: No such file or directory"),
        ("syntax.py:polite", "syntax.py cannot be run: SyntaxError: "),
        ("breaks.py:polite", "breaks.py cannot be run: RuntimeError: out of order"),
        ("reads.py:polite", "reads.py cannot be run: FileNotFoundError: "),
        ("leaves.py:polite", "leaves.py cannot be run: SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_rule_that_names_it(name, sentence, folder):
    assert refusal(rule(f"number: '1'\n  scenario: {name}"), folder).startswith(f", line 7, rule 3 (1): {sentence}")


def test_a_plan_s_file_knows_when_to_be_read_again(folder):
    file = PlanFile(folder / "plan.yaml", KNOWN)
    with pytest.raises(ScenarioError, match=r"plan\.yaml: cannot be read: No such file or directory$"):
        file.read()
    assert not file.changed()

    (folder / "plan.yaml").write_text("rules: [{number: '*', sequence: [polite.yaml, bots.py:brief]}]")
    assert file.changed()
    assert len(file.read().rules) == 1
    assert not file.changed()

    (folder / "polite.yaml").write_text("- answr")
    assert file.changed()
    with pytest.raises(ScenarioError, match="did you mean answer"):
        file.read()
    assert not file.changed()
    (folder / "polite.yaml").write_text("- busy")
    assert file.changed()
    assert file.read().rules[0].choice.scenarios[0] == Named("polite.yaml", (s.Busy(),))

    (folder / "bots.py").write_text(BOTS.replace("[Ring(), Answer()]", "[Answer(), Ring()]"))  # as long as it was
    os.utime(folder / "bots.py", ns=(0, 0))
    assert file.changed()
    assert list(file.read().rules[0].choice.scenarios[1].scenario(Random(1))) == [s.Answer(), s.Ring()]


# --- there and back --------------------------------------------------------------------------------------------------


def test_a_plan_as_the_api_shows_it(folder):
    text = PLAN + "- {number: '9', sequence: [./polite.yaml, bots.py:polite]}"
    assert notation_of(read_plan(text, "plan.yaml", folder, KNOWN)) == {
        "scenarios": {"polite": ["ring", "answer", {"press": "1"}]},
        "rules": [
            {"number": "0896*", "scenario": "polite"},
            {"number": "08131234567", "sequence": ["busy", "busy", "human"]},
            {"number": "0813*", "sequence": ["busy", [{"ring": 1}, "answer"]], "repeat": True},
            {"number": "0812*", "scenario": [{"ring": 3}, "reject"]},
            {"number": "*", "weights": {"human": 7, "voicemail": 2, "no-answer": 1}},
            {"number": "9", "sequence": ["./polite.yaml", "bots.py:polite"]},
        ],
    }
    assert notation_of(Plan()) == {"rules": []}


STEP_LISTS = st.lists(st.sampled_from(["ring", "answer", {"ring": 3}, {"press": "1"}]), min_size=1, max_size=3)
SCENARIOS = st.sampled_from([*KNOWN, "own"]) | STEP_LISTS
CHOICES = (
    st.fixed_dictionaries({"scenario": SCENARIOS})
    | st.fixed_dictionaries({"sequence": st.lists(SCENARIOS, min_size=1)}, optional={"repeat": st.just(True)})
    | st.fixed_dictionaries(
        {"weights": st.dictionaries(st.sampled_from([*KNOWN, "own"]), st.integers(1, 9), min_size=1)}
    )
)
NUMBERS = st.from_regex(r"\+?[0-9?]{1,6}\*?", fullmatch=True)
PLANS = st.fixed_dictionaries(
    {
        "scenarios": st.fixed_dictionaries({"own": STEP_LISTS}),
        "rules": st.lists(st.builds(lambda number, choice: {"number": number} | choice, NUMBERS, CHOICES)),
    }
)


@settings(deadline=None)
@given(PLANS)
def test_every_plan_is_shown_as_it_was_given_and_is_read_back_from_yaml_and_from_json(value):
    plan = read_plan_value(value, "plan", KNOWN)
    assert notation_of(plan) == value
    assert read_plan(format_yaml(value), "plan", None, KNOWN) == plan
    assert read_plan(json.dumps(value, indent=2), "plan", None, KNOWN) == plan


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*KNOWN, "*", "a\n.yaml"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["number", "scenario", "sequence", "weights", "repeat", "\n", *KNOWN]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.fixed_dictionaries({"rules": st.lists(JSON)}, optional={"scenarios": JSON}) | JSON)
def test_no_value_gets_anything_but_a_plan_or_a_sentence(value):
    try:
        assert isinstance(read_plan_value(value, "plan", KNOWN), Plan)
    except ScenarioError as error:
        assert len(str(error).splitlines()) == 1
