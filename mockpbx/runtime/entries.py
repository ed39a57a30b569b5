"""Journal facts of the workspace itself: what its clients sent in vain, who came back, and how it was set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mockpbx.media.facts import Ledger


@dataclass(frozen=True, slots=True)
class AudioRefused:
    """A client's `audio` of `size` bytes was refused, with this sentence in its acknowledgment; `why` is one of a few
    words, as `adapters/realtime/refusals.py` has them.
    """

    reason: str
    size: int
    why: str = "other"


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
class ClientCutOff:
    """A client was cut off since it did not take what waited for it; `why` says how much, or for how long."""

    client: str
    why: str


@dataclass(frozen=True, slots=True)
class HandsetPickedUp:
    """A person hears what the callee hears from here on, and may talk; `taken_over` from another one."""

    taken_over: bool


@dataclass(frozen=True, slots=True)
class HandsetVoiced:
    """From here on the person is what the client hears (before the answer: from then on), or something else is."""

    talking: bool


@dataclass(frozen=True, slots=True)
class HandsetPutDown:
    """That person is gone, and the call goes on unless it `ended`. The ledger is that of what they said."""

    why: Literal["gone", "taken", "ended", "clock"]
    microphone: Ledger


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
class RecordsDelayed:
    """The database takes nothing, for this reason: records, and their `cdr` events, wait until it does again."""

    reason: str


@dataclass(frozen=True, slots=True)
class RecordsRecovered:
    """The database takes records again, after so many wall seconds; so many changes had waited."""

    seconds: float
    waited: int


@dataclass(frozen=True, slots=True)
class DatabaseReopened:
    """The database's file was deleted, and `written_again` with all that was in it; or it was replaced by another."""

    written_again: bool


@dataclass(frozen=True, slots=True)
class RecordLost:
    """The record of this call was not stored, and its `cdr` event is not sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class ClientsDelayed:
    """The process has no handle left for another connection: new clients wait until others leave."""


@dataclass(frozen=True, slots=True)
class ClientsRecovered:
    """New clients get in again, after so many wall seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class MachineClockSet:
    """The machine's clock was set by so many ms. The workspace's own goes on; it `follows` forward without a call."""

    ms: int
    follows: bool


@dataclass(frozen=True, slots=True)
class WorkspaceReset:
    """The workspace is as it was when it started; its journal begins here."""


#: What happens to the server as a whole, and stands in the journals of all its workspaces.
OF_THE_SERVER = frozenset(
    {RecordsDelayed, RecordsRecovered, DatabaseReopened, ClientsDelayed, ClientsRecovered, MachineClockSet}
)
