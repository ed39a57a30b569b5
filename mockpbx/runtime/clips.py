"""Packaged clips, and files of the user's. Each is read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mockpbx.media.pcm import Samples
from mockpbx.media.wav import read_audio

_PACKAGE = Path(__file__).parents[1]
#: In the wheel the clips lie inside the package, in a checkout beside it.
CLIPS = next((d for d in (_PACKAGE / "fixtures/clips", _PACKAGE.parent / "fixtures/clips") if d.is_dir()), _PACKAGE)


@cache
def load(name: str) -> Samples:
    """Return a packaged clip by its name, or a WAV or MP3 file by its path. Raises NotAudio or OSError."""
    packaged = CLIPS / f"{name}.wav"
    samples = read_audio(packaged if packaged.is_file() else Path(name))
    samples.flags.writeable = False
    return samples
