"""`mockpbx exec` as its users run it: their command, its exit status, and what is left when it is gone."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MOCKPBX = (sys.executable, "-m", "mockpbx")
STEADY = {"PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}

#: A client that places one call and does not wait for its end.
CALLS = """
import json, os, urllib.request
def ask(path, body, token=os.environ["MOCKPBX_TOKEN"]):
    request = urllib.request.Request(os.environ["MOCKPBX_URL"] + path, json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["data"]
session = ask("/pbx/call", {"phoneNumber": "089608675796"})["sessionId"]
"""


def run(*arguments: str, cwd: Path, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*MOCKPBX, "exec", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=STEADY | environment, input=stdin, capture_output=True, text=True, check=False
    )


def python(code: str) -> tuple[str, ...]:
    return "--", sys.executable, "-c", code


@pytest.fixture
async def begin(tmp_path):
    """Start `mockpbx exec` and go on once its command has said something: the process, and what it said."""
    started = []

    async def begin(code: str) -> tuple[asyncio.subprocess.Process, str]:
        process = await asyncio.create_subprocess_exec(
            *MOCKPBX, "exec", *python(code), cwd=tmp_path, env=STEADY, stdout=-1, stderr=-1
        )
        started.append(process)
        return process, (await process.stdout.readline()).decode().strip()

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
    except ProcessLookupError:
        return False


# --- what the command gets --------------------------------------------------------------------------------------------


def test_the_command_finds_a_server_that_is_ready_and_any_token_is_a_workspace(tmp_path):
    ran = run(*python(CALLS + 'ask("/pbx/hangup", {"sessionId": session})\n'
        'ask("/__admin/reset", {}, token="another")\nprint(os.environ["MOCKPBX_URL"])'), cwd=tmp_path)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", ran.stdout)
    assert re.fullmatch(r"mockpbx: 1 call, .* at error level.*\n", ran.stderr)
    assert list(tmp_path.iterdir()) == []


def test_each_run_has_a_token_and_a_port_of_its_own_whatever_the_environment_says_of_other_servers(tmp_path):
    code = 'import os; print(os.environ["MOCKPBX_URL"], os.environ["MOCKPBX_TOKEN"])'
    elsewhere = {"MOCKPBX_PORT": "1", "MOCKPBX_HOST": "192.0.2.1", "MOCKPBX_TOKEN": "dev", "MOCKPBX_URL": "http://x"}
    first, second = (run(*python(code), cwd=tmp_path, **elsewhere).stdout.split() for _ in range(2))
    assert first[0].startswith("http://127.0.0.1:")
    assert first[1] != second[1]
    assert len(first[1]) == 32


def test_switches_are_those_of_serve_and_only_its_tokens_are_taken_where_some_are_given(tmp_path):
    code = CALLS + 'print(os.environ["MOCKPBX_TOKEN"], ask("/__admin/calls/wait", {})["scenario"])'
    ran = run("--token", "mine", "--callee", "noise", "--clock", "real", *python(code), cwd=tmp_path)
    assert ran.stdout == "mine noise\n"


def test_its_input_and_output_are_those_of_the_command(tmp_path):
    ran = run("sh", "-c", "cat; echo said >&2", cwd=tmp_path, stdin="given")
    assert (ran.returncode, ran.stdout) == (0, "given")
    assert ran.stderr == "said\nmockpbx: no calls, no findings at error level\n"


def test_a_command_on_a_terminal_may_read_it_and_gets_its_ctrl_c(tmp_path):
    """What shells do for a foreground job: a process group of its own would be stopped when it reads."""
    code = "print(input('name? ')); import signal; signal.pause()"
    takes_terminal = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    )
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", takes_terminal, *MOCKPBX, "exec", *python(code)],
        cwd=tmp_path, env=STEADY, stdin=other_end, stdout=other_end, stderr=other_end, start_new_session=True,
    )  # fmt: skip
    os.close(other_end)
    said = b""
    while b"name? " not in said:
        said += os.read(terminal, 1_000)
    os.write(terminal, b"bot\n")
    while b"bot\r\nbot" not in said:
        said += os.read(terminal, 1_000)
    os.write(terminal, b"\x1a\x03")  # Ctrl-Z does nothing, Ctrl-C ends it
    try:
        while True:
            said += os.read(terminal, 1_000)
    except OSError:  # Linux's way of saying that nobody has it open any more
        pass
    os.close(terminal)
    assert process.wait() == 128 + signal.SIGINT, said.decode()
    assert b"mockpbx: no calls" in said


# --- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "status"), [("true", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_the_exit_status_is_the_commands(tmp_path, command, status):
    assert run("--", "sh", "-c", command, cwd=tmp_path).returncode == status


@pytest.mark.parametrize(
    ("command", "status", "sentence"),
    [
        (("no-such-command",), 127, "cannot run 'no-such-command': no such command"),
        (("./text",), 126, "cannot run './text': Permission denied"),
        ((), 2, "name the command to run, for instance: mockpbx exec -- npm test"),
    ],
)
def test_a_command_that_cannot_be_run_is_named(tmp_path, command, status, sentence):
    (tmp_path / "text").write_text("no program")
    ran = run("--", *command, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (status, "")
    assert ran.stderr.startswith(f"mockpbx: {sentence}")
    assert ran.stderr.count("\n") == 1


def test_a_server_that_cannot_start_is_told_and_the_command_is_not_run(tmp_path):
    ran = run("--callee", "nobody.wav", "--", "touch", "ran", cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr.startswith("mockpbx: callee 'nobody.wav' is neither a file nor one of ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_is_passed_on_and_the_server_ends_after_the_command(begin, number):
    process, said = await begin(
        "import os, signal, sys\n"
        "def leave(number, _): print('leaving', flush=True); sys.exit(9)\n"
        f"signal.signal({int(number)}, leave)\n"
        "print(os.getpid(), flush=True); signal.pause()"
    )
    process.send_signal(number)
    out, error = await process.communicate()
    assert (process.returncode, out) == (9, b"leaving\n")
    assert error == b"mockpbx: no calls, no findings at error level\n"
    assert not is_alive(int(said))


async def test_a_command_that_listens_to_no_signal_ends_with_the_third(begin):
    process, said = await begin(
        "import os, signal\nfor each in (2, 15): signal.signal(each, lambda *_: print('no', flush=True))\n"
        "print(os.getpid(), flush=True)\nwhile True: signal.pause()"
    )
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        assert await process.stdout.readline() == b"no\n"
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 128 + signal.SIGKILL
    assert not is_alive(int(said))


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_command_that_crashes_leaves_no_process_and_no_port(begin, tmp_path, deaf):
    ignores = "signal.signal(15, signal.SIG_IGN)" if deaf else "pass"
    child = f"import signal; {ignores}; print('up', flush=True); signal.pause()"
    process, said = await begin(
        "import os, subprocess, sys\n"
        f"left = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "left.stdout.readline()\n"
        "print(left.pid, os.environ['MOCKPBX_URL'], flush=True); os.kill(os.getpid(), 9)"
    )
    assert await process.wait() == 137
    pid, url = said.split()
    assert not is_alive(int(pid))
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    assert list(tmp_path.iterdir()) == []


# --- the evidence -----------------------------------------------------------------------------------------------------


def test_the_calls_of_a_command_that_fails_are_shown(tmp_path):
    ran = run("--seed", "7", "--admin-token", "s3cret", *python(CALLS + "exit(3)"), cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (3, "")
    page = tmp_path / re.search(r"^mockpbx: evidence in (.*)$", ran.stderr, re.MULTILINE)[1]
    assert page == tmp_path / "mockpbx-evidence" / "001-089608675796.html"
    assert "exit status 3" in page.read_text()
    header = json.loads(page.with_suffix(".jsonl").read_text().splitlines()[0])
    assert header["command"].startswith("mockpbx exec --seed 7 -- ")
    assert "s3cret" not in page.read_text()
    assert ran.stderr.endswith("mockpbx: 1 call, no findings at error level\n")


def test_evidence_of_a_run_that_passes_is_written_where_it_is_asked_for(tmp_path):
    said = run("--evidence-for", "all", "--evidence", "seen", *python(CALLS), cwd=tmp_path).stderr
    assert "mockpbx: evidence in seen/001-089608675796.html\n" in said
    assert {path.suffix for path in (tmp_path / "seen").iterdir()} == {".html", ".jsonl"}


def test_evidence_that_cannot_be_written_changes_no_exit_status(tmp_path):
    (tmp_path / "taken").write_text("a file")
    ran = run(*python(CALLS + "exit(3)"), cwd=tmp_path, MOCKPBX_EVIDENCE="taken/folder")
    assert ran.returncode == 3
    assert "mockpbx: cannot write evidence to taken/folder: " in ran.stderr
