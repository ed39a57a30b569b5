"""Scenario files: steps come out, or one sentence that says where and what is wrong, and what is right."""

import json
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml12 import format_yaml

from mockpbx.contract.vocabulary import DTMF_DIGITS, HANGUP_CAUSES
from mockpbx.domain import scenario as s
from mockpbx.runtime.files.document import written
from mockpbx.runtime.scenario_files import ScenarioError, notation, read_file, read_scenario, read_steps

SECONDS = "expected seconds as a number, or a duration such as 200ms, 2s or 1m30s"


def refusal(text: str) -> str:
    with pytest.raises(ScenarioError) as refused:
        read_scenario(text, "polite.yaml")
    sentence = str(refused.value)
    assert refused.value.status == 400
    assert len(sentence.splitlines()) == 1
    assert sentence.startswith("polite.yaml")
    return sentence.removeprefix("polite.yaml")


# --- what is right ---------------------------------------------------------------------------------------------------


def test_a_word_alone_a_word_with_a_value_and_a_word_with_its_fields():
    text = """
# a polite callee
- ring: 2s                  # a word and the value of its first field
- answer                    # a word alone
- expect_speech: {within: 5s, otherwise: go_on}
- expect_digit:
    digits: "12"
    within: 1m30s

- press: "1"
- hang_up:
"""
    assert read_scenario(text, "polite.yaml") == (
        s.Ring(seconds=2),
        s.Answer(),
        s.ExpectSpeech(within=5, otherwise="go_on"),
        s.ExpectDigit(digits="12", within=90),
        s.Press("1"),
        s.HangUp(),
    )


def test_json_is_read_by_the_same_reader():
    steps = (s.Ring(seconds=0.2), s.Answer(), s.Say("a/b 😀", wait=False), s.Press("0812"))
    text = r'[{"ring": "200ms"}, "answer", {"say": {"words": "a\/b \ud83d\ude00", "wait": false}}, {"press": "0812"}]'
    assert read_scenario(text, "polite.json") == steps
    assert read_scenario(json.dumps(json.loads(text), indent="\t"), "polite.json") == steps


def test_a_list_in_brackets_is_yaml_too():
    steps = (s.Ring(), s.Answer(), s.Wait(1), s.Wait(2), s.Press("#"))
    assert read_scenario("[ring: 2s, answer, wait: 1, wait: 2, press: '#']", "x") == steps


def test_text_that_looks_like_yaml_is_text():
    text = """
- say: |
    to: all
    to: none
- say:
    no
    - step # but a comment
- say: 'a: [
    a: {'
- answr
"""
    assert refusal(text).startswith(", line 10, step 4 (answr): ")
    assert read_scenario(text.replace("answr", "answer"), "x") == (
        s.Say("to: all\nto: none\n"),
        s.Say("no - step"),
        s.Say("a: [ a: {"),
        s.Answer(),
    )


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_and_marks_of_any_editor_are_read(line_end):
    text = "\ufeff%YAML 1.2\n---\n- say: |\n    - not a step\n    - neither\n- answer\n- answr\n...\n"
    assert ", line 7, step 3 (answr): " in refusal(text.replace("\n", line_end))
    assert read_scenario(text.replace("- answr\n", "").replace("\n", line_end), "x") == (
        s.Say("- not a step\n- neither\n"),
        s.Answer(),
    )


@pytest.mark.parametrize(
    ("written", "seconds"), [("2", 2), ("0.25", 0.25), ("200ms", 0.2), ("1m30s", 90), ("1h", 3600), ('"2 s"', 2)]
)
def test_seconds_are_a_number_or_a_duration(written, seconds):
    assert read_scenario(f"- wait: {written}", "x") == (s.Wait(seconds),)


def test_the_example_files_are_read():
    examples = sorted((Path(__file__).parents[2] / "fixtures/scenarios").glob("*.yaml"))
    assert examples
    for example in examples:
        assert read_scenario(read_file(example, example.name), example.name)


