"""The personas as conversations: a scripted bot answers what they expect, and their steps are what it is told."""

import re
import wave
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mockpbx.domain import scenario as s
from mockpbx.domain.personas import PERSONAS
from mockpbx.media.wav import read_wav

CLIPS = Path(__file__).parents[2] / "fixtures" / "clips"
MOST_STEPS = 150
ENDS = (s.HangUp, s.Busy, s.Reject, s.NoAnswer, s.Fail)
NOTHING_HAPPENED = None

Bot = Callable[[s.Expectation], s.Heard | None]


def call(name: str, bot: Bot, seed: int = 1) -> list[s.Step]:
    """Return the steps of a persona that `bot` talks to, up to the end of the call."""
    script = PERSONAS[name](Random(seed))
    steps: list[s.Step] = []
    outcome = None
    while len(steps) < MOST_STEPS:
        try:
            step = script.send(outcome)
        except StopIteration:
            return steps
        steps.append(step)
        outcome = bot(step) if isinstance(step, s.EXPECTATIONS) else NOTHING_HAPPENED
        if isinstance(step, ENDS) or (isinstance(step, s.ExpectHangUp) and outcome):
            return steps
        if isinstance(step, s.EXPECTATIONS) and outcome is None and step.otherwise != "go_on":
            return [*steps, s.HangUp() if step.otherwise == "hang_up" else s.Fail(127)]
    raise AssertionError(f"{name} takes {MOST_STEPS} steps and does not come to an end")


def polite(step: s.Expectation) -> s.Heard | None:
    """Speaks in turn, falls silent in turn, presses nothing, never hangs up."""
    return s.Heard("", 0.5) if isinstance(step, s.ExpectSpeech | s.ExpectSilence) else None


def mute(step: s.Expectation) -> s.Heard | None:
    """Says nothing at all."""
    return s.Heard("", 0.5) if isinstance(step, s.ExpectSilence) else None


def endless(step: s.Expectation) -> s.Heard | None:
    """Speaks and never stops."""
    return s.Heard("", 0.5) if isinstance(step, s.ExpectSpeech) else None


def presses(*keys: str | None) -> Bot:
    """Speaks in turn and presses these keys, one for each time that it is asked for one."""
    left = iter(keys)

    def bot(step: s.Expectation) -> s.Heard | None:
        if not isinstance(step, s.ExpectDigit):
            return polite(step)
        key = next(left)
        return None if key is None else s.Heard(key, 3.0)

    return bot


def said(steps: list[s.Step]) -> list[str]:
    return [step.clip for step in steps if isinstance(step, s.Play)]


def kinds(steps: list[s.Step]) -> list[type[s.Step]]:
    return [type(step) for step in steps]


def the(kind: type, steps: list[s.Step]):
    (step,) = [step for step in steps if isinstance(step, kind)]
    return step


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_human_says_hello_answers_turn_by_turn_and_hangs_up():
    steps = call("human", polite)
    assert kinds(steps[:2]) == [s.Ring, s.Answer]
    talk = [type(step) for step in steps[2:] if not isinstance(step, s.Wait)]
    turn = [s.ExpectSpeech, s.ExpectSilence, s.Play]
    assert talk == [s.Play, *turn * 4, s.HangUp]
    assert said(steps) == ["hello", "who-is-this", "go-on", "how-long", "goodbye"]


def test_a_human_who_hears_nothing_asks_once_whether_anybody_is_there():
    steps = call("human", mute)
    assert said(steps) == ["hello", "hello"]
    assert kinds(steps[-4:]) == [s.ExpectSpeech, s.Play, s.ExpectSpeech, s.HangUp]


def test_a_human_who_is_not_let_speak_speaks_all_the_same():
    assert said(call("human", endless))[-1] == "goodbye"


def test_humans_answer_after_a_log_normal_time_with_a_median_of_eight_seconds():
    times = sorted(the(s.Ring, call("human", polite, seed)).seconds for seed in range(400))
    assert len(set(times)) > 300
    assert 7.3 < median(times) < 8.7
    assert 1.5 <= times[0] < 3
    assert 25 < times[-1] <= 40
    # Log-normal: as many answer in half the median as in twice the median.
    early, late = sum(time < 4 for time in times), sum(time > 16 for time in times)
    assert 0.5 < early / late < 2


