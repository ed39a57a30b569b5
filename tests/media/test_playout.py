"""The playout: order, checkpoints by sample, and a ledger that adds up at every moment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.contract.errors import QueueFull
from mockpbx.media import facts as f
from mockpbx.media.framing import FRAME, samples_of
from mockpbx.media.playout import KEY_PAUSE, SILENT, Playout


def ramp(length: int, start: int = 1) -> np.ndarray:
    return np.arange(start, start + length, dtype=np.int16)


def a_playout(seconds: int = 600) -> Playout:
    return Playout(seconds * 8_000)


def pull(playout: Playout, frames: int):
    sound, happened = [], []
    for _ in range(frames):
        frame, facts = playout.pull()
        assert len(frame.sound) == FRAME
        sound.append(frame.sound)
        happened.append(facts)
    return np.concatenate(sound), happened


def test_an_idle_line_is_silent():
    assert a_playout().pull() == (SILENT, [])


def test_sound_comes_out_as_it_went_in_whatever_the_size_of_its_messages():
    playout = a_playout()
    whole = ramp(1_000)
    for piece in np.split(whole, [1, 7, 300, 301, 800]):
        playout.play(piece)
    heard, happened = pull(playout, 7)
    assert np.array_equal(heard[:1_000], whole)
    assert not heard[1_000:].any()
    assert happened[0] == [f.PlayoutStarted()]


def test_a_checkpoint_fires_when_the_last_sample_before_it_has_been_heard():
    playout = a_playout()
    playout.play(ramp(320))
    assert playout.mark("goodbye") == f.CheckpointQueued("goodbye", 320)
    _, happened = pull(playout, 3)
    # Frame 1 and 2 carry the sound; only when frame 3 is due have they been heard.
    assert happened == [[f.PlayoutStarted()], [], [f.CheckpointReached("goodbye"), f.PlayoutDrained(320)]]


def test_a_checkpoint_with_nothing_before_it_fires_at_once():
    playout = a_playout()
    assert playout.mark("now") == f.CheckpointReached("now")
    playout.play(ramp(FRAME))
    pull(playout, 2)
    assert playout.mark("again") == f.CheckpointReached("again")


def test_a_checkpoint_waits_for_the_frame_that_is_being_heard_just_now():
    playout = a_playout()
    playout.play(ramp(FRAME))
    pull(playout, 1)
    assert playout.mark("end") == f.CheckpointQueued("end", 0)
    _, happened = pull(playout, 1)
    assert f.CheckpointReached("end") in happened[0]


def test_checkpoints_fire_in_the_order_sent_and_many_of_one_name_all_fire():
    playout = a_playout()
    for name in ("a", "a", "b", "a"):
        playout.play(ramp(100))
        playout.mark(name)
    _, happened = pull(playout, 5)
    assert [fact.name for facts in happened for fact in facts if isinstance(fact, f.CheckpointReached)] == list("aaba")


def test_a_checkpoint_in_the_middle_leaves_no_gap_in_the_sound():
    playout = a_playout()
    playout.play(ramp(100))
    playout.mark("middle")
    playout.play(ramp(220, start=101))
    heard, _ = pull(playout, 2)
    assert np.array_equal(heard, ramp(320))


def test_an_interruption_clears_sound_keys_and_checkpoints_and_tells_how_much_was_lost():
    playout = a_playout()
    playout.play(ramp(1_000))
    playout.mark("never")
    playout.press("5", 100)
    pull(playout, 2)
    assert playout.interrupt() == [f.PlayoutInterrupted(680 + 800), f.CheckpointCleared("never")]
    heard, happened = pull(playout, 2)
    assert not heard.any()
    assert happened == [[f.PlayoutDrained(320)], []]
    assert playout.audio == f.Ledger(accepted=1_000, played=320, cleared=680)
    assert playout.keys == f.Ledger(accepted=800, cleared=800)


def test_a_hangup_discards_what_still_waits():
    playout = a_playout()
    playout.play(ramp(1_000))
    pull(playout, 1)
    playout.stop()
    assert playout.audio == f.Ledger(accepted=1_000, played=160, discarded=840)


def test_a_short_tail_is_an_underrun_only_if_more_follows():
    playout = a_playout()
    playout.play(ramp(100))
    pull(playout, 3)
    assert playout.underruns == 0
    assert playout.play(ramp(FRAME)) == [f.Underrun(60)]
    pull(playout, 3)
    assert playout.play(ramp(FRAME)) == []
    assert playout.underruns == 1


def test_a_full_queue_refuses_the_message_whole_and_keeps_what_it_has():
    playout = a_playout(seconds=1)
    playout.play(ramp(7_000))
    with pytest.raises(QueueFull, match=r"0\.9 s wait, this message adds 0\.2 s and the limit is 1 s"):
        playout.play(ramp(1_600))
    playout.play(ramp(1_000))
    assert playout.audio == f.Ledger(accepted=8_000)


def test_a_key_takes_its_time_in_the_line_and_its_turn_in_the_order():
    playout = a_playout()
    playout.play(ramp(FRAME))
    playout.press("7", 200)
    playout.mark("after the key")
    frames = [playout.pull() for _ in range(12)]
    assert [frame.keys for frame, _ in frames[:3]] == [(), (("7", samples_of(200)),), ()]
    assert frames[11][1] == [f.CheckpointReached("after the key"), f.PlayoutDrained(FRAME + samples_of(200))]


def test_keys_pressed_too_close_are_kept_apart_and_only_those():
    playout = a_playout()
    playout.press("1", 100)
    playout.press("1", 100)
    assert playout.keys.accepted == 2 * samples_of(100) + KEY_PAUSE
    pull(playout, 20)
    playout.press("1", 100)
    assert playout.keys.accepted == 3 * samples_of(100) + KEY_PAUSE


ACTIONS = st.one_of(
    st.tuples(st.just("play"), st.integers(0, 1_000)),
    st.tuples(st.just("press"), st.floats(1, 300)),
    st.tuples(st.just("mark"), st.sampled_from("abc")),
    st.tuples(st.sampled_from(["pull", "interrupt"]), st.none()),
)


@given(st.lists(ACTIONS, max_size=40))
def test_whatever_happens_the_ledgers_add_up_and_every_checkpoint_is_settled_once_and_in_order(actions):
    playout = Playout(4_000)
    asked, reached, cleared, sound_in, heard = [], [], [], [], []
    for number, (action, argument) in enumerate(actions):
        happened: list[object] = []
        try:
            match action:
                case "play":
                    samples = ramp(argument, start=number + 1)
                    playout.play(samples)
                    sound_in.append(samples)
                case "press":
                    playout.press("9", argument)
                case "mark":
                    asked.append(number)
                    happened = [playout.mark(str(number))]
                case "interrupt":
                    happened = playout.interrupt()
                case "pull":
                    frame, happened = playout.pull()
                    heard.append(frame.sound)
        except QueueFull:
            pass
        reached += [int(fact.name) for fact in happened if isinstance(fact, f.CheckpointReached)]
        cleared += [int(fact.name) for fact in happened if isinstance(fact, f.CheckpointCleared)]
        assert playout.audio.queued + playout.keys.queued == playout.waiting >= 0
    settled = playout.stop()
    cleared += [int(fact.name) for fact in settled if isinstance(fact, f.CheckpointCleared)]
    reached += [int(name) for name in playout._passed]
    assert sorted(reached + cleared) == asked
    assert reached == sorted(reached)
    assert playout.audio.queued == playout.keys.queued == playout.waiting == 0
    assert playout.audio.accepted == sum(map(len, sound_in))