# --- what is wrong ---------------------------------------------------------------------------------------------------

POLITE = "# polite\n- ring: 2s\n\n"


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("- expct_speech: {within: 5s}", "step 2 (expct_speech): no such step; did you mean expect_speech?"),
        ("- Answer", "step 2 (Answer): no such step; did you mean answer?"),
        ("- hang-up", "step 2 (hang-up): no such step; did you mean hang_up?"),
        ("- ring: fast", f'step 2 (ring): seconds: {SECONDS}, got "fast"'),
        ('- ring: "2"', f'step 2 (ring): seconds: {SECONDS}, got "2"'),
        ("- ring: true", f"step 2 (ring): seconds: {SECONDS}, got true"),
        ("- ring: [1, 2]", f"step 2 (ring): seconds: {SECONDS}, got a list"),
        ("- ring: {setup: no}", f'step 2 (ring): setup: {SECONDS}, got "no"'),
        ("- tone: {hertz: 440, seconds: yes}", f'step 2 (tone): seconds: {SECONDS}, got "yes"'),
        ("- tone: {hertz: 440, seconds: true}", f"step 2 (tone): seconds: {SECONDS}, got true"),
        ("- ring: -1", "step 2 (ring): seconds: expected at least 0, got the number -1"),
        ("- ring: 25h", 'step 2 (ring): seconds: expected at most 86400, got "25h"'),
        ("- ring: .nan", "step 2 (ring): seconds: expected at least 0, got a number beyond measure"),
        ("- ring: .inf", "step 2 (ring): seconds: expected at most 86400, got a number beyond measure"),
        ("- ring: {secnds: 2s}", "step 2 (ring): secnds: no such field; did you mean seconds?"),
        ("- ring: {loud: 2s}", "step 2 (ring): loud: no such field; expected seconds or setup"),
        ("- ring: {1: 2s}", "step 2 (ring): the number 1: no such field; expected seconds or setup"),
        ("- answer: 5", "step 2 (answer): expected the word alone, got the number 5"),
        ("- answer: {at: 5}", "step 2 (answer): at: no such field"),
        ("- press", "step 2 (press): keys is missing; write press: {keys: ...}"),
        ("- press: {gap: 1s}", "step 2 (press): keys is missing; write press: {keys: ...}"),
        ("- press: 0812", "step 2 (press): keys: expected text, got the number 812; quote it"),
        ("- say: true", "step 2 (say): words: expected text, got true; quote it"),
        ("- say: ''", 'step 2 (say): words: expected text of at least 1 character, got ""'),
        ("- press: 1x", 'step 2 (press): keys: expected 1 to 64 keys out of 0123456789*#ABCD, got "1x"'),
        ("- press: {keys: '1', bounces: true}", "step 2 (press): bounces: expected a whole number, got true"),
        ("- press: {keys: '1', bounces: 9}", "step 2 (press): bounces: expected at most 5, got the number 9"),
        ("- press: {keys: '1', via: air}", 'step 2 (press): via: expected both, event or in_band, got "air"'),
        ("- play: {clip: hello, loop: 1}", "step 2 (play): loop: expected true or false, got the number 1"),
        ("- fail: 99", "step 2 (fail): cause: expected one of the contract's causes 0, 1, 16, "),
        ("- fail: true", "step 2 (fail): cause: expected a whole number, got true"),
        ("- - answer", "step 2: expected a step such as answer, or ring: 2s, got a list"),
        ("- 5", "step 2: expected a step such as answer, or ring: 2s, got the number 5"),
        ("-", "step 2: expected a step such as answer, or ring: 2s, got nothing"),
        ("- {}", "step 2: expected a step such as answer, or ring: 2s, got a mapping"),
        ("- !callee human", "step 2: expected a step such as answer, or ring: 2s, got a tagged value"),
        ("- {ring: 1, answer}", "step 2: expected one word, got ring and answer; give each step a dash of its own"),
        ("- {ring: 1, setup: 1s}", "step 2: setup stands beside ring, not under it; indent it further"),
        ('- "a\\nb"', 'step 2 ("a\\nb"): no such step; expected wait, ring, answer, '),
        ("- {ring: 1, ring: 2}", "ring stands here for the second time (first in line 4)"),
    ],
)
def test_a_mistake_is_named_with_its_line_its_step_and_what_was_expected(step, sentence):
    assert refusal(POLITE + step).startswith(f", line 4, {sentence}".replace("line 4, ring", "line 4: ring"))


