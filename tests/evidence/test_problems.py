"""Problems in calls that the journal tells of, and messages that belong to no call."""

from dataclasses import replace

import numpy as np
import pytest
from lab import VALID, Lab, lab_of

from mockpbx.contract.errors import NoSuchSession, NotConnected, PBXError
from mockpbx.domain.commands import Direct
from mockpbx.domain.plan import Named
from mockpbx.domain.scenario import (
    Answer,
    Busy,
    Echo,
    ExpectDigit,
    ExpectHangUp,
    ExpectSpeech,
    HangUp,
    Play,
    Press,
    Ring,
    Silence,
    Wait,
)
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.findings import findings, stray
from mockpbx.media.wav import read_audio

SPEECH = read_audio("fixtures/clips/speech.wav")


def found_in(lab: Lab, session: str = "s", clock: str = "real") -> dict[str, object]:
    dossier = dossier_of(lab.workspace, session)
    dossier = replace(dossier, settings=dossier.settings.model_copy(update={"clock": clock}))
    return {finding.id: finding for finding in findings(dossier)}


def strays_in(lab: Lab) -> dict[str, object]:
    return {finding.id: finding for finding in stray(lab.workspace.journal)}


def hung_up(lab: Lab, session: str = "s") -> Lab:
    lab.workspace.hang_up(session)
    return lab


def refuse(lab: Lab, session: str | None = "s") -> None:
    """What the handler does with audio: ask for the way in, and note a refusal."""
    try:
        lab.workspace.uplink(session or "")
    except PBXError as refusal:
        lab.workspace.refuse_audio(session, 2_560, str(refusal))


def entry_of(lab: Lab, finding) -> str:
    kinds = {entry.kind for entry in lab.workspace.journal if entry.number in finding.entries}
    (kind,) = kinds
    return kind


# --- what was refused ------------------------------------------------------------------------------------------------


def test_audio_before_connected_is_told_by_how_much_it_was_too_early():
    lab = Lab().call()
    lab.advance(2_380)
    refuse(lab)
    lab.advance(20)
    refuse(lab)
    lab.advance(1_000)
    finding = found_in(hung_up(lab))["audio-refused"]
    assert finding.what == (
        "2 audio messages refused: 'Call is not connected'; the first was sent 120 ms before Connected"
    )
    assert (finding.level, finding.count, finding.at, entry_of(lab, finding)) == ("error", 2, 2_380, "AudioRefused")


def test_audio_for_a_call_that_nobody_answered():
    lab = Lab().call()
    refuse(lab)
    assert found_in(hung_up(lab))["audio-refused"].what.endswith("the call was never answered")


def test_several_reasons_are_counted_apart():
    lab = Lab()
    lab.connected()
    for reason in ("audioData is empty", "full", "full"):
        lab.workspace.refuse_audio("s", 0, reason)
    assert found_in(hung_up(lab))["audio-refused"].what == (
        "3 audio messages refused: 'full' (2 times); 'audioData is empty' (once)"
    )


def test_four_reasons_are_three_and_one_more():
    lab = Lab()
    lab.connected()
    for reason in "abcda":
        lab.workspace.refuse_audio("s", 0, reason)
    finding = found_in(hung_up(lab))["audio-refused"]
    assert finding.what.endswith("'a' (2 times); 'b' (once); 'c' (once); and for 1 reason more")


def test_every_refusal_is_an_entry_of_the_finding():
    lab = Lab()
    lab.connected()
    for reason in ("empty", "full"):
        lab.workspace.refuse_audio("s", 0, reason)
    refused = [entry.number for entry in lab.workspace.journal if entry.kind == "AudioRefused"]
    assert found_in(hung_up(lab))["audio-refused"].entries == tuple(refused)


def test_half_samples_are_a_finding_of_their_own():
    lab = Lab()
    lab.connected()
    lab.workspace.refuse_audio("s", 2_561, "pcm16 needs whole 16-bit samples: 2561 bytes is an odd number")
    found = found_in(hung_up(lab))
    assert set(found) == {"split-samples"}
    assert found["split-samples"].what == "1 pcm16 message with an odd number of bytes"


