"""Sound files in and out: whatever a user has, read as 8 kHz mono int16.

Plain 8 kHz mono 16-bit WAV is read by the standard library; any other WAV through PyAV, imported when needed.
"""

import io
import wave
from pathlib import Path
from typing import Final

import numpy as np

from mockpbx.media.framing import RATE
from mockpbx.media.mp3 import Mp3Decoder, NotMp3
from mockpbx.media.pcm import Samples

_ADVICE: Final = "convert it with: ffmpeg -i INPUT -ac 1 -ar 8000 OUTPUT.wav"


class NotAudio(ValueError):
    """The file cannot be read as sound; the sentence names the file, what was wrong and what to do."""


def read_audio(path: str | Path) -> Samples:
    """The whole of a WAV or MP3 file, told apart by content and not by name. Raises `NotAudio`."""
    data = _load(path)
    if data[:4] == b"RIFF":
        return _read(data, str(path))
    try:
        samples = Mp3Decoder().decode(data)
    except NotMp3:
        raise NotAudio(f"{path} is neither a WAV nor an MP3 file ({_opening(data)}): {_ADVICE}") from None
    return _some(samples, str(path))


def read_wav(source: str | Path | bytes) -> Samples:
    """The whole of a WAV file (its path or its bytes) of any rate, width and layout. Raises `NotAudio`."""
    if isinstance(source, bytes):
        return _read(source, "this sound")
    return _read(_load(source), str(source))


def write_wav(path: str | Path, samples: Samples, rate: int = RATE) -> None:
    """Write mono int16 samples as a 16-bit PCM WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())


def _load(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise NotAudio(f"{path} cannot be read ({error.strerror}): give the path of a WAV or MP3 file") from None


def _read(data: bytes, name: str) -> Samples:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise NotAudio(f"{name} is no WAV file ({_opening(data)}): expected RIFF/WAVE; {_ADVICE}")
    samples = _read_plain(data)
    return _some(_read_any(data, name) if samples is None else samples, name)


def _read_plain(data: bytes) -> Samples | None:
    """The samples of 8 kHz mono 16-bit PCM; None when the file is anything else."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
                return None
            samples = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return None
    whole = len(samples) & ~1
    return np.frombuffer(samples[:whole], "<i2").astype(np.int16)


def _read_any(data: bytes, name: str) -> Samples:
    import av  # 100 ms, for those only that need it

    parts: list[Samples] = []
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    try:
        with av.open(io.BytesIO(data), "r", format="wav") as container:
            for sound in container.decode(audio=0):
                parts += [part.to_ndarray()[0] for part in resampler.resample(sound)]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise NotAudio(f"{name} is a WAV file that cannot be decoded ({error}): {_ADVICE}") from None
    if parts:
        parts += [part.to_ndarray()[0] for part in resampler.resample(None) if part is not None]
    return np.concatenate(parts) if parts else np.empty(0, np.int16)


def _some(samples: Samples, name: str) -> Samples:
    if not samples.size:
        raise NotAudio(f"{name} holds no sound at all: expected at least one sample")
    return samples


def _opening(data: bytes) -> str:
    return f"it begins with {data[:8]!r}" if data else "it is empty"
