"""The pytest plugin, run as its users run it: a pytest of their own, in a process of its own."""

import json
import socket
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEAD = """
import asyncio, threading
import pytest
from mockpbx.testing import Answer, Connected, CheckpointReached, Digit, Ended, ExpectSpeech, Press, Ring, Wait
from bot import Bot

NUMBER = "089608675796"
"""


@pytest.fixture
def users(pytester, monkeypatch):
    """Run a user's test file: `users(body, *flags)`; the plugin comes by its entry point."""
    for name in ("CLOCK", "SEED", "EVIDENCE", "MUTANT"):
        monkeypatch.delenv(f"MOCKPBX_{name}", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def run(body: str, *flags: str, ini: str = ""):
        pytester.makeini(f"[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n{ini}")
        pytester.makepyfile(HEAD + body)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *flags)

    return run


GOOD = """
def test_blocking(mockpbx):
    mockpbx.when("0896*").then(Ring(2), Answer(), ExpectSpeech(within=5), Press("1"), Wait(1))
    Bot(mockpbx.url, mockpbx.token).start(NUMBER)
    call = mockpbx.wait_for_call()
    call.expect(Connected, Digit("1"), CheckpointReached("goodbye"), Ended(by="CALLER", cause=16))
    assert call.heard.seconds > 3 and call.discarded.seconds == 0

async def test_awaiting(mockpbx):
    mockpbx.when("*").then(Ring(2), Answer())
    calling = asyncio.create_task(Bot(mockpbx.url, mockpbx.token).call(NUMBER))
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Connected, Ended(by="CALLER"))
    await calling
"""


def test_blocking_and_awaiting_tests_pass(users):
    users(GOOD).assert_outcomes(passed=2)


def test_it_works_in_parallel_workers(users):
    users(GOOD + GOOD.replace("def test_", "def test_more_"), "-n", "2").assert_outcomes(passed=4)


def test_pytest_asyncio_in_strict_mode_is_served_too(users):
    body = GOOD.replace("async def", "@pytest.mark.asyncio\nasync def")
    users(body, "-o", "asyncio_mode=strict").assert_outcomes(passed=2)


def test_each_test_has_a_workspace_of_its_own_on_one_server(users):
    body = """
seen = set()
@pytest.mark.parametrize("number", range(3))
def test_fresh(mockpbx, mockpbx_server, number):
    assert not mockpbx.calls
    seen.add((mockpbx.url, mockpbx_server.url))
    assert len(seen) == 1
    Bot(mockpbx.url, mockpbx.token).start("08000000017")
    assert mockpbx.wait_for_call().wait().disposition == "BUSY"
"""
    users(body).assert_outcomes(passed=3)


def test_a_failed_test_shows_its_call_and_leaves_its_evidence(users, pytester):
    body = """
def test_name(mockpbx):
    mockpbx.when("*").then(Ring(2), Answer())
    Bot(mockpbx.url, mockpbx.token).start(NUMBER)
    call = mockpbx.wait_for_call()
    call.expect(Connected, CheckpointReached("thanks"))
"""
    result = users(body)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>*call.expect(Connected, CheckpointReached("thanks"))',
            "*likely cause:*",
            "evidence: mockpbx-evidence/*.html",
        ]
    )
    (page,) = pytester.path.glob("mockpbx-evidence/*/call-1.html")
    assert "test_name" in page.read_text()
    header = json.loads(page.with_suffix(".jsonl").read_text().splitlines()[0])
    assert "--mockpbx-seed 1" in header["command"]
    assert page.with_suffix(".wav").exists()
    assert "mockpbx/testing" not in result.stdout.str().replace(str(HERE), "")  # the traceback ends in the user's test


def test_what_nobody_asserted_fails_the_test_unless_its_level_says_otherwise(users):
    body = """
def early(mockpbx):
    mockpbx.when("*").then(Ring(2), Answer())
    Bot(mockpbx.url, mockpbx.token, early=True).start(NUMBER)
    mockpbx.wait_for_call().wait()

def test_early(mockpbx):
    early(mockpbx)

@pytest.mark.mockpbx(levels={"audio-refused": "warning"})
def test_forgiven(mockpbx):
    early(mockpbx)
"""
    result = users(body)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*error audio-refused, call to 089608675796 at *", "*1 x warning audio-refused*"])
    users(body, ini="mockpbx_levels =\n  audio-refused = ignore").assert_outcomes(passed=2)
    users(body, ini="mockpbx_levels =\n  audio-refuse = ignore").stdout.fnmatch_lines(["*did you mean audio-refused*"])


def test_limits_come_from_the_ini_file_and_the_marker(users):
    body = """
def speak(mockpbx):
    mockpbx.when("*").then(Ring(2), Answer())
    Bot(mockpbx.url, mockpbx.token).start(NUMBER)
    mockpbx.wait_for_call().wait()

def test_patient(mockpbx):
    speak(mockpbx)

@pytest.mark.mockpbx(limits={"uplink.most_queued": 0.5})
def test_strict(mockpbx):
    speak(mockpbx)
"""
    users(body).assert_outcomes(passed=2, errors=1)
    users(body, ini="mockpbx_limits =\n  heard = 0.1").assert_outcomes(passed=2, errors=2)