def test_an_impatient_callee_asks_halo_halo_after_two_seconds_of_silence_and_soon_hangs_up():
    steps = call("impatient", mute)
    assert the(s.Ring, steps).seconds < 1
    assert [step.within for step in steps if isinstance(step, s.ExpectSpeech)] == [2, 2, 2]
    assert said(steps) == ["hello"] * 7
    assert isinstance(steps[-1], s.HangUp)


def test_an_impatient_callee_does_not_hear_a_long_sentence_out():
    steps = call("impatient", endless)
    assert said(steps) == ["hello", "how-long", "how-long", "how-long"]
    assert all(4 <= step.within <= 7 for step in steps if isinstance(step, s.ExpectSilence))


def test_barge_in_speaks_over_a_bot_that_is_speaking_and_listens_for_its_silence_from_the_first_word_on():
    steps = call("barge-in", polite)
    over = steps.index(s.Play("wait-a-moment", wait=False))
    assert kinds(steps[over - 3 : over + 2]) == [s.ExpectSpeech, s.Wait, s.ExpectSpeech, s.Play, s.ExpectSilence]
    assert 0.5 < steps[over - 2].seconds < 1.5
    assert said(steps[over + 1 :]) == ["how-long", "goodbye"]


def test_barge_in_hangs_up_on_a_bot_that_does_not_stop():
    steps = call("barge-in", endless)
    assert kinds(steps[-3:]) == [s.Play, s.ExpectSilence, s.HangUp]
    assert steps[-3].clip == "wait-a-moment"


def speaks_for(rounds: int) -> Bot:
    """Falls silent when it has been listened to so many times, then speaks in turn."""
    left = iter([None] * rounds)
    return lambda step: next(left, polite(step)) if isinstance(step, s.ExpectSilence) else polite(step)


@pytest.mark.parametrize("rounds", [0, 1, 5])
def test_back_channel_says_uh_huh_for_as_long_as_the_bot_speaks_and_answers_when_it_is_silent(rounds: int):
    steps = call("back-channel", speaks_for(rounds))
    assert said(steps) == ["hello", *["uh-huh"] * rounds, "who-is-this", "go-on", "goodbye"]
    assert all(step.wait for step in steps if isinstance(step, s.Play))


def test_back_channel_takes_the_turn_from_a_bot_that_speaks_for_more_than_a_minute():
    steps = call("back-channel", endless)
    nods = said(steps).index("who-is-this") - 1
    listened = sum(step.within for step in steps if isinstance(step, s.ExpectSilence)) / 2
    assert nods > 20
    assert listened > 50
    assert said(steps)[-1] == "goodbye"


@pytest.mark.parametrize("bot", [polite, mute, endless])
def test_a_silent_line_answers_and_neither_says_anything_nor_hangs_up(bot: Bot):
    assert kinds(call("silent", bot)) == [s.Ring, s.Answer]


def test_hangs_up_while_you_speak_hangs_up_right_after_having_heard_speech():
    steps = call("hangs-up-while-you-speak", polite)
    assert said(steps) == ["hello"]
    assert kinds(steps[-4:]) == [s.ExpectSpeech, s.Wait, s.ExpectSpeech, s.HangUp]


def test_different_seeds_hang_up_at_different_moments():
    moments = {call("hangs-up-while-you-speak", polite, seed)[-3].seconds for seed in range(50)}
    assert len(moments) > 40


def test_a_wrong_number_hears_the_bot_out_says_so_and_hangs_up():
    steps = call("wrong-number", polite)
    assert said(steps) == ["hello", "wrong-number"]
    assert kinds(steps).index(s.ExpectSilence) < steps.index(s.Play("wrong-number"))
    assert isinstance(steps[-1], s.HangUp)


def test_a_handset_rings_until_a_person_picks_up():
    assert kinds(call("handset", polite)) == [s.Ring]


