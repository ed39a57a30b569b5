"""Call-progress tones as each country has them, and the press of a key whose contact bounces."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.contract.vocabulary import DTMF_DIGITS as DIGITS
from mockpbx.media.dtmf import KeypadReceiver, contact, tone
from mockpbx.media.framing import FRAME, RATE
from mockpbx.media.pcm import Samples
from mockpbx.media.playout import SILENT
from mockpbx.media.sources import Repeat
from mockpbx.media.tones import call_progress

MS = RATE // 1000
COUNTRIES = ["id", "us"]
TONES = ["ringback", "busy", "congestion", "sit"]

every_tone = pytest.mark.parametrize(("tone_name", "country"), [(t, c) for c in COUNTRIES for t in TONES])


def frequencies(sound: Samples) -> list[int]:
    """The tones in it, within 1 Hz of the truth: all that is no more than 6 dB below the strongest."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), RATE))
    peak = (spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] >= spectrum[2:])
    return [int(f) for f in np.flatnonzero(peak) + 1 if spectrum[f] > spectrum.max() / 2]


def cadence(period: Samples) -> list[tuple[bool, int]]:
    """Sound or silence, and how many ms of it; a zero between two samples of a sine is sound."""
    sounding = np.convolve(period != 0, np.ones(5), "same") > 1
    edges = [0, *(np.flatnonzero(np.diff(sounding)) + 1), len(period)]
    return [(bool(sounding[a]), round((b - a) / MS)) for a, b in pairwise(edges)]


class TestCallProgress:
    @pytest.mark.parametrize(
        ("tone_name", "country", "hertz", "on", "off"),
        [
            ("ringback", "id", [425], 1000, 4000),
            ("busy", "id", [425], 500, 500),
            ("congestion", "id", [425], 250, 250),
            ("ringback", "us", [440, 480], 2000, 4000),
            ("busy", "us", [480, 620], 500, 500),
            ("congestion", "us", [480, 620], 250, 250),
        ],
    )
    def test_each_country_has_its_frequencies_and_its_cadence(
        self, tone_name: str, country: str, hertz: list[int], on: int, off: int
    ) -> None:
        period = call_progress(tone_name, country)
        assert len(period) == (on + off) * MS
        assert cadence(period) == [(True, on), (False, off)]
        assert frequencies(period[: on * MS]) == pytest.approx(hertz, abs=1)

    @pytest.mark.parametrize("country", COUNTRIES)
    def test_special_information_is_three_rising_tones_and_a_second_of_silence(self, country: str) -> None:
        period = call_progress("sit", country)
        assert cadence(period) == [(True, 990), (False, 1000)]
        thirds = [frequencies(period[at * MS : (at + 330) * MS]) for at in (0, 330, 660)]
        assert thirds == [[950], [1400], [1800]]

    @every_tone
    def test_it_is_at_a_comfortable_level(self, tone_name: str, country: str) -> None:
        peak = np.abs(call_progress(tone_name, country).astype(int)).max() / 32768
        assert 20 * np.log10(peak) == pytest.approx(-12.25, abs=0.3)

    @every_tone
    def test_nothing_clicks_at_any_edge(self, tone_name: str, country: str) -> None:
        """Where it starts, stops or changes, nothing is heard beyond the tones: a hard edge leaves 100 times that."""
        period = call_progress(tone_name, country).astype(float)
        spectrum = np.abs(np.fft.rfft(np.tile(period, 2) * np.hanning(2 * len(period)))) ** 2
        hertz = np.linspace(0, RATE / 2, len(spectrum))
        assert spectrum[hertz > 2400].sum() < 3e-6 * spectrum.sum()

    def test_repeated_it_goes_on_without_a_seam(self) -> None:
        period = call_progress("sit", "id")  # 99.5 frames
        source = Repeat(period, loop=True)
        heard = np.concatenate([source.next(SILENT).sound for _ in range(199)])
        assert np.array_equal(heard, np.tile(period, 2))

    @every_tone
    def test_no_keypad_receiver_takes_it_for_a_key(self, tone_name: str, country: str) -> None:
        receiver, source = KeypadReceiver(), Repeat(call_progress(tone_name, country), loop=True)
        assert [key for _ in range(400) for key in receiver.hear(source.next(SILENT).sound)] == []

    def test_it_is_shared_so_nobody_may_write_into_it(self) -> None:
        assert call_progress("busy", "id") is call_progress("busy", "id")
        with pytest.raises(ValueError, match="read-only"):
            call_progress("busy", "id")[0] = 1

    def test_what_is_not_known_gets_a_sentence(self) -> None:
        with pytest.raises(ValueError, match="'engaged' is no call-progress tone; expected one of ringback, busy, con"):
            call_progress("engaged", "id")
        with pytest.raises(ValueError, match="the tones of the country 'xx' are not known; expected one of id, us"):
            call_progress("busy", "xx")