@pytest.mark.parametrize(
    ("ini", "flags", "env", "clock"),
    [
        ("", (), None, "auto"),
        ("mockpbx_clock = 20x", (), None, "20x"),
        ("mockpbx_clock = 20x", (), "30x", "30x"),
        ("mockpbx_clock = 20x", ("--mockpbx-clock", "manual"), "30x", "manual"),
    ],
)
def test_a_flag_beats_the_environment_beats_the_file(users, monkeypatch, ini, flags, env, clock):
    if env:
        monkeypatch.setenv("MOCKPBX_CLOCK", env)
    body = f"""
def test_clock(mockpbx):
    assert mockpbx._desk.ask(lambda workspace: workspace.mode.name) == {clock!r}

@pytest.mark.mockpbx(clock="real", seed=9)
def test_marked(mockpbx, make_mockpbx):
    assert mockpbx._desk.ask(lambda workspace: (workspace.mode.name, workspace.seed)) == ("real", 9)
    other = make_mockpbx(clock="5x")
    assert other._desk.ask(lambda workspace: (workspace.mode.name, workspace.seed)) == ("5x", 9)
    assert other.token != mockpbx.token
"""
    users(body, *flags, ini=ini).assert_outcomes(passed=2)


def test_misuse_is_told_at_the_users_line(users):
    body = """
def test_unfinished_rule(mockpbx):
    mockpbx.when("0896*")

def test_unknown_setting(make_mockpbx):
    make_mockpbx(clok="auto")

def test_unknown_fact(mockpbx):
    mockpbx.ring(Wait(1)).expect("Conected")

@pytest.mark.mockpbx("auto")
def test_positional(mockpbx):
    pass
"""
    result = users(body)
    result.assert_outcomes(passed=1, errors=2, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "*test_misuse_is_told_at_the_users_line.py:*: when('0896*') says nothing: add .then(*",
            "*@pytest.mark.mockpbx, or the ini file: *takes settings by name*",
            "*There is no setting 'clok' here; did you mean clock?*",
            "*did you mean Connected?*",
        ]
    )


def test_a_server_that_cannot_start_says_how_to_choose_another_place(users, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        body = f"""
@pytest.fixture(scope="session")
def mockpbx_listen_address():
    return "127.0.0.1", {port}

def test_it(mockpbx):
    pass
"""
        result = users(body)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*mockpbx cannot start: port {port} on 127.0.0.1 is in use*mockpbx_listen_address*"])


def test_a_bot_that_stays_connected_leaves_nothing_behind(users, tmp_path):
    body = f"""
import socketio
def test_it(mockpbx):
    ready, gone = threading.Event(), threading.Event()
    async def stay():
        sio = socketio.AsyncClient(reconnection=False)
        sio.on("disconnect", lambda *_: gone.set())
        await sio.connect(mockpbx.url, auth={{"token": mockpbx.token}}, transports=["websocket"])
        ready.set()
        await sio.wait()
        open({str(tmp_path / "gone")!r}, "w").close()
    threading.Thread(target=lambda: asyncio.run(stay()), daemon=True).start()
    assert ready.wait(10)

def test_and_then(mockpbx):
    import os, time
    while not os.path.exists({str(tmp_path / "gone")!r}):
        time.sleep(0.01)
"""
    users(body).assert_outcomes(passed=2)


def test_a_run_that_uses_none_of_it_imports_none_of_it(pytester):
    pytester.makepyfile(
        """
import sys

def test_nothing():
    ours = sorted(name for name in sys.modules if name.split(".")[0] in ("mockpbx", "numpy", "pydantic", "socketio"))
    assert ours == ["mockpbx", "mockpbx.testing", "mockpbx.testing.plugin"]
"""
    )
    # pytest-aiohttp and hypothesis are plugins of others, which import what they like.
    flags = ("-p", "no:cacheprovider", "-p", "no:aiohttp", "-p", "no:hypothesispytest")
    pytester.runpytest_subprocess(*flags).assert_outcomes(passed=1)


def test_other_peoples_properties_are_left_alone(pytester):
    pytester.makepyfile("def test_it(record_property):\n    record_property('ids', [1, 2])\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*= mockpbx =*")


def test_a_test_that_fails_in_mid_call_fails_once_and_tells_of_its_problems(users, pytester):
    body = """
def test_日本語(mockpbx):
    mockpbx.when("*").then(Ring(2), Answer())
    Bot(mockpbx.url, mockpbx.token, early=True).start(NUMBER)
    mockpbx.wait_for_call().wait()
    assert False

@pytest.mark.xfail
def test_expected(mockpbx):
    mockpbx.when("*").then(Ring(2), Answer())
    Bot(mockpbx.url, mockpbx.token, early=True).start(NUMBER)
    mockpbx.wait_for_call().wait()
    assert False
"""
    result = users(body)
    result.assert_outcomes(failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["evidence: *", "*error audio-refused*"])
    pytester.path.joinpath("file").write_text("in the way")
    result = users(body, "--mockpbx-evidence", "file")
    result.assert_outcomes(failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["evidence could not be written to *"])
    result = users(body, "--mockpbx-evidence=")
    result.stdout.no_fnmatch_line("evidence*")


def test_a_setting_of_the_server_is_not_one_tests_to_turn(users):
    body = """
@pytest.mark.mockpbx(port=7299)
def test_it(mockpbx):
    pass
"""
    result = users(body)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*port is a setting of the server, which all tests share*"])
