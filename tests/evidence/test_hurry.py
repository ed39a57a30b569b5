"""Clients that live by the wall's clock in calls that do not: each test says how a client and its call passed the time.

The lab's wall stands still, as it nearly does for a call on `auto`; a `rate` lets it go with the call.
"""

from dataclasses import replace

import numpy as np
import pytest
from lab import lab_of

from mockpbx.contract.errors import NoSuchSession
from mockpbx.domain import scenario as s
from mockpbx.evidence.diagnosis import explain
from mockpbx.evidence.dossier import Dossier, dossier_of
from mockpbx.evidence.findings import findings
from mockpbx.evidence.judging import judge
from mockpbx.evidence.patterns import CheckpointReached, Digit, DigitHeard, ExpectationMet, PlayoutStarted
from mockpbx.runtime.faults import FaultStruck

UP = (s.Ring(2, setup=0.5), s.Answer())  # Connected at 2.500 s
ASKED = (*UP, s.Wait(1), s.Press("1"), s.ExpectSpeech(within=5, otherwise="hang_up"))


def on(lab, clock: str, rate: float = 0.0) -> Dossier:
    """The call as it is on a clock, where so many ms pass on the call for one of the wall (0: endlessly many)."""
    dossier = dossier_of(lab.workspace, "s")
    walled = tuple(replace(entry, wall=round(entry.at / rate) if rate else 0) for entry in dossier.entries)
    return replace(dossier, entries=walled, settings=dossier.settings.model_copy(update={"clock": clock}))


def behind(dossier: Dossier):
    return next((finding for finding in findings(dossier) if finding.id == "left-behind"), None)


def cause(dossier: Dossier, *wanted) -> str:
    text = explain(dossier, wanted, judge(dossier.entries, wanted))
    return " ".join(text.split("likely cause:")[1].split())


def says(lab, ms: int = 160):
    lab.workspace.play("s", np.full(8 * ms, 1_000, dtype=np.int16))
    return lab


def slow_bot():
    """It greets at once, and thinks of its answer until all is over."""
    return says(lab_of(ASKED).call().advance(2_500)).advance(20_000)


# --- the cause -------------------------------------------------------------------------------------------------------


def test_a_bot_that_thinks_in_wall_time_is_told_of_the_clock_first():
    told = cause(on(slow_bot(), "auto"), Digit("1"), CheckpointReached("answer"))
    assert told.startswith(
        "5.3 s passed on the call in 0.00 s of yours, since the clock is auto: a client that waits or thinks in wall "
        'time is left behind; give its test clock="real"'
    )
    assert "also, the client sent no `checkPoint` in this call" in told


def test_checkpoints_of_other_names_are_less_of_a_reason_than_one_that_is_misspelt():
    lab = says(lab_of(ASKED).call().advance(2_500))
    lab.workspace.mark("s", "greeting")
    dossier = on(lab.advance(20_000), "auto")
    assert "of yours, since the clock is auto" in cause(dossier, CheckpointReached("answer 1")).split(" also, ")[0]
    assert cause(dossier, CheckpointReached("greetings")).startswith('the client\'s checkpoint is named "greeting"')


def test_a_scaled_clock_is_told_by_its_rate_and_its_figures():
    told = cause(on(slow_bot(), "20x", rate=20), Digit("1"), DigitHeard("2"))
    assert told.startswith("5.3 s passed on the call in 0.27 s of yours, since the clock is 20x")


def test_what_the_callee_waited_for_in_vain_is_the_clocks_fault_too():
    assert "since the clock is auto" in cause(on(slow_bot(), "auto"), ExpectationMet)


@pytest.mark.parametrize(("clock", "rate"), [("real", 1), ("manual", 0), ("4x", 4), ("0.5x", 0.5)])
def test_a_clock_that_leaves_time_is_no_cause(clock, rate):
    dossier = on(slow_bot(), clock, rate)
    assert cause(dossier, Digit("1"), CheckpointReached("answer")).startswith("the client sent no `checkPoint`")
    assert behind(dossier) is None


