"""Sound by which a callee that says back what it hears gives itself away, and what came back of it.

A probe is band-limited noise that the checker knows and nobody else makes: 300 to 3,300 Hz, -20 dBFS. It is found again
behind any delay, at any level, with either polarity, and through G.711. Nothing here asks for the very same samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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

_ALIKE = 0.98  # correlation of a whole probe that is surely it; one law taken for the other comes to 0.88
_FRAME_ALIKE = 0.6  # of one frame with a piece of a probe; noise of this band comes to 0.4 at best
_LEAST = 0.7  # median of the frames that were found
_CLEARLY_BETTER = 0.05  # by which another reading of the same bytes must fit better
_PARTS = np.arange(-8, 9) / 8  # of a sample, to which delays are resolved
_HALF = np.array([0, 0.5])
_JUMP = 80  # samples by which a frame goes back that is out of order
_HUSH = 4.0  # RMS below which a frame is silence: a line may be all but silent

_Floats = NDArray[np.float64]
Samples = NDArray[np.int16]

#: How a frame is read whose bytes came in the wrong order.
SWAPPED: Final = "frames with their bytes swapped"


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


@dataclass(frozen=True, slots=True)
class Echo:
    """What came back of a probe.

    `delay` is seconds from its first byte sent to its first frame heard; `gain` 1.0 is as loud as sent; `coverage` the
    share of it that came; `disorder` how often a frame came behind one that belongs behind it; `reading` is empty, or
    names what its bytes were evidently taken for; `exact` says that the very samples came.
    """

    delay: float
    gain: float
    correlation: float
    coverage: float = 1.0
    disorder: int = 0
    exact: bool = False
    reading: str = ""

    @property
    def audible(self) -> bool:
        """Whether this is no chance and no faint reflection: the callee says back what it hears."""
        return self.correlation >= 0.8 and self.coverage >= 0.3


def recognise(
    sound: Samples, stream: Stream, sent_at: float, others: Mapping[str, Samples] | None = None
) -> Echo | None:
    """Return what the stream holds of a sound, None where it holds nothing of it.

    `others` are further readings of the same bytes. One of them is believed where it fits better than the right one.
    """
    if not (np.abs(stream.samples) > _HUSH).any():
        return None
    best = _whole(sound, stream, sent_at)
    if best.correlation >= _ALIKE:
        return best
    swapped = replace(stream, samples=stream.samples.byteswap())
    candidates = [
        replace(echo, reading=reading)
        for reading, samples, against in (
            (SWAPPED, sound, swapped),
            *((name, samples, stream) for name, samples in (others or {}).items()),
        )
        if (echo := _whole(samples, against, sent_at)).audible
    ]
    other = max(candidates, key=lambda echo: echo.correlation, default=None)
    if other is not None and other.correlation > best.correlation + _CLEARLY_BETTER:
        return other
    return _by_frames(sound, stream, sent_at)


@dataclass(frozen=True, slots=True)
class Press:
    """A keypad tone in a stream: its digit, when its frame came, how many seconds it lasted."""

    digit: str
    at: float
    seconds: float


#: ITU-T Q.23.
_ROWS: Final = (697, 770, 852, 941)
_COLUMNS: Final = (1_209, 1_336, 1_477, 1_633)
_KEYPAD: Final = ("123A", "456B", "789C", "*0#D")
_WINDOW = 205  # samples, in which the eight frequencies are nearly orthogonal
_STEP = 40
_PURE = 0.6  # least share of a window's energy in the pair; a tone that fills three fifths of it has as much
_TWIST = 16.0  # largest ratio of the pair's powers
_LEAST_POWER = 60.0**2
_PROBES = np.exp(-2j * np.pi / RATE * np.outer(np.arange(_WINDOW), _ROWS + _COLUMNS))


def presses(stream: Stream, bridge: float = 0.04) -> list[Press]:
    """Return the keypad tones in a stream. Pauses of up to `bridge` seconds do not part a tone."""
    padded = np.concatenate((np.zeros(_WINDOW), stream.samples.astype(np.float64), np.zeros(_WINDOW)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]
    power = np.abs(windows @ _PROBES) ** 2 * (2 / _WINDOW)
    rows, columns = power[:, :4], power[:, 4:]
    row, column = rows.max(1), columns.max(1)
    energy = np.vecdot(windows, windows) + 1.0
    pure = (
        ((row + column) >= _PURE * energy)
        & (row <= _TWIST * column)
        & (column <= _TWIST * row)
        & (energy >= _LEAST_POWER * _WINDOW)
    )
    found: list[tuple[str, int, int]] = []
    for index in np.flatnonzero(pure):
        digit = _KEYPAD[int(rows[index].argmax())][int(columns[index].argmax())]
        start = int(index) * _STEP
        # A pause of so many samples takes that long, and what a window needs of the tone on either side.
        if found and found[-1][0] == digit and start - found[-1][2] <= bridge * RATE + _STEP:
            found[-1] = (digit, found[-1][1], start)
        else:
            found.append((digit, start, start))
    # A window is pure while three fifths of it are tone: from two fifths before a tone to three before its end.
    edge = round(_WINDOW * (2 * _PURE - 1)) + 2 * _STEP
    return [
        Press(digit, stream.at(max(0, first - _WINDOW + round(_WINDOW * (1 - _PURE)))), (last - first + edge) / RATE)
        for digit, first, last in found
    ]


def smoothness(samples: Samples) -> float:
    """Return the correlation of neighbouring samples, from -1 to 1: near 1 for voices, near 0 for noise."""
    sound = samples.astype(np.float64)
    sound -= sound.mean() if len(sound) else 0.0
    energy = float(sound @ sound)
    return float(sound[1:] @ sound[:-1]) / energy if energy else 0.0


# --- inside -----------------------------------------------------------------------------------------------------------


def _whole(sound: Samples, stream: Stream, sent_at: float) -> Echo:
    """Return the place in the stream that is most like the sound as a whole."""
    heard, wanted = stream.samples.astype(np.float64), sound.astype(np.float64)
    length = len(wanted)
    if len(heard) < length:
        heard = np.concatenate((heard, np.zeros(length - len(heard))))
    size = 1 << (len(heard) + length).bit_length()
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(wanted, size).conj(), size)
    sums = np.concatenate(([0.0], np.cumsum(heard**2)))
    norms = np.sqrt(np.maximum(sums[length:] - sums[:-length], _HUSH**2 * length))
    place = int((np.abs(products[: len(norms)]) / norms).argmax())
    # A line that resamples delays by parts of a sample, which takes a quarter of the likeness if it is half of one.
    product = float(np.abs(_shifted(wanted, _PARTS) @ heard[place : place + length]).max())
    own = float(wanted @ wanted)
    return Echo(
        stream.at(place) - sent_at,
        product / own,
        min(product / (float(norms[place]) * own**0.5), 1.0),
        exact=bool(np.array_equal(stream.samples[place : place + length], sound)),
    )


def _by_frames(sound: Samples, stream: Stream, sent_at: float) -> Echo | None:
    """Return what the frames of the stream hold of the sound, each for itself, wherever it is in the sound."""
    count = len(stream.samples) // FRAME
    frames = stream.samples[: count * FRAME].reshape(count, FRAME).astype(np.float32)
    norms = np.sqrt((frames**2).sum(1))
    loud = np.flatnonzero(norms > _HUSH * np.sqrt(FRAME))
    # Places are of half a sample; a quarter of one more takes a tenth of the likeness.
    pieces = np.concatenate([np.lib.stride_tricks.sliding_window_view(s, FRAME) for s in _shifted(sound, _HALF)])
    lengths = np.maximum(np.sqrt((pieces**2).sum(1)), 1.0)
    total = len(pieces) // 2
    found: list[tuple[int, int, float, float]] = []  # frame, place in the sound, likeness, gain
    for some in np.array_split(loud, len(loud) // 64 + 1):
        products = np.abs(frames[some] @ pieces.T)
        places = (products / lengths).argmax(1)
        for row, (frame, place) in enumerate(zip(some.tolist(), places.tolist(), strict=True)):
            likeness = float(products[row, place] / (lengths[place] * norms[frame]))
            if likeness >= _FRAME_ALIKE:
                found.append((frame, place % total, likeness, float(products[row, place] / lengths[place] ** 2)))
    correlation = float(np.median([likeness for _, _, likeness, _ in found])) if found else 0.0
    if correlation < _LEAST:
        return None
    covered = np.zeros(len(sound), bool)
    for _, place, _, _ in found:
        covered[place : place + FRAME] = True
    places = np.array([place for _, place, _, _ in found])
    return Echo(
        stream.at(found[0][0] * FRAME) - found[0][1] / RATE - sent_at,
        float(np.median([gain for _, _, _, gain in found])),
        correlation,
        float(covered.mean()),
        int((np.diff(places) < -_JUMP).sum()),
    )


def _shifted(sound: NDArray[Any], parts: _Floats) -> NDArray[np.float32]:
    """Return a sound some parts of a sample late, one row for each."""
    turns = np.exp(-2j * np.pi / len(sound) * np.outer(parts, np.arange(len(sound) // 2 + 1)))
    rows: NDArray[np.float32] = np.fft.irfft(np.fft.rfft(sound) * turns, len(sound)).astype(np.float32)
    return rows


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
