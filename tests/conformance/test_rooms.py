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


def _answered_late(seconds):
    """The late member's join is answered so late, and its sound begins then."""

    def broken(run):
        said = run.take("listening").facts["joined_late"]
        edited(
            run,
            "audio",
            lambda item: [item] if item.socket != "late" or item.at > said.at + seconds else [],
        )
        edited(
            run,
            "roomJoined",
            lambda item: [replace(item, at=said.at + seconds)] if item.socket == "late" else [item],
        )

    return broken


@pytest.mark.parametrize("seconds", [0.6, 1.0, 1.5])
def test_a_late_member_s_sound_counts_from_the_answer_to_its_join(seconds):
    run = a_run()
    _answered_late(seconds)(run)
    assert judge(rooms.late, run).outcome is Outcome.PASSED


def test_where_the_answer_leaves_too_little_of_the_call_nothing_can_be_told():
    run = a_run()
    _answered_late(2.4)(run)
    assert judge(rooms.late, run).outcome is Outcome.INCONCLUSIVE


def _held_back(socket, since, until):
    """What comes to a socket in that time is read at its end, all at once."""

    def broken(run):
        edited(
            run,
            "audio",
            lambda item: [
                replace(item, at=until + (item.at - since) / 1000)
                if item.socket == socket and since < item.at < until
                else item
            ],
        )

    return broken


@pytest.mark.parametrize("socket", ["member", "second"])
def test_frames_that_are_read_late_where_they_are_counted_fail_nothing(socket):
    run = a_run()
    left = run.take("listening").call.marks["second_left"]
    _held_back(socket, left - 0.9, left - 0.01)(run)
    assert judge(rooms.members, run).outcome is not Outcome.FAILED


def test_the_late_member_is_not_blamed_for_frames_that_are_read_late():
    run = a_run()
    over = run.take("listening").call.marks["hung_up"]
    _held_back("late", over - 0.6, over + 0.1)(run)
    assert judge(rooms.late, run).outcome is Outcome.INCONCLUSIVE


def test_every_second_frame_lost_is_no_lateness():
    run = a_run()
    edited(run, "audio", lambda item: [] if item.socket == "second" and round(item.at * 50) % 2 else [item])
    assert judge(rooms.members, run).outcome is Outcome.FAILED


def test_a_member_that_hears_nothing_any_more_once_it_has_joined_again():
    run = a_run()
    edited(run, "audio", lambda item: [] if item.socket == "second" and item.at > 4.6 else [item])
    assert judge(rooms.members, run).outcome is Outcome.FAILED


@pytest.mark.parametrize("event", ["audio", "dialStatus", "hangup", "cdr"])
def test_each_member_may_be_told_something_of_its_own_beside(event):
    run = a_run()
    edited(run, event, lambda item: [replace(item, arguments=(item.payload | {"recipient": item.socket},))])
    assert judge(rooms.members, run).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("event", "field", "other"),
    [("audio", "audioFormat", "ulaw"), ("dialStatus", "status", "Busy"), ("cdr", "duration", 99)],
)
def test_but_not_something_else_of_what_the_contract_says(event, field, other):
    run = a_run()
    of = "late" if event == "cdr" else "second"
    edited(
        run,
        event,
        lambda item: [replace(item, arguments=(item.payload | {field: other},))] if item.socket == of else [item],
    )
    assert judge(rooms.members, run).outcome is Outcome.FAILED


def test_who_joins_may_be_told_again_how_far_the_call_has_come():
    run = a_run()
    items = run.take("listening").transcript.items
    status = {"sessionId": SESSION, "status": "Connected"}
    items += [heard(4.63, "dialStatus", status, "second"), heard(8.58, "dialStatus", status, "late")]
    items.sort(key=lambda item: item.at)
    assert judge(rooms.members, run).outcome is Outcome.PASSED


def test_a_status_that_comes_twice_without_a_join_is_another_matter():
    run = a_run()
    items = run.take("listening").transcript.items
    items.append(heard(6.5, "dialStatus", {"sessionId": SESSION, "status": "Connected"}, "second"))
    items.sort(key=lambda item: item.at)
    assert judge(rooms.members, run).outcome is Outcome.FAILED


def test_a_status_at_the_edge_of_what_is_compared_fails_nobody():
    """The second is surely in the room 0.3 s after its join is answered; Ringing comes to both at that moment."""
    for socket in ("member", "second"):
        run = a_run()
        edge = next(item for item in run.take("listening").call.heard("roomJoined", "second")).at + 0.3
        edited(
            run,
            "dialStatus",
            lambda item, socket=socket, edge=edge: [
                replace(item, at=edge + (0.001 if item.socket == socket else -0.001))
            ],
            status="Ringing",
        )
        assert judge(rooms.members, run).outcome is Outcome.PASSED


def test_a_socket_that_the_server_closed_tells_nothing_of_its_room():
    run = a_run()
    _deaf("second", "audio")(run)
    run.take("listening").transcript.items.append(Closed(4, "second", "server", 1006))
    assert judge(rooms.members, run).outcome is Outcome.INCONCLUSIVE


def test_every_member_hears_is_open_without_an_answer():
    run = a_run()
    lost("audio")(run)
    assert judge(rooms.members, run).outcome is Outcome.INCONCLUSIVE
