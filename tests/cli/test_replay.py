"""`mockpbx replay` and `mockpbx compare` as their users run them."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mockpbx.cassette.tape import read_cassette
from mockpbx.client import Client
from mockpbx.contract.messages import CheckPointReached, DialStatusChange, DigitPressed

MOCKPBX = (sys.executable, "-m", "mockpbx")
STEADY = {"PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
TWO_CALLS = Path(__file__).parents[2] / "fixtures" / "cassettes" / "two-calls.cassette.jsonl"
FAST = ("--speed", "10")


async def run(*arguments: object, cwd: Path) -> tuple[int, str, str]:
    """Run a command to its end: exit status, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *MOCKPBX, *map(str, arguments), cwd=cwd, env=STEADY, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1
    )
    stdout, stderr = await process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


@pytest.fixture
async def first_call(tmp_path) -> Path:
    """The first call of the sample, and nothing else."""
    lines = TWO_CALLS.read_text().splitlines(keepends=True)
    end = next(at for at, line in enumerate(lines) if "/cdr" in line)
    (tmp_path / "one.jsonl").write_text("".join([*lines[:end], '{"at": 99999, "kind": "end"}\n']))
    return tmp_path / "one.jsonl"


async def replaying(cassette: Path, *arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        *MOCKPBX, "replay", cassette, "--listen", "127.0.0.1:0", *arguments, env=STEADY, stdout=-1, stderr=-1
    )
    line = (await process.stdout.readline()).decode()
    return process, line.rpartition(" at ")[2].strip()


async def test_a_client_that_does_what_the_recorded_one_did(first_call):
    process, url = await replaying(first_call, "--speed", "20", "--timeout", "5")
    async with Client(url, "dev") as client:
        call = await client.place_call("089608675796")
        await call.until(DialStatusChange, status="Connected")
        await call.send_audio(bytes(2_560))
        await call.check_point("greeting heard")
        await call.until(CheckPointReached)
        await call.press("5", 100)
        await call.until(DigitPressed)
        await call.hang_up()
        assert (await call.finished()).destination == "089608675796"
    stdout, stderr = await process.communicate()
    assert stdout.decode() == "the client did all that the recorded one did\n"
    assert (process.returncode, stderr) == (0, b"")


async def test_a_client_that_does_less_and_something_else(first_call):
    process, url = await replaying(first_call, "--speed", "20", "--timeout", "0.5")
    async with Client(url, "dev") as client:
        call = await client.place_call("089608675796")
        await call.until(DialStatusChange, status="Connected")
        await call.interrupt()
        stdout, stderr = await process.communicate()
    assert stdout.decode().splitlines() == [
        "the client did, and the recorded one did not: interruption",
        "the client did not, and the recorded one did: audio (5 times)",
        "the client did not, and the recorded one did: checkPoint 'greeting heard'",
        "the client did not, and the recorded one did: dtmf '5'",
        "the client did not, and the recorded one did: hangup",
    ]
    assert (process.returncode, stderr) == (1, b"")


async def test_the_clients_side_is_played_to_a_server_and_kept(serve, tmp_path, first_call):
    pbx = await serve()
    words = ("replay", first_call, "--to", pbx.url, "--token", "mine", "--output", "live")
    status, stdout, stderr = await run(*words, cwd=tmp_path)
    assert (status, stdout) == (0, f"{first_call} and {pbx.url} differ in nothing but times and ids\n")
    assert stderr == f"mockpbx plays {first_call} to {pbx.url}: 1 call\n"
    assert "mine" not in (tmp_path / "live").read_text()
    assert read_cassette(tmp_path / "live").header.upstream == pbx.url


async def test_a_server_that_breaks_the_contract_differs(serve, tmp_path, first_call):
    pbx = await serve(clock="10x", mutant="ringing-skipped")
    report = tmp_path / "report.json"
    status, stdout, _ = await run(
        "compare", first_call, pbx.url, "--json", report, "--timeout", "2", *FAST, cwd=tmp_path
    )
    assert status == 1
    assert stdout.splitlines()[:4] == [
        f"--- {first_call}",
        f"+++ {pbx.url}",
        "@@ session 1, events on socket 1",
        "- dialStatus 'Ringing'",
    ]
    told = json.loads(report.read_text())
    assert not told["same"]
    assert told["differences"][0] == {
        "where": "session 1, events on socket 1", "a": "dialStatus 'Ringing'", "b": "nothing"
    }  # fmt: skip