# --- machines and networks -------------------------------------------------------------------------------------------


def test_a_voicemail_records_until_three_seconds_of_silence_for_a_minute_at_most():
    steps = call("voicemail", polite)
    assert said(steps) == ["voicemail"]
    assert kinds(steps[-4:]) == [s.Play, s.ExpectSpeech, s.ExpectSilence, s.HangUp]
    assert (steps[-2].within, steps[-2].lasting) == (60, 3)


@pytest.mark.parametrize(("bot", "last"), [(mute, s.ExpectSpeech), (endless, s.ExpectSilence)])
def test_a_voicemail_hangs_up_on_who_says_nothing_and_on_who_never_stops(bot: Bot, last: type[s.Step]):
    assert kinds(call("voicemail", bot)[-2:]) == [last, s.HangUp]


@pytest.mark.parametrize(
    ("keys", "heard"),
    [
        (["1"], ["menu", "menu-billing", "menu-goodbye"]),
        (["2"], ["menu", "menu-outage", "menu-goodbye"]),
        (["0"], ["menu", "please-hold", "hello", "who-is-this", "go-on", "how-long", "goodbye"]),
        ([None, "1"], ["menu", "menu", "menu-billing", "menu-goodbye"]),
        (["#", "2"], ["menu", "menu-invalid", "menu", "menu-outage", "menu-goodbye"]),
        ([None, None], ["menu", "menu", "menu-goodbye"]),
        (["9", "A"], ["menu", "menu-invalid", "menu", "menu-invalid", "menu-goodbye"]),
    ],
)
def test_a_menu_does_what_the_key_says_and_is_read_twice_at_most(keys: list[str | None], heard: list[str]):
    steps = call("ivr", presses(*keys))
    assert said(steps) == heard
    assert isinstance(steps[-1], s.HangUp)


def test_the_operator_of_the_menu_is_rung_before_a_human_answers():
    steps = call("ivr", presses("0"))
    assert the(s.CallProgress, steps).tone == "ringback"
    assert steps.index(s.Play("please-hold")) < kinds(steps).index(s.CallProgress) < steps.index(s.Play("hello"))


def test_a_key_may_be_pressed_in_the_middle_of_the_menu_or_some_seconds_after_its_end():
    steps = call("ivr", presses("1"))
    assert s.Play("menu", wait=False) in steps
    assert the(s.ExpectDigit, steps).within > read_wav(CLIPS / "menu.wav").size / 8000 + 4


def test_a_call_screener_asks_who_calls_and_then_puts_a_human_on_the_line_or_hangs_up():
    calls = [said(call("call-screener", polite, seed)) for seed in range(100)]
    declined, taken = [talk for talk in calls if "hello" not in talk], [talk for talk in calls if "hello" in talk]
    assert all(talk == ["screening", "please-hold"] for talk in declined)
    assert all(talk[:3] == ["screening", "please-hold", "hello"] for talk in taken)
    assert 30 < len(taken) < 70


def test_a_call_screener_does_not_ask_a_caller_to_hold_who_does_not_say_a_word():
    assert said(call("call-screener", mute)) == ["screening"]


def test_a_fax_machine_sends_its_answering_tone_at_the_times_of_t30_and_gives_up():
    steps = call("fax", polite)
    assert kinds(steps) == [s.Ring, s.Answer, s.Wait, s.Tone, s.ExpectHangUp, s.HangUp]
    silence, tone = steps[2], steps[3]
    assert 1.8 <= silence.seconds <= 2.5
    assert tone.hertz == 2100
    assert 2.6 <= tone.seconds <= 4.0


def test_early_media_is_answered_at_once_and_rings_in_band_until_a_human_speaks():
    steps = call("early-media", polite, seed=3)
    assert kinds(steps[:3]) == [s.Ring, s.Answer, s.CallProgress]
    assert (steps[0].seconds, steps[2].tone) == (0, "ringback")
    assert steps[2].seconds == the(s.Ring, call("human", polite, seed=3)).seconds
    assert said(steps) == said(call("human", polite, seed=3))


def test_an_echo_echoes_until_the_client_hangs_up():
    assert call("echo", polite)[-1] == s.Echo()


