"""`mockpbx scenarios`, `mockpbx ring` and a watched dial plan, as a user types them."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
import socketio

from mockpbx.cli import main
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.scenario import STEPS

EXAMPLES = Path(__file__).parents[2] / "fixtures/scenarios"


@pytest.fixture
def mockpbx(monkeypatch, capsys):
    """Run a command line: its exit status, its output, its errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mockpbx", *arguments])
        try:
            main()
            status = 0
        except SystemExit as exit:
            status = int(exit.code or 0)
        return status, *capsys.readouterr()

    return run


def test_personas_and_steps_are_listed_with_a_line_each(mockpbx):
    _, personas, _ = mockpbx("scenarios")
    assert [line.split()[0] for line in personas.splitlines()] == list(PERSONAS)
    _, steps, _ = mockpbx("scenarios", "--steps")
    assert [line.split()[0] for line in steps.splitlines()] == list(STEPS)
    assert all(len(line.split()) > 1 for line in (personas + steps).splitlines())


def test_a_persona_is_shown_as_it_is_made(mockpbx):
    status, shown, _ = mockpbx("scenarios", "wrong-number")
    assert status == 0
    assert shown.startswith("def wrong_number(luck: Luck) -> Script:")


@pytest.mark.parametrize("schema", ["scenario", "dialplan"])
def test_a_schema_for_editors_is_printed(mockpbx, schema):
    _, printed, _ = mockpbx("scenarios", "--schema", schema)
    assert json.loads(printed)["$schema"].endswith("2020-12/schema")


def test_a_file_is_checked_and_a_mistake_is_named_by_line_and_step(mockpbx, tmp_path):
    status, out, _ = mockpbx("scenarios", str(EXAMPLES / "polite.yaml"))
    assert (status, "steps, all in order" in out) == (0, True)
    file = tmp_path / "wrong.yaml"
    file.write_text("- ring: 2s\n- answer\n- expct_speech: {within: 5s}\n")
    status, out, error = mockpbx("scenarios", str(file))
    assert (status, out) == (2, "")
    assert error.count("\n") == 1
    assert "wrong.yaml, line 3, step 3" in error
    assert "expect_speech" in error
    file.write_text("- ring: 2s\n- answer\n- play: helo\n")
    assert "hello" in mockpbx("scenarios", str(file))[2]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[answer, ring, hang_up]", "line 1, step 1 (answer): answer needs a call that is RINGING"),
        ("- ring\n- answer\n\n- ring\n", "line 4, step 3 (ring): ring needs a call that is DIALING"),
        ("- ring\n- reject\n- answer\n", "line 3, step 3 (answer): answer comes after the end of the call"),
        ("[play: hello]", "so in a call out (in a call in, ring and answer are skipped)"),
    ],
)
def test_an_order_that_no_call_allows_is_named(mockpbx, tmp_path, steps, said):
    file = tmp_path / "order.yaml"
    file.write_text(steps)
    status, _, error = mockpbx("scenarios", str(file))
    assert (status, said in error) == (2, True), error


def test_what_is_neither_a_persona_nor_a_file_is_refused_with_what_there_is(mockpbx):
    status, _, error = mockpbx("scenarios", "humna")
    assert status == 2
    assert "humna is neither a persona nor a file; did you mean human?" in error
    assert "voicemail, ivr" in mockpbx("scenarios", "zzz")[2]


# --- ring ------------------------------------------------------------------------------------------------------------


async def ring(url: str, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mockpbx", "ring", "--url", url, *arguments, stdout=-1, stderr=-1
    )
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


async def test_somebody_calls_the_bot_which_joins_and_the_call_is_followed_to_its_end(serve):
    pbx = await serve(clock="20x")
    bot = socketio.AsyncClient(reconnection=False)
    announced = []

    async def join(session):
        announced.append(session)
        await bot.emit("joinRoom", {"sessionId": session["sessionId"]})

    bot.on("newSession", join)
    await bot.connect(pbx.url, auth={"token": "dev"}, transports=["websocket"])
    status, out, error = await ring(pbx.url, "--from", "08123456789", "--scenario", "hangs-up-while-you-speak")
    await bot.disconnect()
    assert (status, error) == (0, "")
    assert [session["type"] for session in announced] == ["inbound"]
    assert "the bot joined" in out
    assert "ended by CALLER: ANSWERED, cause 16" in out


async def test_a_bot_that_is_not_there_does_not_answer_and_the_status_says_so(serve):
    pbx = await serve(clock="20x", ring_limit=5)
    status, out, _ = await ring(pbx.url, "--from", "08123456789")
    assert status == 1
    assert "ended by CALLER: CANCEL, cause 16" in out


async def test_what_makes_no_sense_is_refused_in_one_line(serve):
    pbx = await serve()
    for arguments, said in [
        (("--from", "12"), "phone number"),
        (("--from", "08123456789", "--scenario", "humna"), "human"),
        (("--from", "08123456789", "--token", "invalid"), "Authentication token is invalid"),
    ]:
        status, out, error = await ring(pbx.url, *arguments)
        assert (status, out) == (2, "")
        assert error.count("\n") == 1
        assert said in error
    status, _, error = await ring("http://127.0.0.1:9", "--from", "08123456789")
    assert (status, "does not answer" in error) == (2, True)


# --- a dial plan -----------------------------------------------------------------------------------------------------


async def test_a_watched_plan_is_read_again_and_a_mistake_in_it_changes_nothing(serve, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("mockpbx.app.WATCH_EVERY", 0.01)
    caplog.set_level("INFO")
    file = tmp_path / "plan.yaml"
    file.write_text('rules: [{number: "*", scenario: busy}]')
    pbx = await serve(dialplan=file, watch=True, clock="manual")
    workspace, own = pbx.workspace_of("dev"), pbx.workspace_of("own")
    own.set_plan(own.dialplan.plan.__class__())

    async def until(said: str) -> None:
        while said not in caplog.text:
            await asyncio.sleep(0.01)

    file.write_text('rules: [{number: "*", scenario: bussy}]')
    await until("did you mean busy")
    assert [named.name for named in workspace.dialplan.plan.named()] == ["busy"]
    file.write_text('rules: [{number: "*", scenario: fax}]')
    await until("read the dial plan again: 1 rules")
    assert [named.name for named in workspace.dialplan.plan.named()] == ["fax"]
    assert own.dialplan.plan.named() == []
    own.reset()
    assert [named.name for named in own.dialplan.plan.named()] == ["fax"]


async def test_a_plan_that_cannot_be_used_keeps_the_server_from_starting(tmp_path):
    file = tmp_path / "plan.yaml"
    file.write_text('rules:\n  - number: "*"\n    scenario: [ring, answer, play: helo]\n')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mockpbx", "serve", "--port", "0", "--database", ":memory:", "--dialplan", str(file),
        stdout=-1, stderr=-1,
    )  # fmt: skip
    _, error = await process.communicate()
    assert process.returncode == 2
    assert error.decode().count("\n") == 1
    assert "hello" in error.decode()
