"""What is measured of a call: conversations of known times, ledgers that add up, and how the client sent its sound."""

import json
import re
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import Lab, lab_of

from mockpbx.domain.scenario import Answer, Busy, Echo, Press, Ring, Silence, Tone
from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.measures import BargeIn, Cut, Spread, Turn
from mockpbx.evidence.metrics import measure, spread
from mockpbx.media import facts

ANSWERED = 1_000  # ms: when every call here is answered


def answering(*steps, **switches) -> Lab:
    """A call that is being answered just now; sounds follow each other from 20 ms before on."""
    lab = lab_of([Ring(0.5), Answer(), *steps], **switches)
    lab.call().advance(ANSWERED)
    return lab


def words(seconds) -> np.ndarray:
    return np.full(round(8_000 * seconds), 1_000, np.int16)


def say(lab, seconds):
    lab.workspace.play("s", words(seconds))
    return lab


def stream(lab, seconds, *, packet=20, every=20):
    """Sound in packets, one every so many ms."""
    for _ in range(round(seconds * 1_000 / packet)):
        say(lab, packet / 1_000).advance(every)
    return lab


def interrupt(lab):
    lab.workspace.interrupt("s")
    return lab


def hang_up(lab):
    lab.workspace.hang_up("s")
    return lab


def metrics(lab, **changes):
    return measure(replace(dossier_of(lab.workspace, "s"), **changes))


# --- calls of which there is little to tell ---------------------------------------------------------------------------


@pytest.mark.parametrize("lab", [lab_of([Busy()]).call(), lab_of([Busy()]).call().advance(9_000)])
def test_a_call_that_nobody_answered_has_nothing_to_measure(lab):
    measured = asdict(metrics(lab))
    assert not any(measured.values())
    assert [name for name, value in measured.items() if value is None] == [
        "time_to_first_audio",
        "turn_latency",
        "barge_in_stop",
        "barge_in_reaction",
        "uplink",
        "pacing",
    ]


def test_an_interruption_of_a_call_that_rings_is_none_of_a_conversation():
    lab = lab_of([Ring(9), Busy()]).call().advance(500)
    assert metrics(hang_up(interrupt(lab))).cuts == ()


def test_a_call_in_which_nobody_speaks_is_dead_air_throughout():
    measured = metrics(hang_up(answering().advance(5_000)))
    assert (measured.dead_air, measured.longest_dead_air) == (5, 5)
    assert measured.time_to_first_audio is measured.turn_latency is measured.uplink is None


def test_without_a_recording_the_journal_tells_what_it_can():
    lab = answering(Tone(440, 1), recording_limit=0).advance(700)
    interrupt(say(lab, 3).advance(1_010)).advance(4_000)
    measured = metrics(hang_up(say(lab, 1).advance(500)))
    assert measured.time_to_first_audio == 0.7
    assert measured.cuts == (Cut(2_710, "interruption", 1.0, 2.0), Cut(7_210, "hangup", 0.5, 0.5))
    assert (measured.heard, measured.cut_by_interruption, measured.cut_at_hangup) == (1.5, 2.0, 0.5)
    assert (measured.turns, measured.barge_ins, measured.talk_over, measured.dead_air) == ((), (), 0, 0)
    assert measured.uplink is None


def test_a_live_call_is_measured_as_far_as_it_has_come():
    lab = interrupt(say(answering(), 2).advance(1_000)).advance(3_000)
    measured = metrics(say(lab, 5).advance(1_000))
    assert (measured.heard, measured.cut_by_interruption, measured.cut_at_hangup) == (2.0, 1.0, 0)
    assert (measured.longest_dead_air, len(measured.cuts)) == (3, 1)
    assert measured == metrics(lab), "asking is not changing"


def test_a_journal_that_lost_its_beginning_still_knows_from_the_record_that_it_was_answered():
    lab = hang_up(say(answering(), 1).advance(1_500))
    ending = tuple(entry for entry in dossier_of(lab.workspace, "s").entries if entry.kind == "MediaStopped")
    measured = metrics(lab, entries=ending, truncated=True)
    assert (measured.time_to_first_audio, measured.heard) == (0, 1)


