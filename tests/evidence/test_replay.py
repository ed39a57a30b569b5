"""A call's files: written as a whole, read back as what makes the call again."""

import json
import wave
from dataclasses import replace

import numpy as np
import pytest
from evidence_calls import busy, conversation, told
from lab import Lab, lab_of

from mockpbx.contract.errors import ConfigurationError
from mockpbx.domain import events as e
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.scenario import Answer
from mockpbx.evidence.page import write_evidence
from mockpbx.evidence.replay import command_of, replay_from
from mockpbx.runtime.journal_lines import line_of, normalised
from mockpbx.runtime.plan_files import read_plan_value


def test_three_files_tell_of_a_call(tmp_path):
    dossier = conversation()
    page = write_evidence(dossier, tmp_path / "traces", "bye")
    assert page == tmp_path / "traces" / "bye.html"
    assert sorted(path.name for path in page.parent.iterdir()) == ["bye.html", "bye.jsonl", "bye.wav"]
    header, *lines = map(json.loads, page.with_suffix(".jsonl").read_text().splitlines())
    assert header["call"]["number"] == dossier.call.number
    assert header["call"]["record"]["billableSeconds"] == 9
    assert lines == [json.loads(json.dumps(line_of(entry))) for entry in dossier.entries]
    with wave.open(str(page.with_suffix(".wav"))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (2, 2, 8_000)
        both = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    assert (both[:, 0] == dossier.sound.callee).all()
    assert (both[:, 1] == dossier.sound.client).all()


def test_a_call_without_sound_leaves_no_wav_not_even_an_older_one(tmp_path):
    write_evidence(conversation(), tmp_path, "x")
    write_evidence(busy(), tmp_path, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.html", "x.jsonl"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("tests/test_a.py::test_b[1-ü/..]", "tests-test_a.py-test_b-1.html"),
        ("../../etc/passwd", "etc-passwd.html"),
        ("", "call.html"),
        ("NUL.x", "_NUL.x.html"),
        ("a\x00b\n", "a-b.html"),
    ],
)
def test_names_are_made_safe(tmp_path, name, file):
    assert write_evidence(busy(), tmp_path, name) == tmp_path / file


def test_long_names_are_cut_short_and_stay_apart(tmp_path):
    one, other = (write_evidence(busy(), tmp_path, "x" * 300 + end) for end in "ab")
    assert one != other
    assert len(one.name) <= 130


def test_a_file_that_cannot_be_written_leaves_nothing_unfinished(tmp_path, monkeypatch):
    def full(self, content):
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_evidence(busy(), tmp_path, "x")
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_makes_the_call_again(tmp_path):
    dossier = conversation(record_delay=1, cause_text="asterisk")
    replay = replay_from(write_evidence(dossier, tmp_path, "x").with_suffix(".jsonl"))
    assert replay == dossier.replay
    assert replay.settings["cause_text"] == "asterisk"
    plan = read_plan_value(replay.plan, "plan", PERSONAS)
    first, again = (Lab(plan, replay.seed).call().advance(9_000) for _ in range(2))
    assert normalised(told(first).entries) == normalised(told(again).entries)
    before = [(each.at, each.event) for each in dossier.all(e.DialStatusChanged, e.CalleeSpoke)]
    assert [(each.at, each.event) for each in told(again).all(e.DialStatusChanged, e.CalleeSpoke)] == before[:4]


def test_the_replay_command_names_the_file_unless_a_test_has_its_own(tmp_path):
    dossier = conversation()
    assert command_of(dossier, "a b.jsonl") == "mockpbx serve --replay 'a b.jsonl'"
    assert "mockpbx serve --replay x.jsonl" in write_evidence(dossier, tmp_path, "x").read_text()
    of_a_test = replace(dossier, command="pytest tests/test_bye.py")
    assert command_of(of_a_test, "x.jsonl") == "pytest tests/test_bye.py"
    assert "pytest tests/test_bye.py" in write_evidence(of_a_test, tmp_path, "x").read_text()


def test_a_scenario_that_is_python_is_replayed_by_its_test(tmp_path):
    def bot(luck):
        yield Answer()

    dossier = replace(told(lab_of(bot).call().advance(500)), command="pytest -k bye")
    page = write_evidence(dossier, tmp_path, "x")
    with pytest.raises(ConfigurationError, match=r"is Python .* run its test again \(pytest -k bye\)"):
        replay_from(page.with_suffix(".jsonl"))
    page = write_evidence(replace(dossier, command=""), tmp_path, "x")
    assert "run its test again" in page.read_text()
    assert "serve --replay" not in page.read_text()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "its first line is no JSON"),
        (b"RIFF\x00\xff", "its first line is no JSON"),
        (b"[" * 100_000, "its first line is"),
        (b"[1]", "is not the header of a call"),
        (b'{"number": 1}', "is not the header of a call"),
        (b'{"mockpbx": "1", "replay": {"seed": "x"}}', "does not say how to replay"),
        (b'{"mockpbx": "1"}', "does not say how to replay"),
    ],
)
def test_other_files_are_told_from_evidence(tmp_path, content, sentence):
    path = tmp_path / "x.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        replay_from(path)
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)
    assert "expected the .jsonl that lies beside" in str(caught.value)
