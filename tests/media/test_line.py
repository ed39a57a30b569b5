import numpy as np
import pytest

from mockpbx.media import facts as f
from mockpbx.media import sources
from mockpbx.media.framing import FRAME
from mockpbx.media.line import Line, step_together


def a_line(source: sources.Source) -> Line:
    line = Line(capacity=80_000)
    line.source = source
    return line


def run(line: Line, frames: int):
    """Let the line run: returns what the callee said, and the digits in the order received."""
    said, digits = [], []
    for _ in range(frames):
        ((frame, _, happened),) = step_together([line])
        said.append(np.frombuffer(frame, "<i2"))
        digits += [fact for fact in happened if isinstance(fact, f.DigitReceived)]
    return np.concatenate(said), digits


def test_an_echo_is_bit_exact_and_one_frame_late():
    line = a_line(sources.Echo())
    sent = np.random.default_rng(1).integers(-30_000, 30_000, 1_600, dtype=np.int16)
    line.playout.play(sent)
    said, _ = run(line, 12)
    assert np.array_equal(said[FRAME : FRAME + 1_600], sent)
    assert not said[:FRAME].any()


@pytest.mark.parametrize("duration", [1, 20, 39, 40, 200, 6_000])
def test_the_echoing_callee_returns_a_keyed_digit_once_however_long_it_is_held(duration: float):
    line = a_line(sources.Echo())
    line.playout.press("5", duration)
    _, digits = run(line, int(duration / 20) + 20)
    assert digits == [f.DigitReceived("5", in_band=False)]


def test_the_echoing_callee_returns_a_quick_series_of_digits_each_once():
    line = a_line(sources.Echo())
    for digit in "1123#*0DD":
        line.playout.press(digit, 60)
    _, digits = run(line, 80)
    assert "".join(fact.digit for fact in digits) == "1123#*0DD"


def test_a_digit_that_comes_as_sound_is_heard_in_band():
    keyed = a_line(sources.Echo())
    keyed.playout.press("8", 100)
    tone, _ = run(keyed, 10)
    line = a_line(sources.Echo())
    line.playout.play(tone)
    _, digits = run(line, 15)
    assert digits == [f.DigitReceived("8", in_band=True)]


def test_the_callees_own_key_is_told_once_and_lies_over_what_it_says():
    line = a_line(sources.tone(1_000))
    run(line, 5)
    line.press("3", 200)
    said, digits = run(line, 20)
    assert digits == [f.DigitReceived("3", in_band=False)]
    assert np.abs(said[: 10 * FRAME]).max() > np.abs(said[11 * FRAME :]).max()


def test_a_clip_is_said_once_or_again_and_again_after_its_pause():
    clip = np.arange(1, 401, dtype=np.int16)
    once, _ = run(a_line(sources.Repeat(clip)), 6)
    assert np.array_equal(once[:400], clip)
    assert not once[400:].any()
    again, _ = run(a_line(sources.Repeat(clip, loop=True, pause_ms=10)), 6)
    assert np.array_equal(again[480:880], clip)


def test_a_tone_has_no_seam():
    said, _ = run(a_line(sources.tone(425)), 100)
    assert np.abs(np.diff(said.astype(int))).max() < 8_000 * 2 * np.pi * 425 / 8_000 * 1.01


def test_the_same_seed_gives_the_same_noise():
    one, _ = run(a_line(sources.Noise(np.random.default_rng(7))), 5)
    two, _ = run(a_line(sources.Noise(np.random.default_rng(7))), 5)
    assert np.array_equal(one, two)
    assert one.std() > 1_000


def test_the_last_fact_of_a_line_settles_its_ledgers():
    line = a_line(sources.Silence())
    line.playout.play(np.ones(500, dtype=np.int16))
    run(line, 1)
    line.refuse(33)
    *_, settled = line.stop()
    assert settled == f.MediaStopped(
        audio=f.Ledger(accepted=500, played=160, discarded=340),
        keys=f.Ledger(),
        underruns=0,
        frames=1,
        refused_messages=1,
        refused_bytes=33,
    )
