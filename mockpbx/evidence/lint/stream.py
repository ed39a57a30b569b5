"""A client's messages as streams of sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.evidence.dossier import Dossier
from mockpbx.media.codecs import decode_pcm16
from mockpbx.media.framing import RATE
from mockpbx.media.g711 import decode_alaw, decode_ulaw
from mockpbx.media.pcm import Samples
from mockpbx.media.recording import Arrival
from mockpbx.runtime.clock import clock_mode

#: The formats whose messages can be read one by one.
DECODERS: Final[Mapping[str, Callable[[bytes], Samples]]] = {
    "pcm16": decode_pcm16,
    "ulaw": decode_ulaw,
    "alaw": decode_alaw,
}


def paced(dossier: Dossier) -> bool:
    """Whether the call's time is real time, so that a client can keep pace with it."""
    return clock_mode(dossier.settings.clock).rate == 1


def arrivals_of(dossier: Dossier) -> tuple[Arrival, ...]:
    """Return the client's messages that were taken."""
    return () if dossier.sound is None else dossier.sound.arrivals


@dataclass(frozen=True)
class Run:
    """Messages of one format, one after the other."""

    arrivals: Sequence[Arrival]

    @property
    def audio_format(self) -> str:
        """Their format, as the client named it."""
        return self.arrivals[0].audio_format

    @cached_property
    def data(self) -> bytes:
        """Their bytes."""
        return b"".join(each.data for each in self.arrivals)

    @cached_property
    def samples(self) -> Samples:
        """Their samples as the callee got them."""
        return DECODERS[self.audio_format](self.data)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where in `data` each message starts."""
        return np.cumsum([0, *(len(each.data) for each in self.arrivals)], dtype=np.int64)

    def at(self, offset: int) -> int:
        """Return when the byte at `offset` came."""
        return self.arrivals[int(np.searchsorted(self.starts, offset, "right")) - 1].at


def runs(dossier: Dossier) -> Iterator[Run]:
    """Return the stretches of a call in which all messages have one format that is not MP3."""
    for audio_format, group in groupby(arrivals_of(dossier), key=lambda each: each.audio_format):
        if audio_format in DECODERS:
            yield Run(tuple(group))


def streams(arrivals: Sequence[Arrival], slack: float = 0.2) -> Iterator[Sequence[Arrival]]:
    """Return the messages in groups: each came before the sound before it had been over for `slack` seconds."""
    group: list[Arrival] = []
    over = 0.0
    for each in arrivals:
        if group and each.at > over + slack * 1_000:
            yield group
            group = []
        over = max(over, each.at) + each.samples * 1_000 / RATE
        group.append(each)
    if group:
        yield group


def sent_last(arrivals: Sequence[Arrival], samples: int) -> Samples | None:
    """Return the last `samples` that were sent; None where they cannot be told, as with MP3."""
    parts: list[Samples] = []
    for each in reversed(arrivals):
        if samples <= 0:
            break
        if each.audio_format not in DECODERS:
            return None
        parts.insert(0, DECODERS[each.audio_format](each.data)[-samples:])
        samples -= len(parts[0])
    return np.concatenate(parts) if parts and samples <= 0 else None


def rms(samples: Samples | NDArray[np.float64]) -> float:
    """Return the root mean square, 0 of nothing."""
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) if len(samples) else 0.0