def test_a_bot_that_had_no_turn_any_more_merely_forgot():
    lab = says(lab_of((*UP, s.Wait(20), s.HangUp())).call().advance(2_500)).advance(30_000)
    assert cause(on(lab, "auto"), PlayoutStarted, CheckpointReached("x")).startswith("the client sent no `checkPoint`")


def test_a_refusal_says_more_than_the_clock():
    lab = lab_of(ASKED).call().advance(3_000)
    lab.workspace.refuse_event("s", "checkPoint", "name: expected 1 to 64 characters")
    lab.advance(20_000)
    assert cause(on(lab, "auto"), CheckpointReached("x")).startswith("`checkPoint` was refused")


# --- the finding -----------------------------------------------------------------------------------------------------


def test_an_expectation_that_was_missed_for_the_clock_is_a_warning_of_its_own():
    dossier = on(slow_bot(), "auto")
    finding = behind(dossier)
    assert finding.level == "warning"
    assert finding.what == "5.3 s passed on the call in 0.00 s of yours, since the clock is auto"
    assert 'clock="real"' in finding.rule.remedy
    missed = [entry.number for entry in dossier.entries if entry.kind == "ExpectationMissed"]
    assert finding.entries == tuple(missed)


def test_a_bot_that_only_reacts_is_not_left_behind():
    lab = lab_of((*UP, s.Press("1"), s.ExpectSpeech(within=5), s.Wait(3), s.HangUp())).call()
    lab.advance(2_500)
    while not any(entry.kind == "DigitReceived" for entry in lab.workspace.journal):
        lab.advance(20)
    says(lab, 1_000).advance(20_000)
    assert behind(on(lab, "auto")) is None


def test_who_speaks_while_the_callee_waits_for_something_else_is_there():
    lab = says(lab_of((*UP, s.ExpectDigit(within=5, otherwise="hang_up"))).call().advance(2_510), 9_000)
    assert behind(on(lab.advance(20_000), "auto")) is None


def test_a_callee_that_hangs_up_on_who_had_no_more_to_say_is_nobodys_fault():
    lab = lab_of((*UP, s.Press("1"), s.Wait(5), s.HangUp())).call().advance(20_000)
    assert behind(on(lab, "auto")) is None


def test_an_answer_that_comes_when_the_callee_is_gone_tells_who_was_left_behind():
    lab = lab_of((*UP, s.Press("1"), s.Wait(5), s.HangUp())).call().advance(20_000)
    lab.workspace.refuse_audio("s", 2_560, NoSuchSession.sentence)
    finding = behind(on(lab, "auto"))
    assert finding.what.startswith("5.")
    assert finding.count == 1


def test_a_fault_may_have_kept_it_from_the_client():
    lab = lab_of(ASKED).call()
    lab.workspace.note("s", FaultStruck("drop", "digit"))
    assert behind(on(lab.advance(20_000), "auto")) is None


# --- the pace --------------------------------------------------------------------------------------------------------


def paced(every: int):
    """It sends 160 ms of sound ten times, and lets so many ms pass on the call between."""
    lab = lab_of((*UP, s.Wait(60))).call().advance(2_500)
    for _ in range(10):
        says(lab).advance(every)
    lab.workspace.hang_up("s")
    return lab


def test_sound_that_comes_at_the_walls_pace_on_a_scaled_clock():
    finding = behind(on(paced(3_200), "20x", rate=20))
    assert finding.what == "160 ms of sound came every 160 ms of yours, 3,200 ms of the call"


@pytest.mark.parametrize("every", [0, 160, 320, 9_000])
def test_sound_at_the_calls_own_pace_or_none_at_all(every):
    assert behind(on(paced(every), "20x", rate=20)) is None


def test_pauses_of_a_client_in_real_time_are_not_the_clocks():
    assert behind(on(paced(3_200), "real", rate=1)) is None
