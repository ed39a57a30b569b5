"""The documents say what the code does: tables, commands, flags and rooms cannot drift."""

import configparser
import inspect
import json
import re
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from lab import lab_of
from testing.bot import Bot

from mockpbx.cli import COMMANDS, mockpbx
from mockpbx.contract.vocabulary import HANGUP_CAUSES
from mockpbx.domain.events import CalleeSpoke, CallEnded, ExpectationMet
from mockpbx.domain.magic import MAGIC_NUMBERS
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.scenario import Play, word
from mockpbx.runtime.faults import FAULTS, read_fault
from mockpbx.runtime.plan_files import read_plan
from mockpbx.runtime.scenario_files import read_scenario
from mockpbx.runtime.sounds import Beside
from mockpbx.testing import MockPBX
from mockpbx.testing.checks import Checks
from mockpbx.testing.plugin import SWITCHES, TABLES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def test_the_readme_begins_with_two_commands_of_one_line_that_set_themselves_up():
    serve, test, *_ = re.findall(r"^```sh\n(.*?)```$", README, re.MULTILINE | re.DOTALL)
    for command in (serve, test):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install")
    assert serve.endswith(".venv/bin/mockpbx serve\n")
    assert test.endswith(".venv/bin/pytest -n auto\n")


def test_ci_runs_the_readmes_own_test_command():
    script = (ROOT / ".ci/run").read_text()
    extract = re.search(r"^command=\$\((.*)\)$", script, re.MULTILINE)[1]
    command = subprocess.run(["bash", "-c", extract], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert command == re.findall(r"^```sh\n(.*?)```$", README, re.MULTILINE | re.DOTALL)[1]


def table_row(magic) -> str:
    cause = magic.cause
    text = "" if cause is None else f" {cause}, {HANGUP_CAUSES[cause].contract}"
    return f"| `{magic.number}` | {magic.behaviour} |{text} |"


def test_the_readmes_table_of_numbers_is_the_codes():
    shown = re.search(r"<!-- numbers -->\n(.*?)\n<!-- /numbers -->", README, re.DOTALL)[1].splitlines()
    assert shown[2:] == [table_row(magic) for magic in MAGIC_NUMBERS]


def marked(name: str) -> list[str]:
    """The rows of the README's table of that name."""
    return re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", README, re.DOTALL)[1].splitlines()[2:]


def first_line(what: object) -> str:
    return inspect.getdoc(what).partition("\n")[0]


def test_the_readmes_tables_of_personas_and_faults_are_the_codes():
    assert marked("personas") == [f"| `{name}` | {first_line(persona)} |" for name, persona in PERSONAS.items()]
    assert marked("faults") == [f"| `{name}` | {first_line(fault)} |" for name, fault in FAULTS.items()]


def block(part: str) -> str:
    """The README's one Python block with this in it."""
    (found,) = [each for each in fenced("python") if part in each]
    return found


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_readmes_scenario_and_dial_plan_are_read():
    scenario, plan = fenced("yaml")
    steps = read_scenario(scenario, "README.md")
    assert [word(step) for step in steps] == ["ring", "answer", "play", "expect_speech", "wait", "press", "hang_up"]
    assert [Beside(ROOT)(step) for step in steps] == list(steps)
    assert len(read_plan(plan, "README.md", None, PERSONAS).rules) == 3


def test_the_readmes_generator_runs(capsys):
    names: dict = {}
    exec(block("def menu"), names)
    lab = lab_of(names["menu"]).call().advance(10_000)
    lab.workspace.press("s", "1", 200)
    lab.advance(60_000)
    (met,) = lab.events(ExpectationMet)
    assert met.what == "1"
    assert lab.events(CalleeSpoke)[-1].sound == Play("menu-billing")
    assert lab.only(CallEnded).record.cause == 16


def test_the_readmes_rehearsal_runs():
    names: dict = {}
    exec(block("def rehearse"), names)
    record = names["rehearse"](lambda url, token: Bot(url, token).start("089608675796"))
    assert (record.disposition, record.hangup_cause_code) == ("ANSWERED", 16)


def test_the_readmes_examples_are_parts_of_the_suites_that_run():
    suites = "\n".join(file.read_text() for file in (ROOT / "tests/examples").glob("*/*test*.*[ys]"))
    examples = re.findall(r"<!-- example -->\n```\w+\n(.*?)```\n<!-- /example -->", README, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        assert example in suites


def test_the_readmes_ini_file_is_taken_by_the_plugin():
    (ini,) = fenced("ini")
    read = configparser.ConfigParser()
    read.read_string(ini)
    own = read["pytest"]
    levels, limits = (
        dict(re.findall(r"^([\w.-]+) = ([\w.-]+)$", own[f"mockpbx_{name}"], re.MULTILINE)) for name in TABLES
    )
    assert {name.removeprefix("mockpbx_") for name in own} <= {*SWITCHES, *TABLES}
    Checks(levels, {name: float(value) for name, value in limits.items()})
    assert len(levels) == len(limits) == 2


def test_the_readmes_marker_is_taken_by_the_plugin():
    (marker,) = re.findall(r"`@pytest\.mark\.mockpbx\((.*?)\)`", README)
    MockPBX(**eval(f"dict({marker})"))


def test_the_readmes_requests_are_taken_by_the_control_api():
    for body in re.findall(r"/__admin/faults .* -d '(.*?)'", README):
        read_fault(json.loads(body))


@pytest.mark.parametrize("file", sorted((ROOT / "fixtures/scenarios").glob("*.yaml")), ids=lambda file: file.name)
def test_every_example_scenario_is_read_and_its_sounds_are_there(file):
    read_scenario(file.read_text(), file.name, Beside(file.parent))


def test_the_command_line_lists_the_same_numbers():
    listed = CliRunner().invoke(mockpbx, ["numbers"]).output
    for magic in MAGIC_NUMBERS:
        cause = magic.cause
        ending = "" if cause is None else f": cause {cause}, {HANGUP_CAUSES[cause].contract}"
        assert f"{magic.number}  {magic.behaviour}{ending}\n" in listed


def test_every_command_is_in_the_readme_and_every_flag_there_exists():
    context = click.Context(mockpbx)
    commands = [mockpbx.get_command(context, name) for name in COMMANDS]
    commands += [each for group in commands if isinstance(group, click.Group) for each in group.commands.values()]
    flags = {option for command in commands for parameter in command.params
             for option in (*parameter.opts, *parameter.secondary_opts)}  # fmt: skip
    others = {"--quiet", "--editable", "--rm", "--help", *(f"--mockpbx-{name}" for name in SWITCHES)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)) <= flags | others
    assert set(COMMANDS) <= set(re.findall(r"`mockpbx (\w+)", README))


PACKAGES = [path.parent for path in (ROOT / "mockpbx").rglob("__init__.py") if path.parent.name != "mockpbx"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_every_room_and_every_module_is_in_the_picture_of_the_house(package: Path):
    house = re.search(r"^```\nmockpbx/\n(.*?)^```$", ARCHITECTURE, re.MULTILINE | re.DOTALL)[1]
    assert f"{package.name}/" in house
    for module in package.glob("*.py"):
        if module.stem not in ("__init__", "__main__"):
            assert re.search(rf"\b{module.stem}\b", house), f"{module.relative_to(ROOT)} is not in the picture"


def test_the_picture_names_no_top_level_folder_that_is_not_there():
    for name in ("mockpbx", "fixtures", "tests", "docker"):
        assert (ROOT / name).is_dir()
        assert f"{name}/" in ARCHITECTURE
