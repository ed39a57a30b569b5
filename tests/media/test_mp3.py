"""MP3 in pieces: nothing lost, nothing added, nothing late, whatever the chunks."""

import io
import subprocess
import sys
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mockpbx.media.mp3 import FrameSplitter, Mp3Decoder, NotMp3, warm_up

RATES = (8000, 16000, 24000, 44100)
KINDS = [(rate, layout) for rate in RATES for layout in ("mono", "stereo")]
BARE = {"write_xing": "0", "id3v2_version": "0"}
ID3V1 = b"TAG" + b"Halo".ljust(125, b"\0")
DELAY = 1105  # of LAME's encoder (576) and any decoder (529), in samples of the file


def melody(rate: int, seconds: float, begin: float = 0) -> NDArray[np.int16]:
    """Gliding tones from 300 to 2,500 Hz that swell and fade: unlike themselves at any shift."""
    time = begin + np.arange(round(rate * seconds)) / rate
    glide = np.sin(2 * np.pi * (300 * time + 1100 * time**2 / max(seconds, 0.1)))
    return np.rint(12000 * glide * (0.4 + 0.6 * np.abs(np.sin(2 * np.pi * 3.1 * time)))).astype(np.int16)


@cache
def mp3(rate: int, layout: str, seconds: float = 1.0, bare: bool = False) -> bytes:
    """A file as most encoders write it, ID3v2 tag and Info frame in front; `bare`, nothing but its frames."""
    import av

    channels = 1 if layout == "mono" else 2
    interleaved = np.repeat(melody(rate, seconds), channels).reshape(1, -1)
    sound = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
    sound.sample_rate = rate
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options=BARE if bare else {}) as container:
        stream: Any = container.add_stream("libmp3lame", rate=rate, layout=layout)
        stream.bit_rate = 64000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return file.getvalue()


def heard(*messages: bytes) -> NDArray[np.int16]:
    decoder = Mp3Decoder()
    return np.concatenate([decoder.decode(message) for message in messages])


def likeness(sound: NDArray[np.int16], original: NDArray[np.int16]) -> float:
    return float(np.corrcoef(sound.astype(float), original.astype(float))[0, 1])


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


# What a file sounds like


@pytest.mark.parametrize(("rate", "layout"), KINDS)
def test_one_second_is_heard_as_one_second_that_starts_on_time(rate: int, layout: str) -> None:
    sound = heard(mp3(rate, layout))
    assert sound.dtype == np.int16
    assert sound.size == 8000
    original = melody(8000, 1.0)
    assert likeness(sound[50:-50], original[50:-50]) > 0.98
    assert 0.9 < np.std(sound) / np.std(original) < 1.05


@pytest.mark.parametrize("seconds", [0.02, 0.137, 0.5, 0.777])
@pytest.mark.parametrize("rate", RATES)
def test_any_length_is_kept_to_the_sample(rate: int, seconds: float) -> None:
    exactly = melody(rate, seconds).size * 8000 / rate
    assert abs(heard(mp3(rate, "mono", seconds)).size - exactly) < 1


@pytest.mark.parametrize(("rate", "layout"), KINDS)
def test_a_file_without_info_keeps_the_silence_of_its_encoder(rate: int, layout: str) -> None:
    file = mp3(rate, layout, bare=True)
    sound = heard(file)
    frames = FrameSplitter().feed(file)
    in_frames = sum(frame.header.samples for frame in frames) * 8000 / rate
    assert in_frames - 17 <= sound.size <= in_frames  # the resampler keeps at most 2 ms, of padding
    late = -(-DELAY * 8000 // rate)
    original = melody(8000, 1.0, begin=late / 8000 - DELAY / rate)
    assert sound.size >= late + original.size  # every word is out
    assert likeness(sound[late + 50 : late + 7950], original[50:7950]) > 0.98


# How it arrives


@pytest.mark.parametrize(("rate", "layout"), KINDS)
@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 1 << 20), max_size=40), bare=st.booleans())
def test_chunks_make_no_difference(rate: int, layout: str, cuts: list[int], bare: bool) -> None:
    file = mp3(rate, layout, 0.3, bare)
    stream = file + ID3V1 + mp3(24000, "mono", 0.1)
    np.testing.assert_array_equal(heard(*chunks(stream, cuts)), heard(stream))


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(st.one_of(st.binary(max_size=60), st.integers(0, 600)), max_size=6),
    cuts=st.lists(st.integers(0, 1 << 20), max_size=12),
)
def test_chunks_make_no_difference_to_a_damaged_stream(parts: list[bytes | int], cuts: list[int]) -> None:
    file = mp3(16000, "mono", 0.1, bare=True)
    damaged = [part if isinstance(part, bytes) else file[part:] for part in parts]
    stream = b"".join([file, *damaged, file])
    np.testing.assert_array_equal(heard(*chunks(stream, cuts)), heard(stream))


