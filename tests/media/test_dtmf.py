from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mockpbx.media import dtmf
from mockpbx.media.dtmf import COLUMNS, DIGITS, FRAME, RATE, ROWS, KeypadReceiver, receive, tone

Sound = NDArray[np.float64]
MS = RATE // 1000
ALIGNMENTS = range(0, FRAME, 16)
FULL_SCALE = 32767
Q23 = {
    **{"1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "A": (697, 1633)},
    **{"4": (770, 1209), "5": (770, 1336), "6": (770, 1477), "B": (770, 1633)},
    **{"7": (852, 1209), "8": (852, 1336), "9": (852, 1477), "C": (852, 1633)},
    **{"*": (941, 1209), "0": (941, 1336), "#": (941, 1477), "D": (941, 1633)},
}

each_key = pytest.mark.parametrize("key", DIGITS)


def silence(ms: float) -> Sound:
    return np.zeros(round(ms * MS))


def sines(ms: float, *frequencies: float, amplitude: float = 6000) -> Sound:
    time = np.arange(round(ms * MS)) / RATE
    return amplitude * np.sum([np.sin(2 * np.pi * f * time + f) for f in frequencies], axis=0)


def key_sound(
    key: str, ms: float, level: float = -12, *, twist: float = 0, row_off: float = 0, column_off: float = 0
) -> Sound:
    """A key of a bad telephone, without ramps: level of each tone in dBFS, twist in dB, off in percent."""
    low, high = Q23[key]
    row = sines(ms, low * (1 + row_off / 100), amplitude=10 ** (twist / 40))
    column = sines(ms, high * (1 + column_off / 100), amplitude=10 ** (-twist / 40))
    return FULL_SCALE * 10 ** (level / 20) * (row + column)


def noise(ms: float, rms: float, seed: int = 1) -> Sound:
    return np.random.default_rng(seed).normal(0, rms, round(ms * MS))


def in_noise(sound: Sound, snr: float, seed: int = 1) -> Sound:
    power = np.mean(sound[sound != 0] ** 2)
    return sound + noise(len(sound) / MS, np.sqrt(power / 10 ** (snr / 10)), seed)


def mu_law(sound: Sound) -> Sound:
    """What 8 bits of G.711 keep of it: 16 steps in each of 8 segments."""
    biased = np.minimum(np.abs(sound), 32635) + 132
    step = 2.0 ** (np.floor(np.log2(biased)) - 4)
    return np.sign(sound) * ((np.floor(biased / step) + 0.5) * step - 132)


def frames_of(*parts: Sound | NDArray[np.int16]) -> NDArray[np.int16]:
    sound = np.concatenate((*parts, silence(100)))
    sound = np.pad(sound, (0, -len(sound) % FRAME))
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16).reshape(-1, FRAME)


def told(*parts: Sound | NDArray[np.int16], receiver: KeypadReceiver | None = None) -> str:
    """All keys that one receiver tells."""
    receiver = receiver or KeypadReceiver()
    return "".join(key for frame in frames_of(*parts) for key in receiver.hear(frame))


def told_at_every_alignment(sound: Sound | NDArray[np.int16]) -> set[str]:
    return {told(silence(30), np.zeros(shift), sound) for shift in ALIGNMENTS}


class TestTone:
    @each_key
    def test_it_is_the_two_frequencies_of_q23_and_nothing_else(self, key: str) -> None:
        spectrum = np.abs(np.fft.rfft(tone(key, RATE)))  # bins of 1 Hz
        row, column = sorted(np.argsort(spectrum)[-2:])
        assert (row, column) == Q23[key]
        spectrum[[*range(row - 20, row + 21), *range(column - 20, column + 21)]] = 0
        assert spectrum.max() < 0.01 * 8000 * RATE / 2

    @pytest.mark.parametrize("level", [-3.1, -9, -30])
    def test_it_has_the_level_asked_for_and_never_clips(self, level: float) -> None:
        sound = tone("5", RATE, level).astype(float)
        full_scale_sine = FULL_SCALE**2 / 2
        assert 10 * np.log10(np.mean(sound**2) / full_scale_sine) == pytest.approx(level, abs=0.1)
        assert np.abs(sound).max() < FULL_SCALE

    def test_it_begins_and_ends_without_a_click(self) -> None:
        sound = tone("D", 1600).astype(int)
        assert np.abs(sound[[0, 1, -2, -1]]).max() < 200

    @pytest.mark.parametrize("samples", [0, 1, 95, 96, 320, 48_000])
    def test_it_has_exactly_the_samples_asked_for(self, samples: int) -> None:
        sound = tone("1", samples)
        assert sound.shape == (samples,)
        assert sound.dtype == np.int16

    @pytest.mark.parametrize("letter", "abcd")
    def test_letters_may_be_small(self, letter: str) -> None:
        assert np.array_equal(tone(letter, 320), tone(letter.upper(), 320))

    def test_it_is_shared_so_nobody_may_write_into_it(self) -> None:
        with pytest.raises(ValueError, match="read-only"):
            tone("1", 320)[0] = 1

    @pytest.mark.parametrize("key", ["", "E", "12", "١", " "])
    def test_what_is_no_key_gets_a_sentence(self, key: str) -> None:
        with pytest.raises(ValueError, match="no key of the keypad; expected one of"):
            tone(key, 320)

    def test_impossible_lengths_and_levels_get_a_sentence(self) -> None:
        with pytest.raises(ValueError, match="expected 0 or more"):
            tone("1", -1)
        with pytest.raises(ValueError, match="would clip"):
            tone("1", 320, level=0.0)


