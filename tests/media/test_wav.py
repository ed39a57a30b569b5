"""Sound files of every sort come in as 8 kHz mono; what is no sound is told so."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mockpbx.media.wav import NotAudio, read_audio, read_wav, write_wav

CLIPS = Path(__file__).parents[2] / "fixtures" / "clips"


def tone(rate: int, seconds: float = 0.5) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)


def wav(samples: NDArray[np.float64], rate: int, bits: int, channels: int = 1, kind: int = 1) -> bytes:
    """A WAV file of the same sound in every channel; kind 1 is PCM, 3 is float."""
    if kind == 3:
        one = samples.astype("<f4").tobytes()
    elif bits == 8:
        one = np.rint(samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.rint(samples * (2 ** (bits - 1) - 1)).astype("<i4")
        one = whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    width = bits // 8
    body = b"".join(one[at : at + width] * channels for at in range(0, len(one), width))
    block = width * channels
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * block, block, bits)
    data = b"WAVE" + form + struct.pack("<4sI", b"data", len(body)) + body
    return struct.pack("<4sI", b"RIFF", len(data)) + data


def test_what_was_written_is_read_back_bit_by_bit(tmp_path: Path) -> None:
    samples = np.arange(-32768, 32768, 7).astype(np.int16)
    write_wav(tmp_path / "ramp.wav", samples)
    np.testing.assert_array_equal(read_wav(tmp_path / "ramp.wav"), samples)
    np.testing.assert_array_equal(read_audio(str(tmp_path / "ramp.wav")), samples)
    np.testing.assert_array_equal(read_wav((tmp_path / "ramp.wav").read_bytes()), samples)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize(("bits", "kind"), [(8, 1), (16, 1), (24, 1), (32, 1), (32, 3)])
def test_any_rate_width_and_layout_sounds_the_same(rate: int, bits: int, kind: int, channels: int) -> None:
    heard = read_wav(wav(tone(rate), rate, bits, channels, kind))
    expected = tone(8000) * 32767
    assert heard.dtype == np.int16
    assert abs(heard.size - expected.size) <= 1
    middle = slice(40, 3960)
    assert np.corrcoef(heard[middle], expected[middle])[0, 1] > 0.999
    assert 0.98 < np.std(heard[middle]) / np.std(expected[middle]) < 1.02


def test_a_file_cut_off_in_the_middle_is_heard_as_far_as_it_goes() -> None:
    file = wav(tone(8000), 8000, 16)
    assert read_wav(file[:-1001]).size == 4000 - 501


def test_another_rate_can_be_written(tmp_path: Path) -> None:
    write_wav(tmp_path / "fine.wav", np.rint(tone(16000) * 32767).astype(np.int16), rate=16000)
    assert read_wav(tmp_path / "fine.wav").size == 4000


def test_mp3_is_known_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    misnamed = tmp_path / "greeting.wav"
    misnamed.write_bytes((CLIPS / "bot-greeting.mp3").read_bytes())
    heard, original = read_audio(misnamed), read_wav(CLIPS / "bot-greeting.wav")
    assert abs(heard.size - original.size) <= 1
    assert np.corrcoef(heard[200:30000], original[200:30000])[0, 1] > 0.99


@pytest.mark.parametrize("read", [read_wav, read_audio])
def test_a_missing_file_is_named(read: object, tmp_path: Path) -> None:
    with pytest.raises(NotAudio, match=r"absent\.wav cannot be read \(No such file or directory\)"):
        read(tmp_path / "absent.wav")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", r"note\.wav is no WAV file \(it is empty\): expected RIFF/WAVE; convert it with: ffmpeg"),
        (b"Dear caller, hello", r"note\.wav is no WAV file \(it begins with b'Dear cal'\)"),
        (b"RIFF\x04\0\0\0WAVE", r"note\.wav is a WAV file that cannot be decoded"),
        (wav(tone(8000, 0), 8000, 16), r"note\.wav holds no sound at all"),
        (wav(tone(16000, 0), 16000, 16), r"note\.wav holds no sound at all"),
    ],
)
def test_what_is_no_wav_is_refused_in_a_sentence(content: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "note.wav").write_bytes(content)
    with pytest.raises(NotAudio, match=complaint):
        read_wav(tmp_path / "note.wav")


@pytest.mark.parametrize("content", [b"", b"Dear caller", bytes(4000)])
def test_what_is_neither_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "note").write_bytes(content)
    with pytest.raises(NotAudio, match=r"note (is neither a WAV nor an MP3 file|holds no sound)"):
        read_audio(tmp_path / "note")


# The packaged clips


def level(samples: NDArray[np.int16]) -> float:
    """RMS in dBFS while there is sound."""
    frames = samples[: samples.size // 160 * 160].astype(np.float64).reshape(-1, 160) / 32768
    power = np.mean(frames * frames, axis=1)
    return float(10 * np.log10(np.mean(power[power > np.max(power) / 1000])))


@pytest.mark.parametrize(
    ("name", "shortest", "longest"),
    [
        ("speech.wav", 8, 10),
        ("voicemail.wav", 6, 11),
        ("hello.wav", 0.3, 1),
        ("bot-greeting.wav", 3, 5),
        ("bot-greeting.mp3", 3, 5),
    ],
)
def test_the_clips_are_as_loud_as_they_should_be_and_never_clip(name: str, shortest: float, longest: float) -> None:
    samples = read_audio(CLIPS / name)
    assert shortest <= samples.size / 8000 <= longest
    assert -17.5 < level(samples) < -15
    assert np.max(np.abs(samples.astype(np.int32))) < 31000
    assert max(abs(int(samples[0])), abs(int(samples[-1]))) < 100


def test_the_voicemail_ends_with_a_pause_and_a_beep() -> None:
    samples = read_wav(CLIPS / "voicemail.wav").astype(float)
    beep, pause = samples[-4000:], samples[-8000:-4000]
    assert np.all(pause == 0)
    spectrum = np.abs(np.fft.rfft(beep)) ** 2
    assert np.argmax(spectrum) * 8000 / beep.size == 1000
    assert spectrum[495:506].sum() > 0.99 * spectrum.sum()
