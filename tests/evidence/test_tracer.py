"""Evidence of every call in a folder, and a call made again from it."""

import json
import shutil

import pytest
from conftest import Api

from mockpbx.contract.errors import ConfigurationError
from mockpbx.domain import events as e
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.domain.scenario import Answer, HangUp, Noise, Ring
from mockpbx.runtime.journal_lines import normalised

NUMBER = "089608675796"


async def placed(pbx, http, count: int) -> list:
    """Place calls one after the other, each until its record is issued. Returns the entries of the last."""
    workspace = pbx.workspace_of("dev")
    for _ in range(count):
        _, reply = await Api(http, pbx.url).post("/pbx/call", {"phoneNumber": NUMBER})
        session_id = reply["data"]["sessionId"]
        while not any(isinstance(entry.event, e.RecordIssued) for entry in workspace.calls.find(session_id).entries):
            await (workspace.advance(1_000) if workspace.mode.name == "manual" else workspace.journal.grown())
    return workspace.calls.find(session_id).entries


def strolling(luck):
    yield Ring(luck.uniform(1, 9))
    yield Answer()
    yield Noise(0.5)
    yield HangUp()


async def test_every_call_leaves_its_page_sound_and_journal(serve, http, tmp_path):
    plan = Plan((Rule.of("*", Named("short", (Ring(1), Answer(), Noise(0.5), HangUp()))),))
    pbx = await serve(clock="1000x", trace_dir=tmp_path / "traces", plan=plan)
    await placed(pbx, http, 2)
    await pbx.stop()
    files = sorted(path.suffix for path in (tmp_path / "traces").iterdir())
    assert files == sorted([".html", ".jsonl", ".wav"] * 2)


async def test_a_call_is_made_again_from_its_evidence(serve, http, tmp_path):
    plan = Plan((Rule.of("*", Named("steps", (Ring(1), Answer(), Noise(0.5), HangUp()))),))
    first = await serve(clock="manual", seed=7, trace_dir=tmp_path, plan=plan, announce_delay=0.5)
    entries = await placed(first, http, 3)
    await first.stop()
    (evidence,) = [path for path in tmp_path.glob("*.jsonl") if entries[0].session_id[-6:] in path.name]
    again = await serve(replay=evidence, seed=None)
    assert (again.seed, again.workspace.announce_delay, again.workspace.clock) == (7, 0.5, "manual")
    shown = [json.loads(line) for line in normalised(entries)]
    replayed = [json.loads(line) for line in normalised(await placed(again, http, 1))]

    def story(lines):
        told = [
            line | {"data": {name: what for name, what in line["data"].items() if name != "record"}} for line in lines
        ]
        return [(line["kind"], line["at"] - lines[0]["at"], line["data"]) for line in told]

    assert story(replayed)[1:] == story(shown)[1:]
    assert replayed[0]["data"]["ordinal"] == 3


async def test_a_scenario_in_python_cannot_be_replayed_and_the_error_says_so(serve, http, tmp_path):
    plan = Plan((Rule.of("*", Named("strolling", strolling)),))
    first = await serve(clock="1000x", trace_dir=tmp_path, plan=plan)
    await placed(first, http, 1)
    await first.stop()
    (evidence,) = tmp_path.glob("*.jsonl")
    with pytest.raises(ConfigurationError, match="run its test again"):
        await serve(replay=evidence)
    with pytest.raises(ConfigurationError, match=r"expected the \.jsonl that lies beside"):
        await serve(replay=evidence.with_suffix(".wav"))


async def test_evidence_that_fails_is_told_and_costs_nobody_else(serve, http, tmp_path, caplog, monkeypatch):
    def fails(*_):
        raise ValueError("no such colour")

    monkeypatch.setattr("mockpbx.evidence.page.write_evidence", fails)
    plan = Plan((Rule.of("*", Named("short", (Ring(1), Answer(), HangUp()))),))
    pbx = await serve(clock="1000x", trace_dir=tmp_path / "traces", plan=plan)
    await placed(pbx, http, 1)
    await pbx.stop()
    assert "could not be written" in caplog.text
    assert "no such colour" in caplog.text


async def test_a_folder_that_cannot_be_written_costs_no_call(serve, http, tmp_path, caplog):
    (tmp_path / "traces").mkdir()
    plan = Plan((Rule.of("*", Named("short", (Ring(1), Answer(), HangUp()))),))
    pbx = await serve(clock="1000x", trace_dir=tmp_path / "traces" / "file", plan=plan)
    shutil.rmtree(tmp_path / "traces")
    (tmp_path / "traces").write_text("in the way")
    await placed(pbx, http, 1)
    await pbx.stop()
    assert "could not be written" in caplog.text
