"""A call in which the machine was late: whoever judges the client says so, on the command line and over HTTP."""

import asyncio
import json

import pytest
from click.testing import CliRunner
from conftest import Api

from mockpbx.cli import mockpbx
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

STAYS = Plan((Rule.of("*", Named("stays", (s.Ring(0, setup=0), s.Answer(), s.Wait(600)))),))
DOUBT = (
    "the emulator's own lateness: p50 50 ms, p99 50 ms, at most 50 ms; "
    "the machine, not the client, may be the cause of long latencies"
)


@pytest.fixture
async def api(serve, http) -> Api:
    """A server with a call whose client did something wrong, and whose one measured frame left 50 ms late."""
    pbx = await serve(plan=STAYS, clock="manual", dial_delay=0)
    api = Api(http, pbx.url)
    workspace = pbx.workspace_of("dev")
    workspace.place_call("late", "089608675796")
    workspace.announce("late")
    workspace.refuse_audio("late", 3, "pcm16 needs whole 16-bit samples: 3 bytes is an odd number")
    for phase in range(20):
        workspace.cadence.tick(phase, 50_000)
    return api


async def run(*arguments: str) -> str:
    ran = await asyncio.to_thread(CliRunner().invoke, mockpbx, list(arguments), standalone_mode=False)
    return ran.output


async def test_trace_says_it_beside_the_files(api, tmp_path):
    said = (await run("trace", "--url", api.url, "--out", str(tmp_path))).splitlines()
    assert said[-1] == f"mockpbx: {DOUBT}"
    assert "Own lateness" in (tmp_path / "late.html").read_text()


async def test_lint_says_it_below_the_findings_and_in_its_reports(api, tmp_path):
    files = {"--json": tmp_path / "lint.json", "--junit": tmp_path / "lint.xml"}
    said = await run("lint", "--url", api.url, *(str(each) for pair in files.items() for each in pair))
    assert "split-samples" in said
    assert DOUBT in said
    (call,) = json.loads(files["--json"].read_text())["calls"]
    assert call["late"] == DOUBT
    assert DOUBT in files["--junit"].read_text()


async def test_lint_of_its_evidence_says_it_once_the_call_is_over(api, tmp_path):
    await api.post("/__admin/calls/late/hangup", {})
    await run("trace", "--url", api.url, "--out", str(tmp_path))
    assert DOUBT in await run("lint", str(tmp_path / "late.jsonl"))


async def test_the_control_api_tells_how_late_it_was(api):
    _, pulse = await api.post("/__admin/calls/pulse", {"calls": {"late": 0}})
    _, metrics = await api.get("/__admin/calls/late/metrics")
    told = {"frames": 1, "p50": 50, "p99": 50, "max": 50, "late": 1, "slips": 0, "slipped": 0, "noisy": True}
    assert pulse["data"]["calls"]["late"]["pacing"] == metrics["data"]["pacing"] == told
    assert (pulse["data"]["calls"]["late"]["refused"], pulse["data"]["calls"]["late"]["unread"]) == (1, 0)
    _, findings = await api.get("/__admin/findings")
    assert findings["data"]["late"] == [{"call": "late", "why": DOUBT}]