async def test_two_cassettes_and_two_servers(serve, tmp_path, first_call):
    status, stdout, stderr = await run("compare", TWO_CALLS, TWO_CALLS, cwd=tmp_path)
    assert (status, stdout) == (0, f"{TWO_CALLS} and {TWO_CALLS} differ in nothing but times and ids\n")
    assert stderr == ""

    one, other = await serve(clock="10x"), await serve(clock="10x", mutant="hangup-by-missing")
    words = ("compare", one.url, other.url, "--with", first_call, *FAST)
    status, stdout, _ = await run(*words, "--token", "a", "--token-b", "b", cwd=tmp_path)
    assert status == 1
    assert "@@ session 1, events on socket 1, cdr: hangupBy\n- 'CALLER'\n+ no such field\n" in stdout


async def test_a_cassette_cut_in_half_says_where_and_replays_what_is_whole(serve, tmp_path, first_call):
    half = tmp_path / "half.jsonl"
    half.write_bytes(first_call.read_bytes()[: first_call.stat().st_size // 2])
    number = half.read_bytes().count(b"\n") + 1

    process, url = await replaying(half, "--speed", "20", "--timeout", "0.2")
    async with Client(url, "dev") as client:
        call = await client.place_call("089608675796")
        await call.until(DialStatusChange, status="Connected")
        _, stderr = await process.communicate()
    assert stderr.decode().startswith(f"mockpbx: {half}: line {number} is broken (")
    assert stderr.count(b"\n") == 1

    status, _, stderr = await run("compare", half, (await serve(clock="10x")).url, *FAST, cwd=tmp_path)
    assert f"{half}: line {number} is broken (" in stderr
    assert status == 1  # the rest of the call is in one of them only


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("replay", "nothing"), "nothing cannot be read: No such file or directory"),
        (("replay", "empty"), "empty is empty; expected a cassette, as `mockpbx record` writes it"),
        (("compare", "empty", "http://127.0.0.1:1"), "empty is empty"),
        (("replay", "text"), "text is no cassette: its first line should begin with"),
        (("replay", "future"), "future is a cassette of version 9; this mockpbx reads version 1"),
        (("replay", "script"), "script is a script of `mockpbx fuzz`; name the server to run it against with --to URL"),
        (
            ("replay", TWO_CALLS, "--to", "http://127.0.0.1:1"),
            "nothing answers at http://127.0.0.1:1: Connection refused",
        ),
        (("replay", TWO_CALLS, "--to", "http://192.0.2.1"), "this places 2 calls at http://192.0.2.1; say --yes"),
        (("replay", TWO_CALLS, "--to", "nowhere"), "'nowhere' is no address of a server"),
        (("replay", TWO_CALLS, "--output", "x"), "--output goes with --to"),
        (("replay", TWO_CALLS, "--to", "http://x", "--number", "1=2"), "the cassette dials no 1, but 089608675796, "),
        (("compare", TWO_CALLS, "http://127.0.0.1:1"), "nothing answers at http://127.0.0.1:1"),
        (
            ("compare", "http://a", "http://b"),
            "two servers need a client: name a cassette that has one",
        ),
        (("compare", TWO_CALLS, TWO_CALLS, "--json", "no/such/file"), "cannot write no/such/file: there is no folder"),
    ],
)
async def test_what_cannot_be_played_is_said_in_one_sentence(tmp_path, words, sentence):
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "future").write_text('{"cassette": 9}\n')
    (tmp_path / "script").write_text('{"script": 1}\n')
    status, stdout, stderr = await run(*words, cwd=tmp_path)
    assert (status, stdout) == (2, "")
    assert sentence in stderr.splitlines()[-1]
    assert stderr.splitlines()[-1].startswith("mockpbx: ")
    assert "Traceback" not in stderr
