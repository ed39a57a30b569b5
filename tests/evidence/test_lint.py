"""Audio lint: each rule is broken by sound that is really played in a call, and good sound breaks none."""

import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab import Lab

from mockpbx.evidence.dossier import dossier_of
from mockpbx.evidence.findings import findings
from mockpbx.evidence.rules import RULES
from mockpbx.media.codecs import UplinkDecoder
from mockpbx.media.g711 import encode_alaw, encode_ulaw
from mockpbx.media.mp3 import read_header
from mockpbx.media.wav import read_audio

CLIPS = Path("fixtures/clips")
SPEECH = read_audio(CLIPS / "speech.wav")
ENCODERS = {"pcm16": lambda samples: samples.astype("<i2").tobytes(), "ulaw": encode_ulaw, "alaw": encode_alaw}
BYTES_OF_160_MS = {"pcm16": 2_560, "ulaw": 1_280, "alaw": 1_280, "mp3": 640}


class Caller:
    """A client on a clock of real time that says what it is given, and hangs up when all of it has been heard."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.workspace = self.lab.connected()
        self.decoder = UplinkDecoder()

    def send(self, data: bytes, audio_format: str = "pcm16", after: int = 160) -> "Caller":
        self.workspace.play("s", self.decoder.decode(audio_format, data), audio_format, data)
        self.lab.advance(after)
        return self

    def say(self, data: bytes, audio_format: str = "pcm16", size: int = 0, every: int = 160) -> "Caller":
        size = size or BYTES_OF_160_MS[audio_format]
        for at in range(0, len(data), size):
            self.send(data[at : at + size], audio_format, every)
        return self

    def found(self, clock: str = "real") -> dict[str, object]:
        line = self.workspace.line("s")
        while line.playout.waiting:
            self.lab.advance(20)
        self.lab.advance(100)
        self.workspace.hang_up("s")
        dossier = dossier_of(self.workspace, "s")
        dossier = replace(dossier, settings=dossier.settings.model_copy(update={"clock": clock}))
        return {finding.id: finding for finding in findings(dossier)}


def problems_in(data: bytes, audio_format: str = "pcm16", size: int = 0) -> list[str]:
    """The ids of errors and warnings."""
    found = Caller().say(data, audio_format, size).found()
    return [name for name, finding in found.items() if finding.level != "note"]


def at_rate(rate: int, samples: np.ndarray = SPEECH) -> np.ndarray:
    """The speech as a file of another rate has it."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = 8_000
    return np.concatenate([part.to_ndarray()[0] for part in [*resampler.resample(frame), *resampler.resample(None)]])