class TestWhatIsAccepted:
    @each_key
    @pytest.mark.parametrize("ms", [40, 45, 70, 200])
    def test_40_ms_and_more_at_any_alignment(self, key: str, ms: int) -> None:
        assert told_at_every_alignment(key_sound(key, ms)) == {key}

    @each_key
    def test_our_own_tones(self, key: str) -> None:
        assert told_at_every_alignment(tone(key.lower(), 40 * MS)) == {key}

    @each_key
    def test_a_key_held_for_six_seconds_is_one_press(self, key: str) -> None:
        assert told(in_noise(key_sound(key, 6000), 15)) == key

    def test_it_is_told_when_it_is_confirmed_not_when_it_ends(self) -> None:
        receiver = KeypadReceiver()
        frames = frames_of(key_sound("7", 6000))
        positions = [receiver.position for frame in frames if receiver.hear(frame)]
        assert len(positions) == 1
        assert 30 * MS <= positions[0] <= 60 * MS

    @each_key
    @pytest.mark.parametrize("off", [-1.5, 1.5])
    def test_tones_off_by_one_and_a_half_percent(self, key: str, off: float) -> None:
        for row_off, column_off in [(off, off), (off, -off), (off, 0), (0, off)]:
            assert told(silence(33), key_sound(key, 40, row_off=row_off, column_off=column_off)) == key

    @each_key
    @pytest.mark.parametrize("twist", [8, 4, -4])
    def test_twist_of_8_db_normal_and_4_db_reverse(self, key: str, twist: float) -> None:
        assert told(silence(27), in_noise(key_sound(key, 40, twist=twist), 20)) == key

    @each_key
    @pytest.mark.parametrize("level", [-6.03, -20, -36])
    def test_loud_and_faint_through_g711(self, key: str, level: float) -> None:
        assert told(silence(27), mu_law(key_sound(key, 40, level))) == key

    @each_key
    def test_white_noise_15_db_below(self, key: str) -> None:
        for seed in range(10):
            sound = np.concatenate((silence(40 + seed / 2), key_sound(key, 40), silence(60)))
            assert told(in_noise(sound, 15, seed)) == key

    def test_the_worst_telephone_allowed(self) -> None:
        for key in DIGITS:
            sound = key_sound(key, 40, level=-26, twist=8, row_off=-1.5, column_off=1.5)
            assert told(silence(35), mu_law(in_noise(sound, 18))) == key


class TestWhatIsRefused:
    @each_key
    @pytest.mark.parametrize("ms", [10, 20, 23])
    def test_23_ms_and_less_at_any_alignment(self, key: str, ms: int) -> None:
        assert told_at_every_alignment(key_sound(key, ms)) == {""}

    @each_key
    @pytest.mark.parametrize("off", [-6, -3.5, 3.5, 6])
    def test_tones_off_by_three_and_a_half_percent(self, key: str, off: float) -> None:
        assert told(key_sound(key, 300, row_off=off)) == ""
        assert told(key_sound(key, 300, column_off=off)) == ""
        assert told(in_noise(key_sound(key, 300, row_off=off, column_off=off), 20)) == ""

    @each_key
    @pytest.mark.parametrize("twist", [13, -9])
    def test_more_twist_than_any_line_has(self, key: str, twist: float) -> None:
        assert told(key_sound(key, 300, twist=twist)) == ""

    @each_key
    def test_what_is_too_faint(self, key: str) -> None:
        assert told(key_sound(key, 300, level=-42)) == ""

    @pytest.mark.parametrize("frequency", [425, 1000, 950, 1400, 1800, 2100, *ROWS, *COLUMNS])
    def test_single_tones(self, frequency: int) -> None:
        assert told(sines(500, frequency)) == ""

    @pytest.mark.parametrize(
        "frequencies",
        [(440, 480), (480, 620), (350, 440), (697, 770), (1209, 1336), (697, 1209, 1477), (770, 852, 1633)],
    )
    def test_call_progress_tones_and_wrong_chords(self, frequencies: tuple[int, ...]) -> None:
        for on, off in [(250, 250), (500, 500), (1000, 0)]:
            assert told(*[sines(on, *frequencies), silence(off)] * 2) == ""

    @pytest.mark.parametrize("rms", [1, 300, 8000])
    def test_white_noise(self, rms: float) -> None:
        assert told(noise(10_000, rms)) == ""

    def test_silence(self) -> None:
        assert told(silence(500)) == ""

    @pytest.mark.parametrize("seed", range(6))
    def test_speech(self, seed: int) -> None:
        assert told(babble(10, seed)) == ""

    def test_speech_over_a_held_key_is_still_one_press(self) -> None:
        assert told(key_sound("5", 200), key_sound("5", 2000) + 0.2 * babble(2, 1), silence(60)) == "5"


