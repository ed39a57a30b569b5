"""`mockpbx serve` as its users run it: a process, its output, its signals, its exit status."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import socketio
from conftest import Api

from mockpbx.cli.serve import console_link

STEADY = {"PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


class Process:
    """A running `mockpbx serve`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def line_with(self, text: str) -> str:
        async for line in self.process.stdout:
            self.lines.append(line.decode())
            if text in self.lines[-1]:
                return self.lines[-1]
        raise AssertionError(f"{text!r} was never printed: {self.lines} {(await self.process.stderr.read()).decode()}")

    async def url(self) -> str:
        return re.search(r"http://\S+", await self.line_with("listens"))[0]

    async def leave(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        out, error = await self.process.communicate()
        self.lines.append(out.decode())
        return self.process.returncode, error.decode()


@pytest.fixture
async def run():
    processes = []

    async def start(*arguments: str, **environment: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mockpbx", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=STEADY | environment,
        )  # fmt: skip
        processes.append(process)
        return Process(process)

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_leaves_cleanly_and_active_calls_end_with_a_record(run, http, tmp_path, number):
    database = tmp_path / "new" / "calls.db"
    server = await run("serve", "--port", "0", "--database", str(database))
    api = Api(http, await server.url())
    _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    status, error = await server.leave(number)
    assert status == 0
    assert "Traceback" not in error
    with contextlib.closing(sqlite3.connect(database)) as file:
        rows = file.execute("SELECT session_id, disposition, cause FROM records").fetchall()
    assert rows == [(reply["data"]["sessionId"], "FAILED", 127)]


async def test_records_survive_a_restart(run, http, tmp_path):
    database = str(tmp_path / "calls.db")
    server = await run("serve", "--port", "0", "--database", database)
    api = Api(http, await server.url())
    await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    await server.leave(signal.SIGTERM)
    again = await run("serve", "--port", "0", "--database", database)
    api.url = await again.url()
    _, page = await api.get("/cdr")
    assert [row["destination"] for row in page["data"]] == ["089608675796"]


async def test_calls_of_a_killed_server_are_closed_by_the_next(run, http, tmp_path):
    database = str(tmp_path / "calls.db")
    server = await run("serve", "--port", "0", "--database", database, "--dial-delay", "0")
    api = Api(http, await server.url())
    _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    session_id = reply["data"]["sessionId"]
    while not kept(database, session_id):  # the row is opened at the POST, by a writer of its own
        await asyncio.sleep(0)
    await server.leave(signal.SIGKILL)
    again = await run("serve", "--port", "0", "--database", database)
    api.url = await again.url()
    status, record = await api.get(f"/cdr/{session_id}")
    assert (status, record["data"]["hangupCauseCode"], record["data"]["hangupBy"]) == (200, 127, None)


def kept(database: str, session_id: str) -> bool:
    with contextlib.closing(sqlite3.connect(database)) as file:
        return bool(file.execute("SELECT 1 FROM calls WHERE session_id = ?", (session_id,)).fetchall())


async def test_a_kill_after_the_answer_costs_the_record_no_more_than_the_last_moments(run, http, tmp_path):
    database = str(tmp_path / "calls.db")
    server = await run("serve", "--port", "0", "--database", database, "--dial-delay", "0")
    api = Api(http, await server.url())
    _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    session_id = reply["data"]["sessionId"]
    while not talked(database, session_id):
        await asyncio.sleep(0)
    await server.leave(signal.SIGKILL)
    again = await run("serve", "--port", "0", "--database", database)
    api.url = await again.url()
    record = (await api.get(f"/cdr/{session_id}"))[1]["data"]
    assert (record["disposition"], record["hangupCauseCode"], record["hangupBy"]) == ("ANSWERED", 127, None)
    assert record["billableSeconds"] >= 1


def talked(database: str, session_id: str) -> bool:
    query = "SELECT ended_at - answered_at FROM calls WHERE session_id = ? AND answered_at IS NOT NULL"
    with contextlib.closing(sqlite3.connect(database)) as file:
        row = file.execute(query, (session_id,)).fetchone()
    return row is not None and row[0] >= 1_000


async def test_a_kill_between_the_hangup_and_the_record_keeps_cause_and_party(run, http, tmp_path):
    database = str(tmp_path / "calls.db")
    server = await run("serve", "--port", "0", "--database", database, "--record-delay", "3600")
    api = Api(http, await server.url())
    _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    session_id = reply["data"]["sessionId"]
    await api.post("/pbx/hangup", {"sessionId": session_id})
    while kept_cause(database, session_id) != 16:
        await asyncio.sleep(0)
    await server.leave(signal.SIGKILL)
    again = await run("serve", "--port", "0", "--database", database)
    api.url = await again.url()
    record = (await api.get(f"/cdr/{session_id}"))[1]["data"]
    assert (record["disposition"], record["hangupCauseCode"], record["hangupBy"]) == ("CANCEL", 16, "CALLER")


def kept_cause(database: str, session_id: str) -> int | None:
    with contextlib.closing(sqlite3.connect(database)) as file:
        row = file.execute("SELECT cause FROM calls WHERE session_id = ?", (session_id,)).fetchone()
    return row and row[0]


async def test_it_leaves_while_the_database_stays_locked_and_the_next_start_finds_the_call(run, http, tmp_path):
    database = str(tmp_path / "calls.db")
    server = await run("serve", "--port", "0", "--database", database)
    api = Api(http, await server.url())
    _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    session_id = reply["data"]["sessionId"]
    while not kept(database, session_id):
        await asyncio.sleep(0)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as bully:
        bully.execute("BEGIN IMMEDIATE")
        status, _ = await server.leave(signal.SIGTERM)
    assert status == 0
    again = await run("serve", "--port", "0", "--database", database)
    api.url = await again.url()
    assert (await api.get(f"/cdr/{session_id}"))[1]["data"]["hangupCauseCode"] == 127


async def test_a_lock_file_that_cannot_be_opened_is_said_and_the_process_ends(run, tmp_path):
    (tmp_path / "calls.db.lock").mkdir()
    server = await run("serve", "--port", "0", "--database", str(tmp_path / "calls.db"))
    _, error = await asyncio.wait_for(server.process.communicate(), 20)
    assert server.process.returncode == 2
    assert "cannot open the database" in error.decode()


async def test_what_clients_make_up_forges_no_log_line_and_no_token_reaches_the_log(run):
    server = await run("serve", "--port", "0", "--database", ":memory:")
    url = await server.url()
    sio = socketio.AsyncClient(reconnection=False)
    await sio.connect(url, auth={"token": "s3cret"}, transports=["websocket"])
    await sio.emit("hangup", {"sessionId": "x\n00:00:00.000 INFO FORGED\x1b[31m"})
    await sio.call("audio", {"sessionId": "y\nFORGED"})
    await sio.disconnect()
    reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
    writer.write(b"GET /cdr HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\x01\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()
    _, log = await server.leave(signal.SIGTERM)
    assert log.count("\n") == 2
    assert not any(line.startswith(("00:00", "FORGED")) for line in log.splitlines())
    assert "\x1b" not in log
    assert "s3cret" not in log


async def test_two_servers_share_a_file_without_closing_each_others_calls(run, http, tmp_path):
    database = str(tmp_path / "calls.db")
    one = await run("serve", "--port", "0", "--database", database)
    api = Api(http, await one.url())
    _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    other = await run("serve", "--port", "0", "--database", database)
    assert (await Api(http, await other.url()).get("/cdr"))[1]["data"] == []
    assert (await api.post("/pbx/hangup", {"sessionId": reply["data"]["sessionId"]}))[0] == 200


async def test_a_workspace_is_seeded_while_a_server_has_the_file_open(run, http, tmp_path):
    database = str(tmp_path / "calls.db")
    server = await run("serve", "--port", "0", "--database", database)
    api = Api(http, await server.url(), token="T")
    seeding = await run("seed", "--count", "1200", "--token", "T", "--database", database, "--seed", "7")
    assert await seeding.process.wait() == 0
    _, page = await api.get("/cdr?limit=10&filter.destination=$contains:081")
    assert page["meta"]["totalItems"] > 100
    newest = (await api.get("/cdr"))[1]
    assert newest["meta"]["totalItems"] == 1200
    issued = [each["createdAt"] for each in newest["data"]]
    assert issued == sorted(issued, reverse=True)  # as the records of calls are
    assert (await Api(http, api.url, token="other").get("/cdr"))[1]["meta"]["totalItems"] == 0


async def test_it_prints_a_line_to_paste_and_never_a_real_token(run, http):
    for arguments, shown in (((), "Bearer dev"), (("--token", "s3cret"), "Bearer $MOCKPBX_TOKEN")):
        server = await run("serve", "--port", "0", "--database", ":memory:", "--seed", "42", *arguments)
        line = await server.line_with("curl")
        assert "(seed 42)" in server.lines[0]
        assert shown in line
        shell = await asyncio.create_subprocess_shell(
            line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=STEADY | {"MOCKPBX_TOKEN": "s3cret"},
        )  # fmt: skip
        out, _ = await shell.communicate()
        assert json.loads(out)["status"] == 200
        _, log = await server.leave(signal.SIGTERM)
        assert "089608675796" in log
        assert "s3cret" not in log + "".join(server.lines)


async def test_it_prints_the_link_of_its_page_with_a_token_where_any_works_and_never_a_real_one(run, http):
    for arguments, fragment in (((), "#token=dev"), (("--token", "s3cret", "--admin-token", "4dmin"), "")):
        server = await run("serve", "--port", "0", "--database", ":memory:", *arguments)
        url = await server.url()
        assert await server.line_with("console: ") == f"console: {url}/__console/{fragment}\n"
        async with http.get(f"{url}/__console/") as page:
            assert (page.status, page.content_type) == (200, "text/html")


@pytest.mark.parametrize(
    ("url", "token", "link"),
    [
        ("http://127.0.0.1:7290", None, "http://127.0.0.1:7290/__console/"),
        ("http://0.0.0.0:7290", "dev", "http://127.0.0.1:7290/__console/#token=dev"),
        ("http://[::]:7290", "dev", "http://[::1]:7290/__console/#token=dev"),
        ("http://192.168.0.7:7290", None, "http://192.168.0.7:7290/__console/"),
    ],
)
def test_the_link_is_one_at_which_a_browser_lends_its_microphone(url, token, link):
    assert console_link(url, token) == link


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_call_is_the_same_on_either_event_loop(run, loop):
    server = await run("serve", "--port", "0", "--database", ":memory:", "--event-loop", loop)
    dialled = await run("dial", "08000000016", "--url", await server.url(), "--token", "dev")
    out, _ = await dialled.process.communicate()
    assert dialled.process.returncode == 0
    assert "ANSWERED" in out.decode()
    status, log = await server.leave(signal.SIGTERM)
    assert (status, "Traceback" in log) == (0, False)


async def test_json_log_lines_are_json(run, http):
    server = await run("serve", "--port", "0", "--database", ":memory:", "--log-format", "json")
    api = Api(http, await server.url())
    _, reply = await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    _, log = await server.leave(signal.SIGTERM)
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["sessionId"] for line in lines} == {reply["data"]["sessionId"]}
    assert {"time", "level", "message", "logger"} <= lines[0].keys()


async def test_a_flag_beats_the_environment_beats_the_file(run, http, tmp_path):
    file = tmp_path / "mockpbx.toml"
    file.write_text('seed = 1\ndatabase = ":memory:"\nport = 0\nsuccess_status = 201\nidempotent_hangup = true\n')
    for arguments, environment, seed in (
        ((), {}, 1),
        ((), {"MOCKPBX_SEED": "2"}, 2),
        (("--seed", "3"), {"MOCKPBX_SEED": "2"}, 3),
    ):
        server = await run("serve", "--config", str(file), *arguments, **environment)
        assert f"(seed {seed})" in await server.line_with("listens")
    api = Api(http, re.search(r"http://\S+", server.lines[0])[0])
    assert (await api.post("/pbx/hangup", {"sessionId": "x"}))[0] == 201


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["serve", "--port", "70000"], "--port: expected less than or equal to 65535, got '70000'"),
        (["serve", "--prot", "1"], "No such option"),
        (["serve", "--log-format", "xml"], "'xml' is not one of 'text', 'json'"),
        (["serve", "--phone-pattern", "("], "--phone-pattern: expected a regular expression"),
        (["serve", "--callee", "nobody"], "callee 'nobody' is neither a file nor one of echo, tone, silence, noise"),
        (["serve", "--callee", __file__], "--callee: "),
        (["serve", "--database", "/dev/null/calls.db"], "cannot open the database /dev/null/calls.db"),
        (["serve", "--database", "{no database}"], "file is not a database"),
        (["serve", "--config", "/nowhere.toml"], "cannot read /nowhere.toml"),
        (["serve", "--token", ""], "--token: expected tokens of printable ASCII"),
        (["serve", "--token", "a b"], "--token: expected tokens of printable ASCII"),
        (["serve", "--token", "invalid-x"], "--token: expected tokens that do not begin with invalid or expired"),
        (["serve", "--ping-interval", "inf"], "--ping-interval: expected"),
        (["serve", "--journal-limit", "99999999999999999999"], "--journal-limit: expected less than or equal to"),
        (["dial", "08000000017", "--token", "a b"], "the token cannot be sent"),
        (["dial", "08000000017", "--token", "a\nb"], "the token cannot be sent"),
        (["sevre"], "No such command 'sevre'"),
        (["seed", "--count", "0"], "--count"),
        (["seed", "--database", ":memory:"], "name a file with --database"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line_with_status_2(run, tmp_path, arguments, sentence):
    (tmp_path / "notes.txt").write_text("no database " * 1_000)
    arguments = [argument.replace("{no database}", str(tmp_path / "notes.txt")) for argument in arguments]
    process = await run(*arguments)
    _, error = await process.process.communicate()
    assert process.process.returncode == 2
    assert error.decode().startswith("mockpbx: ")
    assert error.decode().count("\n") == 1
    assert sentence in error.decode()


async def test_a_port_in_use_is_said_in_one_line_with_status_2(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        server = await run("serve", "--port", port, "--database", ":memory:")
        _, error = await server.process.communicate()
    assert server.process.returncode == 2
    assert error.decode() == (
        f"mockpbx: port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for a free one\n"
    )


async def test_a_misspelt_setting_in_the_file_names_the_nearest(run, tmp_path):
    file = tmp_path / "mockpbx.toml"
    file.write_text("dail_delay = 3\n")
    process = await run("serve", "--config", str(file))
    _, error = await process.process.communicate()
    assert process.process.returncode == 2
    assert "sets dail_delay, which is no setting; did you mean dial_delay?" in error.decode()


def test_a_server_without_calls_has_loaded_nothing_that_only_calls_need_whatever_clients_say(tmp_path):
    heavy = {"numpy", "av", "socketio", "engineio", "rich", "prometheus_client", "mockpbx.conformance"}
    heavy |= {"mockpbx.evidence", "mockpbx.adapters.control.service"}
    plan = tmp_path / "plan.yaml"
    plan.write_text("rules: [{number: '*', scenario: [answer, {expect_speech: 5s}, {tone: 1000}, noise, echo]}]\n")
    said = '["audio",{"sessionId":"none","audioFormat":"pcm16","audioData":{"_placeholder":true,"num":0}}]'
    code = f"""
import asyncio, sys, mockpbx.app, mockpbx.cli.serve
from pathlib import Path
from peers import peer
from mockpbx.runtime.settings import ServerSettings
async def main():
    server = ServerSettings(port=0, database=":memory:", dialplan=Path({str(plan)!r}))
    async with mockpbx.app.Server(server) as pbx:
        host, port = pbx.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /cdr HTTP/1.1\\r\\nHost: localhost\\r\\nAuthorization: Bearer dev\\r\\n\\r\\n")
        print((await reader.readline()).decode().strip())
        writer.close()
        async with peer(f"{{pbx.url}}/socket.io/", "websocket") as client:
            await client.say('40{{"token":"dev"}}')
            await client.hear()
            for number in (1, 2):
                await client.say(f"451-{{number}}" + {said!r}, b"sound")
                print(await client.hear())
asyncio.run(main())
print(*({heavy!r} & sys.modules.keys()))
"""
    where = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=where)
    unknown = '[{"success":false,"error":"No live call has this sessionId: it is unknown or the call has ended"}]'
    assert done.stdout == f"HTTP/1.1 200 OK\n431{unknown}\n432{unknown}\n\n"