def wav_of(samples: np.ndarray, rate: int = 8_000) -> bytes:
    header = b"RIFF" + (36 + 2 * len(samples)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += b"".join(n.to_bytes(size, "little") for n, size in ((1, 2), (1, 2), (rate, 4), (2 * rate, 4)))
    return header + b"\x02\0\x10\0data" + (2 * len(samples)).to_bytes(4, "little") + samples.astype("<i2").tobytes()


def mp3_of(samples: np.ndarray, rate: int = 44_100, info: bool = False) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": str(int(info)), "id3v2_version": "0"}) as out:
        stream = out.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = 32_000  # whatever the encoder takes by itself: that differs among its versions
        frame = av.AudioFrame.from_ndarray(at_rate(rate, samples)[None], format="s16p", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


# --- good calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audio_format", ENCODERS)
@pytest.mark.parametrize("clip", sorted(path.name for path in CLIPS.glob("*.wav")))
def test_every_clip_in_every_format_is_good(clip, audio_format):
    assert problems_in(ENCODERS[audio_format](read_audio(CLIPS / clip)), audio_format) == []


@pytest.mark.parametrize("audio_format", ENCODERS)
@pytest.mark.parametrize("gain", [0.002, 0.01, 0.05, 0.2, 0.5, 1.1])
def test_speech_at_any_level_is_good(gain, audio_format):
    samples = np.round(SPEECH[:24_000] * gain).astype(np.int16)
    assert problems_in(ENCODERS[audio_format](samples), audio_format) == []


def test_a_file_of_mp3_in_one_message_is_good():
    data = (CLIPS / "bot-greeting.mp3").read_bytes()
    assert problems_in(data, "mp3", len(data)) == []


@pytest.mark.parametrize("size", [1_000, 1_440, 2_000, 2_161])
def test_a_file_of_mp3_in_any_pieces_is_good(size):
    assert problems_in(mp3_of(SPEECH[:32_000], 8_000), "mp3", size) == []


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("frames", [5, 7, 10])
def test_a_file_of_mp3_in_whole_frames_is_good(rate, frames):
    data = mp3_of(SPEECH, rate)
    starts = [frame_at := 0]
    while (header := read_header(data[frame_at : frame_at + 4])) is not None:
        starts.append(frame_at := frame_at + header.length)
    caller = Caller()
    for one, two in pairwise(sorted({*starts[::frames], starts[-1]})):
        caller.send(data[one:two], "mp3", 200)
    assert "mp3-seam" not in caller.found()


def test_mp3_files_that_tell_of_their_silence_leave_no_seam():
    caller = Caller()
    for at in range(0, 16_000, 2_000):
        caller.send(mp3_of(SPEECH[at : at + 2_000], info=True), "mp3", after=240)
    assert not {name for name, each in caller.found().items() if each.level != "note"}


@given(
    hertz=st.integers(50, 3_990),
    level=st.sampled_from([0, 1, 10, 100, 1_000, 10_000, 32_767]),
    phase=st.floats(0, 6.3),
    shape=st.sampled_from(["tone", "square", "saw", "two tones", "noise", "clicks"]),
    audio_format=st.sampled_from(sorted(ENCODERS)),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_no_speech_is_good(hertz, level, phase, shape, audio_format):
    turns = hertz * np.arange(12_000) / 8_000 + phase
    wave = {
        "tone": lambda: np.sin(2 * np.pi * turns),
        "square": lambda: np.where(turns % 1 < 0.5, 1.0, -1.0),
        "saw": lambda: 2 * (turns % 1) - 1,
        "two tones": lambda: (np.sin(2 * np.pi * turns) + np.sin(1.7 * np.pi * turns)) / 2,
        "noise": lambda: np.random.default_rng(hertz).uniform(-1, 1, 12_000),
        "clicks": lambda: (np.arange(12_000) % hertz == 0) * 1.0,
    }[shape]()
    assert problems_in(ENCODERS[audio_format](np.round(wave * level).astype(np.int16)), audio_format) == []


@pytest.mark.parametrize(("audio_format", "silence"), [("pcm16", b"\0"), ("ulaw", b"\xff"), ("alaw", b"\xd5")])
def test_silence_is_good(audio_format, silence):
    assert Caller().say(silence * 8_000, audio_format).found() == {}


def test_sentences_one_after_the_other_are_good():
    caller = Caller()
    for clip in ("hello", "menu-invalid", "goodbye"):
        caller.say(ENCODERS["pcm16"](read_audio(CLIPS / f"{clip}.wav"))).lab.advance(150)
    assert caller.found() == {}


# --- what the bytes are ----------------------------------------------------------------------------------------------


def test_the_header_of_a_wav_file_is_told_from_sound():
    found = Caller().say(wav_of(SPEECH[:16_000])).found()
    assert set(found) == {"wav-header-in-audio"}
    assert found["wav-header-in-audio"].what.endswith("it claims 8,000 Hz, 16-bit PCM, 1 channel")
    assert found["wav-header-in-audio"].at == 2_500


def test_a_header_that_claims_another_rate_is_believed():
    found = Caller().say(wav_of(at_rate(24_000)[:72_000], 24_000)).found()
    assert "24,000 Hz" in found["wrong-rate"].what
    assert found["wrong-rate"].level == "error"


@pytest.mark.parametrize(
    ("opening", "what"),
    [(b"OggS", "an Ogg file"), (b"fLaC", "a FLAC file"), (b"ID3\4", "an MP3 file"), (b"\0\0\0 ftyp", "an MP4 file")],
)
@pytest.mark.parametrize("audio_format", ENCODERS)
def test_files_of_other_kinds_are_named(opening, what, audio_format):
    found = Caller().say(opening + bytes(4_000), audio_format).found()
    assert what in found["other-container"].what
    assert audio_format in found["other-container"].what


@pytest.mark.parametrize("audio_format", ENCODERS)
def test_mp3_under_another_name_is_found(audio_format):
    data = mp3_of(SPEECH[:16_000], 16_000)
    found = Caller().say(data[: len(data) & ~1], audio_format).found()
    assert found["other-container"].what == f"MP3 was sent as {audio_format}"


FLOATS = (SPEECH / 32_768).astype("<f4").tobytes()
MISTAKES = [
    ("wrong-byte-order", "pcm16", SPEECH.astype(">i2").tobytes()),
    ("float-samples", "pcm16", FLOATS),
    ("float-samples", "ulaw", FLOATS),
    ("law-mixed-up", "alaw", encode_ulaw(SPEECH)),
    ("law-mixed-up", "ulaw", encode_alaw(SPEECH)),
    ("law-mixed-up", "ulaw", ENCODERS["pcm16"](SPEECH)),
    ("law-mixed-up", "alaw", ENCODERS["pcm16"](SPEECH)),
    ("law-mixed-up", "pcm16", encode_ulaw(SPEECH[:40_000])),
    ("law-mixed-up", "pcm16", encode_alaw(SPEECH[:40_000])),
    ("stereo-as-mono", "pcm16", ENCODERS["pcm16"](np.repeat(SPEECH, 2))),
    ("stereo-as-mono", "ulaw", encode_ulaw(np.repeat(SPEECH, 2))),
    ("stereo-as-mono", "pcm16", ENCODERS["pcm16"](np.stack([SPEECH, 0 * SPEECH], axis=1).ravel())),
]


@pytest.mark.parametrize(("rule", "audio_format", "data"), MISTAKES)
def test_bytes_that_are_not_what_they_are_sent_as(rule, audio_format, data):
    found = Caller().say(data, audio_format).found()
    assert [name for name, each in found.items() if each.level == "error"] == [rule]
    assert 2_500 <= found[rule].at < 4_000


def test_one_wrong_clip_among_good_ones_is_found_and_timed():
    caller = Caller().say(ENCODERS["pcm16"](SPEECH))
    began = caller.workspace.clock.now()
    found = caller.say(SPEECH[:24_000].astype(">i2").tobytes()).found()
    assert 0 <= found["wrong-byte-order"].at - began < 1_000


@pytest.mark.parametrize(("audio_format", "silence"), [("alaw", b"\xff"), ("ulaw", b"\xd5")])
def test_silence_of_the_other_law_is_known(audio_format, silence):
    assert f"0x{silence.hex().upper()}" in Caller().say(silence * 4_000, audio_format).found()["law-mixed-up"].what


# --- rate ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_sound_of_another_rate_is_told_by_pace_and_sound(rate):
    data = ENCODERS["pcm16"](at_rate(rate))
    found = Caller().say(data, size=rate // 1_000 * 160 * 2, every=160).found()
    suspected = found.get("wrong-rate") or found["suspect-rate"]
    assert f"as {rate:,} Hz would" in suspected.what


def test_very_slow_speech_is_suspected_on_any_clock():
    caller = Caller()
    caller.send(ENCODERS["pcm16"](at_rate(48_000)))
    assert "slow and deep" in caller.found("auto")["suspect-rate"].what


@pytest.mark.parametrize("clock", ["auto", "manual", "20x"])
def test_pace_tells_nothing_where_time_is_not_real(clock):
    data = ENCODERS["pcm16"](at_rate(16_000))
    found = Caller().say(data, size=5_120, every=160).found(clock)
    assert not {"burst", "suspect-rate", "wrong-rate", "underrun"} & set(found)


def test_speech_that_is_sent_fast_is_no_other_rate():
    found = Caller().say(ENCODERS["pcm16"](SPEECH), every=80).found()
    assert set(found) == {"burst"}


# --- levels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audio_format", ENCODERS)
def test_clipped_speech_is_found(audio_format):
    clipped = np.clip(SPEECH * 4.0, -32_768, 32_767).astype(np.int16)
    found = Caller().say(ENCODERS[audio_format](clipped), audio_format).found()
    assert set(found) == {"clipping"}
    assert found["clipping"].count > 10


def test_hardly_audible_speech_and_an_offset_are_notes():
    assert set(Caller().say(ENCODERS["pcm16"]((SPEECH * 0.004).astype(np.int16))).found()) == {"too-quiet"}
    shifted = (SPEECH // 4 + 3_000).astype(np.int16)
    assert "+3,0" in Caller().say(ENCODERS["pcm16"](shifted)).found()["dc-offset"].what


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
def test_mp3_files_for_pieces_leave_holes(rate):
    caller = Caller()
    for at in range(0, 20_000, 2_000):
        caller.send(mp3_of(SPEECH[at : at + 2_000], rate), "mp3", after=200)
    found = caller.found()
    assert {name for name, each in found.items() if each.level != "note"} == {"mp3-seam"}
    assert found["mp3-seam"].count >= 4


# --- packets and pace ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("audio_format", "size", "ms"), [("pcm16", 320, 20), ("ulaw", 800, 100), ("alaw", 1_272, 159)])
def test_short_messages_are_counted(audio_format, size, ms):
    found = Caller().say(ENCODERS[audio_format](SPEECH[:16_000]), audio_format, size, every=ms).found()
    assert set(found) == {"small-packets"}
    assert f"the median is {ms} ms" in found["small-packets"].what


def test_a_burst_is_a_note_and_one_long_message_is_none():
    found = Caller().say(ENCODERS["pcm16"](SPEECH), every=0).found()
    assert [(each.id, each.level) for each in found.values()] == [("burst", "note")]
    assert "9.7 s" in found["burst"].what
    assert Caller().send(ENCODERS["pcm16"](SPEECH)).found() == {}


@pytest.mark.parametrize("late", [7, 40, 200])
def test_a_gap_inside_speech_is_an_underrun(late):
    vowel = ENCODERS["pcm16"](np.round(9_000 * np.sin(np.arange(1_260) / 5)).astype(np.int16))
    caller = Caller().send(vowel, after=158 + late).send(vowel, after=158 + late).send(vowel)
    found = caller.found()
    assert set(found) == {"underrun"}
    assert found["underrun"].count == 2


def test_a_gap_at_a_checkpoint_is_none():
    vowel = ENCODERS["pcm16"](np.round(9_000 * np.sin(np.arange(1_280) / 5)).astype(np.int16))
    caller = Caller().send(vowel, after=0)
    caller.workspace.mark("s", "said")
    caller.lab.advance(240)
    assert caller.send(vowel).found() == {}


# --- interruptions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audio_format", ENCODERS)
def test_the_tail_of_what_was_interrupted_is_recognised(audio_format):
    vowel = sum(np.sin(2 * np.pi * 130 * k * np.arange(24_000) / 8_000) / k for k in range(1, 9))
    data = ENCODERS[audio_format](np.round(6_000 * vowel).astype(np.int16))
    size = BYTES_OF_160_MS[audio_format]
    caller = Caller().say(data[: 8 * size], audio_format)
    caller.workspace.interrupt("s")
    caller.lab.advance(60)
    found = caller.say(data[8 * size : 10 * size], audio_format).found()
    assert set(found) == {"audio-after-interruption"}
    assert "60 ms later" in found["audio-after-interruption"].what


def test_the_tail_of_an_mp3_file_is_recognised():
    data = mp3_of(SPEECH[:64_000], 16_000)
    caller = Caller().say(data[:6_001], "mp3", 1_000)
    caller.workspace.interrupt("s")
    caller.lab.advance(60)
    assert "audio-after-interruption" in caller.say(data[6_001:], "mp3", 1_000).found()


@pytest.mark.parametrize("clip", sorted(path.name for path in CLIPS.glob("*.wav")))
@pytest.mark.parametrize("after", [20, 100, 400])
def test_a_new_answer_after_an_interruption_is_welcome(clip, after):
    caller = Caller().say(ENCODERS["pcm16"](SPEECH[2_000:12_240]))
    caller.workspace.interrupt("s")
    caller.lab.advance(after)
    assert caller.say(ENCODERS["pcm16"](read_audio(CLIPS / clip))).found() == {}


# --- digits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration", "rule"),
    [
        (40, "digit-too-short"),
        (99, "digit-too-short"),
        (100, "digit-short"),
        (149, "digit-short"),
        (150, None),
        (300, None),
        (301, "digit-long"),
        (500, "digit-long"),
        (501, "digit-too-long"),
    ],
)
def test_the_length_of_digits(duration, rule):
    caller = Caller()
    for digit in "12":
        caller.workspace.press("s", digit, duration)
        caller.lab.advance(duration + 60)
    found = caller.found()
    assert list(found) == ([rule] if rule else [])
    if rule:
        assert found[rule].count == 2
        assert found[rule].level == ("warning" if "too" in rule else "note")


@pytest.mark.parametrize(("pause", "wrong"), [(-200, True), (0, True), (49, True), (50, False), (300, False)])
def test_digits_keep_away_from_each_other(pause, wrong):
    caller = Caller()
    for digit in "159":
        caller.workspace.press("s", digit, 200)
        caller.lab.advance(200 + pause)
    found = caller.found()
    assert list(found) == (["digits-too-close"] if wrong else [])
    if wrong:
        assert found["digits-too-close"].count == 2


# ---------------------------------------------------------------------------------------------------------------------


def test_the_table_of_rules_is_complete_and_says_what_to_do():
    assert all(rule.id == name and rule.section and rule.remedy.endswith(".") for name, rule in RULES.items())


def test_a_call_that_was_not_recorded_is_not_judged_by_its_sound():
    lab = Lab(recording_limit=0)
    lab.connected().play("s", SPEECH)
    lab.advance(11_000)
    lab.workspace.hang_up("s")
    assert findings(dossier_of(lab.workspace, "s")) == []
