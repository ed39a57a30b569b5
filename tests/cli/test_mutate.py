"""`mockpbx mutate` as its users run it: tiny suites, in processes of their own, against real servers."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from mockpbx.cli import mockpbx
from mockpbx.cli.mutation_report import Report, show
from mockpbx.cli.mutation_runs import Result, Run
from mockpbx.runtime.mutants.table import MUTANTS

POST = """
import json, os, urllib.request

def place_call():
    request = urllib.request.Request(
        os.environ["MOCKPBX_URL"] + "/pbx/call", b'{"phoneNumber": "089608675796"}',
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MOCKPBX_TOKEN"]},
    )
    with urllib.request.urlopen(request) as reply:
        return reply.status, json.load(reply)
"""
NEW_SESSION = (
    POST
    + """
import asyncio, socketio

async def main():
    sio, announced = socketio.AsyncClient(), asyncio.Event()
    sio.on("newSession", lambda data: announced.set())
    await sio.connect(os.environ["MOCKPBX_URL"], auth={"token": os.environ["MOCKPBX_TOKEN"]}, transports=["websocket"])
    await asyncio.to_thread(place_call)
    await announced.wait()
    await sio.disconnect()

asyncio.run(main())
"""
)
STUCK = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
STUCK_LATER = f"import os\nif 'MOCKPBX_MUTANT' in os.environ:\n    {STUCK}"


class Ended:
    def __init__(self, status: int, out: bytes, error: bytes) -> None:
        self.status, self.out, self.error = status, out.decode(), error.decode()

    def outcomes(self) -> dict[str, str]:
        """What became of each mutant, by the table."""
        rows = [line for line in self.out.splitlines() if any(f"  {name}  " in line for name in MUTANTS)]
        return {next(name for name in MUTANTS if f"  {name}  " in line): line[:11].strip() for line in rows}


@pytest.fixture
async def start(tmp_path, tmp_path_factory):
    """Start `mockpbx mutate ...` in an empty folder."""
    processes = []
    # Whoever forbids bytecode compiles everything again at every start.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path_factory.getbasetemp() / "bytecode")

    async def run(*arguments: str) -> asyncio.subprocess.Process:
        processes.append(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "mockpbx",
                "mutate",
                *arguments,
                cwd=tmp_path,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        )
        return processes[-1]

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def mutate(start, tmp_path):
    """Let a suite, a script of this text, run against mutants."""

    async def run(suite: str, *arguments: str, by: tuple[str, ...] = ()) -> Ended:
        (tmp_path / "suite.py").write_text(suite)
        process = await start(*arguments, "--", sys.executable, *by, "suite.py")
        out, error = await process.communicate()
        return Ended(process.returncode, out, error)

    return run


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


async def test_what_a_suite_misses_is_told_with_what_would_have_noticed_it(mutate, tmp_path):
    suite = POST + "assert place_call()[0] == 200"
    only = ("--only", "post-201", "--only", "post-errors-null", "--only", "cdr-twice")
    files = ("--junit", "report.xml", "--json", "report.json")
    ended = await mutate(suite, *only, *files, "--workers", "2", "--min-score", "33")
    assert ended.status == 0, ended.error  # a third is enough
    assert ended.outcomes() == {"post-201": "noticed", "post-errors-null": "survived", "cdr-twice": "not reached"}
    assert "1 of 3 mutants noticed, 33 %" in ended.out
    assert MUTANTS["post-errors-null"].notice in ended.out
    assert MUTANTS["post-201"].notice not in ended.out
    assert "3/3 " in ended.error
    assert not (tmp_path / "mockpbx-evidence").exists()

    report = json.loads((tmp_path / "report.json").read_text())
    assert [(mutant["name"], mutant["outcome"]) for mutant in report["mutants"]] == list(ended.outcomes().items())
    assert (report["noticed"], report["total"], report["score"]) == (1, 3, 33.3)
    assert report["mutants"][0]["hint"] is None
    assert report["mutants"][1]["hint"] == MUTANTS["post-errors-null"].notice

    (suite,) = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    failures = {case.get("name"): failure.get("type") for case in suite for failure in case}
    assert failures == {"post-errors-null": "survived", "cdr-twice": "not reached"}


async def test_a_pytest_suite_is_asked_which_test_has_noticed(mutate, tmp_path):
    suite = POST + "def test_it():\n    assert place_call()[1]['errors'] == ''\n"
    ended = await mutate(
        suite, "--only", "post-errors-null", "--json", "report.json",
        by=("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull),
    )  # fmt: skip
    assert ended.status == 0, ended.out + ended.error
    (mutant,) = json.loads((tmp_path / "report.json").read_text())["mutants"]
    assert mutant["failedTests"][0].endswith("suite.py::test_it")


async def test_a_suite_that_waits_for_ever_has_noticed_and_is_ended(mutate):
    ended = await mutate(NEW_SESSION, "--only", "new-session-lost", "--timeout", "8")
    assert ended.outcomes() == {"new-session-lost": "timed out"}, ended.error
    assert ended.status == 0


async def test_a_run_that_fails_while_the_contract_is_kept_notices_nothing(mutate):
    suite = "import os, sys; sys.exit('MOCKPBX_MUTANT' in os.environ)"
    ended = await mutate(suite, "--only", "post-201")
    assert ended.outcomes() == {"post-201": "unrelated"}
    assert ended.status == 1
    assert "does the suite talk to the server that MOCKPBX_URL names" in ended.out


async def test_a_suite_that_fails_anyway_is_not_tried(mutate):
    ended = await mutate("import sys; sys.exit('no \\x1b[31msuch thing')", "--only", "post-201")
    assert ended.status == 2
    assert "| no such thing" in ended.error
    assert "fails with exit status 1 against a faithful service" in ended.error
    assert ended.out == ""


@pytest.mark.parametrize(("suite", "number"), [(STUCK, signal.SIGTERM), (STUCK_LATER, signal.SIGINT)])
async def test_it_is_stopped_and_leaves_nothing_behind(start, tmp_path, suite, number):
    process = await start("--", sys.executable, "-c", suite)
    async with asyncio.timeout(20):
        while not (tmp_path / "pid").exists() or not (pid := (tmp_path / "pid").read_text()):
            await asyncio.sleep(0.01)
    process.send_signal(number)
    _, error = await process.communicate()
    assert process.returncode == 130, error
    assert b"Traceback" not in error
    assert gone(int(pid))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "cdr-twise", "--", "true"], "--only 'cdr-twise' fits no mutant; did you mean cdr-twice?"),
        (["--only", "xyz", "--", "true"], "mockpbx mutate --list shows them"),
        (["--junit", "no/such/report.xml", "--", "true"], "cannot write no/such/report.xml: there is no folder"),
        ([], "name the command that runs your tests"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(arguments, sentence):
    result = CliRunner().invoke(mockpbx, ["mutate", *arguments])
    assert result.exit_code == 2
    assert sentence in result.output


def test_the_mutants_are_listed_by_area():
    listed = CliRunner().invoke(mockpbx, ["mutate", "--list", "--only", "acks"]).output
    names = [name for name, mutant in MUTANTS.items() if mutant.area == "acks"]
    assert [line.split()[1] for line in listed.splitlines()] == [*names, "mutants"]


def test_what_a_command_printed_is_not_obeyed_and_names_its_failed_tests(capsys):
    output = ("FAILED tests/test_a.py::test_b - AssertionError", "not ok 3 - hangs up", "ok 4 - not this", "FAILED x")
    run = Run(1, 1.5, True, output)
    assert run.failed_tests == ("tests/test_a.py::test_b", "hangs up", "x")
    show(Report(run, [Result(MUTANTS["cdr-twice"], run)]))
    assert "1 of 1 mutants noticed, 100 % (1 noticed)" in capsys.readouterr().out


def test_an_unknown_mutant_is_refused_with_the_nearest_name():
    result = CliRunner().invoke(mockpbx, ["serve", "--mutant", "checkpoint-to-early"])
    assert result.exit_code == 2
    assert "--mutant: expected the name of a mutant (did you mean checkpoint-early" in result.output
