"""Words spoken offline, by eSpeak NG out of the package `espeakng-loader` (the extra `speech`).

The library's voice goes on from where its last phrase left it, and takes its luck from the clock. So each phrase has a
process of its own, which is this file run as a script: the same words are always the same samples, any number of
phrases may be spoken at a time, and no word that upsets the library upsets the emulator. The script starts in 30 ms,
because neither it nor the head of this module imports anything beyond the standard library.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mockpbx.media.pcm import Samples

#: Changes whenever the same words would become other samples: whoever keeps spoken words keeps this with them.
VERSION: Final = 1

_PATIENCE = 10  # seconds; a minute of speech takes 0.2
_LEVEL = 10 ** (-16 / 20)  # RMS while someone speaks, full scale being 1: that of the packaged clips
_KNEE, _CEILING = 0.6, 0.9  # peaks are rounded off from the one on, and stay below the other
_AUDIBLE = 100  # of 32,767
_MARGIN_MS, _FADE_MS = 20, 8
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]+")  # eSpeak takes orders from some of them

# eSpeak NG, speak_lib.h
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1


class SpeechUnavailable(ValueError):
    """The words cannot be spoken; the sentence says why and what to do."""


def synthesise(words: str, voice: str) -> Samples:
    """Return these words spoken: 8 kHz mono int16 at about -16 dBFS RMS, 20 ms of silence at most at its ends.

    `voice` is the code of a language (`id`, `en-us`), with a variant of it after a plus (`id+f3`). All of the words are
    spoken: markup has no meaning. Blocks for some 70 ms, longer the first time. Raises SpeechUnavailable.
    """
    try:
        loader = import_module("espeakng_loader")
    except ImportError:
        raise SpeechUnavailable(
            "say needs the extra `speech`: pip install 'mockpbx[speech]', or play a recorded clip instead"
        ) from None
    from mockpbx.media.wav import read_wav

    data = Path(loader.get_data_path())
    spoken = _spoken(words, _checked(voice, data), loader.get_library_path(), data.parent)
    clip = _like_a_clip(read_wav(spoken))
    if not clip.size:
        raise SpeechUnavailable(f"the voice {voice!r} finds nothing to say aloud in {words!r}; expected words")
    return clip


def _checked(voice: str, data: Path) -> str:
    """The voice as eSpeak writes it, which takes another one without a word where it does not know this."""
    language, plus, variant = voice.partition("+")
    _demand("voice", language.lower(), (path.name.lower() for path in (data / "lang").rglob("*") if path.is_file()))
    if plus:
        _demand("variant of a voice", variant, (path.name for path in (data / "voices" / "!v").iterdir()))
    return language.lower() + plus + variant


def _demand(what: str, word: str, names: Iterable[str]) -> None:
    known = sorted(names)
    if word not in known:
        from difflib import get_close_matches

        near = get_close_matches(word, known)
        hint = f"did you mean {' or '.join(near)}? It is" if near else "expected"
        raise SpeechUnavailable(f"there is no {what} {word!r}: {hint} one of {', '.join(known)}")


def _spoken(words: str, voice: str, library: str, folder: Path) -> bytes:
    """The words as a WAV file, of the rate that eSpeak likes. It runs in the folder of its data.

    For it cuts the path of its data at 160 characters, and that of an environment may be longer.
    """
    text = _CONTROL.sub(" ", words).encode("utf-8", "replace")
    command = [sys.executable, "-I", "-S", str(Path(__file__).absolute()), library, voice]
    try:
        done = subprocess.run(  # noqa: S603 - our own script; the voice is one of those that exist
            command, input=text, cwd=folder, capture_output=True, timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        reason = said.decode("utf-8", "replace").strip().splitlines()[-1:] or [str(error)]
        raise SpeechUnavailable(f"the synthesiser failed ({reason[0]}); play a recorded clip instead") from None
    return done.stdout


def _like_a_clip(samples: Samples) -> Samples:
    """The sound without the silence around it, faded at its ends, at the level of the packaged clips."""
    import numpy as np

    from mockpbx.media.framing import FRAME, samples_of

    audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > _AUDIBLE)
    if not audible.size:
        return samples[:0]
    margin = samples_of(_MARGIN_MS)
    sound = samples[max(0, audible[0] - margin) : audible[-1] + 1 + margin] / 32_768

    power = np.mean(np.pad(sound, (0, -len(sound) % FRAME)).reshape(-1, FRAME) ** 2, axis=1)
    sound *= _LEVEL / np.sqrt(np.mean(power[power > np.max(power) / 1_000]))
    loud = np.abs(sound)
    room = _CEILING - _KNEE
    rounded = np.minimum(loud, _KNEE) + room * np.tanh(np.maximum(loud - _KNEE, 0) / room)
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.minimum(np.arange(len(sound)) / samples_of(_FADE_MS), 1))
    clip: Samples = np.rint(32_767 * np.sign(sound) * rounded * ramp * ramp[::-1]).astype(np.int16)
    return clip


def _speak(library: str, voice: str) -> None:
    """Read words from the standard input and write them, spoken, to the standard output as a WAV file."""
    import ctypes
    import wave

    espeak = ctypes.CDLL(library)
    rate = espeak.espeak_Initialize(_SYNCHRONOUS, 0, b".", _DONT_EXIT)
    if rate <= 0:
        sys.exit("eSpeak NG does not find its data")
    sound = bytearray(2)  # a WAV file without a single sample is none

    def collect(samples: int | None, count: int, events: int | None) -> int:
        if samples is not None:
            sound.extend(ctypes.string_at(samples, 2 * count))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(collect)
    espeak.espeak_SetSynthCallback(callback)
    espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
    espeak.espeak_SetVoiceByName(voice.encode())
    words = sys.stdin.buffer.read()
    espeak.espeak_Synth(words, ctypes.c_size_t(len(words) + 1), 0, 0, 0, _UTF8, None, None)
    with wave.open(sys.stdout.buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound)


if __name__ == "__main__":
    _speak(*sys.argv[1:])