def test_a_recording_that_was_cut_short_tells_of_no_silence_after_it():
    lab = answering(Tone(440, 1), recording_limit=640 * 150)
    measured = metrics(hang_up(lab.advance(60_000)))
    assert measured.dead_air == 0
    assert measured.heard == 0


def test_the_same_call_has_the_same_figures_with_and_without_a_recording_where_both_know():
    def ledgers(lab):
        interrupt(stream(lab, 2, packet=100, every=90).advance(330))
        measured = metrics(hang_up(say(lab.advance(70), 3).advance(1_230)))
        return measured.time_to_first_audio, measured.heard, measured.cuts, measured.underruns

    assert ledgers(answering()) == ledgers(answering(recording_limit=0))


# --- the conversation -------------------------------------------------------------------------------------------------


def test_the_first_audio_counts_from_connected():
    assert metrics(say(answering().advance(340), 1).advance(500)).time_to_first_audio == 0.34


def test_audio_that_waited_for_the_answer_is_heard_at_once():
    lab = lab_of([Ring(0.5), Answer()], audio_before_answer="queue").call().advance(900)
    assert metrics(say(lab, 1).advance(500)).time_to_first_audio == 0


def test_silence_that_the_client_sends_is_no_first_audio():
    lab = answering()
    lab.workspace.play("s", np.zeros(8_000, np.int16))
    assert metrics(say(lab, 1).advance(3_000)).time_to_first_audio == 1


def test_a_turn_counts_from_the_callees_last_word_to_the_clients_first():
    lab = answering(Tone(440, 1), Silence(3), Tone(440, 1)).advance(980 + 600)
    say(lab, 1).advance(4_000 - 600 + 240)
    measured = metrics(say(lab, 1).advance(2_000))
    assert measured.turns == (Turn(1_980, 0.6), Turn(5_980, 0.24))
    assert measured.turn_latency == Spread(2, 0.42, 0.6, 0.6)


def test_a_callee_that_goes_on_has_not_given_its_turn_away():
    lab = answering(Tone(440, 1), Silence(1), Tone(440, 1)).advance(2_980 + 400)
    assert metrics(say(lab, 1).advance(1_500)).turns == (Turn(3_980, 0.4),)


def test_a_client_that_speaks_over_the_end_takes_no_turn():
    lab = answering(Tone(440, 1)).advance(500)
    say(lab, 1).advance(3_000)
    measured = metrics(say(lab, 1).advance(2_000))
    assert measured.turns == ()
    assert measured.talk_over == 0.48


def test_a_turn_that_nobody_took_is_none():
    assert metrics(hang_up(answering(Tone(440, 1)).advance(5_000))).turns == ()


def test_a_barge_in_is_a_reaction_and_what_was_left_over():
    lab = say(answering(Silence(2), Tone(440, 1)), 9)
    interrupt(lab.advance(2_310)).advance(5_000)
    assert metrics(lab).barge_ins == (BargeIn(ANSWERED + 1_980, 0.33, 0.0, 0.33),)


def test_sound_that_comes_after_the_interruption_is_left_over():
    lab = say(answering(Silence(2), Tone(440, 1)), 9)
    say(interrupt(lab.advance(2_300)), 0.5).advance(5_000)
    measured = metrics(lab)
    assert measured.barge_ins == (BargeIn(2_980, 0.32, 0.5, 0.82),)
    assert measured.barge_in_stop == Spread(1, 0.82, 0.82, 0.82)
    assert measured.barge_in_reaction == Spread(1, 0.32, 0.32, 0.32)


def test_a_client_that_never_interrupts_leaves_over_all_that_it_still_says():
    measured = metrics(say(answering(Silence(2), Tone(440, 1)), 4).advance(6_000))
    assert measured.barge_ins == (BargeIn(2_980, None, 2.02, 2.02),)
    assert (measured.barge_in_stop, measured.barge_in_reaction) == (Spread(1, 2.02, 2.02, 2.02), None)
    assert measured.talk_over == 1