def babble(seconds: int, seed: int) -> Sound:
    """Something like speech: syllables of gliding pitch, its harmonics shaped by three formants."""
    draw = np.random.default_rng(seed)
    syllables = []
    for _ in range(seconds * 4):
        time: Sound = np.linspace(0, 1, 250 * MS)
        pitch: Sound = draw.uniform(85, 260) * (1 + draw.uniform(-0.2, 0.2) * time)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        first = draw.uniform(300, 950) + draw.uniform(-200, 200) * time
        second = draw.uniform(1000, 2300) + draw.uniform(-300, 300) * time
        syllable = np.zeros_like(time)
        for harmonic in range(1, int(3400 / np.max(pitch))):
            wave = np.sin(harmonic * phase) / harmonic
            for formant, width in [(first, 80), (second, 100), (np.full_like(time, 2700), 150)]:
                ratio = harmonic * pitch / formant
                wave /= np.hypot(1 - ratio**2, ratio * width / formant)
            syllable += wave
        syllables.append(syllable / np.abs(syllable).max() * np.sin(np.pi * time) ** 0.5)
    return 16_000 * np.concatenate(syllables)


class TestGapsAndPauses:
    @each_key
    @pytest.mark.parametrize("gap", [2, 5, 10])
    def test_a_drop_out_of_10_ms_is_bridged(self, key: str, gap: int) -> None:
        sound = key_sound(key, 130)
        sound[60 * MS : (60 + gap) * MS] = 0
        assert told_at_every_alignment(sound) == {key}

    @each_key
    @pytest.mark.parametrize("pause", [40, 55, 100, 300])
    def test_a_pause_of_40_ms_parts_two_presses_of_one_key(self, key: str, pause: int) -> None:
        press = key_sound(key, 40)
        assert told_at_every_alignment(np.concatenate((press, silence(pause), press))) == {key * 2}

    def test_so_it_does_in_noise(self) -> None:
        for seed, key in enumerate(DIGITS):
            sound = np.concatenate((key_sound(key, 60), silence(40), key_sound(key, 60), silence(40)))
            assert told(silence(30 + seed), in_noise(sound, 15, seed)) == key * 2

    def test_an_echo_23_db_down_does_not_fill_the_pause(self) -> None:
        assert told(key_sound("8", 60), key_sound("8", 50, level=-35), key_sound("8", 60)) == "88"

    def test_nor_does_speech(self) -> None:
        for seed, key in enumerate(DIGITS):
            assert told(key_sound(key, 60), babble(1, seed)[: 200 * MS], key_sound(key, 60)) == key * 2

    def test_two_pulses_of_23_ms_are_no_press(self) -> None:
        pulse = key_sound("8", 23)
        assert told_at_every_alignment(np.concatenate((pulse, silence(40), pulse))) == {""}

    def test_keys_that_follow_without_a_pause_are_all_told(self) -> None:
        assert told(*(key_sound(key, 80) for key in DIGITS)) == DIGITS


presses = st.lists(
    st.tuples(st.sampled_from(DIGITS), st.integers(40 * MS, 500 * MS), st.integers(50 * MS, 300 * MS)),
    max_size=12,
)


@given(presses=presses, shift=st.integers(0, FRAME - 1))
@settings(max_examples=40, deadline=None)
def test_whatever_is_keyed_is_told(presses: list[tuple[str, int, int]], shift: int) -> None:
    sound = [part for key, on, off in presses for part in (tone(key, on), np.zeros(off))]
    assert told(np.zeros(shift), *sound) == "".join(key for key, _, _ in presses)


