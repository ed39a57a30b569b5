"""When a side of a call is heard: which sounds are one, which are none, and two sides laid over each other."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.evidence.activity import Span, loud, overlaps, silences, spans

LOUD = 1_000  # about -30 dBFS


def frames(*stretches):
    """Sound of (amplitude, ms) one after the other, from 0, and when its frames end."""
    samples = np.concatenate([np.full(8 * ms, amplitude, np.int16) for amplitude, ms in stretches])
    return samples, np.arange(1, len(samples) // 160 + 1) * 20


def test_a_sound_is_a_span_from_its_first_frame_to_its_last():
    assert spans(*frames((0, 100), (LOUD, 400), (0, 300))) == [Span(100, 500)]


@pytest.mark.parametrize(("pause", "expected"), [(180, [Span(0, 780)]), (200, [Span(0, 300), Span(500, 800)])])
def test_a_speaker_has_stopped_after_200_ms_of_silence_and_not_before(pause, expected):
    assert spans(*frames((LOUD, 300), (0, pause), (LOUD, 300))) == expected


@pytest.mark.parametrize(("length", "expected"), [(40, []), (60, [Span(500, 560)])])
def test_a_click_is_nothing_and_a_short_syllable_is_something(length, expected):
    assert spans(*frames((0, 500), (LOUD, length), (0, 500))) == expected


def test_two_clicks_are_no_speech_however_near_they_are():
    assert spans(*frames((0, 100), (LOUD, 20), (0, 160), (LOUD, 20), (0, 100))) == []


def test_the_threshold_is_50_decibels_below_full_scale():
    assert loud(frames((104, 20), (103, 20))[0]).tolist() == [True, False]


def test_the_loudest_square_wave_there_is_is_no_overflow():
    assert loud(np.full(160, -32_768, np.int16)).tolist() == [True]


@pytest.mark.parametrize(("lost", "expected"), [(100, [Span(0, 700)]), (500, [Span(0, 300), Span(800, 1100)])])
def test_media_time_that_slipped_is_silence(lost, expected):
    samples, times = frames((LOUD, 600))
    times[15:] += lost
    assert spans(samples, times) == expected


def test_silence_and_no_sound_at_all_have_no_spans():
    assert spans(*frames((0, 100))) == []
    assert spans(np.empty(0, np.int16), np.empty(0, np.int64)) == []


def test_a_user_may_ask_for_another_hangover():
    assert spans(*frames((LOUD, 100), (0, 100), (LOUD, 100)), hangover=60) == [Span(0, 100), Span(200, 300)]


_sides = st.lists(st.integers(1, 9), max_size=8).map(
    lambda steps: [Span(*pair) for pair in zip(*[iter(np.cumsum(steps).tolist())] * 2, strict=False)]
)


def _set(side):
    return {ms for span in side for ms in range(span.start, span.end)}


@given(_sides, _sides)
def test_both_are_heard_where_each_is(one, other):
    assert _set(overlaps(one, other)) == _set(one) & _set(other)


@given(_sides, _sides, st.integers(0, 20), st.integers(0, 40))
def test_it_is_silent_where_neither_is_heard(one, other, start, length):
    within = Span(start, start + length)
    silent = list(silences(within, one, other))
    assert _set(silent) == _set([within]) - _set(one) - _set(other)
    assert all(before.end < after.start for before, after in pairwise(silent))