def test_an_uh_huh_is_a_barge_in_and_takes_no_turn():
    measured = metrics(say(answering(Silence(1), Tone(440, 0.4)), 3).advance(6_000))
    assert [barge_in.at for barge_in in measured.barge_ins] == [1_980]
    assert measured.turns == ()


def test_a_callee_that_begins_as_the_client_stops_does_not_barge_in():
    measured = metrics(say(answering(Silence(2), Tone(440, 1)), 1.98).advance(5_000))
    assert (measured.barge_ins, measured.talk_over) == ((), 0)


@pytest.mark.parametrize(("before", "expected"), [(0.16, 0), (0.2, 1)])
def test_two_who_begin_at_once_do_not_barge_in(before, expected):
    lab = answering(Silence(1), Tone(440, 1)).advance(round(980 - 1_000 * before))
    assert len(metrics(say(lab, 2).advance(4_000)).barge_ins) == expected


def test_an_echo_talks_over_and_barges_in_on_nobody():
    measured = metrics(say(answering(Echo()), 2).advance(4_000))
    assert (measured.barge_ins, measured.talk_over) == ((), 1.98)


def test_a_key_that_the_callee_presses_in_the_middle_of_a_menu_is_a_barge_in():
    lab = say(answering(Silence(2), Press("1")), 9)
    assert len(metrics(interrupt(lab.advance(2_500)).advance(1_000)).barge_ins) == 1


def test_dead_air_is_silence_of_more_than_two_seconds_from_connected_to_the_end():
    lab = answering(Silence(3), Tone(440, 1)).advance(3_980 + 2_000)
    say(lab, 1).advance(1_000 + 2_500)
    measured = metrics(hang_up(lab))
    assert (measured.dead_air, measured.longest_dead_air) == (2.98 + 2.5, 2.98)


# --- the queue --------------------------------------------------------------------------------------------------------


def test_an_interruption_tells_what_was_heard_since_the_last_one():
    lab = interrupt(say(answering(), 3).advance(1_000)).advance(500)
    lab = interrupt(say(lab, 3).advance(2_000)).advance(500)
    measured = metrics(hang_up(say(lab, 3).advance(500)))
    assert measured.cuts == (
        Cut(2_000, "interruption", 1.0, 2.0),
        Cut(4_500, "interruption", 2.0, 1.0),
        Cut(5_500, "hangup", 0.5, 2.5),
    )
    assert (measured.heard, measured.cut_by_interruption, measured.cut_at_hangup) == (3.5, 3.0, 2.5)


def test_a_hang_up_after_the_last_word_cuts_nothing():
    measured = metrics(hang_up(say(answering(), 1).advance(2_000)))
    assert (measured.cuts, measured.heard, measured.cut_at_hangup) == ((), 1.0, 0)


def test_an_interruption_of_nothing_is_a_cut_of_nothing():
    lab = interrupt(say(answering(), 0.13).advance(145))
    assert metrics(hang_up(lab.advance(500))).cuts == (Cut(1_145, "interruption", 0.13, 0.0),)


def test_media_time_that_slipped_was_not_heard():
    lab = say(answering(), 9).advance(1_000)
    lab.workspace.clock.step_to(7_000)
    lab.workspace.wake()
    cut, last = metrics(hang_up(say(interrupt(lab), 9).advance(2_000))).cuts
    assert lab.workspace.slipped > 0
    assert cut.heard == (6_000 - lab.workspace.slipped) / 1_000
    assert cut.heard + cut.cut == last.heard + last.cut == 9


def test_silence_in_which_more_was_waited_for_was_not_heard():
    lab = say(answering(), 0.03).advance(45)
    for _ in range(8):
        say(lab, 0.03).advance(40)
    lab = say(interrupt(say(lab, 1).advance(500)), 1).advance(2_000)
    measured = metrics(hang_up(say(interrupt(say(lab, 1).advance(500)), 1).advance(2_000)))
    assert measured.underruns == 9
    assert measured.cuts == (Cut(1_865, "interruption", 0.77, 0.5), Cut(4_365, "interruption", 1.5, 0.5))


