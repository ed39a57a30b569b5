"""Whether a client's bytes are what it says they are.

Sound that is read in the right way has a spectrum of peaks and valleys; read in a wrong way it is noise. So a run of
messages is read in every way that there is, and blamed only where it is noise as it was sent and sound in another way.
Noise, tones, clicks and silence are noise, or not, in all ways alike, and are never blamed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint.stream import Run, runs
from mockpbx.evidence.rules import broken, counted
from mockpbx.media.framing import RATE
from mockpbx.media.g711 import decode_alaw, decode_ulaw
from mockpbx.media.mp3 import Header, read_header

Readings = NDArray[np.float64]

_BLOCK: Final = 2_048  # bytes that are judged together
_WINDOW: Final = 256  # samples of a spectrum
_LEAST_BLOCKS: Final = 3
# Spectral flatness in dB. Of 412 blocks of the packaged clips half are below -14, read rightly; read wrongly, above -5.
_NOISE, _SOUND, _MARGIN = -8.0, -9.0, 6.0
_AUDIBLE: Final = 50.0
_STEPS: Final = 48.0  # between samples of soft sound in A-law, which has steps of 16, there is often none
_LAW_SILENCE: Final = {"alaw": (b"\xff", b"\x7f"), "ulaw": (b"\xd5", b"\x55")}  # what silence is in the other law
_SILENCE_BYTES: Final = 1_600  # 200 ms

_CONTAINERS: Final = (
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"\x1aE\xdf\xa3", "a WebM file"),
    (b"ID3", "an MP3 file with an ID3 tag"),
    (b".snd", "a Sun AU file"),
    (b"FORM", "an AIFF file"),
    (b"#!AMR", "an AMR file"),
)
_WAV_CODECS: Final = {1: "PCM", 3: "floats", 6: "A-law", 7: "µ-law", 85: "MP3"}


def labels(dossier: Dossier) -> Iterator[Finding]:
    """Find bytes that are not the format, the byte order or the number of channels that they are sent as."""
    found: dict[str, Finding] = {}
    for run in runs(dossier):
        for finding in (*_headers(run), *_containers(run), *_misread(run), *_silences(run), *_stereo(run)):
            found.setdefault(finding.id, finding)
    yield from found.values()


# --- files -----------------------------------------------------------------------------------------------------------


class WavHeader(NamedTuple):
    """What the header of a WAV file claims, and where in the run it stands."""

    offset: int
    codec: int
    channels: int
    rate: int
    bits: int


def wav_headers(run: Run) -> list[WavHeader]:
    """Return the WAV headers among a run's samples."""
    headers, at = [], run.data.find(b"WAVEfmt ")
    while at >= 8:
        if run.data[at - 8 : at - 4] == b"RIFF" and len(run.data) >= at + 28:
            codec, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", run.data, at + 12)
            headers.append(WavHeader(at - 8, codec, channels, rate, bits))
        at = run.data.find(b"WAVEfmt ", at + 8)
    return headers


def _headers(run: Run) -> Iterator[Finding]:
    headers = wav_headers(run)
    if headers:
        first = headers[0]
        codec = _WAV_CODECS.get(first.codec, f"codec {first.codec}")
        what = (
            f"the header of a WAV file was sent as {run.audio_format}: it claims {first.rate:,} Hz, "
            f"{first.bits}-bit {codec}, {counted(first.channels, 'channel')}"
        )
        yield broken("wav-header-in-audio", what, run.at(first.offset), len(headers))


def _containers(run: Run) -> Iterator[Finding]:
    found = [(each.at, what) for index, each in enumerate(run.arrivals) if (what := _container(run, index))]
    if found:
        at, what = found[0]
        yield broken("other-container", f"{what} was sent as {run.audio_format}", at, len(found))


def _container(run: Run, index: int) -> str | None:
    data = run.arrivals[index].data
    for mark, what in _CONTAINERS:
        if data.startswith(mark):
            return what
    if data[4:8] == b"ftyp":
        return "an MP4 file"
    return "MP3" if data[:1] == b"\xff" and _is_mp3(run.data, int(run.starts[index])) else None


def _is_mp3(data: bytes, at: int) -> bool:
    """Whether three frames of one kind follow each other from here on."""
    kinds: list[Header] = []
    while len(kinds) < 3 and (header := read_header(data[at : at + 4])) is not None:
        kinds.append(header)
        at += header.length
    return len(kinds) == 3 and len({header.sound for header in kinds}) == 1


# --- ways to read bytes ----------------------------------------------------------------------------------------------


def _floats(data: bytes) -> Readings:
    with np.errstate(invalid="ignore"):
        read = np.frombuffer(data, "<f4").astype(np.float64)
    sane = (read == 0) | ((np.abs(read) > 1e-9) & (np.abs(read) < 4))
    return np.where(sane, read * 32_767, np.nan)


_READINGS: Final[Mapping[str, Callable[[bytes], Readings]]] = {
    "pcm16": lambda data: np.frombuffer(data, "<i2").astype(np.float64),
    "big-endian pcm16": lambda data: np.frombuffer(data, ">i2").astype(np.float64),
    "ulaw": lambda data: decode_ulaw(data).astype(np.float64),
    "alaw": lambda data: decode_alaw(data).astype(np.float64),
    "32-bit floats": _floats,
}
_RULE_OF: Final = {"big-endian pcm16": "wrong-byte-order", "32-bit floats": "float-samples"}