def told(sound: Samples, shift: int, announced: str = "") -> str:
    """What a receiver tells of one sound that begins somewhere in a frame."""
    receiver = KeypadReceiver()
    before, after = np.zeros(2 * FRAME + shift, np.int16), np.zeros(100 * MS, np.int16)
    for key in announced:
        receiver.press(key, len(before), len(before) + len(sound))
    stream = np.concatenate((before, sound, after))
    frames = np.pad(stream, (0, -len(stream) % FRAME)).reshape(-1, FRAME)
    return "".join(key for frame in frames for key in receiver.hear(frame))


BOUNCE = 15 * MS


class TestContact:
    @pytest.mark.parametrize("key", DIGITS)
    @pytest.mark.parametrize("bounces", range(6))
    @pytest.mark.parametrize("solid", [40, 55, 200])
    def test_however_it_bounces_it_is_one_press_at_any_alignment(self, key: str, bounces: int, solid: int) -> None:
        press = contact(key, bounces * BOUNCE + solid * MS, bounces)
        assert {told(press, shift) for shift in range(0, FRAME, 16)} == {key}

    @given(st.sampled_from(DIGITS), st.integers(0, 5), st.integers(40 * MS, 400 * MS), st.integers(0, FRAME - 1))
    def test_so_it_is_however_long_it_is_held(self, key: str, bounces: int, solid: int, shift: int) -> None:
        assert told(contact(key, bounces * BOUNCE + solid, bounces), shift) == key

    @pytest.mark.parametrize("bounces", range(6))
    def test_announced_by_an_event_it_is_not_told_again(self, bounces: int) -> None:
        press = contact("3", 200 * MS, bounces)
        assert {told(press, shift, announced="3") for shift in range(0, FRAME, 16)} == {""}

    @pytest.mark.parametrize("bounces", range(1, 6))
    def test_it_is_broken_that_often_for_10_ms_and_then_holds(self, bounces: int) -> None:
        press = contact("8", 200 * MS, bounces)
        assert cadence(press) == [(True, 5), (False, 10)] * bounces + [(True, 200 - 15 * bounces)]
        held = bounces * BOUNCE
        assert np.array_equal(press[held:], tone("8", 200 * MS)[held:])

    @pytest.mark.parametrize("samples", [0, 1, 40, 130, 320])
    def test_it_has_exactly_the_samples_asked_for(self, samples: int) -> None:
        for bounces in range(6):
            assert contact("1", samples, bounces).shape == (samples,)

    def test_one_that_does_not_bounce_is_the_plain_tone(self) -> None:
        assert np.array_equal(contact("d", 320, 0), tone("D", 320))

    def test_it_is_shared_so_nobody_may_write_into_it(self) -> None:
        with pytest.raises(ValueError, match="read-only"):
            contact("1", 320, 2)[0] = 1

    def test_what_is_no_press_gets_a_sentence(self) -> None:
        with pytest.raises(ValueError, match="a contact cannot bounce -1 times; expected 0 or more"):
            contact("1", 320, -1)
        with pytest.raises(ValueError, match="no key of the keypad; expected one of"):
            contact("E", 320, 1)
