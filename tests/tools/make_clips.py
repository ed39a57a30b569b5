"""Makes the clips in fixtures/clips. Run by hand, from the project's directory: `python tests/tools/make_clips.py`.

Needs the command `espeak-ng` (of any distribution) and PyAV with libmp3lame (its wheels have it).
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from mockpbx.media.wav import read_wav, write_wav

CLIPS = Path("fixtures/clips")
RATE = 8000
LEVEL = 10 ** (-16 / 20)  # RMS of speech, full scale being 1: a loud telephone voice
CEILING = 0.9
FADE = 0.008

Sound = NDArray[np.float64]
INDONESIAN, ENGLISH = "id", "en-us"

# Each clip is a list of what is said, in which language, and of pauses in seconds.
Script = list[tuple[str, str] | float]
SPEECH: Script = [
    (INDONESIAN, "Halo, selamat pagi."),
    0.4,
    (INDONESIAN, "Saya mau tanya soal pesanan saya."),
    0.4,
    (INDONESIAN, "Nomornya tiga tujuh lima."),
    0.5,
    (ENGLISH, "When will it arrive, please?"),
    0.4,
    (INDONESIAN, "Baik, terima kasih."),
]
VOICEMAIL: Script = [
    (INDONESIAN, "Nomor yang Anda tuju tidak dapat menjawab. Silakan tinggalkan pesan setelah nada berikut."),
    0.35,
    (ENGLISH, "Please leave a message after the tone."),
]
HELLO: Script = [(INDONESIAN, "Halo?")]
BOT: Script = [
    (INDONESIAN, "Halo, saya asisten suara. Ada yang bisa saya bantu?"),
]

# Who speaks: a voice and its pace in words a minute.
Voice = tuple[str, int]
CALLER: Voice = ("f3", 178)
OPERATOR: Voice = ("f2", 162)
ASSISTANT: Voice = ("m3", 155)

# What the personas of mockpbx/domain/personas.py say, and who says it.
PERSONAS: dict[str, tuple[Voice, Script]] = {
    "who-is-this": (CALLER, [(INDONESIAN, "Iya, saya sendiri. Ini dari mana, ya?")]),
    "go-on": (CALLER, [(INDONESIAN, "Oh, begitu. Boleh.")]),
    "how-long": (CALLER, [(INDONESIAN, "Kira-kira berapa lama?")]),
    "goodbye": (CALLER, [(INDONESIAN, "Baik, terima kasih. Selamat siang.")]),
    "wait-a-moment": (CALLER, [(INDONESIAN, "Sebentar, saya mau tanya dulu.")]),
    "uh-huh": (CALLER, [(ENGLISH, "Uh-huh.")]),
    "wrong-number": (CALLER, [(INDONESIAN, "Maaf, salah sambung.")]),
    "menu": (
        OPERATOR,
        [
            (INDONESIAN, "Selamat datang."),
            0.3,
            (INDONESIAN, "Tekan satu untuk tagihan, dua untuk gangguan, atau nol untuk petugas."),
        ],
    ),
    "menu-billing": (OPERATOR, [(INDONESIAN, "Tagihan Anda bulan ini sudah lunas.")]),
    "menu-outage": (OPERATOR, [(INDONESIAN, "Tidak ada gangguan di wilayah Anda.")]),
    "menu-invalid": (OPERATOR, [(INDONESIAN, "Maaf, pilihan itu tidak ada.")]),
    "menu-goodbye": (OPERATOR, [(INDONESIAN, "Terima kasih. Sampai jumpa.")]),
    "please-hold": (OPERATOR, [(INDONESIAN, "Mohon tunggu, Anda akan kami sambungkan.")]),
    "screening": (OPERATOR, [(INDONESIAN, "Siapa ini, dan apa keperluan Anda?")]),
}


def pause(seconds: float, rate: int = RATE) -> Sound:
    return np.zeros(round(seconds * rate))


def beep(hertz: float, seconds: float) -> Sound:
    return 0.3 * faded(np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE))


def said(script: Script, voice: str, pace: int, rate: int = RATE) -> Sound:
    """The script spoken by one voice, with its pauses, at the level of all clips."""
    parts = [
        pause(part, rate) if isinstance(part, float) else faded(spoken(*part, voice, pace, rate), rate)
        for part in script
    ]
    return levelled(np.concatenate(parts), rate)


def spoken(language: str, text: str, voice: str, pace: int, rate: int) -> Sound:
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "said.wav"))
        command = ["espeak-ng", "-v", f"{language}+{voice}", "-s", str(pace), "-w", file, text]
        subprocess.run(command, check=True)
        sound = read_wav(file) if rate == RATE else at_rate(file, rate)
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > 100)
    return sound[loud[0] : loud[-1] + 1] / 32768


def at_rate(file: str, rate: int) -> NDArray[np.int16]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    with av.open(file, "r") as container:
        frames = [part for sound in container.decode(audio=0) for part in resampler.resample(sound)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames if frame])


def faded(sound: Sound, rate: int = RATE) -> Sound:
    ramp = np.minimum(np.arange(sound.size) / (FADE * rate), 1)
    return sound * ramp * ramp[::-1]


def levelled(sound: Sound, rate: int) -> Sound:
    """At LEVEL while someone speaks; peaks are rounded off below CEILING, never clipped."""
    frame = rate // 50
    power = np.mean(sound[: sound.size // frame * frame].reshape(-1, frame) ** 2, axis=1)
    speaking = power[power > np.max(power) / 1000]
    loud = sound * LEVEL / np.sqrt(np.mean(speaking))
    knee = 0.6
    over = np.maximum(np.abs(loud) - knee, 0) / (CEILING - knee)
    rounded: Sound = np.sign(loud) * (np.minimum(np.abs(loud), knee) + (CEILING - knee) * np.tanh(over))
    return rounded


def pcm16(sound: Sound) -> NDArray[np.int16]:
    return np.rint(sound * 32767).astype(np.int16)


def write_mp3(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    sound = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    sound.sample_rate = rate
    with av.open(str(path), "w", format="mp3") as container:
        stream: Any = container.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = 64000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


def main() -> None:
    """Write all clips, and say how long and how big they are."""
    CLIPS.mkdir(parents=True, exist_ok=True)
    voicemail = np.concatenate([said(VOICEMAIL, *OPERATOR), pause(0.5), beep(1000, 0.5)])
    write_wav(CLIPS / "speech.wav", pcm16(said(SPEECH, *CALLER)))
    write_wav(CLIPS / "voicemail.wav", pcm16(voicemail))
    write_wav(CLIPS / "hello.wav", pcm16(said(HELLO, *CALLER)))
    write_wav(CLIPS / "bot-greeting.wav", pcm16(said(BOT, *ASSISTANT)))
    write_mp3(CLIPS / "bot-greeting.mp3", pcm16(said(BOT, *ASSISTANT, rate=24000)), 24000)
    for name, (voice, script) in PERSONAS.items():
        write_wav(CLIPS / f"{name}.wav", pcm16(said(script, *voice)))
    for path in sorted(CLIPS.iterdir()):
        print(f"{path.name:20} {path.stat().st_size:7} bytes")


if __name__ == "__main__":
    main()
