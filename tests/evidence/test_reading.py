"""Evidence read again: what its file says is what was known, but for the sound."""

import json
from dataclasses import replace

import pytest
from evidence_calls import busy, conversation, lasting, live, unrecorded
from lab import Lab, lab_of

from mockpbx.contract.errors import ConfigurationError
from mockpbx.domain.scenario import Answer, ExpectDigit, Ring
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.findings import findings
from mockpbx.evidence.reading import read_evidence
from mockpbx.evidence.replay import lines_of


def written(dossier, folder):
    file = folder / "call.jsonl"
    file.write_text("".join(lines_of(dossier)))
    return file


@pytest.mark.parametrize("make", [conversation, busy, live, unrecorded, lambda: lasting(60)])
def test_every_entry_is_read_as_it_was(make, tmp_path):
    dossier = make()
    read = read_evidence(written(dossier, tmp_path))
    assert read.entries == dossier.entries
    assert read.record == dossier.record
    assert (read.replay, read.settings.clock) == (dossier.replay, dossier.settings.clock)
    assert read.sound is None
    assert findings(read) == findings(replace(dossier, sound=None))


def test_the_default_callee_is_not_taken_for_a_scenario_that_was_written(tmp_path):
    lab = Lab().call()
    lab.advance(3_000).workspace.hang_up("s")
    assert findings(read_evidence(written(dossier_of(lab.workspace, "s"), tmp_path))) == []


def test_a_scenario_that_was_written_is_held_against_the_call(tmp_path):
    lab = lab_of((Ring(1), Answer(), ExpectDigit("1", within=60)))
    lab.call().advance(3_000).workspace.hang_up("s")
    found = findings(read_evidence(written(dossier_of(lab.workspace, "s"), tmp_path)))
    assert [finding.id for finding in found] == ["scenario-unfinished"]


def test_facts_of_a_later_mockpbx_are_passed_over(tmp_path):
    file = written(busy(), tmp_path)
    number = len(read_evidence(file).entries)
    with file.open("a") as lines:
        lines.write(
            json.dumps({"number": 99, "at": 1, "wall": 1, "call": "s", "kind": "Teleported", "data": {}}) + "\n"
        )
    assert len(read_evidence(file).entries) == number


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"kind": "CallPlaced"}', '{"kind": "DigitHeard", "number": 1, "at": 1, "call": "s", "data": {}}'],
)
def test_a_broken_line_is_told_by_its_file(line, tmp_path):
    file = written(busy(), tmp_path)
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(ConfigurationError, match=r"call\.jsonl is no evidence of a call, or is broken"):
        read_evidence(file)