def test_what_was_over_before_an_interruption_is_all_that_it_tells():
    lab = interrupt(say(answering(), 1).advance(2_000)).advance(500)
    lab = interrupt(say(lab, 2).advance(1_000)).advance(500)
    assert [cut.heard for cut in metrics(hang_up(lab)).cuts] == [1, 1]


def test_keyed_tones_are_cut_with_the_queue_and_are_no_sound():
    lab = say(answering(), 1)
    lab.workspace.press("s", "1", 500)
    measured = metrics(hang_up(lab.advance(1_250)))
    assert measured.cuts == (Cut(2_250, "hangup", 1.24, 0.26),)
    assert (measured.heard, measured.cut_at_hangup) == (1.0, 0)


def test_underruns_are_counted_before_and_after_the_end():
    lab = say(answering(), 0.03).advance(45)
    say(lab, 0.03).advance(500)
    assert metrics(lab).underruns == 1
    assert metrics(hang_up(lab)).underruns == 1


def test_sound_that_a_switch_threw_away_before_the_answer_was_not_cut_by_the_hang_up():
    lab = lab_of([Ring(0.5), Answer()], audio_before_answer="discard").call().advance(500)
    say(lab, 5).advance(500)
    measured = metrics(hang_up(say(lab, 1).advance(400)))
    assert (measured.cut_at_hangup, measured.cuts) == (0.6, (Cut(1_400, "hangup", 0.4, 0.6),))


_deeds = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.integers(1, 4_000)),
        st.tuples(st.just("press"), st.integers(1, 300)),
        st.tuples(st.just("advance"), st.integers(1, 700)),
        st.tuples(st.just("interrupt"), st.just(0)),
    ),
    max_size=30,
)


