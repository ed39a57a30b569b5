"""`mockpbx check` as its users run it."""

import asyncio
import json
import os
import signal
import sys
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from conformance.odd_servers import html, running
from conftest import Api

from mockpbx.cli import mockpbx
from mockpbx.cli.target import is_loopback
from mockpbx.conformance.checks import CHECKS

NUMBER = "089608675796"


def refused(*arguments: str, **environment: str) -> str:
    """What it says on stderr before it leaves with exit status 2, or with a usage error."""
    ran = CliRunner().invoke(mockpbx, ["check", *arguments], env=environment)
    assert ran.exit_code == 2, ran.output
    return ran.stderr


@pytest.fixture
async def check(tmp_path):
    """Start `mockpbx check ...` in an empty folder."""
    processes = []

    async def run(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
        processes.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mockpbx", "check", *arguments, cwd=tmp_path, env=os.environ | environment,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )
        )  # fmt: skip
        return processes[-1]

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


async def test_a_right_server_passes_and_the_files_say_so(serve, check, tmp_path):
    server = await serve()
    files = ("--report", "junit=r.xml,json=r.json", "--report", "html=r.html")
    status, out, error = await told(
        await check(server.url, "--token", "dev", "--number", NUMBER, "--only", "doors", *files)
    )
    assert status == 0, out + error
    assert "take no call" in error
    assert "1/1 doors: " in error
    assert "passed        MUST    rest-requires-token" in out
    assert "0 failed, 0 inconclusive" in out
    assert out.endswith(
        "The server keeps the contract, as far as it could be tried.\n"
        "Exit status 0: every MUST that could be tried was kept.\n"
    )
    assert "\x1b" not in out + error
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["exitStatus"] == 0
    assert {result["outcome"] for result in report["results"]} == {"passed"}
    assert ElementTree.parse(tmp_path / "r.xml").find(".//testcase[@name='rest-requires-token']") is not None
    assert "The server keeps the contract" in (tmp_path / "r.html").read_text()


async def test_a_wrong_server_fails_with_the_exchange_that_shows_it(serve, check):
    server = await serve(mutant="unauthorized-as-403", token=["dev-secret"])
    arguments = ("--token", "dev-secret", "--wrong-token", "wrong-secret", "--number", NUMBER)
    status, out, _ = await told(await check(server.url, *arguments, "--only", "rest-refuses-wrong-token"))
    assert status == 1
    failure = out[out.index("Failed  rest-refuses-wrong-token  (MUST; contract: Authentication") :]
    assert "  expected  each of the four operations answers 401" in failure
    assert "  came      " in failure
    assert "Authorization: Bearer <wrong token>" in failure
    assert "403 application/json" in failure
    assert "secret" not in out
    assert out.endswith("Exit status 1: a MUST was violated.\n")


async def test_a_web_site_is_told_from_the_service(check):
    async with running(html) as url:
        status, out, _ = await told(await check(url, "--token", "dev", "--number", NUMBER, "--only", "doors"))
    assert status == 1
    assert "Note: no reply was JSON, but text/html: is this the Outgoing Call Service?" in out


async def test_flags_come_from_the_environment_too(check):
    environment = {
        "URL": "http://127.0.0.1:1",
        "TOKEN": "dev",
        "NUMBER": "0811",
        "BUSY_NUMBER": "0817",
        "ONLY": "busy*",
    }
    status, _, error = await told(await check(**{f"MOCKPBX_{name}": value for name, value in environment.items()}))
    assert status == 2
    assert "1 to 0817" in error
    assert error.endswith("mockpbx: http://127.0.0.1:1 does not answer: Connection refused\n")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_who_stops_it_leaves_no_call_behind_and_hears_what_is_known(serve, http, check, how):
    server = await serve()
    only = ("--only", "doors", "--only", "dial-status-order")
    process = await check(server.url, "--token", "dev", "--number", NUMBER, *only)
    api = Api(http, server.url)

    async def live() -> list[object]:
        return (await api.get("/__admin/calls?live=true"))[1]["data"]["calls"]

    while not await live():
        await asyncio.sleep(0.05)
    process.send_signal(how)
    status, out, error = await told(process)
    assert status == 130, error
    assert await live() == []
    assert "passed        MUST    rest-requires-token" in out
    assert "inconclusive  MUST    dial-status-order" in out
    assert out.endswith("Exit status 130: stopped before the end.\n")


def test_it_lists_every_check_without_a_server():
    ran = CliRunner().invoke(mockpbx, ["check", "--list"])
    assert ran.exit_code == 0
    assert all(f"  {check.id} " in ran.output for check in CHECKS)
    assert all(check.expects in ran.output for check in CHECKS)
    assert f"\n{len(CHECKS)} checks\n" in ran.output


def test_only_takes_ids_sections_and_scenes():
    for glob in ("rest-requires-token", "authentication*", "door?"):
        ran = CliRunner().invoke(mockpbx, ["check", "--list", "--only", glob])
        assert "rest-requires-token" in ran.output
        assert "dial-status-order" not in ran.output


ELSEWHERE = ("http://192.0.2.1", "--token", "dev", "--number", NUMBER)


def test_nobody_is_called_elsewhere_unless_told_so():
    said = refused(*ELSEWHERE)
    assert f" to {NUMBER}" in said
    assert said.endswith("nobody can be asked here: give --yes to place them\n")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:7290", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:7290/", True),
        ("http://localhost:7290", True),
        ("https://api-call.example", False),
        ("http://127.0.0.1.example", False),
        ("http://localhost.example", False),
        ("http://0.0.0.0:7290", False),
        ("http://192.168.1.1", False),
    ],
)
def test_what_counts_as_this_machine(url, local):
    assert is_loopback(url) is local


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "URL and --token and --number missing"),
        (("http://127.0.0.1:1", "--token", "dev"), "--number missing"),
        (("nonsense", "--token", "dev", "--number", "1"), "'nonsense' is no address of a server"),
        (("http://me:pw@127.0.0.1", "--token", "dev", "--number", "1"), "the API knows only tokens"),
        (("http://127.0.0.1", "--token", "d v", "--number", "1"), "the token cannot be sent"),
        ((*ELSEWHERE, "--wrong-token", "dev"), "--wrong-token is the token itself"),
        ((*ELSEWHERE, "--only", "dail-status-order"), "did you mean 'dial-status-order'?"),
        ((*ELSEWHERE, "--only", "zzz"), "mockpbx check --list shows them"),
        ((*ELSEWHERE, "--report", "pdf=x"), "'pdf=x'; expected junit=FILE or json=FILE or html=FILE"),
        ((*ELSEWHERE, "--report", "json=/nowhere/x"), "there is no folder /nowhere"),
        ((*ELSEWHERE, "--max-calls", "-1"), "--max-calls"),
        ((*ELSEWHERE, "--timeout", "0"), "--timeout"),
        ((*ELSEWHERE, "--timeout", "nan"), "'--timeout': 'nan' is not a finite number; expected one like 2.5"),
        ((*ELSEWHERE, "--timeout", "inf"), "'inf' is not a finite number"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_said_in_a_sentence(arguments, sentence):
    assert sentence in refused(*arguments)
