"""`mockpbx lint`: what clients do wrong, in the calls of a running server and in recordings."""

import asyncio
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cassette.test_dossier import Tape, marked
from click.testing import CliRunner
from conftest import Api
from evidence_calls import busy, conversation

from mockpbx.cassette.tape import write_cassette
from mockpbx.cli import mockpbx
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.evidence.page import write_evidence
from mockpbx.evidence.rules import RULES

TALK = Plan((Rule.of("*", Named("talk", (s.Ring(0, setup=0), s.Answer(), s.Wait(1), s.HangUp()))),))
NUMBER = "089608675796"


def lint(*arguments: object):
    ran = CliRunner().invoke(mockpbx, ["lint", *map(str, arguments)])
    return ran.exit_code, ran.output.splitlines()


def written(tape: Tape, folder: Path, cut: str | None = None) -> Path:
    file = folder / "call.cassette.jsonl"
    write_cassette(file, tape.cassette(cut))
    return file


# --- recordings ------------------------------------------------------------------------------------------------------


@pytest.fixture
def evidence(tmp_path) -> Path:
    """A conversation with two errors and a note, as evidence."""
    return write_evidence(conversation(), tmp_path, "talk").with_suffix(".jsonl")


def test_findings_are_told_by_their_moment_their_level_and_their_remedy(evidence):
    status, lines = lint(evidence)
    assert status == 1
    assert lines[:4] == [
        f"outbound call to {NUMBER}  s  {evidence}",
        "    1.000 s  error    audio-refused",
        "             1 audio message refused: 'Call is not connected'; the first was sent 1,500 ms before Connected",
        f"             {RULES['audio-refused'].remedy} [audio, Acknowledgment Response]",
    ]
    assert lines[-1] == "2 errors, 1 note in 1 of 1 call"


def test_rules_that_a_file_does_not_bear_out_are_named(evidence):
    _, lines = lint(evidence)
    (sound,) = [line for line in lines if "what the client sent is not known" in line]
    assert sound.startswith("not tried in 1 call, since what the client sent is not known: wav-header-in-audio, ")
    assert "small-packets" in sound


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), 1),
        (("--level", "error"), 1),
        (("--ignore", "audio-refused", "--ignore", "audio-cut-at-hangup"), 0),
        (("--ignore", "audio-refused", "--ignore", "audio-cut-at-hangup", "--level", "note"), 1),
    ],
)
def test_the_level_says_what_is_bad_enough(evidence, arguments, status):
    assert lint(evidence, *arguments)[0] == status


def test_a_call_without_findings_is_fine(tmp_path):
    file = write_evidence(busy(), tmp_path, "busy").with_suffix(".jsonl")
    status, lines = lint(file)
    assert (status, lines[-1]) == (0, "nothing found in 1 call")


def test_a_cassette_of_any_server_is_judged(tmp_path):
    status, lines = lint(written(Tape().answered().say(1).after(5_000).hang_up(), tmp_path))
    assert (status, lines[-1]) == (0, "nothing found in 1 call")
    early = Tape().open().place().join().audio(error="\x1b[31mnot\nyet").after(5_000).hang_up()
    status, lines = lint(written(early, tmp_path))
    assert status == 1
    assert r"             1 audio message refused: '\x1b[31mnot\nyet'" in lines


def test_a_cassette_that_was_cut_is_judged_as_far_as_it_is_whole(tmp_path):
    file = written(marked(Tape().answered().say(1)), tmp_path)
    file.write_text(file.read_text()[:-20])
    status, lines = lint(file)
    assert status == 0
    assert lines[0].startswith(f"mockpbx: {file}: line ")
    assert "not tried in 1 call, since the recording stops before the call: call-left-open" in lines


