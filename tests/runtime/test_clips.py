"""Clips by name or path, and words by the cache or the synthesiser; what is neither is told so."""

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from platformdirs import user_cache_path

from mockpbx.media.speech import SpeechUnavailable
from mockpbx.media.wav import NotAudio, read_wav, write_wav
from mockpbx.runtime.clips import CLIPS, load, packaged, speak

needs_speech = pytest.mark.skipif(
    find_spec("espeakng_loader") is None, reason="needs the extra `speech` (espeakng-loader)"
)
WORDS = ("Halo, siapa ini?", "id")


class TestClips:
    def test_the_packaged_ones_are_known_by_name(self) -> None:
        assert {"bot-greeting", "hello", "speech", "voicemail"} <= set(packaged())
        assert list(packaged()) == sorted(packaged())
        for name in packaged():
            assert np.array_equal(load(name), read_wav(CLIPS / f"{name}.wav"))

    def test_any_other_is_a_file_by_its_path(self, tmp_path: Path) -> None:
        sound = np.arange(800).astype(np.int16)
        write_wav(tmp_path / "mine.wav", sound)
        assert np.array_equal(load(str(tmp_path / "mine.wav")), sound)
        assert len(load(str(CLIPS / "bot-greeting.mp3"))) == pytest.approx(len(load("bot-greeting")), abs=1)

    def test_a_file_that_has_changed_is_read_again(self, tmp_path: Path) -> None:
        for length in (800, 1_600):
            write_wav(tmp_path / "mine.wav", np.arange(length).astype(np.int16))
            assert len(load(str(tmp_path / "mine.wav"))) == length

    def test_they_are_shared_so_nobody_may_write_into_them(self) -> None:
        assert load("hello") is load("hello")
        with pytest.raises(ValueError, match="read-only"):
            load("hello")[0] = 1

    def test_a_slip_of_the_pen_gets_the_nearest_name(self) -> None:
        with pytest.raises(NotAudio) as refusal:
            load("helo")
        names = ", ".join(packaged())
        assert str(refusal.value) == (
            f"there is no clip 'helo': did you mean hello? Packaged are {names}; or give the path of a WAV or MP3 file"
        )

    @pytest.mark.parametrize("name", ["", "nothing/like/it.wav", "x" * 1000, "a\0b", "/", "../clips/hello"])
    def test_a_name_that_is_like_none_gets_the_packaged_ones(self, name: str) -> None:
        with pytest.raises(NotAudio, match=r"there is no clip .*ackaged are bot-greeting, .*hello, .*speech"):
            load(name)

    def test_a_file_that_is_no_sound_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("Dear caller")
        with pytest.raises(NotAudio, match=r"notes\.txt is neither a WAV nor an MP3 file"):
            load(str(tmp_path / "notes.txt"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache directory, and nothing in memory."""
    for home in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(home, str(tmp_path))
    speak.cache_clear()
    yield user_cache_path("mockpbx", appauthor=False) / "speech"
    speak.cache_clear()


@pytest.fixture
def restart(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The emulator starts again, where the extra is not installed."""

    def without_the_extra() -> None:
        monkeypatch.setitem(sys.modules, "espeakng_loader", None)
        speak.cache_clear()

    return without_the_extra


class TestWords:
    def test_without_the_extra_it_is_told_what_to_install(self, cache: Path, restart: Callable[[], None]) -> None:
        restart()
        with pytest.raises(SpeechUnavailable) as refusal:
            speak(*WORDS)
        assert str(refusal.value) == (
            "say needs the extra `speech`: pip install 'mockpbx[speech]', or play a recorded clip instead"
        )
        assert not cache.exists()

    @needs_speech
    def test_what_was_spoken_once_needs_the_extra_no_more(self, cache: Path, restart: Callable[[], None]) -> None:
        spoken = speak(*WORDS)
        assert len(spoken) > 8_000
        restart()
        assert np.array_equal(speak(*WORDS), spoken)
        with pytest.raises(SpeechUnavailable):
            speak("Other words", "id")
        with pytest.raises(SpeechUnavailable):
            speak(WORDS[0], "en-us")

    @needs_speech
    def test_each_phrase_is_one_whole_file(self, cache: Path) -> None:
        spoken = [speak(*WORDS), speak(WORDS[0], "en-us"), speak("Ya.", "id")]
        files = list(cache.iterdir())
        assert sorted(len(read_wav(file)) for file in files) == sorted(map(len, spoken))

    @needs_speech
    def test_it_is_spoken_once_and_shared_so_nobody_may_write_into_it(self, cache: Path) -> None:
        assert speak(*WORDS) is speak(*WORDS)
        with pytest.raises(ValueError, match="read-only"):
            speak(*WORDS)[0] = 1
        speak.cache_clear()
        with pytest.raises(ValueError, match="read-only"):
            speak(*WORDS)[0] = 1

    @needs_speech
    def test_a_damaged_file_is_spoken_anew(self, cache: Path, restart: Callable[[], None]) -> None:
        spoken = speak(*WORDS)
        (file,) = cache.iterdir()
        file.write_bytes(b"RIFF, or not")
        speak.cache_clear()
        assert np.array_equal(speak(*WORDS), spoken)
        restart()
        assert np.array_equal(speak(*WORDS), spoken)

    @needs_speech
    def test_a_cache_that_cannot_be_used_does_no_harm(self, cache: Path) -> None:
        cache.parent.mkdir(parents=True)
        cache.write_text("a file where the directory should be")
        assert len(speak(*WORDS)) > 8_000

    @needs_speech
    def test_words_with_nothing_to_say_leave_nothing_behind(self, cache: Path) -> None:
        for _ in range(2):
            with pytest.raises(SpeechUnavailable, match="finds nothing to say aloud"):
                speak("...", "id")
        assert not cache.exists()
