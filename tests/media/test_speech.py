"""Words become the sound of someone who speaks them: the same words always the same samples."""

import hashlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mockpbx.media.framing import FRAME, RATE
from mockpbx.media.pcm import Samples
from mockpbx.media.speech import SpeechUnavailable, synthesise

pytestmark = pytest.mark.skipif(
    find_spec("espeakng_loader") is None, reason="needs the extra `speech` (espeakng-loader)"
)

QUESTION = "Halo, siapa ini?"


def power(sound: Samples) -> np.ndarray:
    """Of each whole frame, full scale being 1."""
    whole = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME) / 32768
    return np.mean(whole**2, axis=1)


def longest_silence(sound: Samples) -> float:
    """The longest stretch of frames with nothing to hear, in seconds."""
    audible = np.flatnonzero(power(sound) > 1e-5)
    return float(np.diff(audible).max(initial=1) - 1) / 50


def told(words: str, voice: str = "id") -> str:
    """What a user is told of words that cannot be spoken."""
    with pytest.raises(SpeechUnavailable) as refusal:
        synthesise(words, voice)
    return str(refusal.value)


class TestTheSound:
    @pytest.mark.parametrize(
        ("words", "voice", "shortest", "longest"),
        [
            (QUESTION, "id", 0.8, 2),
            ("Hello, who is speaking please?", "en-us", 1, 3),
            ("Nomor yang Anda tuju sedang sibuk. Silakan coba beberapa saat lagi.", "id", 3, 7),
            ("Ya.", "id", 0.1, 0.6),
        ],
    )
    def test_it_is_as_long_and_as_loud_as_someone_who_speaks(
        self, words: str, voice: str, shortest: float, longest: float
    ) -> None:
        sound = synthesise(words, voice)
        assert sound.dtype == np.int16
        assert shortest < len(sound) / RATE < longest
        speaking = power(sound)[power(sound) > power(sound).max() / 1000]
        assert 10 * np.log10(np.mean(speaking)) == pytest.approx(-16, abs=1)
        assert np.abs(sound.astype(int)).max() < 30_000

    @pytest.mark.parametrize(("words", "voice"), [(QUESTION, "id"), ("Ya. ...", "id"), ("Ya.", "id+whisper")])
    def test_it_begins_and_ends_with_a_little_silence_and_no_click(self, words: str, voice: str) -> None:
        sound = np.abs(synthesise(words, voice).astype(int))
        audible = np.flatnonzero(sound > 300)
        assert audible[0] < RATE * 0.06
        assert len(sound) - audible[-1] < RATE * 0.06
        assert max(sound[:4].max(), sound[-4:].max()) < 20

    def test_languages_and_variants_sound_different(self) -> None:
        spoken = {synthesise(QUESTION, voice).tobytes() for voice in ("id", "en-us", "id+f3", "id+m3")}
        assert len(spoken) == 4

    def test_a_language_may_be_written_in_any_case(self) -> None:
        assert np.array_equal(synthesise("Hello", "en-US"), synthesise("Hello", "en-us"))

    def test_letters_beyond_ascii_are_spoken(self) -> None:
        assert not np.array_equal(synthesise("Müller", "de"), synthesise("Muller", "de"))


def test_an_environment_may_lie_deep_in_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library by itself gives up where the path of its data is longer than 160 characters."""
    data = Path(import_module("espeakng_loader").get_data_path())
    deep = tmp_path / ("x" * 200)
    deep.mkdir()
    (deep / data.name).symlink_to(data)
    monkeypatch.setattr("espeakng_loader.get_data_path", lambda: str(deep / data.name))
    assert len(synthesise(QUESTION, "id")) > RATE / 2


class TestTheSameWords:
    @pytest.mark.parametrize("voice", ["id", "id+f3", "id+whisper", "id+klatt"])
    def test_are_the_same_samples_whatever_was_said_between(self, voice: str) -> None:
        first = synthesise(QUESTION, voice)
        synthesise("Something else", "en-us")
        assert np.array_equal(synthesise(QUESTION, voice), first)

    def test_are_the_same_samples_in_another_process(self) -> None:
        here = hashlib.sha256(synthesise(QUESTION, "id+f3").tobytes()).hexdigest()
        script = (
            "import hashlib; from mockpbx.media.speech import synthesise;"
            f"print(hashlib.sha256(synthesise({QUESTION!r}, 'id+f3').tobytes()).hexdigest())"
        )
        there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert there.stdout.strip() == here
        assert there.stderr == ""

    def test_are_the_same_samples_when_many_speak_at_a_time(self) -> None:
        phrases = [f"Pesanan nomor {number}." for number in range(6)]
        alone = [synthesise(words, "id").tobytes() for words in phrases]
        with ThreadPoolExecutor(6) as people:
            assert [sound.tobytes() for sound in people.map(lambda words: synthesise(words, "id"), phrases)] == alone


class TestMarkupHasNoMeaning:
    def test_a_tag_is_spoken_not_obeyed(self) -> None:
        sound = synthesise("Halo <break time='3s'/> dunia", "id")
        assert longest_silence(sound) < 1
        assert len(sound) > len(synthesise("Halo dunia", "id")) + RATE

    @pytest.mark.parametrize("words", ["[[hal'o]] dunia", "&lt;b&gt; dunia", "<speak>dunia</speak>", "2 < 3 & 4 > 1"])
    def test_whatever_looks_like_it_is_words(self, words: str) -> None:
        assert len(synthesise(words, "id")) > RATE / 4

    def test_control_characters_give_no_orders(self) -> None:
        assert np.array_equal(synthesise("Halo \x0190R dunia", "id"), synthesise("Halo 90R dunia", "id"))

    def test_what_follows_a_zero_is_spoken_too(self) -> None:
        assert np.array_equal(synthesise("Halo\0dunia", "id"), synthesise("Halo dunia", "id"))

    def test_half_a_character_does_no_harm(self) -> None:
        assert len(synthesise("Halo \ud83d dunia", "id")) > RATE / 2


class TestWhatCannotBeSpoken:
    def test_an_unknown_voice_gets_the_known_ones(self) -> None:
        sentence = told(QUESTION, "en-uk")
        assert sentence.startswith("there is no voice 'en-uk': did you mean ")
        assert {"en", "en-us", "id"} <= set(re.split(r"[ ,]+", sentence))

    @pytest.mark.parametrize("voice", ["", "../../id", "Indonesian", "+f3"])
    def test_what_is_no_language_is_no_voice(self, voice: str) -> None:
        assert told(QUESTION, voice).startswith("there is no voice ")

    @pytest.mark.parametrize("variant", ["f9", "", "../f3"])
    def test_an_unknown_variant_gets_the_known_ones(self, variant: str) -> None:
        sentence = told(QUESTION, f"id+{variant}")
        assert sentence.startswith(f"there is no variant of a voice {variant!r}: ")
        assert {"f1", "f3", "m3"} <= set(re.split(r"[ ,]+", sentence))

    @pytest.mark.parametrize("words", ["", " ", "..."])
    def test_nothing_to_say_is_said_in_a_sentence(self, words: str) -> None:
        assert told(words) == f"the voice 'id' finds nothing to say aloud in {words!r}; expected words"

    def test_a_broken_synthesiser_is_a_sentence_not_a_crash(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("espeakng_loader.get_library_path", lambda: "/nowhere/libespeak-ng.so")
        assert re.match(
            r"the synthesiser failed \(OSError: .*libespeak-ng\.so.*\); play a recorded clip instead", told(QUESTION)
        )
