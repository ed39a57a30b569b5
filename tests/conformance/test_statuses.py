"""dialStatus: names, order, spelling."""

from dataclasses import replace

import pytest
from conformance.builders import (
    STRANGER,
    a_run,
    edited,
    judge,
    late,
    lost,
    outcomes,
    recorded,
    renamed,
    rewritten,
    twice,
    without,
)

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import statuses

CHECKS = statuses.CHECKS


def test_a_right_server_passes_every_check():
    assert outcomes(CHECKS, a_run(), Outcome.PASSED) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    ("broken", "fails"),
    [
        (lost("dialStatus", status="Dialing"), "dialing-told"),
        (lost("dialStatus", status="Ringing"), "ringing-told"),
        (lost("dialStatus", status="Connected"), "connected-told"),
        (late("dialStatus", 2.3, status="Ringing"), "dial-status-order"),
        (twice("dialStatus", status="Connected"), "dial-status-once"),
        (rewritten("dialStatus", {"status": "Connected"}, status="connected"), "dial-status-spelling"),
        (rewritten("dialStatus", {"status": "Busy"}, status="BUSY"), "dial-status-spelling"),
        (rewritten("dialStatus", {"status": "Busy"}, status="Ringing"), "busy-told"),
        (rewritten("dialStatus", {"status": "Dialing"}, status=1), "dial-status-shape"),
        (rewritten("dialStatus", sessionId=STRANGER), "dial-status-names-its-session"),
        (without("dialStatus", "sessionId"), "dial-status-shape"),
        (renamed("dialStatus", "dialState"), "dial-status-told"),
        (late("dialStatus", 1.0, status="Connected"), "connected-before-audio"),
    ],
)
def test_a_breach_fails_the_check_that_names_it(broken, fails):
    run = a_run()
    broken(run)
    assert fails in outcomes(CHECKS, run)
    assert len(outcomes(CHECKS, run)) <= 2


def test_what_came_instead_is_named():
    run = a_run()
    renamed("dialStatus", "dialState")(run)
    assert judge(statuses.told, run).got.endswith("; instead came 3 × 'dialState'")


def test_a_client_that_came_late_cannot_tell_what_it_missed():
    run = a_run()
    for event in ("newSession", "roomJoined"):
        late(event, 0.8)(run)
    lost("dialStatus", status="Dialing")(run)
    assert judge(statuses.dialing, run).outcome is Outcome.INCONCLUSIVE


def test_a_number_that_is_not_busy_shows_nothing():
    run = a_run()
    rewritten("dialStatus", {"status": "Busy"}, status="Ringing")(run)
    recorded(lambda row: row | {"disposition": "NO ANSWER", "hangupCauseCode": 19})(run)
    assert judge(statuses.busy, run).outcome is Outcome.INCONCLUSIVE


def test_stray_sound_of_a_ringing_phone_is_not_a_late_answer():
    run = a_run()
    early = [replace(item, at=item.at - 1.5) for item in run.take("listening").call.heard("audio")[:10]]
    items = run.take("listening").transcript.items
    items[:] = sorted([*items, *early], key=lambda item: item.at)
    assert judge(statuses.before_audio, run).outcome is Outcome.PASSED


def test_busy_and_connected_exclude_each_other():
    run = a_run()
    edited(
        run,
        "dialStatus",
        lambda item: [item, replace(item, arguments=(item.payload | {"status": "Connected"},))],
        status="Busy",
    )
    assert judge(statuses.busy, run).got == "both Busy and Connected were told"
