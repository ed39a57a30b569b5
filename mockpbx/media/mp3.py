"""MP3 that arrives in arbitrary pieces, decoded at once to 8 kHz mono.

Frames are cut by the arithmetic of their headers (ISO/IEC 11172-3 clause 2.4.2.3, 13818-3), not by FFmpeg's
parser: that one hands out an ID3 tag glued to the frame behind it, and the frame is lost. A frame is decoded
with its last byte; nothing waits for the next header. What comes out depends on the bytes alone, never on how
they were chunked.

A file that says in an Info frame (LAME's extension of the Xing header) how much silence its encoder put in
front and behind is trimmed to the sample. Other files keep it, as nobody knows how much it is: 45 to 150 ms
in all.

PyAV is imported with the first MP3: it takes 100 ms. `warm_up` does it ahead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from mockpbx.media.framing import RATE
from mockpbx.media.pcm import Samples

if TYPE_CHECKING:
    from av import AudioCodecContext, AudioFrame

PIECE: Final = 4096

_NOTHING: Final = np.empty(0, np.int16)
_DECODER_DELAY: Final = 529  # every Layer III decoder is this late: 528 of the filter bank, and one
_LONGEST_FRAME: Final = 1441
_LONGEST_TAG: Final = 16 * 1024 * 1024

# kbit/s by the header's index; 0 (free format) and 15 (forbidden) are not played.
_BITRATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_BITRATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES_1: Final = (44100, 48000, 32000)
_RATE_SHIFT: Final = {0b11: 0, 0b10: 1, 0b00: 2}  # MPEG 1, 2 and 2.5, by the header's version bits

_HEADER: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef][\x00-\xff]")
_SECOND_BYTES: Final = b"\xe2\xe3\xf2\xf3\xfa\xfb"
_SAME_KIND: Final = 0xFFFE0C00  # sync, version, layer and sampling rate do not change within a file
_TAGS: Final = ((b"TAG", 3), (b"ID3", 10), (b"APETAGEX", 32))  # and how many bytes tell the tag's length
_OTHER_FORMATS: Final = (
    (b"RIFF", "a WAV file: send its samples as pcm16"),
    (b"OggS", "an Ogg file: convert it to MP3"),
    (b"fLaC", "a FLAC file: convert it to MP3"),
    (b"\x1aE\xdf\xa3", "a WebM file: convert it to MP3"),
)


class NotMp3(ValueError):
    """The bytes hold no MPEG Layer III audio; the decoder has forgotten them and takes the next message."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a frame's four header bytes say: `length` in bytes, `samples` of each channel at `rate`."""

    length: int
    samples: int
    rate: int
    channels: int
    info_offset: int

    @property
    def sound(self) -> tuple[int, int]:
        """What makes a new codec and resampler necessary when it changes."""
        return self.rate, self.channels


@lru_cache(maxsize=512)
def read_header(four: bytes) -> Header | None:
    """The frame that these four bytes open, or None when they open no Layer III frame of a known length."""
    if not _HEADER.fullmatch(four):
        return None
    version, rate_index = (four[1] >> 3) & 3, (four[2] >> 2) & 3
    if rate_index == 3:
        return None
    mpeg1 = version == 0b11
    rate = _RATES_1[rate_index] >> _RATE_SHIFT[version]
    kbits = (_BITRATES_1 if mpeg1 else _BITRATES_2)[four[2] >> 4]
    samples = 1152 if mpeg1 else 576
    channels = 1 if four[3] >> 6 == 3 else 2
    side = (17 if channels == 1 else 32) if mpeg1 else (9 if channels == 1 else 17)
    length = samples // 8 * kbits * 1000 // rate + ((four[2] >> 1) & 1)
    return Header(length, samples, rate, channels, 4 + side)


@dataclass(frozen=True, slots=True)
class Frame:
    """One complete frame; `opens` when it cannot be taken for the continuation of the frame before it."""

    data: bytes
    header: Header
    opens: bool


@dataclass(frozen=True, slots=True)
class Info:
    """A file's own account of itself: keep the samples from `start` to `stop` of the `total` in its frames.

    Samples are counted per channel at the file's rate. Without a frame count, `stop` and `total` are None.
    """

    start: int
    stop: int | None = None
    total: int | None = None


def read_info(frame: Frame) -> Info | None:
    """What an Info, Xing or VBRI frame (which holds no sound) says, or None for a frame of sound."""
    data, at = frame.data, frame.header.info_offset
    if data[36:40] == b"VBRI":
        return Info(0)
    if data[at : at + 4] not in (b"Info", b"Xing"):
        return None
    fields = int.from_bytes(data[at + 4 : at + 8], "big")
    frames = int.from_bytes(data[at + 8 : at + 12], "big") if fields & 1 else 0
    lame = at + 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if fields & bit)
    if data[lame : lame + 4] not in (b"LAME", b"Lavf", b"Lavc") or len(data) < lame + 24:
        return Info(0)
    delays = int.from_bytes(data[lame + 21 : lame + 24], "big")
    start = (delays >> 12) + _DECODER_DELAY
    total = frames * frame.header.samples
    stop = total - max((delays & 0xFFF) - _DECODER_DELAY, 0)
    return Info(start, stop, total) if start < stop else Info(start)


