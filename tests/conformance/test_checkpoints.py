"""Checkpoints: by name, once, in order, in time."""

from dataclasses import replace

import pytest
from conformance.talk import SESSION, Server, failed, outcomes, run_of, sentence, speaking
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.conformance.checks import checkpoints
from mockpbx.conformance.transcript import Heard

SWAP = {"first": "third", "third": "first"}


def judge(server: Server) -> set[str]:
    return failed(run_of(speaking(replace(server, echo=None))), checkpoints)


@pytest.mark.parametrize("late", [0.0, 0.1, 0.6, 0.9])
def test_a_right_server_may_take_its_time(late):
    server = Server(echo=None, checkpoint=lambda sent, due, payload: [(due + late, payload)])
    assert outcomes(run_of(speaking(server)), checkpoints) == {}


def sized(least, payload, at):
    return [(at, payload)] if payload["name"] != least else []


BROKEN = {
    "lost": (lambda sent, due, load: [], {"checkpoint-is-told"}),
    "one lost": (lambda sent, due, load: sized("ulaw", load, due), {"checkpoint-is-told"}),
    "twice": (lambda sent, due, load: [(due, load), (due + 0.01, load)], {"checkpoint-once"}),
    "renamed": (lambda sent, due, load: [(due, load | {"name": load["name"].upper()})], {"checkpoint-by-name"}),
    "name as object": (lambda sent, due, load: [(due, load | {"name": {}})], {"checkpoint-fields"}),
    "no session": (lambda sent, due, load: [(due, {"name": load["name"]})], {"checkpoint-fields"}),
    "another session": (lambda sent, due, load: [(due, load | {"sessionId": "b"})], {"checkpoint-fields"}),
    "when queued": (lambda sent, due, load: [(sent + 0.01, load)], {"checkpoint-not-before-its-audio"}),
    "at half its sound": (lambda sent, due, load: [((sent + due) / 2, load)], {"checkpoint-not-before-its-audio"}),
    "100 ms early": (
        lambda sent, due, load: [(max(sent, due - 0.1), load)],
        {"checkpoint-not-before-its-audio"},
    ),
    "2 s late": (lambda sent, due, load: [(due + 2, load)], {"checkpoint-in-time"}),
    "out of order": (
        lambda sent, due, load: [(due, load | {"name": SWAP.get(load["name"], load["name"])})],
        {"checkpoints-in-order"},
    ),
    "lost on an empty queue": (
        lambda sent, due, load: [(due, load)] if due > sent else [],
        {"checkpoint-on-empty-queue"},
    ),
    "late on an empty queue": (
        lambda sent, due, load: [(due + 1.5 * (due == sent), load)],
        {"checkpoint-on-empty-queue"},
    ),
}


@pytest.mark.parametrize(("checkpoint", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_fails_the_check_that_names_it(checkpoint, expected):
    assert judge(Server(checkpoint=checkpoint)) == expected


def test_an_event_by_another_name_is_told_with_it():
    run = run_of(speaking(Server(echo=None, event="checkpoint")))
    assert failed(run, checkpoints) == {"checkpoint-is-told"}
    assert sentence(run, "checkpoint-is-told", checkpoints).endswith('"checkpoint" came instead')


def test_sound_that_is_played_by_half_makes_checkpoints_early():
    half = Server(play=lambda sound, name, data: sound[: len(sound) // 2])
    assert judge(half) == {"checkpoint-not-before-its-audio"}


def test_a_server_that_catches_up_in_a_burst_is_not_early():
    """It was held up when the sound came, and played in a moment what it had missed: its frames say so."""
    take = speaking(Server(echo=None, checkpoint=lambda sent, due, load: [(max(sent, due - 0.2), load)]))
    frame = take.call.heard("audio")[0]
    for said in take.call.said("audio"):
        take.transcript.items += [replace(frame, at=said.at + 0.01)] * 10
    assert failed(run_of(take), checkpoints) == set()


def test_late_is_not_proof_where_the_checker_was_late():
    run = run_of(speaking(Server(echo=None, checkpoint=BROKEN["2 s late"][0])))
    run.lag._late = [(at / 10, 0.4) for at in range(1000)]
    assert outcomes(run, checkpoints)["checkpoint-in-time"] == "inconclusive"


def test_nor_where_the_servers_sound_was_as_late():
    take = speaking(Server(echo=None, checkpoint=BROKEN["2 s late"][0]))
    kept = take.call.heard("audio")[::3]
    take.transcript.items[:] = [
        item
        for item in take.transcript.items
        if not (isinstance(item, Heard) and item.event == "audio") or any(item is one for one in kept)
    ]
    assert outcomes(run_of(take), checkpoints)["checkpoint-in-time"] == "inconclusive"


def test_a_call_that_hears_nothing_at_all_leaves_open_what_it_cannot_tell():
    found = outcomes(run_of(speaking(Server(echo=None, checkpoint=BROKEN["lost"][0]))), checkpoints)
    assert found.pop("checkpoint-is-told") == "failed"
    assert set(found.values()) == {"inconclusive"}


ANYTHING = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.none(), max_size=2)


@settings(max_examples=40, deadline=None)
@given(ANYTHING | st.fixed_dictionaries({"sessionId": ANYTHING | st.just(SESSION), "name": ANYTHING}))
def test_whatever_comes_as_a_checkpoint_is_judged(payload):
    assert judge(Server(checkpoint=lambda sent, due, load: [(due, payload)]))
