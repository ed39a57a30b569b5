"""Digits."""

from dataclasses import replace

import pytest
from conformance.talk import Server, closed, failed, keying, outcomes, run_of, sentence
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.conformance.checks import digits

#: Tones are heard, and nothing is told.
UNTOLD = Server(tell=lambda digit: [])


def judge(server: Server, **options) -> dict[str, str]:
    return outcomes(run_of(keying(server), **options), digits)


@pytest.mark.parametrize("delay", [0.02, 0.3])
def test_a_right_server_passes(delay):
    assert judge(Server(echo=delay)) == {}


def test_small_letters_are_digits_too():
    take = keying(Server())
    event = take.call.heard("dtmf")[-1]
    take.transcript.items.append(replace(event, arguments=({"sessionId": take.call.session_id, "digit": "b"},)))
    assert outcomes(run_of(take), digits) == {}


def test_without_an_echo_nothing_can_be_told_of_digits():
    found = judge(Server(echo=None, tell=lambda digit: []))
    assert set(found.values()) == {"skipped"}
    assert "bad-digit-is-harmless" not in found


def test_digits_may_come_back_by_events_alone_and_should_not():
    take = keying(Server())
    take.facts["tones"] = []
    without_tones(take)
    found = outcomes(run_of(take), digits)
    assert found == {"dtmf-is-told": "skipped", "digit-length": "skipped", "digit-is-a-tone": "failed"}


BROKEN = {
    "digit as a number": (
        Server(tell=lambda digit: [{"digit": int(digit) if digit.isdigit() else digit}]),
        {"dtmf-fields"},
    ),
    "digit as key": (Server(tell=lambda digit: [{"key": digit}]), {"dtmf-fields"}),
    "two characters": (Server(tell=lambda digit: [{"digit": digit * 2}]), {"dtmf-fields"}),
    "never told": (UNTOLD, {"dtmf-is-told"}),
    "some told": (Server(tell=lambda digit: [{"digit": digit}] if digit != "9" else []), {"dtmf-is-told"}),
    "told twice": (Server(tell=lambda digit: [{"digit": digit}] * 2), {"dtmf-is-told-once"}),
    "never keyed": (Server(key=lambda digit, ms: None), {"digit-reaches-the-callee"}),
    "keyed wrongly": (
        Server(key=lambda digit, ms: ("123456789*0#1"["123456789*0#".index(digit) + 1], ms)),
        {"digit-is-right"},
    ),
    "one keyed wrongly": (Server(key=lambda digit, ms: ("6" if digit == "9" else digit, ms)), {"digit-is-right"}),
    "too short": (Server(key=lambda digit, ms: (digit, 20)), {"digit-length"}),
    "too long": (Server(key=lambda digit, ms: (digit, ms * 2.5)), {"digit-length"}),
}


@pytest.mark.parametrize(("server", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_fails_the_check_that_names_it(server, expected):
    assert failed(run_of(keying(server)), digits) == expected


def test_what_came_instead_is_told():
    run = run_of(keying(BROKEN["one keyed wrongly"][0]))
    assert sentence(run, "digit-is-right", digits).endswith("came back as 1, 5, 5, 6, 0, *, #")


def test_a_digit_for_which_the_call_was_too_short_is_not_missed():
    server = Server(echo=1.0, key=lambda digit, ms: (digit, ms) if digit != "#" else None)
    assert failed(run_of(keying(server)), digits) == set()


def test_a_callee_that_was_named_for_its_echo_and_is_silent_leaves_it_open():
    found = judge(Server(echo=None, tell=lambda digit: []), echo_number="0813")
    assert found["digit-reaches-the-callee"] == "inconclusive"


def test_frames_that_are_not_read_as_sound_show_no_tones():
    found = judge(Server(line=lambda line: line.byteswap()))
    assert found == {"dtmf-is-told": "skipped", "digit-length": "skipped", "digit-is-a-tone": "inconclusive"}


def test_a_bad_digit_must_not_end_the_call():
    take = keying(Server())
    run = closed(run_of(take), "keying", take.facts["bad"][0].at + 0.2)
    assert failed(run, digits) == {"bad-digit-is-harmless"}


def test_an_echo_service_that_takes_a_hash_for_goodbye_is_not_blamed():
    take = keying(Server())
    end = take.facts["alive"] + 0.3
    take.transcript.items[:] = [item for item in take.transcript.items if item.at <= end]
    take.call.marks["hung_up"] = end
    take.facts["tones"] = [tone for tone in take.facts["tones"] if tone.at < end - 0.1]
    assert "failed" not in outcomes(run_of(take), digits).values()


ANYTHING = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.none(), max_size=2)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(["digit", "sessionId", "duration"]), ANYTHING, max_size=3))
def test_whatever_comes_as_a_digit_is_judged(payload):
    outcomes(run_of(keying(Server(tell=lambda digit: [payload]))), digits)


def without_tones(take) -> None:
    """Silence in place of the digits' frames."""
    begun = take.facts["pressed"][0].at
    take.transcript.items[:] = [
        replace(item, arguments=(item.arguments[0] | {"audioData": bytes(320)},))
        if getattr(item, "event", "") == "audio" and hasattr(item, "arguments") and item.at > begun
        else item
        for item in take.transcript.items
    ]