def test_byte_by_byte() -> None:
    file = mp3(44100, "stereo", 0.3)
    one_byte_each = [file[at : at + 1] for at in range(len(file))]
    np.testing.assert_array_equal(heard(*one_byte_each), heard(file))


@pytest.mark.parametrize(("rate", "layout"), KINDS)
def test_every_frame_is_heard_with_its_last_byte(rate: int, layout: str) -> None:
    decoder = Mp3Decoder()
    for frame in FrameSplitter().feed(mp3(rate, layout, 0.3, bare=True)):
        assert decoder.decode(frame.data[:-1]).size == 0
        assert decoder.decode(frame.data[-1:]).size >= frame.header.samples * 8000 // rate - 17


def test_the_last_message_brings_the_last_word() -> None:
    file = mp3(44100, "stereo")
    decoder = Mp3Decoder()
    before = decoder.decode(file[:-100]).size
    assert before < 8000
    assert before + decoder.decode(file[-100:]).size == 8000
    assert decoder.decode(ID3V1).size == 0


def test_pieces_are_what_decode_returns_in_small_steps() -> None:
    file = mp3(44100, "stereo")
    parts = list(Mp3Decoder().pieces(file, 1000))
    assert len(parts) >= len(file) // 1000 - 1
    assert max(part.size for part in parts) < 1200
    np.testing.assert_array_equal(np.concatenate(parts), heard(file))


def test_nothing_gives_nothing() -> None:
    decoder = Mp3Decoder()
    assert decoder.decode(b"").size == 0
    assert decoder.decode(mp3(8000, "mono")).size == 8000
    assert decoder.decode(b"").size == 0


# One file after another


def test_files_of_every_kind_one_after_another_are_heard_as_each_alone() -> None:
    files = [mp3(rate, layout, 0.2) for rate, layout in KINDS]
    alone = np.concatenate([heard(file) for file in files])
    np.testing.assert_array_equal(heard(b"".join(files)), alone)
    np.testing.assert_array_equal(heard(*files), alone)
    np.testing.assert_array_equal(heard(*(file + ID3V1 for file in files)), alone)


def test_bare_files_of_other_rates_follow_each_other_with_nothing_lost() -> None:
    files = [mp3(rate, layout, 0.2, bare=True) for rate, layout in KINDS]
    seconds = sum(frame.header.samples / frame.header.rate for file in files for frame in FrameSplitter().feed(file))
    assert abs(heard(*files).size - 8000 * seconds) <= 16 + len(files)


def test_a_big_tag_in_front_is_stepped_over_in_any_pieces() -> None:
    picture = b"\xff\xfb\x90\x64" * 20000
    size = len(picture)
    tag = b"ID3\x03\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + picture
    file = mp3(24000, "mono")
    np.testing.assert_array_equal(heard(tag + file), heard(file))
    np.testing.assert_array_equal(heard(tag[:7], tag[7:50000], tag[50000:] + file), heard(file))


def ape_tag() -> bytes:
    items = b"\x05\0\0\0\0\0\0\0Title\0Hello"
    size = (len(items) + 32).to_bytes(4, "little")
    header, footer = 0xA000_0000, 0x8000_0000
    head, foot = (
        b"APETAGEX\xd0\x07\0\0" + size + b"\x01\0\0\0" + flags.to_bytes(4, "little") + bytes(8)
        for flags in (header, footer)
    )
    return head + items + foot


@pytest.mark.parametrize("tag", [ID3V1, ape_tag(), ape_tag() + ID3V1], ids=["ID3v1", "APE", "both"])
def test_after_a_tag_behind_a_file_the_very_next_frame_is_heard(tag: bytes) -> None:
    decoder = Mp3Decoder()
    assert decoder.decode(mp3(24000, "mono") + tag).size == 8000
    first = FrameSplitter().feed(mp3(24000, "mono", bare=True))[0]
    assert decoder.decode(first.data).size > 150


# Files that tell half the truth about themselves


def with_frame_count(file: bytes, count: int) -> bytes:
    at = file.index(b"Info") + 8
    return file[:at] + count.to_bytes(4, "big") + file[at + 4 :]


def test_a_live_encoder_that_knows_no_frame_count_is_trimmed_in_front_only() -> None:
    file, frames = mp3(24000, "mono"), len(FrameSplitter().feed(mp3(24000, "mono"))) - 1
    sound = heard(with_frame_count(file, 0))
    assert 0 <= (frames * 576 - DELAY) / 3 - sound.size < 17  # the resampler's 2 ms
    np.testing.assert_array_equal(sound[:7900], heard(file)[:7900])


def test_a_frame_count_that_is_too_small_costs_its_padding_at_most() -> None:
    file = mp3(24000, "mono")
    assert heard(with_frame_count(file, 10)).size > 7700


def test_a_frame_count_that_is_too_big_costs_nothing() -> None:
    assert heard(with_frame_count(mp3(24000, "mono"), 10**6)).size >= 8000 - 15


