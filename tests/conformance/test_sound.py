"""What becomes of the client's sound, judged by an echo."""

import numpy as np
import pytest
from conformance.talk import FORMATS, Server, failed, outcomes, run_of, sentence, speaking

from mockpbx.conformance.checks import sound
from mockpbx.conformance.signals import misreadings


def judge(server: Server, **options) -> set[str]:
    return failed(run_of(speaking(server), **options), sound)


def taken_for(audio_format: str, other: str):
    return lambda samples, name, data: misreadings(name, data)[other] if name == audio_format else samples


def in_pairs_swapped(frames: list[bytes]) -> list[bytes]:
    return [frame for first, second in zip(frames[::2], frames[1::2], strict=False) for frame in (second, first)]


def lossy(line: np.ndarray) -> np.ndarray:
    """Eight bits on a logarithmic scale, as G.711 has them, 6 dB down, upside down, half a sample late."""
    late = np.fft.irfft(np.fft.rfft(line) * np.exp(-1j * np.pi * np.arange(len(line) // 2 + 1) / len(line)), len(line))
    level = np.sign(late) * np.log1p(255 * np.abs(late) / 32768) / np.log(256)
    return -np.sign(level) * (256 ** np.abs(np.round(level * 127) / 127) - 1) / 255 * 16384


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.313, 1.5])
def test_an_echo_is_known_behind_any_delay(delay):
    assert outcomes(run_of(speaking(Server(echo=delay))), sound) == {}


def test_an_echo_may_come_through_a_line_that_is_not_exact():
    run = run_of(speaking(Server(echo=0.313, line=lossy)))
    assert outcomes(run, sound) == {}
    assert sentence(run, "sound-level", sound).startswith("-6.")


def test_a_callee_that_does_not_say_back_what_it_hears_leaves_nothing_to_judge():
    assert set(outcomes(run_of(speaking(Server(echo=None))), sound).values()) == {"skipped"}


def test_a_callee_that_talks_is_no_echo():
    def talking(line):
        time = np.arange(len(line)) / 8000
        return 4000 * np.sin(2 * np.pi * 140 * time) * (1 + np.sin(2 * np.pi * 3 * time)) + 800 * np.sin(9000 * time)

    found = outcomes(run_of(speaking(Server(echo=None, line=talking))), sound)
    assert set(found.values()) == {"skipped"}
    assert "frames-little-endian" not in found  # its own voice tells


def test_a_callee_that_was_named_for_its_echo_has_to_be_heard():
    found = outcomes(run_of(speaking(Server(echo=None)), echo_number="0813"), sound)
    assert {id for id, outcome in found.items() if outcome == "failed"} == {"echo-is-heard"}
    assert found["sound-pcm16-decoded"] == "inconclusive"


BROKEN = {
    "big-endian frames": (Server(line=lambda line: line.byteswap()), {"frames-little-endian"}),
    "frames out of order": (Server(frames=in_pairs_swapped), {"sound-in-order"}),
    "too quiet": (Server(line=lambda line: line // 4), {"sound-level"}),
    "half of each packet": (
        Server(play=lambda s, name, data: s[: len(s) // 160 * 160].reshape(-1, 4, 160)[:, :2].ravel()),
        {"sound-whole"},
    ),
    "pcm16 as big-endian": (Server(play=taken_for("pcm16", "big-endian pcm16")), {"sound-pcm16-decoded"}),
    "µ-law as A-law": (Server(play=taken_for("ulaw", "A-law")), {"sound-ulaw-decoded"}),
    "A-law as µ-law": (Server(play=taken_for("alaw", "µ-law")), {"sound-alaw-decoded"}),
    "µ-law as pcm16": (Server(play=taken_for("ulaw", "little-endian pcm16")), {"sound-ulaw-decoded"}),
    "pcm16 as µ-law": (Server(play=taken_for("pcm16", "µ-law")), {"sound-pcm16-decoded"}),
    "MP3 as pcm16": (Server(play=taken_for("mp3", "little-endian pcm16")), {"sound-mp3-decoded"}),
    "MP3 not at all": (Server(play=lambda s, name, data: s * (name != "mp3")), {"sound-mp3-decoded"}),
}


@pytest.mark.parametrize(("server", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_with_the_sound_fails_the_check_that_names_it(server, expected):
    assert judge(server) == expected


def test_the_order_of_bytes_shows_in_the_callees_own_voice():
    def hum(line):
        return (3000 * np.sin(2 * np.pi * 150 * np.arange(len(line)) / 8000)).astype("<i2").byteswap()

    assert judge(Server(echo=None, line=hum)) == {"frames-little-endian"}


def test_noise_does_not_show_it():
    def noise(line):
        return np.random.default_rng(1).normal(0, 2000, len(line))

    assert outcomes(run_of(speaking(Server(echo=None, line=noise))), sound)["frames-little-endian"] == "skipped"


def test_what_it_was_taken_for_is_told():
    run = run_of(speaking(Server(play=taken_for("ulaw", "A-law"))))
    assert sentence(run, "sound-ulaw-decoded", sound) == "it was played as if it were A-law"
    assert {name for _, name in FORMATS} == {"pcm16", "ulaw", "alaw", "mp3"}