def test_the_line_is_that_of_the_field_that_is_wrong():
    text = "- ring: 2s\n- expect_speech:\n    within: 5s\n\n    otherwse: go_on\n- answer\n"
    assert refusal(text) == ", line 5, step 2 (expect_speech): otherwse: no such field; did you mean otherwise?"
    text = '[\n  {"ring": 2},\n  {"expect_speech": {\n    "within": "5s",\n    "otherwise": "goon"\n  }}\n]'
    assert refusal(text) == (', line 5, step 2 (expect_speech): otherwise: expected fail, go_on or hang_up, got "goon"')


def test_a_key_that_stands_twice_is_refused_where_it_stands_for_the_second_time():
    text = "- ring: 2s\n- expect_speech:\n    within: 5s\n    otherwise: go_on\n    within: 6s\n"
    assert refusal(text) == ", line 5: within stands here for the second time (first in line 3)"
    assert refusal('[{"ring": {"setup": 1,\n "setup": 2}}]') == (
        ", line 2: setup stands here for the second time (first in line 1)"
    )


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "nothing"),
        ("# nothing yet\n", "nothing"),
        ("---\n", "nothing"),
        ("[]", "an empty one"),
        ("answer", '"answer"'),
        ("ring: 2s", "a mapping"),
        ("5", "the number 5"),
    ],
)
def test_a_file_that_is_no_list_of_steps(text, got):
    assert refusal(text) == f", line 1: expected a list of steps, got {got}"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("- ring: 2s\n- answer: [1, 2\n- press: 3\n", ", line 3: not YAML: "),
        ("- ring: 2s\n- answer: }\n", ", line 2: not YAML: "),
        ('- ring: 2s\n- say: "Halo\n- answer\n', ", line 2: not YAML: "),
        ("- ring:\n\tseconds: 2s\n", ", line 2: not YAML: tabs"),
        ("- say: Halo: siapa?\n", ", line 1: not YAML: "),
        ('[\n  {"ring": 2},\n  {"answer"', ", line 3: not YAML: "),
        ("- ring\n- *again\n", ", line 2: not YAML: "),
        ("[" * 100_000, ", line 1: not YAML: "),
        ("- ring\n- \x00\n- answer", ", line 2: control characters are not read; remove them"),
        ("- ring\n---\n- answer", ": expected one document, got several; remove the lines --- between them"),
        ("- answer\n" * 200_000, ": expected at most 1,000,000 characters; split it"),
        ('- say: "\ud800"', ": not YAML: "),
    ],
)
def test_broken_text_is_refused_with_the_line_where_it_breaks(text, where):
    assert refusal(text).startswith(where)


def test_aliases_are_refused_before_they_multiply():
    bomb = "- &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"- &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(5))
    assert refusal(bomb) == ", line 2: aliases (*name) are not read; write out what they stand for"
    for alias in ('{"a":*a}', "[x,*a]", "-\t*a", "? *a", "**a"):
        assert "aliases" in refusal(f"- &a [x]\n- {alias}\n")
    assert read_scenario('- say: "*Halo* & selamat"\n- say: A&W *siang*\n- press: "*1"\n', "x")


