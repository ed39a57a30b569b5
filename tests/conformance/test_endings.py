"""hangup and cdr: told, soon, once, and nothing behind them."""

from dataclasses import replace

import pytest
from conformance.builders import (
    SESSION,
    STRANGER,
    a_run,
    edited,
    heard,
    judge,
    late,
    lost,
    outcomes,
    rewritten,
    twice,
    without,
)

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import endings

CHECKS = endings.CHECKS


def _behind(event, **fields):
    def broken(run):
        call = run.take("listening").call
        run.take("listening").transcript.items.append(heard(99, event, {"sessionId": SESSION} | fields))
        assert call.heard(event)

    return broken


def test_a_right_server_passes_every_check():
    assert outcomes(CHECKS, a_run(), Outcome.PASSED) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    ("broken", "fails"),
    [
        (lost("hangup"), {"hangup-told", "callee-hangup-told"}),
        (twice("hangup"), {"hangup-once"}),
        (rewritten("hangup", sessionId=STRANGER), {"hangup-names-its-session"}),
        (without("hangup", "sessionId"), {"hangup-shape"}),
        (rewritten("hangup", sessionId=None), {"hangup-shape"}),
        (late("hangup", 1.0), {"hangup-follows-sound"}),
        (late("hangup", 2.5), {"cdr-follows-hangup"}),
        (_behind("checkPoint", name="x"), {"nothing-after-hangup"}),
        (_behind("dtmf", digit="1"), {"nothing-after-hangup"}),
        (_behind("dialStatus", status="Connected"), {"nothing-after-hangup"}),
        (lost("cdr"), {"cdr-told"}),
        (twice("cdr"), {"cdr-once"}),
    ],
)
def test_a_breach_fails_the_check_that_names_it(broken, fails):
    run = a_run()
    broken(run)
    assert outcomes(CHECKS, run) == fails


@pytest.mark.parametrize(("scene", "fails"), [("listening", "hangup-by-rest"), ("speaking", "hangup-by-socket")])
def test_a_hang_up_that_takes_three_seconds(scene, fails):
    run = a_run()
    call = run.take(scene).call
    call.marks["hung_up"] -= 3
    result = next(judge(check, run) for check in CHECKS if check.id == fails)
    assert (result.outcome, result.got) == (Outcome.FAILED, "hangup was told 3.0 s after it was asked for")


def test_a_checker_that_stood_still_does_not_know_who_was_late():
    run = a_run()
    call = run.take("listening").call
    call.marks["hung_up"] -= 3
    run.lag._late.append((call.marks["hung_up"] + 1, 0.9))
    assert judge(endings.by_rest, run).outcome is not Outcome.FAILED


def _ended_with_the_other(run, by=0.05):
    """The listening call is told to be over when the cancelled one is hung up."""
    moment = run.take("cancelled").call.marks["hung_up"] + by
    edited(run, "hangup", lambda item: [replace(item, at=moment)] if item.session_id == SESSION else [item])


def test_a_hang_up_that_ends_another_call():
    run = a_run()
    _ended_with_the_other(run)
    result = judge(endings.ends_no_other, run)
    assert (result.outcome, result.got) == (Outcome.FAILED, "a call ended when another was hung up")


def test_a_callee_who_hangs_up_at_that_moment_is_nobodys_breach():
    run = a_run()
    _ended_with_the_other(run)
    rewritten("cdr", hangupBy="CALLEE")(run)
    assert judge(endings.ends_no_other, run).outcome is Outcome.INCONCLUSIVE


def test_a_server_that_takes_one_call_at_a_time_shows_nothing_of_two():
    run = a_run()
    run.take("cancelled").call.marks["hung_up"] = run.take("listening").call.marks["hung_up"] + 5
    assert judge(endings.ends_no_other, run).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("stalled", [True, False])
def test_hangup_may_come_late_by_as_much_as_the_last_frames_did(stalled):
    run = a_run()
    late("hangup", 0.56)(run)
    for call in run.calls() if stalled else ():
        run.lag._late.append((call.heard("hangup")[0].at - 0.7, 0.15))
    outcome = judge(endings.follows_sound, run).outcome
    assert (outcome is Outcome.FAILED) is not stalled


def test_a_record_that_rest_does_not_show_either_may_be_late():
    run = a_run()
    lost("cdr")(run)
    for call in run.calls():
        call.detail = call.listed = None
    assert judge(endings.cdr_told, run).outcome is Outcome.INCONCLUSIVE


def test_a_callee_who_never_hangs_up_shows_nothing():
    run = a_run()
    run.take("callee-hangup").call.hung_up_by = "rest"
    edited(run, "hangup", lambda item: [], sessionId=run.take("callee-hangup").call.session_id)
    assert judge(endings.by_callee, run).outcome is Outcome.INCONCLUSIVE
