"""Journal facts that neither the call model nor the sound knows: what clients sent in vain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AudioRefused:
    """A client's `audio` of `size` bytes was refused, with this sentence in its acknowledgment."""

    reason: str
    size: int


@dataclass(frozen=True, slots=True)
class EventRefused:
    """A client's event was refused, with this sentence in its `exception`."""

    event: str
    reason: str