def test_the_words_of_a_client_cannot_break_out_of_a_finding():
    lab = Lab()
    lab.connected()
    lab.workspace.refuse_audio("s", 1, "audioFormat '\x1b[2J\n' is unknown" + 1_000 * "!")
    what = found_in(hung_up(lab))["audio-refused"].what
    assert what.isprintable()
    assert len(what) < 300


def test_a_refused_event_is_named():
    lab = Lab()
    lab.connected()
    lab.workspace.refuse_event("s", "dtmf", "digit: expected one of 0-9")
    finding = found_in(hung_up(lab))["event-refused"]
    assert finding.what == "1 event refused: 'digit: expected one of 0-9': 'dtmf'"
    assert finding.level == "error"


def test_joining_a_call_that_is_over_is_refused():
    lab = Lab()
    lab.connected()
    hung_up(lab)
    lab.workspace.join("s", "me")
    assert found_in(lab)["join-refused"].level == "error"


# --- after the end ---------------------------------------------------------------------------------------------------


def test_audio_on_and_on_after_the_hang_up():
    lab = Lab()
    lab.connected()
    hung_up(lab)
    for _ in range(6):
        lab.advance(160)
        refuse(lab)
    finding = found_in(lab)["audio-after-hangup"]
    assert (finding.level, finding.count) == ("warning", 3)
    assert "960 ms after the end" in finding.what


@pytest.mark.parametrize("ms", [0, 100, 500])
def test_what_was_under_way_when_the_call_ended_is_nobodys_fault(ms):
    lab = Lab()
    lab.connected()
    hung_up(lab).advance(ms)
    refuse(lab)
    lab.workspace.refuse_event("s", "hangup", NoSuchSession.sentence)
    assert found_in(lab) == {}


def test_an_event_long_after_the_end_is_refused():
    lab = Lab()
    lab.connected()
    hung_up(lab).advance(900)
    lab.workspace.refuse_event("s", "checkPoint", NoSuchSession.sentence)
    assert set(found_in(lab)) == {"event-refused"}


def test_a_clock_that_jumps_gives_a_client_no_less_time_to_learn_of_the_end():
    lab = Lab()
    lab.connected()
    hung_up(lab).advance(2_000)
    refuse(lab)
    assert found_in(lab, clock="auto") == {}


# --- the scenario ----------------------------------------------------------------------------------------------------


def test_a_missed_expectation_that_fails_is_a_failed_scenario():
    lab = lab_of([Ring(), Answer(), ExpectDigit("1", within=3)])
    lab.call().advance(8_000)
    found = found_in(lab)
    assert set(found) == {"scenario-failed"}
    assert found["scenario-failed"].what == "step 3: expect_digit was not met within 3 s"
    assert entry_of(lab, found["scenario-failed"]) == "ScenarioFailed"


@pytest.mark.parametrize("otherwise", ["go_on", "hang_up"])
def test_a_missed_expectation_is_a_warning_where_the_list_goes_on(otherwise):
    lab = lab_of([Ring(), Answer(), ExpectSpeech(within=3, otherwise=otherwise), HangUp()])
    lab.call().advance(8_000)
    found = found_in(lab)
    assert found["expectation-missed"].level == "warning"
    assert found["expectation-missed"].what == "the callee waited in vain: expect_speech within 3 s"


def test_a_generator_may_ask_without_blame():
    def steps(luck):
        yield Ring()
        yield Answer()
        yield ExpectSpeech(within=1, otherwise="go_on")
        yield HangUp()

    lab = lab_of(steps)
    lab.call().advance(6_000)
    assert found_in(lab) == {}


