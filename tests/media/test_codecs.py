"""The client's audio in each format of the contract, and the sentence for what cannot be played."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.contract.errors import BadAudio
from mockpbx.media import g711
from mockpbx.media.codecs import FORMATS, UplinkDecoder, decode_pcm16
from mockpbx.media.pcm import to_bytes
from mockpbx.media.wav import read_wav

CLIPS = Path(__file__).parents[2] / "fixtures" / "clips"
WORDS = read_wav(CLIPS / "bot-greeting.wav")
MP3 = (CLIPS / "bot-greeting.mp3").read_bytes()


def test_the_formats_are_those_of_the_contract() -> None:
    assert FORMATS == ("mp3", "ulaw", "alaw", "pcm16")


def test_pcm16_is_heard_bit_by_bit_and_not_copied() -> None:
    data = WORDS.astype("<i2").tobytes()
    heard = UplinkDecoder().decode("pcm16", data)
    np.testing.assert_array_equal(heard, WORDS)
    assert heard.dtype == np.int16
    assert np.shares_memory(decode_pcm16(data), np.frombuffer(data, np.uint8))


def test_ulaw_and_alaw_are_heard_with_their_own_noise_only() -> None:
    decoder = UplinkDecoder()
    for name, encoded in (("ulaw", g711.encode_ulaw(WORDS)), ("alaw", g711.encode_alaw(WORDS))):
        heard = decoder.decode(name, encoded)
        assert heard.size == WORDS.size
        noise = heard.astype(float) - WORDS
        assert 10 * np.log10(np.mean(WORDS.astype(float) ** 2) / np.mean(noise**2)) > 35


def test_mp3_is_heard_whatever_the_messages_and_whatever_else_comes_between() -> None:
    decoder = UplinkDecoder()
    heard = []
    for at in range(0, len(MP3), 777):
        heard.append(decoder.decode("mp3", MP3[at : at + 777]))
        assert decoder.decode("ulaw", b"\xff" * 160).size == 160
    whole = np.concatenate(heard)
    assert abs(whole.size - WORDS.size) <= 1
    assert np.corrcoef(whole[200:30000], WORDS[200:30000])[0, 1] > 0.99


def test_pieces_add_up_to_the_message() -> None:
    parts = list(UplinkDecoder().pieces("mp3", MP3))
    assert len(parts) > 5
    np.testing.assert_array_equal(np.concatenate(parts), UplinkDecoder().decode("mp3", MP3))
    (only,) = UplinkDecoder().pieces("pcm16", bytes(320_000))
    assert only.size == 160_000


def test_a_reset_lets_the_next_file_begin_at_once() -> None:
    decoder = UplinkDecoder()
    decoder.reset()
    decoder.decode("mp3", MP3[:5000])
    decoder.reset()
    np.testing.assert_array_equal(decoder.decode("mp3", MP3), UplinkDecoder().decode("mp3", MP3))


@pytest.mark.parametrize(
    ("audio_format", "data", "sentence"),
    [
        ("pcm16", bytes(321), "pcm16 needs whole 16-bit samples: 321 bytes is an odd number"),
        ("pcm16", b"", "audioData is empty: expected at least one byte of sound"),
        ("mp3", b"", "audioData is empty: expected at least one byte of sound"),
        ("opus", bytes(320), "audioFormat 'opus' is unknown: expected one of mp3, ulaw, alaw, pcm16"),
        ("PCM16", bytes(320), "audioFormat 'PCM16' is unknown: expected one of mp3, ulaw, alaw, pcm16"),
        (
            "mp3",
            bytes(320),
            "no MP3 frame in these 320 bytes: expected MPEG Layer III, a whole file or any part of a stream of "
            "frames; raw samples go as pcm16, ulaw or alaw",
        ),
    ],
)
def test_what_cannot_be_played_is_told_and_the_call_goes_on(audio_format: str, data: bytes, sentence: str) -> None:
    decoder = UplinkDecoder()
    with pytest.raises(BadAudio) as refusal:
        decoder.decode(audio_format, data)
    assert str(refusal.value) == sentence
    assert decoder.decode("pcm16", bytes(320)).size == 160
    assert abs(decoder.decode("mp3", MP3).size - WORDS.size) <= 1


@given(st.binary(min_size=2, max_size=64).filter(lambda data: not len(data) % 2), st.data())
def test_samples_become_the_bytes_that_they_were_without_a_copy_where_they_are_all_of_them(data, draw) -> None:
    samples = decode_pcm16(data)
    assert to_bytes(samples) is data
    place = draw.draw(st.integers(0, len(samples) - 1))
    for part in (samples[place:], samples[:place], samples[::-1], samples[place:][::-1]):
        assert to_bytes(part) == part.tobytes()