class TestManyCalls:
    def test_a_batch_tells_what_each_call_alone_would_tell(self) -> None:
        calls = [
            np.concatenate((silence(17 * i % 90), *(key_sound(key, 40 + 9 * i) for key in keys)))
            for i, keys in enumerate(["147*", "", "2580", "A", "99"])
        ]
        calls += [babble(1, 3), noise(800, 3000), in_noise(key_sound("D", 700), 15)]
        length = max(map(len, calls))
        frames = np.stack([frames_of(np.pad(call, (0, length - len(call)))) for call in calls], axis=1)
        together = [KeypadReceiver() for _ in calls]
        alone = [KeypadReceiver() for _ in calls]
        for frame in frames:
            assert receive(together, [row.tobytes() for row in frame]) == [
                one.hear(row) for one, row in zip(alone, frame, strict=True)
            ]
        assert {receiver.position for receiver in together} == {len(frames) * FRAME}

    def test_no_calls_no_keys(self) -> None:
        assert receive([], []) == []

    @pytest.mark.parametrize(
        ("frames", "sentence"),
        [
            ([bytes(160)], r"expected frames of 320 bytes; got \[160\]"),
            ([bytes(320), bytes(320)], "expected a frame for each of 1 receivers; got 2"),
        ],
    )
    def test_other_sizes_get_a_sentence(self, frames, sentence) -> None:
        with pytest.raises(ValueError, match=sentence):
            receive([KeypadReceiver()], frames)

    def test_a_sound_that_was_screened_before_is_heard_as_it_was_the_first_time(self) -> None:
        """More sounds than are remembered lie between; those that are, are as many calls' as there are."""
        press = [row.tobytes() for row in frames_of(np.pad(tone("5", 800), (160, 320)))]
        told = []
        for turn in range(3):
            told += [receive([ear], [frame]) for ear in [KeypadReceiver()] for frame in press]
            noise = np.random.default_rng(turn).integers(-8_000, 8_000, (dtmf._MOST_SCREENED, FRAME), np.int16)
            for frame in noise[:: 1 if turn else 40]:
                assert receive([KeypadReceiver()], [frame.tobytes()]) == [[]]
        assert told == 3 * told[: len(press)]
        assert [keys for frame in told[: len(press)] for keys in frame if keys] == [["5"]]
        assert len(dtmf._screened) <= dtmf._MOST_SCREENED


class TestPressesAnnouncedByAnEvent:
    """The stream of each test: the key "3" sounds from 100 to 200 ms, and sometimes again."""

    @staticmethod
    def told_after(announced: Iterable[tuple[str, int, int]], *parts: Sound) -> str:
        receiver = KeypadReceiver()
        for key, start, end in announced:
            receiver.press(key, start * MS, end * MS)
        return told(*parts, receiver=receiver)

    @pytest.mark.parametrize("stray", [-55, -20, 0, 20, 55])
    def test_a_press_that_is_also_heard_counts_once(self, stray: int) -> None:
        announced = [("3", 100 + stray, 200 + stray)]
        assert self.told_after(announced, silence(100), key_sound("3", 100)) == ""

    def test_letters_are_announced_in_either_case(self) -> None:
        assert self.told_after([("d", 100, 200)], silence(100), key_sound("D", 100)) == ""

    def test_announcing_it_with_its_first_frame_is_early_enough(self) -> None:
        receiver, keys = KeypadReceiver(), []
        for frame in frames_of(silence(100), key_sound("3", 100)):
            if receiver.position == 100 * MS:
                receiver.press("3", 100 * MS, 200 * MS)
            keys += receiver.hear(frame)
        assert keys == []

    def test_another_key_at_the_same_time_counts(self) -> None:
        assert self.told_after([("2", 100, 200)], silence(100), key_sound("3", 100)) == "3"

    @pytest.mark.parametrize("start", [10, 170, 300])
    def test_the_same_key_at_another_time_counts(self, start: int) -> None:
        assert self.told_after([("3", start, start + 20)], silence(100), key_sound("3", 100)) == "3"

    @pytest.mark.parametrize("pause", [45, 50, 100])
    def test_a_second_press_that_was_not_announced_counts(self, pause: int) -> None:
        twice = (silence(100), key_sound("3", 100), silence(pause), key_sound("3", 100))
        assert self.told_after([("3", 100, 200)], *twice) == "3"

    def test_two_announced_and_heard_count_once_each(self) -> None:
        twice = (silence(100), key_sound("3", 100), silence(50), key_sound("3", 100))
        assert self.told_after([("3", 100, 200), ("3", 250, 350)], *twice) == ""

    def test_a_hole_in_the_sound_of_one_long_press_is_not_a_second_press(self) -> None:
        sound = (silence(100), key_sound("3", 300), silence(100), key_sound("3", 300))
        assert self.told_after([("3", 100, 800)], *sound) == ""
        assert self.told_after([], *sound) == "33"

    def test_announcements_do_not_pile_up(self) -> None:
        receiver = KeypadReceiver()
        for frame in frames_of(silence(5000)):
            receiver.press("3", receiver.position, receiver.position + FRAME)
            receiver.hear(frame)
        assert len(receiver._announced) < 10
