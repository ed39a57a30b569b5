"""The emulator's own lateness beside a client's figures, wherever those are shown."""

import json
import re
from dataclasses import replace

import pytest
from evidence_calls import conversation
from lab import lab_of

from mockpbx.domain.scenario import Answer, Ring, Wait
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.measures import CallMeasured
from mockpbx.evidence.metrics import measure
from mockpbx.evidence.pacing import doubt_of, own_lateness
from mockpbx.evidence.page import page_of, write_evidence
from mockpbx.evidence.reading import read_evidence
from mockpbx.evidence.timeline import timeline
from mockpbx.runtime.cadence import Pacing
from mockpbx.testing.checks import FIGURES, Checks

CALM = Pacing(500, 0.4, 2.5, 6, late=0, slips=0, slipped=0, noisy=False)
NOISY = Pacing(500, 0.8, 40, 300, late=30, slips=2, slipped=1_240, noisy=True)
CALMLY = "the emulator's own lateness: p50 0.4 ms, p99 2.5 ms, at most 6 ms"
NOISILY = (
    "the emulator's own lateness: p50 0.8 ms, p99 40 ms, at most 300 ms, and 1,240 ms were given up; "
    "the machine, not the client, may be the cause of long latencies"
)
UNKNOWN = "the emulator's own lateness: not measured: virtual time"


def on(clock: str, pacing: Pacing | None):
    dossier = conversation()
    return replace(dossier, pacing=pacing, settings=dossier.settings.model_copy(update={"clock": clock}))


def shown(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("’", "'").replace("&#x27;", "'").split())


@pytest.mark.parametrize(
    ("clock", "pacing", "told"),
    [
        ("real", CALM, CALMLY),
        ("real", NOISY, NOISILY),
        *((clock, None, UNKNOWN) for clock in ("manual", "auto", "20x", "0.5x")),
        ("real", None, "the emulator's own lateness: not measured"),
        ("20x", CALM, CALMLY),  # its clock was real before
    ],
)
def test_it_is_told_in_words(clock, pacing, told):
    assert own_lateness(on(clock, pacing)) == told


def test_only_a_noisy_machine_casts_doubt():
    assert (doubt_of(on("real", CALM)), doubt_of(on("auto", None))) == ("", "")
    assert doubt_of(on("real", NOISY)) == NOISILY


def test_the_page_shows_it_beside_the_latencies():
    calm, noisy, virtual = (shown(page_of(on(*call))) for call in (("real", CALM), ("real", NOISY), ("auto", None)))
    assert "Own lateness 2.5 ms of the emulator's frames, p50 0.4 ms, p99 2.5 ms, at most 6 ms" in calm
    assert "may be the cause" not in calm
    assert "1,240 ms were given up: the machine, not the client, may be the cause of long latencies" in noisy
    assert f"T{NOISILY[1:]}." in noisy  # before anything else, too
    assert "Own lateness not measured virtual time" in virtual


def test_a_timeline_tells_it_where_it_was_measured():
    assert timeline(on("real", CALM)).splitlines()[1] == CALMLY
    assert NOISILY in " ".join(timeline(on("real", NOISY)).split())
    assert max(map(len, timeline(on("real", NOISY), width=80).splitlines()[:4])) <= 80
    assert "lateness" not in timeline(on("auto", None))


@pytest.mark.parametrize(("clock", "pacing", "told"), [("real", NOISY, NOISILY), ("auto", None, UNKNOWN)])
def test_a_limit_that_is_broken_is_told_with_it(clock, pacing, told):
    checks = Checks(limits={"heard": 0.1})
    (problem,) = [each for each in checks.problems([on(clock, pacing)], [], set()) if each.id == "heard"]
    assert problem.text.endswith(f"and the limit is 0.1 ({told})")


def test_a_limit_can_be_set_for_the_machine_itself():
    assert {"pacing.p99", "pacing.late", "pacing.slipped"} <= set(FIGURES)
    checks = Checks(limits={"pacing.p99": 20})
    found = [each.id for each in checks.problems([on("real", NOISY)], [], set())]
    assert "pacing.p99" in found
    assert "pacing.p99" not in [each.id for each in checks.problems([on("auto", None)], [], set())]


def test_evidence_that_is_read_again_still_knows(tmp_path):
    lab = lab_of([Ring(0, setup=0), Answer(), Wait(5)])
    told = (dossier := dossier_of(lab.call().advance(2_000).workspace, "s")) and replace(dossier, pacing=NOISY)
    lab.workspace.epilogue = lambda _: [CallMeasured(measure(told))]
    lab.workspace.hang_up("s")
    lines = write_evidence(dossier_of(lab.workspace, "s"), tmp_path, "call").with_suffix(".jsonl")
    assert json.loads(lines.read_text().splitlines()[-1])["kind"] == "CallMeasured"
    assert read_evidence(lines).pacing == NOISY
