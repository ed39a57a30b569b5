"""Scenarios with their sound, to the millisecond: what the callee says, hears, presses and expects."""

import sys

import numpy as np
import pytest
from lab import Lab, lab_of

from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain import events as e
from mockpbx.domain import scenario as s
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Named
from mockpbx.media import facts as f
from mockpbx.media.framing import FRAME
from mockpbx.runtime import clips, hands

UP = (s.Ring(0, setup=0), s.Answer())
TONE = (8_000 * np.sin(2 * np.pi * 1_000 / 8_000 * np.arange(8_000))).astype(np.int16)


def test_a_clip_is_said_whole_and_the_next_step_comes_when_it_is_over():
    hello = clips.load("hello")
    lab = lab_of((*UP, s.Play("hello"), s.HangUp())).call().advance(5_000)
    frames = -(-len(hello) // FRAME)
    assert np.array_equal(lab.sound()[: len(hello)], hello)
    assert lab.times(f.CalleeSoundEnded) == lab.times(e.CallEnded) == [frames * 20]


def test_a_sound_goes_on_under_the_steps_that_follow():
    lab = lab_of((*UP, s.Tone(440), s.Press("5"), s.Wait(1), s.Silence(), s.Wait(1), s.HangUp())).call().advance(5_000)
    level = np.abs(lab.sound().astype(int)).reshape(-1, FRAME).max(axis=1)
    assert (level[:64] > 5_000).all()
    assert not level[66:].any()
    assert lab.only(f.DigitReceived).digit == "5"


@pytest.mark.parametrize(
    ("press", "told"),
    [
        (s.Press("7"), [f.DigitReceived("7", in_band=False)]),
        (s.Press("7", via="event"), [f.DigitReceived("7", in_band=False)]),
        (s.Press("7", via="in_band"), [f.DigitReceived("7", in_band=True)]),
        (s.Press("7", via="in_band", bounces=4), [f.DigitReceived("7", in_band=True)]),
        (s.Press("7", via="in_band", seconds=0.02), []),
        (s.Press("7", via="event", seconds=0.02), [f.DigitReceived("7", in_band=False)]),
        (s.Press("7", seconds=4), [f.DigitReceived("7", in_band=False)]),
        (s.Press("77", via="in_band"), [f.DigitReceived("7", in_band=True)] * 2),
    ],
)
def test_a_press_travels_as_event_as_tone_or_as_both_and_is_told_once(press, told):
    lab = lab_of((*UP, press, s.Wait(1), s.HangUp())).call().advance(20_000)
    assert lab.events(f.DigitReceived) == told
    assert bool(lab.sound().any()) is (press.via != "event")


def test_a_bot_that_speaks_is_heard_and_one_that_stops_is_heard_stopping():
    lab = lab_of((*UP, s.ExpectSpeech(within=5), s.ExpectSilence(lasting=1, within=20), s.HangUp())).call()
    lab.advance(1_000)
    greeting = clips.load("bot-greeting")
    lab.workspace.play("s", greeting)
    lab.advance(30_000)
    spoke, fell_silent = lab.events(e.ExpectationMet)
    assert isinstance(spoke.expectation, s.ExpectSpeech)
    assert 1_000 < spoke.after < 2_000
    assert isinstance(fell_silent.expectation, s.ExpectSilence)
    over = 1_000 + len(greeting) // 8
    assert over + 500 < lab.only(e.CallEnded).record.ended_at < over + 1_300


def test_a_tone_a_clip_and_a_digit_in_band_are_recognised_by_their_sound():
    from mockpbx.media import dtmf

    expected = (s.ExpectTone(1_000), s.ExpectClip("bot-greeting"), s.ExpectDigit("9"))
    lab = lab_of((*UP, *expected, s.HangUp())).call().advance(500)
    for sound in (TONE, clips.load("bot-greeting"), np.zeros(1_600, np.int16), dtmf.tone("9", 1_600)):
        lab.workspace.play("s", sound)
    lab.advance(10_000)
    assert [met.what for met in lab.events(e.ExpectationMet)] == ["1000", "", "9"]
    assert lab.only(e.CallEnded).record.cause == 16


@pytest.mark.parametrize("in_band", [False, True])
def test_a_press_counts_once_however_it_arrives_and_whenever_it_is_asked_for(in_band):
    from mockpbx.media import dtmf

    lab = lab_of((*UP, s.Wait(2), *[s.ExpectDigit(within=1, otherwise="go_on")] * 3)).call().advance(100)
    for digit in "77":
        if in_band:
            lab.workspace.play("s", np.concatenate([dtmf.tone(digit, 1_600), np.zeros(800, np.int16)]))
        else:
            lab.workspace.press("s", digit, 200)
    lab.advance(10_000)
    assert [met.what for met in lab.events(e.ExpectationMet)] == ["7", "7"]
    assert len(lab.events(e.ExpectationMissed)) == 1
    assert lab.events(f.DigitHeard) == [f.DigitHeard("7")] * 2


def test_keys_checkpoints_interruptions_and_the_hangup_of_the_client_are_perceived():
    expected = (s.ExpectDigit("5"), s.ExpectCheckpoint("said"), s.ExpectInterruption(), s.ExpectHangUp())
    lab = lab_of((*UP, *expected)).call().advance(100)
    workspace = lab.workspace
    workspace.press("s", "5", 200)
    workspace.mark("s", "said")
    lab.advance(1_000)
    workspace.play("s", TONE)
    lab.advance(200)
    workspace.interrupt("s")
    lab.advance(200)
    workspace.hang_up("s")
    kinds = [type(met.expectation) for met in lab.events(e.ExpectationMet)]
    assert kinds == [type(expectation) for expectation in expected]


def test_the_race_the_callee_hangs_up_while_the_client_speaks_with_a_checkpoint_pending():
    lab = lab_of([*UP, s.ExpectTone(1_000), s.Wait(0.3), s.HangUp()]).call().advance(100)
    lab.workspace.play("s", TONE)
    lab.workspace.mark("s", "never heard")
    lab.advance(5_000)
    assert lab.only(e.CallEnded).record.hangup_by is Party.CALLEE
    ledger = lab.only(f.MediaStopped).audio
    assert ledger.played + ledger.discarded == 8_000
    assert ledger.discarded > 0
    assert lab.events(f.CheckpointReached) == []


def test_a_sound_that_cannot_be_had_fails_its_scenario_and_names_the_nearest():
    lab = lab_of((*UP, s.Play("helo"))).call().advance(100)
    failed = lab.only(e.ScenarioFailed)
    assert failed.step == 3
    assert "hello" in failed.reason
    assert lab.only(e.CallEnded).record.cause == 127


def test_without_the_extra_say_fails_and_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    lab = lab_of((*UP, s.Say("kata yang belum pernah diucapkan"))).call().advance(100)
    assert "pip install 'mockpbx[speech]'" in lab.only(e.ScenarioFailed).reason


def test_words_are_spoken_and_waited_for():
    pytest.importorskip("espeakng_loader", reason="the extra `speech` is not installed")
    lab = lab_of((*UP, s.Say("Halo, siapa ini?"), s.HangUp())).call().advance(10_000)
    assert 500 < lab.only(e.CallEnded).record.ended_at < 3_000
    assert np.abs(lab.sound().astype(int)).max() > 3_000


@pytest.mark.parametrize("name", PERSONAS)
def test_each_persona_gets_through_a_call_with_a_bot_that_speaks_and_falls_silent(name):
    lab = lab_of(PERSONAS[name]).call()
    for _ in range(40):
        lab.advance(2_500)
        if "s" in {call.session_id for call in lab.workspace.live_calls()} and lab.workspace.call("s").answered_at:
            lab.workspace.play("s", clips.load("bot-greeting"))
        lab.advance(2_500)
    lab.workspace.stop()
    assert lab.events(e.ScenarioFailed) == []
    assert len(lab.events(e.RecordIssued)) == 1


@pytest.mark.parametrize("name", ["human", "ivr", "impatient", "wrong-number"])
def test_a_persona_may_call_in(name):
    lab = Lab()
    lab.workspace.receive_call("s", "02150001234", "08123456789", Named(name, PERSONAS[name]))
    lab.workspace.announce("s")
    lab.advance(1_000)
    lab.workspace.join("s", "bot")
    lab.advance(60_000)
    placed = lab.only(e.CallPlaced)
    assert (placed.direction, placed.caller, placed.scenario) == (Direction.INBOUND, "08123456789", name)
    assert lab.events(e.CalleeSpoke)
    assert lab.events(e.ScenarioFailed) == []


def test_a_person_takes_over_in_mid_call():
    lab = lab_of((*UP, s.Play("speech", loop=True), s.Wait(60), s.HangUp())).call().advance(1_000)
    hands.sound(lab.workspace, "s", s.Play("hello"))
    hands.press(lab.workspace, "s", s.Press("1"))
    lab.advance(2_000)
    assert lab.only(f.DigitReceived).digit == "1"
    assert not lab.sound()[-1_600:].any()
    hands.hang_up(lab.workspace, "s")
    assert lab.only(e.CallEnded).record.hangup_by is Party.CALLEE


def test_both_sides_are_recorded_within_the_budget():
    lab = lab_of((*UP, s.Tone(1_000), s.Wait(3), s.HangUp())).call().advance(1_000)
    lab.workspace.play("s", TONE)
    lab.advance(5_000)
    recording = lab.workspace.recordings.find("s")
    assert len(recording) == 150
    sound = recording.sound()
    assert np.array_equal(sound.callee, lab.sound())
    assert np.array_equal(np.trim_zeros(sound.client), np.trim_zeros(TONE))
    assert not recording.truncated
    small = lab_of((*UP, s.Tone(1_000), s.Wait(2), s.HangUp()), recording_limit=16_000).call().advance(5_000)
    cut = small.workspace.recordings.find("s")
    assert cut.truncated
    assert len(cut) == 25