class FrameSplitter:
    """Cuts a byte stream into frames, steps over tags, and finds the next frame after anything else.

    A frame that follows a frame, a tag or the beginning is believed by its header. After other bytes, a
    header counts only when a second one of its kind stands where the frame ends. The search begins within the
    frame before the bytes that fit nothing: when a file broke off inside a frame, the next file's first bytes
    are in there. Never holds more than three frames and what it is fed.
    """

    def __init__(self) -> None:
        self.lost = 0  # bytes given up since the last frame
        self._buffer = b""
        self._tag = 0  # bytes of a tag still to be stepped over
        self._synced = True
        self._last = b""
        self._sound: tuple[int, int] | None = None

    @property
    def expects_more(self) -> bool:
        """Whether the bytes at hand may become a frame, or belong to a tag."""
        return self._tag > 0 or self._synced or len(self._buffer) > 3

    @property
    def searching(self) -> bool:
        """Whether the last bytes were neither frame nor tag."""
        return not self._synced

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        self._buffer += data
        frames: list[Frame] = []
        while self._buffer and self._step(frames):
            pass
        return frames

    def _step(self, frames: list[Frame]) -> bool:
        """Take one frame, tag or stretch of garbage from the buffer; False when only more bytes can help."""
        if self._tag:
            passed = min(self._tag, len(self._buffer))
            self._tag -= passed
            self._buffer = self._buffer[passed:]
            return True
        if not self._synced:
            return self._search()
        if (header := read_header(self._buffer[:4])) is not None:
            return self._take(header, frames)
        if _may_open(self._buffer):
            return False
        self._tag = _tag_length(self._buffer)
        if self._tag:
            self._sound = None
            self._last = b""
            return True
        self._synced = False
        self._sound = None
        self.lost = -len(self._last[1:])
        self._buffer = self._last[1:] + self._buffer
        self._last = b""
        return True

    def _take(self, header: Header, frames: list[Frame]) -> bool:
        if len(self._buffer) < header.length:
            return False
        self._last = self._buffer[: header.length]
        self._buffer = self._buffer[header.length :]
        frames.append(Frame(self._last, header, opens=header.sound != self._sound))
        self._sound = header.sound
        self.lost = 0
        return True

    def _search(self) -> bool:
        buffer, at = self._buffer, 0
        while found := _HEADER.search(buffer, at):
            at = found.start()
            header = read_header(buffer[at : at + 4])
            if header is not None:
                following = buffer[at + header.length : at + header.length + 4]
                if len(following) < 4:
                    break
                if _same_kind(buffer[at : at + 4], following):
                    self._synced = True
                    break
            at += 1
        else:
            at = max(len(buffer) - 3, 0)  # a header may have begun in the last three bytes
        self.lost += at
        self._buffer = buffer[at:]
        return self._synced


def _same_kind(one: bytes, other: bytes) -> bool:
    difference = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return not difference & _SAME_KIND and read_header(other) is not None


def _may_open(start: bytes) -> bool:
    """Whether more bytes may make a frame's header or a tag of this."""
    if any(len(start) < needed and start[: len(mark)] == mark[: len(start)] for mark, needed in _TAGS):
        return True
    return len(start) < 4 and start[0] == 0xFF and (len(start) == 1 or start[1] in _SECOND_BYTES)


def _tag_length(start: bytes) -> int:
    """The length of the tag (ID3v1, ID3v2, APEv2) that begins here; 0 when there is none to be believed."""
    if start[:3] == b"TAG":
        return 128
    if start[:3] == b"ID3" and max(start[6:10]) < 0x80 and start[3] < 0xFF:
        body = (start[6] << 21) | (start[7] << 14) | (start[8] << 7) | start[9]
        length = 10 + body + (10 if start[5] & 0x10 else 0)
    elif start[:8] == b"APETAGEX":
        body = int.from_bytes(start[12:16], "little")
        is_header = start[23] & 0x20
        length = 32 + body if is_header else 32
    else:
        return 0
    return length if length <= _LONGEST_TAG else 0


