"""Acknowledgments of `audio`."""

from dataclasses import replace

import pytest
from conformance.talk import Server, closed, failed, keying, outcomes, run_of, sentence, speaking
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.conformance.checks import acks
from mockpbx.conformance.run import Run
from mockpbx.conformance.transcript import Acked, Heard

REFUSED = {"success": False, "error": "no"}
BAD = {id for id in (check.id for check in acks.CHECKS) if id.endswith("-refused")}
ACCEPTED = {id for id in (check.id for check in acks.CHECKS) if id.endswith("-accepted")}


def judge(server: Server) -> set[str]:
    return failed(run_of(speaking(server)), acks)


def test_a_right_server_passes():
    assert outcomes(run_of(speaking(Server()), keying(Server())), acks) == {}


def test_what_an_acknowledgment_says_beside_is_its_own_business():
    assert judge(Server(ack=lambda ack: ack | {"bytes": 320, "queued": None})) == set()


BROKEN = {
    "none": (lambda ack: None, {"audio-is-acknowledged"}),
    "success as text": (lambda ack: ack | {"success": str(ack["success"])}, {"ack-success-is-boolean"}),
    "success as number": (lambda ack: ack | {"success": int(ack["success"])}, {"ack-success-is-boolean"}),
    "no error": (lambda ack: {"success": ack["success"]}, {"ack-has-error"}),
    "error as object": (
        lambda ack: ack | {"error": {"message": "no"}},
        {"ack-has-error", "ack-error-null-on-success", "ack-error-tells-why"},
    ),
    "empty error": (lambda ack: ack | {"error": ack["error"] or ""}, {"ack-error-null-on-success"}),
    "no reason": (lambda ack: ack | {"error": None}, {"ack-error-tells-why"}),
    "an empty reason": (lambda ack: ack | {"error": ack["error"] and ""}, {"ack-error-tells-why"}),
    "always refused": (lambda ack: REFUSED, ACCEPTED),
    "never refused": (lambda ack: {"success": True, "error": None}, BAD),
    "a bare true": (lambda ack: True, {"ack-success-is-boolean", "ack-has-error"}),
}


@pytest.mark.parametrize(("ack", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_with_it_fails_the_check_that_names_it(ack, expected):
    assert judge(Server(ack=ack)) == expected


def test_one_format_that_is_refused_is_named_with_the_servers_own_words():
    run = run_of(speaking(Server()))
    change(run, lambda item: item.said.payload["audioFormat"] == "alaw", REFUSED | {"error": "no A-law here"})
    assert failed(run, acks) == {"audio-alaw-accepted"}
    assert sentence(run, "audio-alaw-accepted", acks) == 'alaw audio was refused: "no A-law here"'


def test_one_kind_of_bad_audio_that_is_taken_is_named():
    run = run_of(speaking(Server()))
    change(run, lambda item: item.said.payload["audioFormat"] == "opus", {"success": True, "error": None})
    assert failed(run, acks) == {"audio-unknown-format-refused"}


def test_audio_for_a_call_that_has_ended_must_not_be_taken():
    take = speaking(Server())
    run = run_of(take)
    change(run, lambda item: item.said is take.facts["ended"], {"success": True, "error": None})
    assert failed(run, acks) == {"audio-ended-call-refused"}
    assert sentence(run, "audio-ended-call-refused", acks).startswith("audio for a call that has ended was ack")


def test_what_was_sent_before_the_end_was_told_may_be_taken():
    take = speaking(Server())
    run = run_of(take)
    change(run, lambda item: item.said is take.facts["ended"], {"success": True, "error": None})
    items = take.transcript.items
    items[:] = [item for item in items if not (isinstance(item, Heard) and item.event == "hangup")]
    assert outcomes(run, acks) == {"audio-ended-call-refused": "inconclusive"}


def test_bad_audio_that_nothing_answers_is_not_refused():
    run = run_of(speaking(Server()))
    items = run.takes["speaking"].transcript.items
    items[:] = [item for item in items if not (isinstance(item, Acked) and item.payload["error"])]
    assert failed(run, acks) == BAD


def test_a_queue_that_is_full_at_the_end_may_refuse():
    run = run_of(speaking(Server()))
    last = run.takes["speaking"].facts["spoken"][-1].said[-1]
    change(run, lambda item: item.said is last, REFUSED)
    assert outcomes(run, acks) == {}


def test_bad_audio_must_not_end_the_call():
    take = speaking(Server())
    bad = take.facts["bad"]["text"].at
    take.transcript.items.append(Heard(bad + 0.1, "member", "hangup", ({"sessionId": take.call.session_id},)))
    assert failed(run_of(take), acks) == {"bad-audio-is-harmless"}


def test_nor_the_connection():
    take = speaking(Server())
    run = closed(run_of(take), "speaking", take.facts["bad"]["text"].at + 0.1)
    assert failed(run, acks) == {"bad-audio-is-harmless"}
    assert sentence(run, "bad-audio-is-harmless", acks) == "the connection was closed 0.10 s after bad audio"


def test_a_scene_that_did_not_come_to_it_leaves_it_open():
    take = speaking(Server())
    take.facts.clear()
    take.trouble = "nobody answered"
    take.transcript.items.clear()
    assert set(outcomes(run_of(take), acks).values()) == {"inconclusive"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("error"), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_whatever_comes_as_an_acknowledgment_is_judged(answer):
    take = speaking_once()
    items = [replace(item, arguments=(answer,)) if isinstance(item, Acked) else item for item in take.transcript.items]
    run = run_of(replace(take, transcript=type(take.transcript)(items)))
    run.takes["speaking"].calls[0] = replace(take.calls[0], transcript=run.takes["speaking"].transcript)
    assert failed(run, acks)


def speaking_once(cache: list = []):  # noqa: B006
    if not cache:
        cache.append(speaking(Server(echo=None)))
    return replace(cache[0], calls=list(cache[0].calls))


def change(run: Run, which, answer) -> None:
    items = run.takes["speaking"].transcript.items
    items[:] = [
        replace(item, arguments=(answer,)) if isinstance(item, Acked) and which(item) else item for item in items
    ]
