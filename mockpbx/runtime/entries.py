"""Journal facts of the workspace itself: what its clients sent in vain, who came back, and how it was set."""

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


@dataclass(frozen=True, slots=True)
class ClientReturned:
    """A client connected, the first since the room of this call emptied; it may join again."""

    client: str


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """These switches were turned."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClockSet:
    """Time passes in this mode from here on."""

    mode: str


@dataclass(frozen=True, slots=True)
class DialplanSet:
    """So many rules tell what numbers do from here on."""

    rules: int


@dataclass(frozen=True, slots=True)
class WorkspaceReset:
    """The workspace is as it was when it started; its journal begins here."""
