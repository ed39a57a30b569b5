"""joinRoom and roomJoined: who gets in, and who hears what."""

from dataclasses import replace

import pytest
from conformance.builders import SESSION, a_run, edited, heard, judge, lost, outcomes, rewritten

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import rooms
from mockpbx.conformance.transcript import Closed

CHECKS = rooms.CHECKS


def _deaf(socket, *events):
    def broken(run):
        for event in events:
            edited(run, event, lambda item: [] if item.socket == socket else [item])

    return broken


def _overheard(event, payload):
    def broken(run):
        run.take("listening").transcript.items.append(heard(5, event, {"sessionId": SESSION} | payload, "outsider"))

    return broken


def _silent_behind(moment):
    return lambda run: edited(run, "audio", lambda item: [item] if item.at < moment else [])


def test_a_right_server_passes_every_check():
    assert outcomes(CHECKS, a_run(), Outcome.PASSED) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    ("broken", "fails"),
    [
        (lost("roomJoined"), {"join-answered"}),
        (rewritten("roomJoined", {"status": "success"}, status="failed"), {"join-confirmed"}),
        (rewritten("roomJoined", {"status": "success"}, status="SUCCESS"), {"room-joined-shape"}),
        (rewritten("roomJoined", {"status": "failed"}, status=False), {"room-joined-shape"}),
        (
            rewritten("roomJoined", {"status": "failed"}, status="success"),
            {"unknown-session-join-fails", "ended-session-join-fails"},
        ),
        (_overheard("dtmf", {"digit": "1"}), {"outsider-hears-nothing"}),
        (_overheard("cdr", {}), {"outsider-hears-nothing"}),
        (_deaf("second", "dialStatus"), {"every-member-hears"}),
        (_deaf("second", "audio"), {"every-member-hears"}),
        (_deaf("late", "hangup"), {"every-member-hears"}),
        (_deaf("late", "cdr"), {"every-member-hears"}),
        (_deaf("late", "audio"), {"late-join-succeeds"}),
    ],
)
def test_a_breach_fails_the_check_that_names_it(broken, fails):
    run = a_run()
    broken(run)
    assert outcomes(CHECKS, run) == fails


def test_what_is_no_event_of_the_call_may_reach_anybody():
    run = a_run()
    _overheard("exception", {"status": "error", "message": "no"})(run)
    assert outcomes(CHECKS, run) == set()


def test_a_call_that_ends_when_one_of_two_sockets_leaves():
    run = a_run()
    left = run.take("listening").call.marks["second_left"]
    _silent_behind(left + 0.1)(run)
    assert judge(rooms.leaving, run).outcome is Outcome.FAILED


def test_joining_again_is_not_hearing_twice():
    run = a_run()
    edited(run, "audio", lambda item: [item, item] if item.socket == "second" and item.at > 4.7 else [item])
    result = judge(rooms.members, run)
    assert result.outcome is Outcome.FAILED
    assert "frames reached the member" in result.got


def test_members_who_hear_different_sound():
    run = a_run()
    edited(
        run,
        "audio",
        lambda item: (
            [replace(item, arguments=(item.payload | {"audioData": bytes(319) + b"x"},))]
            if item.socket == "second"
            else [item]
        ),
    )
    assert judge(rooms.members, run).got == "a frame of the second member was another than the first one's"


def test_a_socket_that_the_server_closed_tells_nothing_of_its_room():
    run = a_run()
    _deaf("second", "audio")(run)
    run.take("listening").transcript.items.append(Closed(4, "second", "server", 1006))
    assert judge(rooms.members, run).outcome is Outcome.INCONCLUSIVE


def test_every_member_hears_is_open_without_an_answer():
    run = a_run()
    lost("audio")(run)
    assert judge(rooms.members, run).outcome is Outcome.INCONCLUSIVE