class _Track:
    """Codec, resampler and trimming of one file, or of one run of frames of the same kind."""

    def __init__(self, info: Info) -> None:
        import av  # 100 ms, for those only that need it

        self._av = av
        self._codec = cast("AudioCodecContext", av.CodecContext.create("mp3float", "r"))
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        self._info = info
        self._position = 0

    def decode(self, frame: Frame) -> list[Samples] | None:
        """The 8 kHz samples that this frame adds; None when the codec refuses it."""
        start, self._position = self._position, self._position + frame.header.samples
        try:
            decoded = self._codec.decode(self._av.Packet(frame.data))
        except self._av.FFmpegError:
            return None
        samples: list[Samples] = []
        for sound in decoded:
            samples += self._keep(sound, start)
        return samples

    def _keep(self, sound: "AudioFrame", start: int) -> list[Samples]:
        info, end = self._info, start + sound.samples
        first, last = max(info.start - start, 0), sound.samples
        closes = False
        if info.stop is not None and info.total is not None and start < info.total:
            last = min(last, max(info.stop - start, 0))
            closes = start < info.stop <= end
        if first >= last:
            return []
        if (first, last) != (0, sound.samples):
            sound = self._cut(sound, first, last)
        samples = [part.to_ndarray()[0] for part in self._resampler.resample(sound)]
        if closes:
            samples += self.finish()
        return samples

    def _cut(self, sound: "AudioFrame", first: int, last: int) -> "AudioFrame":
        kept = np.ascontiguousarray(sound.to_ndarray()[:, first:last], np.float32)
        cut = self._av.AudioFrame.from_ndarray(kept, format=sound.format.name, layout=sound.layout.name)
        cut.sample_rate = sound.sample_rate
        return cut

    def finish(self) -> list[Samples]:
        """The last 2 ms, which the resampler holds back until it is told that nothing follows."""
        samples = [part.to_ndarray()[0] for part in self._resampler.resample(None) if part is not None]
        self._resampler = self._av.AudioResampler(format="s16", layout="mono", rate=RATE)
        return samples


class Mp3Decoder:
    """The MP3 of one call: any files, of any rate and layout, one after the other, in pieces of any size.

    Everything decodable in a message comes out with that message. Files with an Info frame come out complete
    and to the sample; of others the last 2 ms (of the padding that every encoder appends) wait for the next
    frame.
    """

    def __init__(self) -> None:
        self._splitter = FrameSplitter()
        self._track: _Track | None = None
        self._proven = False
        self._taken = 0
        self._refused = 0

    def reset(self) -> None:
        """Forget a file that will not be continued, as after an interruption; the next may begin at once."""
        self._splitter = FrameSplitter()
        self._track = None

    def decode(self, data: bytes) -> Samples:
        """All 8 kHz samples that this message completes, possibly none. Raises `NotMp3` as `pieces` does."""
        parts = list(self.pieces(data))
        return np.concatenate(parts) if parts else _NOTHING

    def pieces(self, data: bytes, size: int = PIECE) -> Iterator[Samples]:
        """The same in parts, each decoded from at most `size` bytes: a caller can do other work in between.

        Raises `NotMp3` at the end, and only when nothing in the whole message was, or may yet become, a frame
        or a tag. To stop half-way, call `reset`: the rest of the message was never seen.
        """
        self._taken = self._refused = 0
        for offset in range(0, len(data), size):
            samples = self._feed(data[offset : offset + size])
            if samples.size:
                yield samples
        if data and self._is_plainly_not_mp3():
            self.reset()
            raise NotMp3(_complaint(data))

    def _feed(self, data: bytes) -> Samples:
        samples: list[Samples] = []
        for frame in self._splitter.feed(data):
            self._taken += 1
            samples += self._frame(frame)
        return np.concatenate(samples) if samples else _NOTHING

    def _frame(self, frame: Frame) -> list[Samples]:
        info = read_info(frame)
        samples: list[Samples] = []
        if info is not None or frame.opens or self._track is None:
            if self._track is not None:
                samples += self._track.finish()
            self._track = _Track(info or Info(0))
        if info is not None:
            return samples
        decoded = self._track.decode(frame)
        if decoded is None:
            self._refused += 1
        else:
            self._proven = True
            samples += decoded
        return samples

    def _is_plainly_not_mp3(self) -> bool:
        if self._taken:  # one damaged frame in a stream that was good is a gap, no error
            return self._taken == self._refused and (self._refused > 2 or not self._proven)
        if not self._splitter.searching:
            return False
        if self._splitter.lost > _LONGEST_FRAME:
            return True
        # After a reset, the rest of an abandoned file may still arrive, and begin anywhere within a frame.
        return not self._proven and not self._splitter.expects_more


def _complaint(data: bytes) -> str:
    expected = "expected MPEG Layer III, a whole file or any part of a stream of frames"
    for mark, what in _OTHER_FORMATS:
        if data.startswith(mark):
            return f"no MP3 frame in these {len(data)} bytes: {expected}; this is {what}"
    return f"no MP3 frame in these {len(data)} bytes: {expected}; raw samples go as pcm16, ulaw or alaw"


def is_warm() -> bool:
    """Return whether `warm_up` has been through."""
    return warm_up.cache_info().currsize > 0


@cache
def warm_up() -> None:
    """Import PyAV and build a codec and a resampler, so that the first MP3 of a call need not wait for it."""
    track = _Track(Info(0))
    header = read_header(b"\xff\xe3\x18\xc0")  # 8 kbit/s, 8 kHz, mono
    if header is not None:
        track.decode(Frame(b"\xff\xe3\x18\xc0".ljust(header.length, b"\0"), header, opens=True))