@pytest.mark.parametrize("level", ["- ", "? ", ": ", "- ?  ", " "])
def test_nesting_that_would_exhaust_the_stack_is_refused(level):
    """In a process of its own, since the parser would take this one down with it."""
    code = (
        "import sys; from mockpbx.runtime.scenario_files import ScenarioError, read_scenario\n"
        "try: read_scenario(sys.stdin.read(), 'x')\n"
        "except ScenarioError as error: print(error)"
    )
    deep = level * (300_000 // len(level)) + "x"
    assert subprocess.check_output([sys.executable, "-c", code], input=deep, text=True).startswith("x, line 1: nested")


def test_a_file_that_cannot_be_read_is_refused_too(tmp_path):
    cases = {"none.yaml": None, "latin.yaml": b"- say: caf\xe9", "long.yaml": b"# " + b"x" * 1_000_000}
    sentences = {}
    for name, content in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ScenarioError) as refused:
            read_file(tmp_path / name, name)
        sentences[name] = str(refused.value)
    assert sentences == {
        "none.yaml": "none.yaml: cannot be read: No such file or directory",
        "latin.yaml": "latin.yaml: expected text in UTF-8, got the byte 0xe9",
        "long.yaml": "long.yaml: expected at most 1,000,000 characters; split it",
    }


def test_steps_of_the_control_api_have_numbers_and_no_lines():
    assert read_steps([{"ring": 2}, "answer"], "steps") == (s.Ring(), s.Answer())
    with pytest.raises(ScenarioError, match=r"^steps, step 2 \(answr\): no such step; did you mean answer\?$"):
        read_steps([{"ring": 2}, "answr"], "steps")
    with pytest.raises(ScenarioError, match=r"^steps: expected a list of steps, got a mapping$"):
        read_steps({"ring": 2}, "steps")
    with pytest.raises(
        ScenarioError, match=r"^steps, step 1 \(say\): words: .* got a number beyond measure; quote it$"
    ):
        read_steps([{"say": 10**400}], "steps")


# --- there and back --------------------------------------------------------------------------------------------------

#: Values of the fields' types. Words without & and *, which might read as anchors and aliases outside of JSON.
VALUES: tuple[tuple[Any, st.SearchStrategy[Any]], ...] = (
    (s.Seconds, st.floats(0, 86_400) | st.integers(0, 86_400).map(float)),
    (s.Cause, st.sampled_from(list(HANGUP_CAUSES))),
    (s.Keys, st.text(DTMF_DIGITS + "abcd", min_size=1, max_size=64)),
    (s.Words, st.text(st.characters(exclude_categories=["C"], exclude_characters="&*"), min_size=1, max_size=60)),
    (s.Hertz, st.integers(50, 3_900)),
    (bool, st.booleans()),
    (NoneType, st.none()),
)


def values_of(declared: Any) -> st.SearchStrategy[Any]:
    for known, values in VALUES:
        if declared == known:
            return values
    if get_origin(declared) is Literal:
        return st.sampled_from(get_args(declared))
    if NoneType in get_args(declared):
        return st.one_of(*map(values_of, get_args(declared)))
    return st.integers(0, 5)  # bounces


