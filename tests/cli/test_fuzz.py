"""`mockpbx fuzz` as its users run it."""

import asyncio
import json
import os
import signal
import sys

import pytest
from click.testing import CliRunner
from conformance.odd_servers import mortal
from conftest import Api

from mockpbx.cli import mockpbx
from mockpbx.conformance.fuzz.script import read_script

NUMBER = "089608675796"


@pytest.fixture
async def fuzz(tmp_path):
    """Start `mockpbx fuzz ...` in an empty folder."""
    processes = []

    async def run(url: str, *arguments: str) -> asyncio.subprocess.Process:
        processes.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mockpbx", "fuzz", url, "--token", "dev-secret", "--number", NUMBER, *arguments,
                cwd=tmp_path, env=os.environ, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
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


async def test_our_own_server_shows_nothing(serve, fuzz, tmp_path):
    server = await serve(record_delay=0, clock="5x")
    status, out, error = await told(await fuzz(server.url, "--examples", "5", "--seed", "3"))
    assert status == 0, out + error
    assert "5 scripts on http://127.0.0.1" in error
    assert "5/5 scripts" in error
    assert out.startswith("nothing was found (5 plays, ")
    assert list(tmp_path.iterdir()) == []


async def test_a_wrong_server_gets_a_short_script_that_is_kept(serve, fuzz, tmp_path):
    server = await serve(mutant="unauthorized-as-403", token=["dev-secret"], record_delay=0, dial_delay=0)
    arguments = ("--examples", "40", "--seed", "1", "--max-calls", "0", "--save", "found.jsonl")
    status, out, error = await told(await fuzz(server.url, *arguments))
    assert status == 1, out + error
    assert "place 0 calls at most" in error
    assert "scripts were left out: they would have placed more calls than --max-calls" in out
    assert "expected  a status is one of the documented ones" in out
    assert "came      it was answered 403" in out
    assert "mockpbx replay found.jsonl --to " in out
    assert "secret" not in out + error + (tmp_path / "found.jsonl").read_text()
    (step,) = read_script(tmp_path / "found.jsonl")
    assert step.bearer in ("wrong", "none")
    head = json.loads((tmp_path / "found.jsonl").read_text().splitlines()[0])
    assert (head["script"], head["seed"], head["found"]) == (1, 1, "a status is one of the documented ones")


async def test_a_server_that_dies_leaves_the_scripts_that_were_played_then(serve, fuzz, tmp_path):
    server = await serve()
    arguments = ("--examples", "40", "--seed", "1", "--max-calls", "0", "--parallel", "1", "--save", "found.jsonl")
    async with mortal(server.url, b"POST /pbx/hangup") as url:
        status, out, error = await told(await fuzz(url, *arguments))
    assert status == 1, out + error
    assert "The server stopped answering (Connection refused) while these were played:\nfound.jsonl, " in out
    assert "  | " in out
    assert "POST /pbx/hangup" in out
    assert "found-2.jsonl, " in out
    assert f"mockpbx replay found.jsonl --to {url} --token ... --number {NUMBER}" in out
    assert "it did not hold" not in out + error
    assert "secret" not in out + error
    assert any(getattr(step, "path", "") == "/pbx/hangup" for step in read_script(tmp_path / "found.jsonl"))
    head = json.loads((tmp_path / "found-2.jsonl").read_text().splitlines()[0])
    assert (head["seed"], head["found"]) == (1, "the server stopped answering")


async def test_a_number_that_the_server_refuses_is_no_clean_bill(serve, fuzz):
    server = await serve()
    status, out, error = await told(await fuzz(server.url, "--examples", "5", "--seed", "3", "--number", "08 12"))
    assert status == 0, out + error
    assert "Note: no call was placed: the server took none to 08 12\n" in out


async def test_who_stops_it_leaves_no_call_behind(serve, http, fuzz):
    server = await serve(record_delay=0)
    process = await fuzz(server.url, "--examples", "200", "--seed", "2")
    api = Api(http, server.url, "dev-secret")

    async def live() -> list[object]:
        return (await api.get("/__admin/calls?live=true"))[1]["data"]["calls"]

    while not await live():
        await asyncio.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    status, out, error = await told(process)
    assert status == 130, error
    assert out.startswith("stopped; nothing was found")
    assert await live() == []


def refused(*arguments: str) -> str:
    ran = CliRunner().invoke(mockpbx, ["fuzz", *arguments])
    assert ran.exit_code == 2, ran.output
    return ran.stderr


def test_nobody_is_called_elsewhere_unless_told_so(tmp_path):
    said = refused("http://192.0.2.1", "--token", "dev", "--number", NUMBER, "--examples", "5")
    assert f"all to {NUMBER}" in said
    assert said.endswith("nobody can be asked here: give --yes to place them\n")


def test_without_hypothesis_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    assert "pip install 'mockpbx[fuzz]'" in refused("http://127.0.0.1:1", "--token", "dev", "--number", NUMBER)


def test_what_cannot_be_run_is_said_in_a_sentence(tmp_path):
    here = ("http://127.0.0.1:1", "--token", "dev", "--number", NUMBER, "--examples", "2")
    assert refused(*here).endswith("mockpbx: http://127.0.0.1:1 does not answer: Connection refused\n")
    assert "URL and --token and --number missing" in refused()
    assert "there is no folder /nowhere" in refused(*here, "--save", "/nowhere/x")
    for flag in ("--seconds", "--timeout"):
        assert f"'{flag}': 'nan' is not a finite number; expected one like 2.5" in refused(*here, flag, "nan")
