"""Interruptions."""

from dataclasses import replace

import pytest
from conformance.talk import Server, closed, failed, interrupting, outcomes, run_of, sentence

from mockpbx.conformance.checks import interruptions


def judge(server: Server) -> dict[str, str]:
    return outcomes(run_of(interrupting(server)), interruptions)


@pytest.mark.parametrize("delay", [0.02, 0.3, 1.2])
def test_a_right_server_passes_behind_any_echo(delay):
    assert judge(Server(echo=delay)) == {}


def test_without_an_echo_only_the_sound_stays_unknown():
    assert judge(Server(echo=None)) == {"interruption-stops-sound": "skipped"}


def test_an_interruption_without_effect_shows_in_sound_and_queue():
    found = judge(Server(clears_after=None))
    assert {id for id, outcome in found.items() if outcome == "failed"} == {
        "interruption-empties-queue",
        "interruption-stops-sound",
    }


def test_without_an_echo_it_shows_in_the_queue():
    assert failed(run_of(interrupting(Server(clears_after=None, echo=None))), interruptions) == {
        "interruption-empties-queue"
    }


def test_one_that_comes_a_second_late_shows_in_both():
    run = run_of(interrupting(Server(clears_after=1.0)))
    assert failed(run, interruptions) == {"interruption-stops-sound", "interruption-empties-queue"}
    assert sentence(run, "interruption-stops-sound", interruptions).startswith("1.9")


def test_sound_that_goes_on_though_the_checkpoints_are_gone_shows_by_its_echo():
    """The queue is said to be empty, and everything is played all the same."""
    take = interrupting(Server())
    played = interrupting(Server(clears_after=None))
    take.facts["echoes"] = played.facts["echoes"]
    assert failed(run_of(take), interruptions) == {"interruption-stops-sound"}


def test_checkpoints_that_are_fired_by_an_interruption_leave_the_contract():
    """Twilio's way."""
    assert judge(Server(clears_checkpoints=False)) == {"interruption-clears-checkpoints": "failed"}


def test_so_do_those_that_come_when_they_had_been_due():
    server = Server(checkpoint=lambda sent, due, load: [(due, load)])
    take = interrupting(server)
    cut = take.facts["cut"]
    payload = {"sessionId": take.call.session_id, "name": "cut off"}
    take.transcript.items.append(replace(take.call.heard("checkPoint")[0], at=cut.at + 2.6, arguments=(payload,)))
    assert failed(run_of(take), interruptions) == {"interruption-clears-checkpoints"}


def test_a_server_that_is_deaf_afterwards_is_known_by_its_checkpoint_and_by_its_echo():
    assert judge(Server(deaf=True, echo=None))["interruption-not-deaf"] == "failed"
    run = run_of(interrupting(Server(deaf=True)))
    assert failed(run, interruptions) == {"interruption-not-deaf"}
    assert sentence(run, "interruption-not-deaf", interruptions).startswith("nothing of it came back")


def test_checkpoints_that_come_too_early_tell_nothing_of_interruptions():
    server = Server(echo=None, checkpoint=lambda sent, due, load: [(sent + 0.01, load)])
    take = interrupting(server)
    payload = {"sessionId": take.call.session_id, "name": "cut off"}
    take.transcript.items.append(
        replace(take.call.heard("checkPoint")[0], at=take.facts["cut"].at + 0.01, arguments=(payload,))
    )
    found = outcomes(run_of(take), interruptions)
    assert found["interruption-clears-checkpoints"] == found["interruption-not-deaf"] == "inconclusive"


def test_nor_do_those_that_never_come():
    found = judge(Server(checkpoint=lambda sent, due, load: []))
    assert "failed" not in found.values()
    assert found["interruption-empties-queue"] == "inconclusive"


def test_an_interruption_of_nothing_must_not_end_the_connection():
    take = interrupting(Server())
    run = closed(run_of(take), "interrupting", take.facts["idle"].at + 0.1)
    assert failed(run, interruptions) == {"interruption-of-nothing"}


def test_a_scene_that_broke_off_leaves_all_open():
    take = interrupting(Server())
    take.facts.clear()
    assert set(outcomes(run_of(take), interruptions).values()) == {"inconclusive"}