def steps_of(step: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(step, include_extras=True)
    given = {field.name: values_of(hints[field.name]) for field in fields(step)}
    default = {field.name: st.just(field.default) for field in fields(step) if field.default is not MISSING}
    return st.builds(step, **{name: default[name] | given[name] if name in default else given[name] for name in given})


STEPS = st.one_of(*map(steps_of, s.STEPS.values()))


@pytest.mark.parametrize(
    ("step", "written"),
    [
        (s.Answer(), "answer"),
        (s.Ring(), "ring"),
        (s.Ring(seconds=3), {"ring": 3}),
        (s.Ring(seconds=0.25), {"ring": 0.25}),
        (s.Ring(setup=1), {"ring": {"setup": 1}}),
        (s.Ring(3, 1), {"ring": {"seconds": 3, "setup": 1}}),
        (s.Press("1"), {"press": "1"}),
        (s.Play("hello", wait=False), {"play": {"clip": "hello", "wait": False}}),
    ],
)
def test_a_step_is_written_in_its_shortest_form(step, written):
    assert notation(step) == written
    assert json.dumps(notation(step)) == json.dumps(written)


@settings(deadline=None)
@given(STEPS)
def test_every_step_is_read_back_as_it_is_written(step):
    assert read_steps([notation(step)], "x") == (step,)


@settings(deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=5))
def test_every_scenario_is_read_back_from_yaml_and_from_json(steps):
    written = [notation(step) for step in steps]
    assert read_scenario(format_yaml(written), "x") == tuple(steps)
    assert read_scenario(json.dumps(written), "x") == tuple(steps)
    assert read_scenario(json.dumps(written, indent=2, ensure_ascii=False), "x") == tuple(steps)


@settings(deadline=None)
@given(
    st.lists(STEPS, max_size=4),
    st.sampled_from(["zzz", {"zzz": 5}, {"zzz": {"within": 3}}, {"press": {"keys": "1", "zzz": 5}}]),
    st.sampled_from([format_yaml, json.dumps, lambda steps: json.dumps(steps, indent=1, ensure_ascii=False)]),
    st.integers(0, 3),
)
def test_wherever_a_mistake_stands_its_line_is_named(steps, mistake, write, above):
    text = "\n" * above + write([*map(notation, steps), mistake, "answer"])
    _, line, number, *_ = refusal(text).split(", ")
    assert "zzz" in text.split("\n")[int(line.removeprefix("line ")) - 1]
    assert number.startswith(f"step {len(steps) + 1} (")


@settings(deadline=None)
@given(st.text("-?:,[]{}#&*!|>'\"%@` \n\tab1.é", max_size=80))
def test_no_text_gets_anything_but_steps_or_a_sentence(text):
    try:
        assert read_scenario(text, "x")
    except ScenarioError as error:
        assert len(str(error).splitlines()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(list(s.STEPS)),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*s.STEPS, "seconds", "within", ""]), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(JSON))
def test_no_value_gets_anything_but_steps_or_a_sentence(value):
    try:
        assert len(read_steps(value, "x")) == len(value)
    except ScenarioError as error:
        assert len(str(error).splitlines()) == 1


ANY_STEPS = STEPS | st.builds(s.Say, st.text("&*-# ab:\"'\n\u2028é", min_size=1, max_size=20).filter(str.strip))


@settings(deadline=None)
@given(st.lists(ANY_STEPS, min_size=1, max_size=5))
def test_every_scenario_is_written_so_that_it_is_read_back(steps):
    text = written([notation(step) for step in steps])
    assert text.endswith("\n")
    assert read_scenario(text, "x") == tuple(steps)


def test_a_scenario_is_written_in_blocks_one_line_a_value_and_with_every_letter_as_it_is():
    words = " ".join(["Selamat pagi ü 你好."] * 9)
    steps = [{"ring": 3}, "answer", {"say": {"words": words, "voice": "id"}}, {"press": "1*#"}, {"press": "12"}]
    assert written(steps).splitlines() == [
        "- ring: 3",
        "- answer",
        "- say:",
        f"    words: {words}",
        "    voice: id",
        "- press: 1*#",
        '- press: "12"',
    ]


def test_words_that_would_read_as_aliases_are_written_as_json():
    assert written([{"say": "1 *b and &b"}]) == '[\n  {\n    "say": "1 *b and &b"\n  }\n]\n'


def test_nothing_is_built_before_the_first_file():
    code = (
        "import sys; import mockpbx.runtime.scenario_files, mockpbx.runtime.plan_files\n"
        "from mockpbx.runtime.files import steps\n"
        "print('yaml12' in sys.modules, steps._model.cache_info().currsize)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "0"]
