"""A person's microphone: what it says, when it begins, what it loses, and how a line comes back to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.media import facts as f
from mockpbx.media import sources
from mockpbx.media.framing import FRAME, samples_of
from mockpbx.media.handset import MOST_MS, PRIME_MS, Microphone
from mockpbx.media.line import Line, step_together
from mockpbx.media.playout import SILENT

PRIME, MOST = samples_of(PRIME_MS), samples_of(MOST_MS)


def ramp(length: int, start: int = 1) -> np.ndarray:
    return np.arange(start, start + length, dtype=np.int16)


def say(microphone: Microphone, samples: np.ndarray) -> None:
    microphone.push(samples.astype("<i2").tobytes())


def listen(microphone: Microphone, frames: int) -> tuple[np.ndarray, str]:
    """Return what is said in so many frames, silence apart, and which of them were silent."""
    spoken = [microphone.next(SILENT) for _ in range(frames)]
    said = [frame.sound for frame in spoken if frame is not SILENT]
    return np.concatenate([np.zeros(0, np.int16), *said]), "".join("." if frame is SILENT else "#" for frame in spoken)


def test_it_begins_with_two_frames_in_hand_and_then_says_what_came_in_sample_for_sample():
    microphone = Microphone()
    say(microphone, ramp(PRIME - 1))
    assert listen(microphone, 2)[1] == ".."
    say(microphone, ramp(1, start=PRIME))
    first, _ = listen(microphone, 1)
    say(microphone, ramp(FRAME, start=PRIME + 1))
    rest, when = listen(microphone, 3)
    assert when == "##."
    assert np.array_equal(np.concatenate([first, rest]), ramp(PRIME + FRAME))


def test_where_too_little_came_it_is_silent_and_begins_again_with_nothing_lost():
    microphone = Microphone()
    say(microphone, ramp(PRIME + 7))
    before, when = listen(microphone, 3)
    assert when == "##."
    say(microphone, ramp(FRAME, start=PRIME + 8))
    assert listen(microphone, 1)[1] == "."
    say(microphone, ramp(FRAME, start=PRIME + FRAME + 8))
    after, _ = listen(microphone, 2)
    assert np.array_equal(np.concatenate([before, after]), ramp(PRIME + 2 * FRAME))
    assert microphone.ledger == f.Ledger(accepted=PRIME + 2 * FRAME + 7, played=PRIME + 2 * FRAME)


def test_beyond_a_fifth_of_a_second_the_oldest_goes_and_is_counted():
    microphone = Microphone()
    say(microphone, ramp(MOST))
    assert microphone.ledger.discarded == 0
    say(microphone, ramp(FRAME, start=MOST + 1))
    assert microphone.ledger == f.Ledger(accepted=MOST + FRAME, discarded=MOST + FRAME - PRIME)
    assert np.array_equal(listen(microphone, 2)[0], ramp(MOST + FRAME)[-PRIME:])


def test_a_voice_that_came_late_catches_up_where_it_is_quiet():
    microphone = Microphone()
    loud, quiet = ramp(FRAME, start=5_000), ramp(FRAME)
    say(microphone, np.concatenate([loud, quiet, quiet, quiet, loud, quiet, loud]))
    sound, when = listen(microphone, 5)
    assert when == "####."
    # 140 ms waited: three quiet frames are left out, and the last is not, since no more than it takes is in hand then.
    assert np.array_equal(sound, np.concatenate([loud, loud, quiet, loud]))
    assert microphone.ledger.discarded == 3 * FRAME


def test_what_nobody_could_hear_is_never_said():
    microphone = Microphone()
    say(microphone, ramp(PRIME))
    microphone.open = False
    say(microphone, ramp(PRIME, start=1_000))
    assert listen(microphone, 3)[1] == "..."
    microphone.open = True
    say(microphone, ramp(PRIME, start=2_000))
    assert np.array_equal(listen(microphone, 3)[0], ramp(PRIME, start=2_000))
    assert microphone.ledger == f.Ledger(accepted=3 * PRIME, played=PRIME, discarded=2 * PRIME)


@given(st.lists(st.one_of(st.integers(0, 4_096), st.just("frame"), st.booleans()), max_size=120))
def test_every_sample_is_accounted_for_and_in_order_whatever_comes_when(course):
    microphone = Microphone()
    sent, said = 0, np.zeros(0, np.int64)
    for event in course:
        match event:
            case bool():
                microphone.open = event
            case int():
                say(microphone, ramp(event, start=sent).astype(np.uint16).view(np.int16))
                sent += event
            case _:
                spoken, _ = listen(microphone, 1)
                said = np.concatenate([said, spoken.view(np.uint16)])
        ledger = microphone.ledger
        assert ledger.accepted == sent == ledger.played + ledger.discarded + ledger.queued
        assert ledger.played == len(said)
        assert 0 <= ledger.queued <= MOST
    wrapped = np.diff(said) % 65_536
    assert (wrapped > 0).all()
    if not microphone.ledger.discarded:
        assert np.array_equal(said, np.arange(len(said)) % 65_536)


# --- on a line --------------------------------------------------------------------------------------------------------


def talking() -> tuple[Line, Microphone]:
    line, microphone = Line(capacity=80_000), Microphone()
    line.rest(microphone)
    return line, microphone


def said(line: Line, frames: int) -> tuple[np.ndarray, list[object]]:
    steps = [step_together([line])[0] for _ in range(frames)]
    sound = np.frombuffer(b"".join(frame for frame, _, _ in steps), "<i2")
    return sound, [fact for _, _, happened in steps for fact in happened]


def test_a_clip_speaks_in_place_of_the_person_who_speaks_again_at_its_end():
    line, microphone = talking()
    say(microphone, ramp(PRIME))
    assert np.array_equal(said(line, 2)[0], ramp(PRIME))
    line.source = sources.Repeat(ramp(2 * FRAME, start=5_000))
    say(microphone, ramp(PRIME, start=1_000))
    sound, happened = said(line, 4)
    assert np.array_equal(sound, np.concatenate([ramp(2 * FRAME, start=5_000), ramp(PRIME, start=1_000)]))
    assert happened == [f.CalleeSoundEnded()]


@pytest.mark.parametrize("voice", [sources.Silence(), Microphone()])
def test_whoever_rests_on_a_line_does_not_cut_a_clip_short(voice):
    line, _ = talking()
    line.source = sources.Repeat(ramp(2 * FRAME))
    line.rest(voice)
    sound, _ = said(line, 3)
    assert np.array_equal(sound[: 2 * FRAME], ramp(2 * FRAME))
    assert line.source is voice


def test_a_listener_follows_every_frame_that_the_callee_hears_and_says():
    line, microphone = talking()
    both: list[tuple[np.ndarray, np.ndarray]] = []
    line.listener = lambda heard, said: both.append((heard.sound, said.sound))
    line.playout.play(ramp(3 * FRAME - 5))
    microphone.push(ramp(4 * FRAME).tobytes())
    spoken, _ = said(line, 4)
    heard = np.concatenate([heard for heard, _ in both])
    assert np.array_equal(heard, np.concatenate([ramp(3 * FRAME - 5), np.zeros(FRAME + 5, np.int16)]))
    assert np.array_equal(np.concatenate([frame for _, frame in both]), spoken)
    assert spoken.any()