# What is no MP3


@pytest.mark.parametrize(
    "garbage",
    [
        bytes(320),
        b"\xff" * 5000,
        b"halo",
        melody(8000, 0.02).tobytes(),
        np.random.default_rng(1).bytes(321),
        np.random.default_rng(2).bytes(100_000),
    ],
    ids=["silence", "ones", "text", "pcm16", "noise", "much noise"],
)
def test_garbage_is_refused_in_one_sentence_and_the_next_message_plays(garbage: bytes) -> None:
    decoder = Mp3Decoder()
    with pytest.raises(NotMp3, match=rf"^no MP3 frame in these {len(garbage)} bytes: expected MPEG Layer III"):
        decoder.decode(garbage)
    assert decoder.decode(mp3(24000, "mono")).size == 8000


def test_a_wav_file_is_called_by_its_name() -> None:
    with pytest.raises(NotMp3, match="this is a WAV file: send its samples as pcm16"):
        Mp3Decoder().decode(b"RIFF\x24\x01\0\0WAVEfmt " + bytes(300))


def test_garbage_after_good_audio_takes_nothing_from_it() -> None:
    decoder = Mp3Decoder()
    file = mp3(24000, "mono")
    parts = list(decoder.pieces(file + bytes(50_000), 4096))
    assert sum(part.size for part in parts) == 8000
    with pytest.raises(NotMp3):
        decoder.decode(bytes(3200))
    assert decoder.decode(file).size == 8000


def test_garbage_in_the_middle_is_a_gap() -> None:
    file = mp3(24000, "mono", bare=True)
    frames = [frame.data for frame in FrameSplitter().feed(file)]
    noise = b"no frame of MP3, but thirty kilobytes of this" * 700
    sound = heard(b"".join(frames[:20]) + noise + b"".join(frames[20:]))
    assert abs(sound.size - heard(file).size) <= 40


def test_a_frame_behind_garbage_is_found_wherever_a_message_ends() -> None:
    file = mp3(24000, "mono", 0.1, bare=True)
    stream = file + bytes(50) + file
    whole = heard(stream)
    for cut in range(len(file) + 40, len(file) + 60):
        np.testing.assert_array_equal(heard(stream[:cut], stream[cut:]), whole)


def test_after_a_refusal_the_very_next_frame_is_heard() -> None:
    decoder = Mp3Decoder()
    with pytest.raises(NotMp3):
        decoder.decode(bytes(320))
    first = FrameSplitter().feed(mp3(24000, "mono", bare=True))[0]
    assert decoder.decode(first.data).size > 150


def test_a_file_begun_in_the_middle_is_heard_from_the_next_frame_on() -> None:
    file = mp3(24000, "mono")
    assert heard(file[len(file) // 2 :]).size > 3900


def test_the_rest_of_an_abandoned_file_is_no_error() -> None:
    decoder = Mp3Decoder()
    file = mp3(24000, "mono")
    decoder.decode(file[:3000])
    decoder.reset()
    assert decoder.decode(file[3000:3010]).size == 0
    assert decoder.decode(file[3010:]).size > 4000


def test_after_a_reset_a_new_file_is_heard_as_if_it_were_the_first() -> None:
    decoder = Mp3Decoder()
    decoder.decode(mp3(44100, "stereo")[:3333])
    decoder.reset()
    np.testing.assert_array_equal(decoder.decode(mp3(24000, "mono")), heard(mp3(24000, "mono")))


@pytest.mark.parametrize("bare", [False, True])
def test_a_file_that_breaks_off_inside_a_frame_takes_nothing_from_the_next(bare: bool) -> None:
    decoder = Mp3Decoder()
    decoder.decode(mp3(44100, "stereo")[:3333])
    file = mp3(44100, "stereo", bare=bare)
    np.testing.assert_array_equal(decoder.decode(file)[-7900:], heard(file)[-7900:])


@pytest.mark.parametrize(
    "endless",
    [b"\xff\xfb\x90\x64" * 50_000, bytes(200_000), b"\xff" * 200_000, b"ID3\x04\0\0\0\0\0\0" * 20_000],
    ids=["headers", "zeros", "ones", "tags"],
)
def test_no_stream_makes_it_hoard(endless: bytes) -> None:
    splitter = FrameSplitter()
    for at in range(0, len(endless), 1000):
        splitter.feed(endless[at : at + 1000])
        assert len(splitter._buffer) < 5000


# What it costs to start


def test_pyav_is_loaded_with_the_first_mp3_and_not_before() -> None:
    script = (
        "import sys, mockpbx.media.codecs, mockpbx.media.mp3 as mp3; assert 'av' not in sys.modules;"
        "mp3.Mp3Decoder(); assert 'av' not in sys.modules; mp3.warm_up(); assert 'av' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_warming_up_twice_is_harmless() -> None:
    warm_up()
    warm_up()