@pytest.mark.parametrize("bot", [polite, mute])
def test_some_never_answer(bot: Bot):
    assert kinds(call("busy", bot)) == [s.Busy]
    assert kinds(call("no-answer", bot)) == [s.Ring, s.NoAnswer]
    assert kinds(call("rejects", bot)) == [s.Ring, s.Reject]


# --- all of them -----------------------------------------------------------------------------------------------------

VALID = {kind: TypeAdapter(kind) for kind in s.STEPS.values()}
OUTCOMES = st.one_of(
    st.none(),
    st.builds(s.Heard, st.sampled_from([*"0123456789*#ABCD", "", "a checkpoint"]), st.floats(0, 60)),
)


def recalled(outcomes: Iterator[s.Heard | None]) -> Bot:
    return lambda step: next(outcomes, None)


def state_after(step: s.Step, state: str) -> str:
    """Return what becomes of the call. Raises where the step may not come in this state."""
    match step:
        case s.Wait():
            assert state != "ended"
            return state
        case s.Ring():
            assert state == "dialling"
            return "ringing"
        case s.Busy():
            assert state == "dialling"
            return "ended"
        case s.Answer():
            assert state == "ringing"
            return "connected"
        case s.Reject() | s.NoAnswer():
            assert state == "ringing"
            return "ended"
        case s.HangUp():
            assert state == "connected"
            return "ended"
        case s.Fail():
            raise AssertionError("a persona does not fail because a bot is strange")
        case _:
            assert state == "connected"
            return state


@pytest.mark.parametrize("name", PERSONAS)
@given(st.lists(OUTCOMES, max_size=80), st.integers(0, 2**32))
def test_whatever_the_bot_does_a_persona_takes_possible_steps_in_a_possible_order_and_comes_to_an_end(
    name, outcomes, seed
):
    state = "dialling"
    for step in call(name, recalled(iter(outcomes)), seed):
        state = state_after(step, state)
        assert VALID[type(step)].validate_python(asdict(step)) == step
        assert all(value == round(value, 3) for value in asdict(step).values() if isinstance(value, float))
    assert state == "ended" or name in ("silent", "echo", "handset") or isinstance(step, s.ExpectHangUp)


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize("bot", [polite, mute, endless])
def test_the_same_seed_is_the_same_person(name: str, bot: Bot):
    assert call(name, bot, seed=7) == call(name, bot, seed=7)


def chaotic(luck: Random) -> Bot:
    return lambda step: s.Heard(luck.choice("0129"), 1.0) if luck.random() < 0.7 else None


def test_the_packaged_clips_are_what_the_personas_say_and_nobody_says_anything_else():
    calls = [call(name, chaotic(Random(seed)), seed) for name in PERSONAS for seed in range(200)]
    named = {clip for steps in calls for clip in said(steps)}
    assert named == {path.stem for path in CLIPS.glob("*.wav")} - {"speech", "bot-greeting"}
    assert not any(isinstance(step, s.Say) for steps in calls for step in steps)


@pytest.mark.parametrize("path", sorted(CLIPS.glob("*.wav")), ids=lambda path: path.stem)
def test_every_packaged_clip_is_speech_on_the_telephone_and_listed(path: Path):
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
    samples = read_wav(path).astype(float) / 32768
    power = np.mean(samples[: samples.size // 160 * 160].reshape(-1, 160) ** 2, axis=1)
    speaking = power > np.max(power) / 1000
    assert -17.5 < 10 * np.log10(np.mean(power[speaking])) < -15
    assert np.mean(speaking) > 0.6
    assert np.max(np.abs(samples)) < 0.95
    assert f"| `{path.name}` |" in (CLIPS.parent / "README.md").read_text()


@pytest.mark.parametrize("name", PERSONAS)
def test_a_persona_is_listed_by_its_name_and_one_sentence(name: str):
    persona = PERSONAS[name]
    assert name == persona.__name__.replace("_", "-")
    assert re.fullmatch(r"[A-Z].{10,110}\.", persona.__doc__.splitlines()[0])
