"""What the callee hears, and what it takes for what: real clips, as they come out of G.711 and MP3."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mockpbx.contract.vocabulary import DTMF_DIGITS
from mockpbx.media import dtmf, g711
from mockpbx.media.ears import ClipEar, DigitEar, Ear, SilenceEar, SpeechEar, ToneEar
from mockpbx.media.framing import FRAME, FRAME_MS, RATE
from mockpbx.media.mp3 import Mp3Decoder
from mockpbx.media.pcm import SILENCE
from mockpbx.media.playout import Frame, Key, Playout
from mockpbx.media.wav import read_audio, read_wav

Sound = NDArray[np.float64]
Pcm = NDArray[np.int16]

MS = RATE // 1000
FIXTURES = Path(__file__).parents[2] / "fixtures" / "clips"
CLIPS = {name: read_wav(FIXTURES / f"{name}.wav") for name in ("speech", "hello", "voicemail", "bot-greeting")}
BEEP = CLIPS["voicemail"][-500 * MS :]
SPOKEN = CLIPS | {"voicemail": CLIPS["voicemail"][: -1000 * MS]}  # without the pause and the beep

CODECS: dict[str, Callable[[Pcm], Pcm]] = {
    "pcm16": lambda sound: sound,
    "ulaw": lambda sound: g711.decode_ulaw(g711.encode_ulaw(sound)),
    "alaw": lambda sound: g711.decode_alaw(g711.encode_alaw(sound)),
}
PROGRESS = {"id": (425,), "us ringback": (440, 480), "us busy": (480, 620), "us dial": (350, 440)}

each_clip = pytest.mark.parametrize("name", CLIPS)
each_codec = pytest.mark.parametrize("codec", CODECS)
alignments = st.integers(0, FRAME - 1)


def silence(ms: float) -> Sound:
    return np.zeros(round(ms * MS))


def sines(ms: float, *frequencies: float, amplitude: float = 6000) -> Sound:
    time = np.arange(round(ms * MS)) / RATE
    return amplitude * np.sum([np.sin(2 * np.pi * hertz * time + hertz) for hertz in frequencies], axis=0)


def noise(ms: float, dbfs: float, seed: int = 1) -> Sound:
    return np.random.default_rng(seed).normal(0, 32768 * 10 ** (dbfs / 20), round(ms * MS))


def pink(ms: float, dbfs: float, seed: int = 1) -> Sound:
    spectrum = np.fft.rfft(noise(ms, dbfs, seed))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    sound = np.fft.irfft(spectrum)
    return sound / np.std(sound) * 32768 * 10 ** (dbfs / 20)


def at_level(sound: Pcm, db: float) -> Sound:
    return sound.astype(np.float64) * 10 ** (db / 20)


def pcm(*parts: Sound | Pcm) -> Pcm:
    return np.clip(np.rint(np.concatenate(parts)), -32768, 32767).astype(np.int16)


def mp3(sound: Pcm, rate: int, bit_rate: int) -> Pcm:
    """What comes out of an MP3 file of it."""
    import av

    whole = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
    whole.sample_rate = RATE
    resampler = av.AudioResampler(format="s16p", layout="mono", rate=rate)
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream: Any = container.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        for part in [*resampler.resample(whole), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return Mp3Decoder().decode(file.getvalue())


def first_heard(ear: Ear, *parts: Sound | Pcm) -> tuple[str, int] | None:
    """What the ear makes of this and a second of silence after it, and after how many ms; None where of nothing."""
    sound = pcm(*parts, silence(1000))
    for at, frame in enumerate(np.pad(sound, (0, -len(sound) % FRAME)).reshape(-1, FRAME), 1):
        if (what := ear.hear(Frame.of(frame))) is not None:
            return what, at * FRAME_MS
    return None


def keyed(*presses: tuple[str, float]) -> list[Frame]:
    """What the callee hears of keys that the client sends one after the other, and 200 ms more."""
    playout = Playout(capacity=60 * RATE)
    for digit, duration in presses:
        playout.press(digit, duration)
    return [playout.pull()[0] for _ in range(playout.waiting // FRAME + 10)]


def told(ear: Ear, frames: list[Frame]) -> list[str]:
    return [what for frame in frames if (what := ear.hear(frame)) is not None]


class TestSpeech:
    @each_clip
    @each_codec
    @pytest.mark.parametrize("db", [0, -19])  # the clips have -16 dBFS, these then -35
    def test_voices_are_heard_within_400_ms_in_both_languages(self, name: str, codec: str, db: float) -> None:
        for shift in range(0, FRAME, 40):
            sound = CODECS[codec](pcm(at_level(SPOKEN[name], db)))
            heard = first_heard(SpeechEar(200), np.zeros(shift), sound)
            assert heard is not None
            assert heard[0] == ""
            assert 200 <= heard[1] <= 400

    @pytest.mark.parametrize("start", [0, 3200, 5300])  # ms, where a sentence begins: Indonesian and English
    def test_each_sentence_is_heard(self, start: int) -> None:
        assert first_heard(SpeechEar(300), CLIPS["speech"][start * MS : (start + 1200) * MS])

    def test_it_lasts_from_the_first_syllable_to_the_latest(self) -> None:
        greeting = CLIPS["bot-greeting"][: 1500 * MS]
        for lasting in (400, 800, 1200):
            heard = first_heard(SpeechEar(lasting), greeting)
            assert heard is not None
            assert lasting <= heard[1] <= lasting + 200
        assert first_heard(SpeechEar(1600), greeting) is None

    def test_a_gap_between_syllables_is_bridged_and_a_pause_is_not(self) -> None:
        words = CLIPS["bot-greeting"][: 400 * MS], CLIPS["bot-greeting"][600 * MS : 1000 * MS]
        assert first_heard(SpeechEar(700), words[0], silence(140), words[1])
        assert first_heard(SpeechEar(700), words[0], silence(400), words[1]) is None

    def test_a_voice_above_line_noise_is_heard(self) -> None:
        sound = pcm(CLIPS["bot-greeting"] + noise(len(CLIPS["bot-greeting"]) / MS, -31))
        assert first_heard(SpeechEar(200), sound)

    @pytest.mark.parametrize("dbfs", [-70, -55, -45, -30, -12])
    def test_noise_of_a_constant_level_is_none(self, dbfs: float) -> None:
        for seed in (1, 3, 5):
            assert first_heard(SpeechEar(60), noise(5000, dbfs, seed)) is None
            assert first_heard(SpeechEar(60), pink(10_000, dbfs, seed)) is None

    @each_codec
    @pytest.mark.parametrize("hertz", [50, 150, 425, 1000, 1400, 2100, 3400])
    def test_a_sine_is_none(self, codec: str, hertz: float) -> None:
        for shift in (0, 55):
            assert first_heard(SpeechEar(60), np.zeros(shift), CODECS[codec](pcm(sines(2000, hertz)))) is None

    def test_nor_is_hum_or_a_held_chord(self) -> None:
        hum = sines(3000, 50) + 0.5 * sines(3000, 100) + 0.4 * sines(3000, 150) + 0.2 * sines(3000, 250)
        assert first_heard(SpeechEar(60), hum) is None
        assert first_heard(SpeechEar(60), 0.6 * sines(3000, 262, 330, 392, 523)) is None

    @each_codec
    @pytest.mark.parametrize("frequencies", PROGRESS.values(), ids=PROGRESS)
    @pytest.mark.parametrize("cadence", [(1000, 4000), (500, 500), (250, 250)])
    def test_call_progress_is_none(self, codec: str, frequencies: tuple[float, ...], cadence: tuple[int, int]) -> None:
        on, off = cadence
        tones = [sines(on, *frequencies), silence(off)] * 3
        for shift in (0, 33, 80, 127):
            assert first_heard(SpeechEar(60), np.zeros(shift), CODECS[codec](pcm(*tones))) is None

    def test_nor_are_information_tones_or_a_voicemails_beep(self) -> None:
        assert first_heard(SpeechEar(60), *[sines(330, hertz) for hertz in (950, 1400, 1800)] * 2) is None
        assert first_heard(SpeechEar(60), silence(100), BEEP) is None

    @pytest.mark.parametrize("dbfs", [-90, -45])
    def test_nor_are_quick_keys_on_a_noisy_line(self, dbfs: float) -> None:
        for on, off in [(40, 40), (100, 50), (80, 0)]:
            keys = np.concatenate([part for key in DTMF_DIGITS for part in (dtmf.tone(key, on * MS), silence(off))])
            sound = keys + noise(len(keys) / MS, dbfs)
            for shift in range(0, FRAME, 20):
                assert first_heard(SpeechEar(60), np.zeros(shift), sound) is None

    def test_nor_is_a_tone_that_begins_in_noise(self) -> None:
        for seed in range(20):
            sound = sines(1500, 425) + noise(1500, -28, seed)
            assert first_heard(SpeechEar(60), np.zeros(140), sound) is None

    def test_a_frame_in_which_a_key_goes_down_is_none_whatever_its_sound(self) -> None:
        words = CLIPS["bot-greeting"][: 50 * FRAME].reshape(-1, FRAME)
        assert told(SpeechEar(200), [Frame.of(frame) for frame in words]) != []
        assert told(SpeechEar(200), [Frame.of(frame, (Key("5", 160),)) for frame in words]) == []

    def test_clicks_are_none(self) -> None:
        clicks = np.zeros(3 * RATE)
        clicks[:: 120 * MS] = 20_000
        assert first_heard(SpeechEar(60), clicks) is None

    @given(
        keys=st.lists(st.tuples(st.sampled_from(DTMF_DIGITS), st.integers(40, 300), st.integers(40, 300)), min_size=1),
        shift=alignments,
        codec=st.sampled_from(sorted(CODECS)),
        level=st.integers(-36, -4),
    )
    @settings(max_examples=60, deadline=None)
    def test_keypad_tones_are_none(self, keys: list[tuple[str, int, int]], shift: int, codec: str, level: int) -> None:
        parts = [part for key, on, off in keys for part in (dtmf.tone(key, on * MS, level), silence(off))]
        assert first_heard(SpeechEar(60), np.zeros(shift), CODECS[codec](pcm(*parts))) is None

    @given(presses=st.lists(st.tuples(st.sampled_from(DTMF_DIGITS), st.integers(1, 400)), min_size=1, max_size=20))
    @settings(max_examples=40, deadline=None)
    def test_nor_are_keys_that_go_down_however_briefly(self, presses: list[tuple[str, float]]) -> None:
        assert told(SpeechEar(60), keyed(*presses)) == []


class TestSilence:
    @pytest.mark.parametrize(("lasting", "after"), [(20, 20), (1000, 1000), (990, 1000)])
    def test_it_is_heard_after_exactly_its_time(self, lasting: float, after: int) -> None:
        assert first_heard(SilenceEar(lasting), silence(0)) == ("", after)
        assert first_heard(SilenceEar(lasting), sines(500, 300)) == ("", 500 + after)

    @pytest.mark.parametrize("dbfs", [-70, -52])
    def test_the_noise_of_a_line_is_silence(self, dbfs: float) -> None:
        assert first_heard(SilenceEar(1000), noise(2000, dbfs)) == ("", 1000)

    @pytest.mark.parametrize("dbfs", [-48, -20])
    def test_louder_noise_is_not(self, dbfs: float) -> None:
        heard = first_heard(SilenceEar(1000), noise(2000, dbfs))
        assert heard == ("", 3000)

    def test_a_click_begins_the_time_anew(self) -> None:
        assert first_heard(SilenceEar(1000), silence(700), np.array([20_000.0]), silence(700)) == ("", 1720)

    def test_a_pause_of_speech_is_silence_for_as_long_as_it_lasts(self) -> None:
        assert first_heard(SilenceEar(300), CLIPS["speech"])
        assert first_heard(SilenceEar(700), CLIPS["speech"][: 9000 * MS]) is not None
        heard = first_heard(SilenceEar(700), CLIPS["speech"])
        assert heard is not None
        assert heard[1] >= len(CLIPS["speech"]) / MS

    def test_a_keyed_tone_is_sound_even_one_of_a_millisecond(self) -> None:
        presses: list[tuple[str, float]] = [("1", 1)] * 20
        frames = keyed(*presses)
        assert told(SilenceEar(100), frames[:48]) == []
        assert told(SilenceEar(40), [Frame.of(SILENCE), Frame.of(SILENCE, (Key("1", 1),)), Frame.of(SILENCE)]) == []

    def test_frames_that_say_silence_are(self) -> None:
        assert told(SilenceEar(40), [Frame.of(SILENCE)] * 3) == ["", ""]


class TestTone:
    @given(
        hertz=st.floats(50, 3900),
        off=st.floats(-0.015, 0.015),
        lasting=st.integers(60, 600),
        amplitude=st.floats(300, 30_000),
        shift=alignments,
        codec=st.sampled_from(sorted(CODECS)),
    )
    @settings(max_examples=80, deadline=None)
    def test_any_sine_is_heard_after_its_time(
        self, hertz: float, off: float, lasting: int, amplitude: float, shift: int, codec: str
    ) -> None:
        tone = pcm(silence(100), np.zeros(shift), sines(lasting, hertz * (1 + off), amplitude=amplitude))
        heard = first_heard(ToneEar(hertz, lasting), CODECS[codec](tone))
        assert heard is not None
        assert heard[0] == f"{hertz:g}"
        assert -2 * FRAME_MS < heard[1] - (100 + shift / MS + lasting) < FRAME_MS

    @given(
        hertz=st.floats(50, 3900),
        off=st.sampled_from([-0.5, -0.1, -0.03, 0.03, 0.1, 1.0, 2.0]),
        shift=alignments,
    )
    @settings(max_examples=80, deadline=None)
    def test_another_sine_is_not(self, hertz: float, off: float, shift: int) -> None:
        other = hertz * (1 + off) if hertz * (1 + off) < 3950 else hertz / (1 + off)
        assert first_heard(ToneEar(hertz, 100), np.zeros(shift), sines(500, other)) is None

    def test_its_name_is_the_frequency_asked_for(self) -> None:
        assert first_heard(ToneEar(1000.0, 200), BEEP) == ("1000", 200)
        assert first_heard(ToneEar(942.5, 60), sines(100, 943)) == ("942.5", 60)

    @pytest.mark.parametrize("hertz", [50, 425, 3900])
    def test_one_that_breaks_off_early_is_not_heard(self, hertz: float) -> None:
        for shift in range(0, FRAME, 20):
            brief = np.zeros(shift), sines(165, hertz)
            assert first_heard(ToneEar(hertz, 200), *brief, silence(60), *brief) is None

    def test_the_same_tone_is_heard_in_noise_but_not_where_noise_holds_the_energy(self) -> None:
        assert first_heard(ToneEar(425, 300), sines(500, 425) + noise(500, -18 - 10))
        assert first_heard(ToneEar(425, 300), sines(500, 425) + noise(500, -18 + 3)) is None

    @pytest.mark.parametrize("hertz", [440, 480, 460])
    def test_two_tones_at_once_are_none(self, hertz: float) -> None:
        assert first_heard(ToneEar(hertz, 60), sines(2000, 440, 480)) is None

    @pytest.mark.parametrize("hertz", dtmf.ROWS + dtmf.COLUMNS)
    def test_a_key_is_none(self, hertz: float) -> None:
        assert told(ToneEar(hertz, 60), keyed(*((key, 300) for key in DTMF_DIGITS))) == []

    @pytest.mark.parametrize("hertz", [100, 120, 150, 190, 220, 235, 250, 300, 425, 700, 1000, 2500])
    def test_a_voice_is_none(self, hertz: float) -> None:
        for sound in SPOKEN.values():
            assert first_heard(ToneEar(hertz, 160), sound) is None

    def test_noise_and_silence_are_none(self) -> None:
        assert first_heard(ToneEar(1000, 60), noise(3000, -20)) is None
        assert first_heard(ToneEar(1000, 60), sines(3000, 1000, amplitude=30)) is None


class TestClip:
    @given(
        name=st.sampled_from(sorted(CLIPS)),
        before=st.integers(0, 2 * RATE),
        db=st.floats(-12, 3),
        codec=st.sampled_from(sorted(CODECS)),
    )
    @settings(max_examples=60, deadline=None)
    def test_it_is_heard_at_any_alignment_and_level_after_any_codec(
        self, name: str, before: int, db: float, codec: str
    ) -> None:
        clip = CLIPS[name]
        heard = first_heard(ClipEar(clip), CODECS[codec](pcm(np.zeros(before), at_level(clip, db))))
        assert heard is not None
        assert heard[0] == ""
        assert heard[1] - before / MS <= min(len(clip) / MS, 2000) + 220

    @each_clip
    @pytest.mark.parametrize(("rate", "bit_rate"), [(8000, 8_000), (16_000, 32_000), (24_000, 64_000)])
    def test_it_is_heard_after_mp3(self, name: str, rate: int, bit_rate: int) -> None:
        assert first_heard(ClipEar(CLIPS[name]), silence(123.4), mp3(CLIPS[name], rate, bit_rate))

    def test_the_same_words_as_a_file_of_mp3_are_the_clip(self) -> None:
        assert first_heard(ClipEar(CLIPS["bot-greeting"]), read_audio(FIXTURES / "bot-greeting.mp3"))

    @pytest.mark.parametrize(
        ("name", "other"),
        [
            (name, other)
            for name in CLIPS
            for other in (*CLIPS, "other words of its voice", "beep", "tones", "noise", "nothing")
            if other != name
        ],
    )
    def test_nothing_else_is(self, name: str, other: str) -> None:
        voice = CLIPS["speech"][3000 * MS : 6000 * MS]
        sounds: dict[str, Sound | Pcm] = {
            **CLIPS,
            "other words of its voice": voice[::-1] if name == "speech" else voice,
            "beep": pcm(silence(700), BEEP, silence(700)),
            "tones": pcm(sines(2000, 200), sines(2000, 440, 480), sines(2000, 1000)),
            "noise": noise(4000, -16),
            "nothing": silence(4000),
        }
        assert first_heard(ClipEar(CLIPS[name]), sounds[other]) is None

    @pytest.mark.parametrize("name", ["speech", "voicemail", "bot-greeting"])
    def test_any_stretch_of_it_will_do_between_other_words(self, name: str) -> None:
        other = CLIPS["bot-greeting" if name != "bot-greeting" else "speech"]
        spoken = len(SPOKEN[name]) - 2400 * MS
        for start in range(0, spoken, 700 * MS):
            stretch = CLIPS[name][start : start + 2400 * MS]
            assert first_heard(ClipEar(CLIPS[name]), other[: 1111 * MS], stretch, other[1111 * MS :])

    @each_clip
    def test_a_faint_one_may_stand_between_loud_noises(self, name: str) -> None:
        clip = at_level(CLIPS[name], -12)
        assert first_heard(ClipEar(CLIPS[name]), noise(2345, -10), clip[: 2250 * MS], noise(2000, -10))

    @each_clip
    def test_one_too_faint_for_any_ear_is_not_heard(self, name: str) -> None:
        assert first_heard(ClipEar(CLIPS[name]), at_level(CLIPS[name], -55)) is None

    def test_it_may_have_begun_before_the_ear_listens(self) -> None:
        assert first_heard(ClipEar(CLIPS["bot-greeting"]), CLIPS["bot-greeting"][1300 * MS :])

    def test_a_beginning_in_common_is_not_enough(self) -> None:
        greeting = CLIPS["bot-greeting"]
        assert first_heard(ClipEar(greeting), greeting[: 1300 * MS], CLIPS["speech"]) is None
        assert first_heard(ClipEar(greeting), greeting[: 1300 * MS], silence(2000)) is None

    @pytest.mark.parametrize("kept", [0.5, 0.8])
    def test_a_clip_shorter_than_a_second_must_be_heard_whole(self, kept: float) -> None:
        hello = CLIPS["hello"]
        part = round(kept * len(hello))
        assert first_heard(ClipEar(hello), silence(300), hello[:part]) is None
        assert first_heard(ClipEar(hello), silence(300), hello[-part:]) is None

    def test_silence_at_its_ends_is_no_part_of_it(self) -> None:
        padded = pcm(silence(3000), CLIPS["hello"], silence(3000))
        assert first_heard(ClipEar(padded), CLIPS["hello"])
        assert first_heard(ClipEar(padded), silence(5000)) is None

    def test_a_beep_at_its_end_does_not_stand_for_it(self) -> None:
        clip = pcm(CLIPS["hello"], silence(300), sines(4000, 1000))
        assert first_heard(ClipEar(clip), CLIPS["hello"], silence(300), sines(4000, 1000))
        assert first_heard(ClipEar(clip), silence(300), sines(4000, 1000)) is None

    def test_a_clip_that_is_a_tone_is_heard_too(self) -> None:
        assert first_heard(ClipEar(BEEP), silence(333.3), CODECS["ulaw"](BEEP))
        assert first_heard(ClipEar(BEEP), silence(333.3), sines(500, 1200)) is None
        twice = pcm(BEEP, silence(3000), BEEP)
        assert first_heard(ClipEar(twice), silence(3000), BEEP)
        assert first_heard(ClipEar(twice), silence(3000), BEEP[: 40 * MS]) is None

    def test_a_long_clip_is_heard_in_its_middle_too(self) -> None:
        draw = np.random.default_rng(7)
        words = CLIPS["speech"]
        shuffled = [words[at : at + 900 * MS] for at in draw.integers(0, len(words) - 900 * MS, 60)]
        long = pcm(*shuffled)
        heard = first_heard(ClipEar(long), silence(50), long[40 * RATE : 43 * RATE])
        assert heard is not None
        assert heard[1] <= 2600

    @pytest.mark.parametrize("sound", [silence(0), silence(1000), noise(1000, -60)])
    def test_a_silent_clip_gets_a_sentence(self, sound: Sound) -> None:
        with pytest.raises(ValueError, match=r"^the clip is silent: expected sound of -50 dBFS or more"):
            ClipEar(pcm(sound))


class TestDigit:
    @pytest.mark.parametrize("digit", DTMF_DIGITS)
    def test_a_keyed_digit_is_heard_as_the_key_goes_down(self, digit: str) -> None:
        ear = DigitEar(digit)
        assert ear.hear(keyed((digit, 200))[0]) == digit

    @pytest.mark.parametrize("duration", [1, 20, 39, 40, 200, 2000])
    def test_a_keyed_digit_is_told_once_however_long_it_sounds(self, duration: float) -> None:
        assert told(DigitEar("5"), keyed(("5", duration))) == ["5"]

    def test_one_ear_hears_a_series_each_key_once(self) -> None:
        series = "1123#*0DD"
        assert "".join(told(DigitEar(DTMF_DIGITS), keyed(*((digit, 60) for digit in series)))) == series

    @each_codec
    @pytest.mark.parametrize("digit", "0159*#AD")
    def test_a_digit_in_band_is_heard(self, codec: str, digit: str) -> None:
        tone = CODECS[codec](pcm(silence(33), dtmf.tone(digit, 80 * MS)))
        heard = first_heard(DigitEar(digit), tone)
        assert heard is not None
        assert heard[0] == digit
        assert heard[1] <= 100

    def test_only_the_digits_named_count(self) -> None:
        assert told(DigitEar("19"), keyed(("2", 100), ("9", 100), ("#", 100))) == ["9"]
        assert first_heard(DigitEar("19"), dtmf.tone("2", 800)) is None

    def test_letters_may_be_small_and_come_back_as_capitals(self) -> None:
        assert told(DigitEar("ab"), keyed(("b", 100))) == ["B"]
        assert told(DigitEar("ab"), [Frame.of(SILENCE, (Key("b", 800),))]) == ["B"]

    def test_two_keys_in_one_frame_are_told_one_after_the_other(self) -> None:
        frames = [Frame.of(SILENCE, (Key("1", 8), Key("2", 8))), Frame.of(SILENCE)]
        assert told(DigitEar("12"), frames) == ["1", "2"]

    def test_speech_presses_no_keys(self) -> None:
        for sound in CLIPS.values():
            assert first_heard(DigitEar(DTMF_DIGITS), sound) is None