@given(_deeds, st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_was_heard_and_cut_adds_up_to_the_ledgers(deeds, recorded, ended):
    lab = answering(recording_limit=32_000_000 * recorded)
    playout = lab.workspace.line("s").playout
    heard = [0]  # samples, by each cut
    for deed, amount in deeds:
        match deed:
            case "play":
                lab.workspace.play("s", np.full(amount, 1_000, np.int16))
            case "press":
                lab.workspace.press("s", "5", amount)
            case "advance":
                lab.advance(amount)
            case "interrupt":
                interrupt(lab)
                heard.append(playout.audio.played + playout.keys.played)
    waiting = playout.waiting
    if ended:
        hang_up(lab)
    measured = metrics(lab)
    audio, keys = playout.audio, playout.keys
    cleared = [event.cleared for event in lab.events(facts.PlayoutInterrupted)]
    cuts = [cut for cut in measured.cuts if cut.how == "interruption"]
    last = [cut for cut in measured.cuts if cut.how == "hangup"]
    assert [cut.cut for cut in cuts] == [round(samples / 8_000, 3) for samples in cleared]
    for cut, before, after in zip(cuts, heard, heard[1:], strict=False):
        # How full the last frame was before an interruption, which more sound followed at once, is told by nothing.
        assert cut.heard == pytest.approx((after - before) / 8_000, abs=0.0205)
    if ended:
        assert measured.heard == round(audio.played / 8_000, 3)
        assert measured.cut_by_interruption == round(audio.cleared / 8_000, 3)
        assert measured.cut_at_hangup == round(audio.discarded / 8_000, 3)
        assert [cut.cut for cut in last] == ([round(waiting / 8_000, 3)] if waiting else [])
        if last:
            assert sum(cut.heard for cut in measured.cuts) == pytest.approx(
                (audio.played + keys.played) / 8_000, abs=0.001 * len(measured.cuts)
            )


# --- the way up -------------------------------------------------------------------------------------------------------


def test_a_client_that_sends_in_real_time_has_a_pace_of_one():
    uplink = metrics(stream(answering(), 3, packet=100, every=100)).uplink
    assert (uplink.messages, uplink.bytes, uplink.packet) == (30, 48_000, 100.0)
    assert (uplink.pace, uplink.jitter, uplink.longest_gap) == (1.0, 0.0, 0.0)


def test_a_client_that_sends_twice_as_fast_has_a_pace_of_two():
    uplink = metrics(stream(answering(), 2, packet=100, every=50)).uplink
    assert uplink.pace == 2.0
    assert uplink.most_queued == 1.06


def test_a_pause_between_two_sentences_is_no_slow_sending():
    lab = stream(answering(), 1, packet=100, every=100).advance(3_000)
    uplink = metrics(stream(lab, 1, packet=100, every=100)).uplink
    assert (uplink.pace, uplink.jitter, uplink.longest_gap) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("later", [0, 200, 2_000])
def test_an_interruption_begins_anew(later):
    lab = interrupt(say(answering(), 20).advance(1_000)).advance(later)
    lab = stream(lab, 0.5, packet=100, every=100).advance(150)
    uplink = metrics(stream(lab, 0.5, packet=100, every=100)).uplink
    assert (uplink.pace, uplink.longest_gap) == (round(0.9 / 1.05, 3), 150.0)


def test_the_last_message_of_a_sentence_takes_no_time_that_is_known():
    uplink = metrics(say(stream(answering(), 1, packet=50, every=50), 9).advance(100)).uplink
    assert uplink.pace == 1.0
    assert uplink.packet == 50.0


@pytest.mark.parametrize(("late", "pace", "gap"), [(400, 0.714, 400.0), (401, 1.0, 0.0)])
def test_a_message_that_comes_late_is_a_gap_and_one_that_comes_much_later_a_new_sentence(late, pace, gap):
    lab = stream(answering(), 0.5, packet=100, every=100).advance(late)
    uplink = metrics(stream(lab, 0.6, packet=100, every=100)).uplink
    assert (uplink.pace, uplink.longest_gap) == (pace, gap)


def test_the_jitter_is_that_of_rfc_3550():
    lab, waits, jitter = answering(), [20, 35, 5, 20, 60, 1, 1, 20] * 20, 0.0
    for wait in waits:
        say(lab, 0.02).advance(wait)
    for wait in waits[:-1]:
        jitter += (abs(wait - 20) - jitter) / 16
    assert metrics(lab).uplink.jitter == pytest.approx(jitter, abs=0.001)


def test_a_call_of_many_messages_forgets_no_jitter_that_weighs():
    lab = answering()
    rng, waits, jitter = np.random.default_rng(3), [], 0.0
    for _ in range(1_000):
        waits.append(int(rng.integers(0, 40)))
        say(lab, 0.02).advance(waits[-1])
    for wait in waits[:-1]:
        jitter += (abs(wait - 20) - jitter) / 16
    assert metrics(lab).uplink.jitter == pytest.approx(jitter, abs=0.001)


def test_where_no_time_passes_between_messages_there_is_no_pace():
    one, several = metrics(say(answering(), 1).advance(1_000)), answering()
    for _ in range(5):
        say(several, 1)
    assert one.uplink.pace is metrics(several).uplink.pace is None
    assert metrics(several).uplink.messages == 5


def test_the_longest_queue_is_told_though_no_frame_saw_it():
    assert metrics(say(answering(), 3).advance(1_000)).uplink.most_queued == 3.0
    assert metrics(say(answering(), 0.01).advance(100)).uplink.most_queued == 0.01
    cut = answering()
    for _ in range(5):
        say(cut, 1)
    assert metrics(interrupt(cut)).uplink.most_queued == 5.0


# --- figures ----------------------------------------------------------------------------------------------------------


def test_a_spread_has_the_median_the_nearest_rank_and_the_largest():
    assert spread([]) is None
    assert spread([3.0]) == Spread(1, 3.0, 3.0, 3.0)
    assert spread([float(value) for value in range(100, 0, -1)]) == Spread(100, 50.5, 95.0, 100.0)


def test_figures_are_plain_and_short():
    lab = say(answering(Silence(1), Tone(440, 1)), 0.0333333).advance(333)
    measured = json.dumps(asdict(metrics(hang_up(interrupt(say(lab, 1.7777777).advance(777))))))
    assert "e-" not in measured
    assert all(len(digits) <= 3 for digits in re.findall(r"\.(\d+)", measured))
