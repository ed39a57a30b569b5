"""Packaged clips, files of the user's, and spoken words. Each is read or made once."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mockpbx.media import speech

if TYPE_CHECKING:  # what needs numpy is loaded with the first sound
    from mockpbx.media.pcm import Samples

_PACKAGE = Path(__file__).parents[1]
#: In the wheel the clips lie inside the package, in a checkout beside it.
CLIPS = next((d for d in (_PACKAGE / "fixtures/clips", _PACKAGE.parent / "fixtures/clips") if d.is_dir()), _PACKAGE)

#: Spoken phrases that are kept on disk: the oldest go first.
MOST_PHRASES = 2_000


@cache
def packaged() -> tuple[str, ...]:
    """Return the names of the packaged clips."""
    return tuple(sorted(path.stem for path in CLIPS.glob("*.wav")))


def load(name: str) -> Samples:
    """Return a packaged clip by its name, or a WAV or MP3 file by its path: shared and read-only. Raises NotAudio.

    A file that has changed is read again.
    """
    path = _found(name).resolve()
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, *stamp: int) -> Samples:
    from mockpbx.media.wav import read_audio

    return _frozen(read_audio(path))


@lru_cache(maxsize=128)
def speak(words: str, voice: str) -> Samples:
    """Return words spoken in a voice (see `media.speech`): shared and read-only. Raises SpeechUnavailable.

    They are kept in the user's cache directory, so that what was spoken once needs the extra no more.
    """
    from mockpbx.media.wav import NotAudio, read_wav

    kept = _kept(words, voice)
    try:
        samples = read_wav(kept)
    except NotAudio:
        samples = speech.synthesise(words, voice)
        _keep(samples, kept)
    return _frozen(samples)


def _found(name: str) -> Path:
    from difflib import get_close_matches

    from mockpbx.media.wav import NotAudio

    names = packaged()
    if name in names:
        return CLIPS / f"{name}.wav"
    if os.path.isfile(name):  # unlike Path.is_file, False for names that no file can have
        return Path(name)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}? Packaged" if near else "packaged"
    raise NotAudio(f"there is no clip {name!r}: {hint} are {', '.join(names)}; or give the path of a WAV or MP3 file")


def _kept(words: str, voice: str) -> Path:
    from platformdirs import user_cache_path

    phrase = sha256(repr((words, voice, speech.VERSION)).encode()).hexdigest()
    return user_cache_path("mockpbx", appauthor=False) / "speech" / f"{phrase}.wav"


def _keep(samples: Samples, path: Path) -> None:
    """Write a file that is there as a whole or not at all; a directory that cannot be written keeps nothing."""
    from mockpbx.media.wav import write_wav

    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent) as folder:
            unfinished = Path(folder, path.name)
            write_wav(unfinished, samples)
            os.replace(unfinished, path)
        phrases = sorted(path.parent.glob("*.wav"), key=lambda phrase: phrase.stat().st_mtime)
        for phrase in phrases[:-MOST_PHRASES]:
            phrase.unlink()


def _frozen(samples: Samples) -> Samples:
    samples.flags.writeable = False
    return samples
