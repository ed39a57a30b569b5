"""Sound by which a callee that says back what it hears gives itself away, and the sound that a server sends.

A probe is band-limited noise that the checker knows and nobody else makes: 300 to 3,300 Hz, -20 dBFS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.conformance.transcript import Heard
from mockpbx.contract.vocabulary import AudioFormat

RATE: Final = 8_000
FRAME: Final = 160  # samples of 20 ms
#: The packets that the contract recommends (section "Audio Packet Timing Table"): 160 ms.
PACKET: Final = 1_280  # samples

_BAND = (300, 3_300)  # Hz, what a telephone passes
_LEVEL = 3_277  # RMS: -20 dBFS
_MP3_RATE = 44_100
_MP3_BITS = 128_000

_Floats = NDArray[np.float64]
Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Probe:
    """A known sound, by its number, of so many seconds."""

    number: int
    seconds: float


@lru_cache(maxsize=64)
def samples_of(probe: Probe, rate: int = RATE) -> Samples:
    """Return a probe's samples at a rate; the same sound at each."""
    length = round(probe.seconds * RATE)
    frequencies = np.fft.rfftfreq(length, 1 / RATE)
    phases = np.random.default_rng(probe.number).uniform(0, 2 * np.pi, len(frequencies))
    spectrum = np.where((frequencies >= _BAND[0]) & (frequencies <= _BAND[1]), np.exp(1j * phases), 0)
    sound = np.fft.irfft(spectrum, length * rate // RATE)
    samples: Samples = np.rint(sound * (_LEVEL / np.sqrt(np.mean(sound**2)))).astype("<i2")
    samples.flags.writeable = False
    return samples


@lru_cache(maxsize=64)
def messages_of(probe: Probe, audio_format: str) -> tuple[bytes, ...]:
    """Return the `audioData` of a probe: packets of 160 ms, an MP3 file whole."""
    if audio_format == AudioFormat.MP3:
        return (_mp3(samples_of(probe, _MP3_RATE)),)
    data = samples_of(probe).tobytes() if audio_format == AudioFormat.PCM16 else _g711(probe, audio_format)
    size = PACKET * len(data) // len(samples_of(probe))
    return tuple(data[start : start + size] for start in range(0, len(data), size))


@lru_cache(maxsize=64)
def misreadings(audio_format: str, data: bytes) -> Mapping[str, Samples]:
    """Return what a server plays that takes a message's bytes for something else, by what it takes them for."""
    read: dict[str, Samples] = {
        "µ-law": _law(AudioFormat.ULAW, data),
        "A-law": _law(AudioFormat.ALAW, data),
        "little-endian pcm16": np.frombuffer(data[: len(data) // 2 * 2], "<i2"),
        "big-endian pcm16": np.frombuffer(data[: len(data) // 2 * 2], ">i2").astype("<i2"),
    }
    right = {AudioFormat.ULAW: "µ-law", AudioFormat.ALAW: "A-law", AudioFormat.PCM16: "little-endian pcm16"}
    read.pop(right.get(AudioFormat(audio_format), ""), None)
    return read


@dataclass(frozen=True, slots=True)
class Stream:
    """What the server sent as sound, one sample behind the other, and when each frame of it came."""

    samples: Samples
    starts: NDArray[np.int64]  # of each frame, in samples
    times: _Floats  # of each frame

    def at(self, sample: int) -> float:
        """Return when the frame with this sample came."""
        return float(self.times[max(0, int(np.searchsorted(self.starts, sample, "right")) - 1)])

    def between(self, since: float, until: float = float("inf")) -> Stream:
        """Return what came between two moments."""
        first, last = (int(place) for place in np.searchsorted(self.times, (since, until)))
        ends = [*self.starts.tolist(), len(self.samples)]
        start = ends[first]
        return Stream(self.samples[start : ends[last]], self.starts[first:last] - start, self.times[first:last])


def stream_of(heard: Iterable[Heard]) -> Stream:
    """Return the sound of the `audio` events among these; what is no binary is left out."""
    pieces: list[tuple[float, Samples]] = []
    for item in heard:
        data = item.payload.get("audioData") if isinstance(item.payload, dict) else None
        if isinstance(data, bytes) and len(data) > 1:
            pieces.append((item.at, np.frombuffer(data[: len(data) // 2 * 2], "<i2")))
    if not pieces:
        return Stream(np.empty(0, "<i2"), np.empty(0, np.int64), np.empty(0))
    lengths = [len(samples) for _, samples in pieces]
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
    return Stream(np.concatenate([s for _, s in pieces]), starts, np.array([at for at, _ in pieces]))


def smoothness(samples: Samples) -> float:
    """Return the correlation of neighbouring samples, from -1 to 1: near 1 for voices, near 0 for noise."""
    sound = samples.astype(np.float64)
    sound -= sound.mean() if len(sound) else 0.0
    energy = float(sound @ sound)
    return float(sound[1:] @ sound[:-1]) / energy if energy else 0.0


# --- inside -----------------------------------------------------------------------------------------------------------


def _g711(probe: Probe, audio_format: str) -> bytes:
    import av

    codec: Any = av.CodecContext.create(_LAW_CODECS[audio_format], "w")
    codec.sample_rate, codec.layout, codec.format = RATE, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(samples_of(probe)[None], "s16", "mono")
    frame.sample_rate = RATE
    return b"".join(bytes(packet) for part in (frame, None) for packet in codec.encode(part))


def _law(law: str, data: bytes) -> Samples:
    import av

    codec: Any = av.CodecContext.create(_LAW_CODECS[law], "r")
    codec.sample_rate, codec.layout = RATE, "mono"
    frames = codec.decode(av.Packet(data))
    decoded: Samples = np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype("<i2")
    return decoded


_LAW_CODECS: Final[Mapping[str, str]] = {AudioFormat.ULAW: "pcm_mulaw", AudioFormat.ALAW: "pcm_alaw"}


def _mp3(samples: Samples) -> bytes:
    import av

    codec: Any = av.CodecContext.create("libmp3lame", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = _MP3_RATE, "mono", "s16p", _MP3_BITS
    codec.open()
    size = codec.frame_size
    padded = np.concatenate((samples, np.zeros(-len(samples) % size + size, "<i2")))  # the decoder's delay, too
    packets: list[bytes] = []
    for start in range(0, len(padded), size):
        frame = av.AudioFrame.from_ndarray(padded[None, start : start + size], "s16p", "mono")
        frame.sample_rate, frame.pts = _MP3_RATE, start
        packets += [bytes(packet) for packet in codec.encode(frame)]
    packets += [bytes(packet) for packet in codec.encode(None)]
    return b"".join(packets)
