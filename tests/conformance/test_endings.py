"""hangup and cdr: told, soon, once, and nothing behind them."""

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
