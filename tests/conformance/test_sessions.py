"""newSession: who is told, once, with which id."""

from dataclasses import replace

import pytest
from conformance.builders import (
    STRANGER,
    a_run,
    edited,
    judge,
    late,
    listening,
    lost,
    outcomes,
    renamed,
    rewritten,
    twice,
    without,
)

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import sessions

CHECKS = sessions.CHECKS


def test_a_right_server_passes_every_check():
    assert outcomes(CHECKS, a_run(), Outcome.PASSED) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    ("broken", "fails"),
    [
        (lost("newSession"), "new-session-told"),
        (renamed("newSession", "newsession"), "new-session-told"),
        (twice("newSession"), "new-session-once"),
        (rewritten("newSession", type="inbound"), "new-session-type"),
        (rewritten("newSession", type="OUTBOUND"), "new-session-shape"),
        (without("newSession", "type"), "new-session-shape"),
        (rewritten("newSession", sessionId=STRANGER), "new-session-names-the-reply"),
        (late("newSession", -0.06), "new-session-after-reply"),
    ],
)
def test_a_breach_fails_the_check_that_names_it(broken, fails):
    run = a_run()
    broken(run)
    assert fails in outcomes(CHECKS, run)
    assert outcomes(CHECKS, run) <= {fails, "new-session-type"}


def test_a_socket_that_does_not_join_is_told_too():
    run = a_run()
    edited(run, "newSession", lambda item: [] if item.socket == "outsider" else [item])
    result = judge(sessions.told, run)
    assert (result.outcome, result.got) == (Outcome.FAILED, "no newSession of the call came to the socket outsider")


def test_a_short_call_does_not_tell_that_it_was_not_announced():
    run = a_run()
    call = run.take("cancelled").call
    edited(run, "newSession", lambda item: [], sessionId=call.session_id)
    assert outcomes(CHECKS, run) == set()


def test_two_calls_with_one_session_id():
    run = a_run()
    run.take("speaking").call.session_id = run.take("listening").call.session_id
    assert "session-ids-unique" in outcomes(CHECKS, run)


def test_an_event_that_overtakes_the_reply_now_and_then_is_a_race():
    run = a_run()
    call = run.take("listening").call
    edited(run, "newSession", lambda item: [replace(item, at=item.at - 0.06)], sessionId=call.session_id)
    assert judge(sessions.after_reply, run).outcome is Outcome.PASSED
    late("newSession", -0.011)(run)
    assert judge(sessions.after_reply, run).outcome is Outcome.INCONCLUSIVE


def test_one_call_is_too_few_to_tell_an_order():
    run = a_run(listening())
    late("newSession", -0.06)(run)
    assert judge(sessions.after_reply, run).outcome is Outcome.INCONCLUSIVE