@pytest.mark.parametrize(
    ("left", "named"),
    [
        ([Wait(60), Play("hello")], "step 3 of 4; not done: play"),
        ([ExpectDigit(within=60)], "step 3 of 3; not done: expect_digit"),
        ([Wait(60), Press("1"), HangUp()], "step 3 of 5; not done: press"),
        ([Wait(60), HangUp()], None),
        ([Silence(60)], None),
        ([Echo(60), HangUp()], None),
        ([ExpectHangUp(within=60)], None),
        ([], None),
    ],
)
def test_a_hang_up_before_the_end_of_a_scenario(left, named):
    lab = lab_of([Ring(), Answer(), *left])
    lab.call().advance(6_000)
    found = found_in(hung_up(lab))
    assert set(found) == ({"scenario-unfinished"} if named else set())
    if named:
        assert named in found["scenario-unfinished"].what
        assert "the client hung up" in found["scenario-unfinished"].what


@pytest.mark.parametrize("after", [0, 500, 1_500])
def test_a_call_that_was_not_answered_yet_is_not_left_open(after):
    assert "call-left-open" not in found_in(Lab().call().advance(after))


def test_a_call_whose_number_is_busy_is_not_left_open():
    lab = lab_of([Busy()]).call()
    assert "call-left-open" not in found_in(lab.advance(600))


def test_a_call_that_nobody_joined_is_not_left_open_to_blame_a_client_twice():
    lab = Lab()
    lab.workspace.place_call("s", VALID)
    lab.workspace.announce("s")
    lab.advance(20_000)
    assert set(found_in(lab)) == {"never-joined"}


@pytest.mark.parametrize(("left", "unfinished"), [([ExpectDigit(within=60)], True), ([Wait(60)], False), ([], False)])
def test_a_call_that_is_still_up(left, unfinished):
    lab = lab_of([Ring(), Answer(), Play("hello"), *left])
    lab.call().advance(6_000)
    found = found_in(lab)
    assert set(found) == {"call-left-open"} | ({"scenario-unfinished"} if unfinished else set())
    assert "Connected" in found["call-left-open"].what


def test_a_scenario_of_an_inbound_call_is_counted_by_its_own_steps():
    lab = Lab()
    steps = (Ring(), Answer(), Wait(30), Play("hello"))
    lab.workspace.receive_call("s", VALID, "0811111111", Named("caller", steps))
    lab.workspace.announce("s")
    lab.workspace.join("s", "me")
    lab.advance(1_000)
    assert "not done: play" in found_in(hung_up(lab))["scenario-unfinished"].what


def test_a_call_that_was_taken_over_has_no_scenario_to_finish():
    lab = lab_of([Ring(), Answer(), ExpectDigit(within=60)])
    lab.connected()
    lab.workspace.command(Direct("s", (), "by hand"))
    assert found_in(hung_up(lab)) == {}


# --- rooms -----------------------------------------------------------------------------------------------------------


def test_a_call_whose_room_nobody_joined():
    lab = Lab()
    lab.workspace.place_call("s", VALID)
    lab.workspace.announce("s")
    lab.advance(4_000)
    found = found_in(hung_up(lab))
    assert set(found) == {"never-joined"}
    assert found["never-joined"].level == "warning"


# --- the client's own hang-up ----------------------------------------------------------------------------------------


def test_a_client_that_hangs_up_on_its_own_last_words():
    lab = Lab()
    lab.connected().play("s", SPEECH[:16_000])
    lab.workspace.mark("s", "good\nbye")
    lab.advance(1_500)
    found = found_in(hung_up(lab))
    assert set(found) == {"audio-cut-at-hangup", "checkpoint-cleared-at-hangup"}
    cut = found["audio-cut-at-hangup"]
    assert cut.what == "the client hung up 0.50 s before the end of what it had sent, before checkpoint 'good\\nbye'"
    assert (cut.level, cut.at, entry_of(lab, cut)) == ("error", 4_000, "MediaStopped")
    assert found["checkpoint-cleared-at-hangup"].level == "warning"