def _misread(run: Run) -> Iterator[Finding]:
    """Find sound that is noise as it was sent and sound in another way."""
    sent = _flatness(run.data, run.audio_format)
    suspects = np.flatnonzero(sent > _NOISE)
    if len(suspects) < _LEAST_BLOCKS:
        return
    data = b"".join(run.data[index * _BLOCK : (index + 1) * _BLOCK] for index in suspects.tolist())
    others = [way for way in _READINGS if way != run.audio_format]
    flatness = np.array([_flatness(data, way) for way in others])
    flatness = np.where(np.isnan(flatness), 0.0, flatness)
    best = flatness.argmin(axis=0)
    clear = flatness.min(axis=0) < np.minimum(_SOUND, sent[suspects] - _MARGIN)
    for number, way in enumerate(others):
        blamed = suspects[clear & (best == number)]
        if len(blamed) >= _LEAST_BLOCKS and len(blamed) * 2 >= _audible(sent, blamed):
            seconds = len(blamed) * _BLOCK / (2 * RATE if run.audio_format == "pcm16" else RATE)
            what = f"{seconds:.1f} s of what was sent as {run.audio_format} is noise, and sound when read as {way}"
            yield broken(_RULE_OF.get(way, "law-mixed-up"), what, run.at(int(blamed[0]) * _BLOCK), len(blamed))


def _audible(sent: Readings, blamed: NDArray[np.intp]) -> int:
    return int(np.count_nonzero(~np.isnan(sent[blamed[0] : blamed[-1] + 1])))


def _flatness(data: bytes, way: str) -> Readings:
    """Spectral flatness of each block of `data` in dB, 0 being white noise; nan for silence, clicks and nonsense."""
    whole = len(data) // _BLOCK * _BLOCK
    if not whole:
        return np.zeros(0)
    blocks = _READINGS[way](data[:whole]).reshape(whole // _BLOCK, -1)
    blocks = blocks - blocks.mean(axis=1, keepdims=True)
    windows = np.lib.stride_tricks.sliding_window_view(blocks, _WINDOW, axis=1)[:, :: _WINDOW // 2]
    with np.errstate(invalid="ignore"):
        power = (np.abs(np.fft.rfft(windows * np.hanning(_WINDOW))) ** 2).mean(axis=1)[:, 2:-2] + 1e-3
        flatness = 10 * (np.log10(power).mean(axis=1) - np.log10(power.mean(axis=1)))
        spread = blocks.std(axis=1, keepdims=True)
        still = (np.abs(blocks - np.median(blocks, axis=1, keepdims=True)) < 0.05 * spread).mean(axis=1) > 0.5
        return np.where((spread[:, 0] > _AUDIBLE) & ~still, flatness, np.nan)


def _silences(run: Run) -> Iterator[Finding]:
    """Find silence of the other law: a constant that is far from zero in this one."""
    for silence in _LAW_SILENCE.get(run.audio_format, ()):
        at = run.data.find(silence * _SILENCE_BYTES)
        if at >= 0:
            other = "ulaw" if run.audio_format == "alaw" else "alaw"
            what = f"0x{silence.hex().upper()} was sent on and on as {run.audio_format}: that is silence in {other}"
            yield broken("law-mixed-up", what, run.at(at))
            return


# --- channels --------------------------------------------------------------------------------------------------------


def _stereo(run: Run) -> Iterator[Finding]:
    """Find samples that come in pairs, or every other one of which is zero."""
    size = _BLOCK
    whole = len(run.samples) // size * size
    if not whole:
        return
    pairs = run.samples[:whole].astype(np.float64).reshape(-1, size // 2, 2)
    left, right = pairs[:, :, 0], pairs[:, :, 1]
    louder = np.maximum(left.std(axis=1), right.std(axis=1))
    blamed = np.flatnonzero((louder > _AUDIBLE) & (_in_pairs(left, right) | _one_silent(left, right)))
    loud = np.count_nonzero(louder > _AUDIBLE)
    if len(blamed) >= _LEAST_BLOCKS and len(blamed) * 2 >= loud:
        width = 2 if run.audio_format == "pcm16" else 1
        what = f"{len(blamed) * size / RATE:.1f} s are two channels, interleaved: the callee hears it at half the speed"
        yield broken("stereo-as-mono", what, run.at(int(blamed[0]) * size * width), len(blamed))


def _in_pairs(left: Readings, right: Readings) -> NDArray[np.bool_]:
    within, between = np.abs(left - right), np.abs(left[:, 1:] - right[:, :-1])
    usual = np.median(between, axis=1)
    paired: NDArray[np.bool_] = (usual > _STEPS) & (np.median(within, axis=1) < 0.2 * usual) & _smooth(left)
    return paired


def _one_silent(left: Readings, right: Readings) -> NDArray[np.bool_]:
    return (~left.any(axis=1) & _smooth(right)) | (~right.any(axis=1) & _smooth(left))


def _smooth(channel: Readings) -> NDArray[np.bool_]:
    """Whether neighbours are alike: a tone of 2 kHz comes in pairs, too, but jumps from pair to pair."""
    level = channel - channel.mean(axis=1, keepdims=True)
    likeness = (level[:, 1:] * level[:, :-1]).sum(axis=1)
    smooth: NDArray[np.bool_] = likeness > 0.3 * np.square(level).sum(axis=1)
    return smooth
