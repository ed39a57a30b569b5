"""Probes, and what is recognised of them."""

import numpy as np
import pytest
from conformance.talk import tone
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.conformance.echoes import SWAPPED, recognise
from mockpbx.conformance.keypad import presses
from mockpbx.conformance.signals import Probe, Stream, messages_of, misreadings, samples_of, smoothness, stream_of
from mockpbx.conformance.transcript import Heard

PROBE = Probe(1, 0.64)
SOUND = samples_of(PROBE)


def heard(sound: np.ndarray) -> Stream:
    data = sound.astype("<i2").tobytes()
    return stream_of(
        Heard(5 + start / 16_000, "member", "audio", ({"audioData": data[start : start + 320]},))
        for start in range(0, len(data), 320)
    )


def within(sound: np.ndarray, before: int = 4_000, behind: int = 4_000) -> np.ndarray:
    return np.concatenate((np.zeros(before), sound, np.zeros(behind)))


def test_a_probe_is_telephone_sound_at_20_db_below_full_scale():
    spectrum = np.abs(np.fft.rfft(SOUND)) ** 2
    frequencies = np.fft.rfftfreq(len(SOUND), 1 / 8000)
    assert spectrum[(frequencies > 290) & (frequencies < 3310)].sum() > 0.999 * spectrum.sum()
    assert 20 * np.log10(np.sqrt(np.mean(SOUND.astype(float) ** 2)) / 32768) == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize(("audio_format", "sizes"), [("pcm16", [2560] * 4), ("ulaw", [1280] * 4), ("alaw", [1280] * 4)])
def test_packets_are_160_ms_long(audio_format, sizes):
    assert [len(data) for data in messages_of(PROBE, audio_format)] == sizes


def test_an_mp3_is_sent_whole_and_sounds_like_its_probe():
    import av

    (data,) = messages_of(PROBE, "mp3")
    codec = av.CodecContext.create("mp3", "r")
    resampler = av.AudioResampler("s16", "mono", 8000)
    frames = [frame for packet in codec.parse(data) + codec.parse(None) for frame in codec.decode(packet)]
    sound = np.concatenate([part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)])
    echo = recognise(SOUND, heard(within(sound)), 5.0)
    assert echo is not None
    assert echo.correlation > 0.98
    assert echo.coverage > 0.9


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 12_000),
    st.sampled_from([1.0, 0.5, 0.1, -0.7]),
    st.integers(0, 200),
)
def test_it_is_known_behind_any_delay_at_any_level_in_noise(delay, gain, noise):
    line = within(SOUND * gain, before=delay) + np.random.default_rng(delay).normal(0, noise * abs(gain), 9_120 + delay)
    echo = recognise(SOUND, heard(line), 5.0)
    assert echo is not None
    assert echo.audible
    assert echo.reading == ""
    assert echo.delay == pytest.approx(delay / 8000, abs=0.021)
    assert echo.gain == pytest.approx(abs(gain), rel=0.05)
    assert echo.coverage > 0.9
    assert echo.disorder == 0


@pytest.mark.parametrize(
    "line",
    [
        np.zeros(40_000),
        np.random.default_rng(3).normal(0, 3_000, 40_000),
        8_000 * np.sin(2 * np.pi * 1_000 / 8_000 * np.arange(40_000)),
        np.concatenate([samples_of(Probe(number, 0.64)) for number in range(2, 9)]),
        np.concatenate([tone(digit, 300) for digit in "1234567890*#"]),
        np.empty(0),
        np.zeros(10),
    ],
    ids=["silence", "noise", "tone", "other probes", "digits", "nothing", "hardly anything"],
)
def test_nothing_else_is_taken_for_it(line):
    echo = recognise(SOUND, heard(line), 5.0, misreadings("ulaw", b"".join(messages_of(PROBE, "ulaw"))))
    assert echo is None or not echo.audible


def test_samples_that_come_as_they_were_sent_are_noticed():
    exact = recognise(SOUND, heard(within(SOUND)), 5.0)
    louder = recognise(SOUND, heard(within(SOUND * 2)), 5.0)
    assert exact is not None
    assert louder is not None
    assert exact.exact
    assert not louder.exact
    assert louder.gain == pytest.approx(2)


def test_swapped_bytes_are_read_all_the_same():
    echo = recognise(SOUND, heard(within(SOUND).astype("<i2").byteswap()), 5.0)
    assert echo is not None
    assert echo.reading == SWAPPED


@pytest.mark.parametrize(("share", "offset"), [(0.5, 0), (0.5, 77), (0.25, 0)])
def test_the_share_of_it_that_came_is_measured(share, offset):
    kept = SOUND.reshape(4, -1)[:, : int(1280 * share)].ravel()
    echo = recognise(SOUND, heard(within(kept, before=4_000 + offset)), 5.0)
    assert echo is not None
    assert echo.coverage == pytest.approx(share, abs=0.13)


@pytest.mark.parametrize("audio_format", ["pcm16", "ulaw", "alaw", "mp3"])
def test_each_wrong_reading_is_told_from_the_right_one(audio_format):
    data = b"".join(messages_of(PROBE, audio_format))
    for name, sound in misreadings(audio_format, data).items():
        echo = recognise(SOUND, heard(within(sound)), 5.0, misreadings(audio_format, data))
        assert echo is not None
        assert echo.reading in (name, SWAPPED if name == "big-endian pcm16" else name)


@pytest.mark.parametrize("ms", [40, 80, 100, 200, 500])
@pytest.mark.parametrize("digit", "15*D")
def test_a_keypad_tone_is_measured_to_a_hundredth_of_a_second(digit, ms):
    (press,) = presses(heard(within(tone(digit, ms))))
    assert press.digit == digit
    assert press.seconds == pytest.approx(ms / 1000, abs=0.012)
    assert press.at == pytest.approx(5.5, abs=0.03)


def test_presses_are_parted_by_their_pauses():
    line = np.concatenate([within(tone(digit, 150), 0, 400) for digit in "1155"])
    assert [press.digit for press in presses(heard(line))] == ["1", "1", "5", "5"]
    assert [press.digit for press in presses(heard(line), bridge=0.1)] == ["1", "5"]


def test_speech_noise_and_single_tones_press_no_keys():
    for line in (SOUND, 5_000 * np.sin(2 * np.pi * 941 / 8_000 * np.arange(8_000)), np.zeros(8_000), np.empty(0)):
        assert presses(heard(line)) == []


def test_voices_are_smooth_and_noise_is_not():
    voice = (3_000 * np.sin(2 * np.pi * 200 / 8_000 * np.arange(8_000))).astype("<i2")
    assert smoothness(voice) > 0.9
    assert smoothness(voice.byteswap()) < 0.5
    assert abs(smoothness(np.random.default_rng(1).normal(0, 3_000, 8_000).astype("<i2"))) < 0.1


def test_frames_that_are_no_binary_are_left_out():
    items = [
        Heard(1.0, "m", "audio", (payload,)) for payload in (None, "x", {}, {"audioData": "x"}, {"audioData": b"1"})
    ]
    assert len(stream_of(items).samples) == 0
    assert len(stream_of([*items, Heard(2.0, "m", "audio", ({"audioData": b"123"},))]).samples) == 1