def test_several_files_are_one_report(evidence, tmp_path):
    good = written(marked(Tape().answered().say(1)).after(100).hang_up(), tmp_path)
    assert lint(evidence, good)[1][-1] == "2 errors, 1 note in 1 of 2 calls"
    assert lint(evidence, good, "--call", "s")[0] == 1
    status, lines = lint(evidence, "--call", "unknown")
    assert (status, lines) == (2, ["mockpbx: no call in these files is 'unknown'"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is no recording of a call"),
        ("{", "is no recording of a call"),
        ("[1]", "is no recording of a call"),
        ('{"mockpbx": "0.1.0"}', "is no evidence of a call, or is broken"),
        ('{"cassette": 99}', "is a cassette of version 99"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_sentence(tmp_path, content, sentence):
    file = tmp_path / "file.jsonl"
    if content is not None:
        file.write_text(content)
    status, (line,) = lint(file)
    assert status == 2
    assert line.startswith(f"mockpbx: {file}")
    assert sentence in line


def test_a_cassette_without_a_call_cannot_be_judged(tmp_path):
    status, (line,) = lint(written(Tape().open(), tmp_path))
    assert (status, line) == (2, f"mockpbx: {tmp_path / 'call.cassette.jsonl'}: there is no call in this cassette")


def test_the_report_as_json_and_junit(evidence, tmp_path):
    lint(evidence, "--json", tmp_path / "report.json", "--junit", tmp_path / "report.xml")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["failed"], report["counts"]) == (True, {"error": 2, "warning": 0, "note": 1})
    (call,) = report["calls"]
    assert [(each["id"], each["at"]) for each in call["findings"]][:1] == [("audio-refused", 1.0)]
    assert {rule for each in call["untried"] for rule in each["rules"]} >= {"small-packets"}
    suite = ElementTree.parse(tmp_path / "report.xml").find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert [each.get("type") for each in suite.iter("failure")] == ["audio-refused", "audio-cut-at-hangup"]


def test_a_report_that_cannot_be_written_is_told(evidence, tmp_path):
    status, lines = lint(evidence, "--json", tmp_path / "none" / "report.json")
    assert (status, lines[-1]) == (2, f"mockpbx: cannot write {tmp_path}/none/report.json: No such file or directory")


# --- the rules -------------------------------------------------------------------------------------------------------


def test_every_rule_is_listed():
    status, lines = lint("--list")
    assert status == 0
    assert [line.split()[:2] for line in lines[:-1]] == [[rule.level, rule.id] for rule in RULES.values()]


def test_an_unknown_rule_is_told_with_the_nearest():
    status, lines = lint("--ignore", "brust")
    assert (status, lines) == (2, ["mockpbx: --ignore: there is no rule 'brust'; did you mean burst?"])


# --- a running server ------------------------------------------------------------------------------------------------


@pytest.fixture
async def api(serve, http) -> Api:
    return Api(http, (await serve(plan=TALK, clock="manual", dial_delay=0)).url)


async def called(api: Api) -> str:
    _, reply = await api.post("/pbx/call", {"phoneNumber": NUMBER})
    await api.post("/__admin/clock/advance", {"ms": 5_000})
    return reply["data"]["sessionId"]


async def test_the_calls_of_a_running_server(api):
    first, second = await called(api), await called(api)
    status, lines = await asyncio.to_thread(lint, "--url", api.url)
    assert status == 1
    assert [line for line in lines if line.startswith("outbound")] == [
        f"outbound call to {NUMBER}  {name}" for name in (first, second)
    ]
    assert lines[1].split() == ["0.000", "s", "warning", "never-joined"]
    assert lines[-1] == "2 warnings in 2 of 2 calls"
    assert any(line.startswith("not tried in 2 calls, since the clock is manual") for line in lines)


async def test_one_call_of_a_running_server(api):
    first, _ = await called(api), await called(api)
    status, lines = await asyncio.to_thread(lint, "--url", api.url, "--call", first)
    assert (status, lines[-1]) == (1, "1 warning in 1 of 1 call")
    status, (line,) = await asyncio.to_thread(lint, "--url", api.url, "--call", "none")
    assert status == 2
    assert line.startswith("mockpbx: ")


async def test_a_server_without_calls_cannot_be_judged(api):
    status, (line,) = await asyncio.to_thread(lint, "--url", api.url, "--token", "other")
    assert status == 2
    assert line.startswith(f"mockpbx: {api.url} knows no call of this token")


def test_a_server_that_is_not_there_is_told():
    status, (line,) = lint("--url", "http://127.0.0.1:9")
    assert status == 2
    assert line.startswith("mockpbx: http://127.0.0.1:9/__admin does not answer")
