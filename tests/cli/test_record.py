"""`mockpbx record` as its users run it: beside their client, until Ctrl-C."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mockpbx.cassette.tape import read_cassette
from mockpbx.client import Client, RequestFailed
from mockpbx.contract.messages import DialStatusChange

MOCKPBX = (sys.executable, "-m", "mockpbx")
STEADY = {"PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
TWO_CALLS = Path(__file__).parents[2] / "fixtures" / "cassettes" / "two-calls.cassette.jsonl"


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MOCKPBX, *map(str, arguments)], cwd=cwd, env=STEADY, capture_output=True, text=True, check=False
    )


@pytest.fixture
async def begin(tmp_path):
    """Start `mockpbx record`: the process, and the address that it prints."""
    started = []

    async def begin(*arguments: object) -> tuple[asyncio.subprocess.Process, str]:
        process = await asyncio.create_subprocess_exec(
            *MOCKPBX, "record", "--listen", "127.0.0.1:0", *map(str, arguments),
            cwd=tmp_path, env=STEADY, stdout=-1, stderr=-1,
        )  # fmt: skip
        started.append(process)
        line = (await process.stdout.readline()).decode()
        assert " at http" in line, (await process.stderr.read()).decode()
        return process, line.split(" at ")[1].split()[0]

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_a_call_is_recorded_until_ctrl_c(serve, begin, tmp_path):
    pbx = await serve(clock="auto")
    process, url = await begin("--upstream", pbx.url, "--output", "call.jsonl", "--redact", "numbers")
    async with Client(url, "a-secret-token") as client:
        call = await client.place_call("089608675796")
        await call.until(DialStatusChange, status="Connected")
        await call.send_audio(bytes(2_560))
        await call.hang_up()
        await call.finished()
        with pytest.raises(RequestFailed):
            await client.place_call("12")
    process.send_signal(signal.SIGINT)
    stdout, stderr = await process.communicate()

    assert (process.returncode, stderr) == (0, b"")
    summary = stdout.decode().split()
    assert b"1 call, 2 requests (0 without a reply), 1 socket, " in stdout
    assert b"(0.2 s as pcm16 from the client, " in stdout, summary
    written = (tmp_path / "call.jsonl").read_bytes()
    assert b"a-secret-token" not in written
    assert b"089608675796" not in written
    cassette = read_cassette(tmp_path / "call.jsonl")
    assert (cassette.cut, cassette.header.upstream) == (None, pbx.url)
    assert cassette.header.redacted == ("tokens", "numbers")


async def test_a_recorder_that_is_killed_leaves_what_had_happened(serve, begin, tmp_path):
    pbx = await serve()
    process, url = await begin("--upstream", pbx.url, "--output", "call.jsonl")
    async with Client(url, "dev") as client:
        await client.place_call("089608675796")
        written = ""
        while '"newSession"' not in written:
            await asyncio.sleep(0)
            written = (tmp_path / "call.jsonl").read_text()
        process.kill()
        await process.wait()
    cassette = read_cassette(tmp_path / "call.jsonl")
    assert cassette.cut
    assert "newSession" in [getattr(line, "event", None) for line in cassette.lines]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name the server to stand in front of, for instance --upstream https://api.example.com"),
        (
            ("--upstream", "phone"),
            "--upstream: 'phone' is no address of a server; expected one like http://127.0.0.1:7290",
        ),
        (("--upstream", "http://me:pw@x"), "--upstream must not bear a name or password"),
        (("--upstream", "http://x", "--listen", "here"), "'here' is no address; expected HOST:PORT"),
        (("--upstream", "http://x", "--listen", "192.0.2.1:1"), "cannot listen on 192.0.2.1:1: "),
        (("--upstream", "http://x", "--output", "no/such/folder"), "cannot write no/such/folder: No such file"),
        (("--upstream", "http://x", "--output", "there"), "there is there already; choose another --output"),
    ],
)
def test_what_cannot_be_recorded_is_said_in_one_line(tmp_path, arguments, sentence):
    (tmp_path / "there").write_text("mine")
    done = run("record", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("mockpbx: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "there").read_text() == "mine"
    assert not list(tmp_path.glob("*.cassette.jsonl"))


def test_a_cassette_is_redacted_again(tmp_path):
    words = ("record", "redact", TWO_CALLS, "--output", "less")
    done = run(*words, "--numbers", "--secret", "greeting heard", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "less\n")
    written = (tmp_path / "less").read_text()
    assert "089608675796" not in written
    assert "greeting" not in written
    assert read_cassette(tmp_path / "less").cut is None

    again = run(*words, cwd=tmp_path)
    assert again.returncode == 2
    assert "less is there already" in again.stderr