def test_a_callee_that_hangs_up_cuts_without_blame():
    lab = lab_of([Ring(), Answer(), Wait(1), HangUp()])
    lab.connected().play("s", SPEECH)
    lab.workspace.mark("s", "end")
    lab.advance(4_000)
    assert found_in(lab) == {}


def test_silence_that_is_cut_is_no_loss():
    lab = Lab()
    lab.connected().play("s", np.concatenate([SPEECH[:4_000], np.zeros(8_000, dtype=np.int16)]))
    lab.advance(700)
    assert found_in(hung_up(lab)) == {}


def test_mp3_that_is_cut_is_taken_for_speech():
    lab = Lab()
    lab.connected().play("s", SPEECH[:8_000], "mp3", b"some MP3")
    lab.advance(500)
    assert set(found_in(hung_up(lab))) == {"audio-cut-at-hangup"}


def test_keys_that_are_cut_are_a_loss():
    lab = Lab()
    lab.connected().press("s", "1", 200)
    assert "0.20 s" in found_in(hung_up(lab))["audio-cut-at-hangup"].what


def test_what_was_thrown_away_before_the_answer_is_not_cut_at_the_end():
    lab = Lab(audio_before_answer="discard").call()
    lab.workspace.play("s", SPEECH)
    lab.advance(4_000)
    assert found_in(hung_up(lab)) == {}


def test_an_interruption_right_before_the_hang_up_is_no_cut():
    lab = Lab()
    lab.connected().play("s", SPEECH)
    lab.workspace.mark("s", "end")
    lab.advance(500)
    lab.workspace.interrupt("s")
    assert found_in(hung_up(lab)) == {}


def test_a_client_that_waits_for_its_checkpoint_is_fine():
    lab = Lab()
    lab.connected().play("s", SPEECH[:8_000])
    lab.workspace.mark("s", "end")
    lab.advance(1_040)
    assert found_in(hung_up(lab)) == {}


def test_media_that_slipped_is_a_note():
    lab = Lab()
    lab.connected()
    lab.advance(100)
    lab.workspace.clock.step_to(lab.workspace.clock.now() + 3_000)
    lab.workspace.wake()
    finding = found_in(hung_up(lab))["media-slipped"]
    assert finding.level == "note"
    assert finding.what.startswith(("2,000 ms", "1,980 ms", "2,020 ms"))


# --- what belongs to no call -----------------------------------------------------------------------------------------


def test_messages_for_sessions_that_never_were():
    lab = Lab()
    lab.connected()
    refuse(lab, "nobody\n")
    lab.workspace.refuse_event("nobody\n", "hangup", NoSuchSession.sentence)
    lab.workspace.refuse_audio(None, 10, "sessionId: expected a string")
    lab.workspace.refuse_event(None, "dtmf", "sessionId: expected a string")
    lab.workspace.refuse_join("me")
    lab.workspace.join("elsewhere", "me")
    found = strays_in(lab)
    assert {name: finding.count for name, finding in found.items()} == {
        "unknown-session": 2,
        "audio-refused": 1,
        "event-refused": 1,
        "join-refused": 2,
    }
    assert found["unknown-session"].what == "2 messages for a session that never was: 'nobody\\n'"
    assert all(finding.level == "error" for finding in found.values())


def test_what_belongs_to_a_call_is_no_stray():
    lab = Lab().call()
    refuse(lab)
    lab.advance(3_000)
    hung_up(lab).advance(3_000)
    refuse(lab)
    lab.workspace.join("s", "me")
    assert strays_in(lab) == {}


def test_findings_come_in_the_order_of_time():
    lab = Lab().call()
    lab.workspace.refuse_audio("s", 10, NotConnected.sentence)
    lab.advance(2_500)
    lab.workspace.press("s", "1", 50)
    lab.workspace.play("s", SPEECH)
    lab.advance(1_000)
    hung_up(lab)
    found = findings(dossier_of(lab.workspace, "s"))
    assert [finding.id for finding in found] == ["audio-refused", "digit-too-short", "audio-cut-at-hangup"]
