"""Everything that is known of one call, as values: what metrics, findings, explanations and pages are made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mockpbx.domain import events as e
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.record import CallRecord
from mockpbx.evidence.measures import CallMeasured
from mockpbx.media.recording import Sound
from mockpbx.runtime.cadence import Pacing
from mockpbx.runtime.callbook import CallView
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.scenario_files import notation
from mockpbx.runtime.settings import WorkspaceSettings

if TYPE_CHECKING:
    from mockpbx.runtime.workspace import Workspace

#: What a call's replay must have as the call had it, beside what the settings say: they are no switches of a call.
_NOT_REPLAYED = frozenset({"first_call", "journal_limit", "journal_age", "recording_limit"})


@dataclass(frozen=True, slots=True)
class Replay:
    """What makes a call the same call again, for the same client input.

    `plan` is a dial plan as its file has it, None where the scenario is Python that only its own program knows;
    `settings` are the workspace's switches that are not as they are by default.
    """

    seed: int
    ordinal: int
    plan: dict[str, Any] | None
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dossier:
    """One call: how it stands, its journal entries, its sound, how to replay it. Times are virtual ms.

    `truncated` tells that entries are gone; `sound` is None where nobody answered, or nothing was recorded. `title`
    names what it was made for, such as the test that failed, and `command` what replays it there. `pacing` tells how
    late the emulator's own frames left; None where that was not measured.
    """

    call: CallView
    entries: tuple[Entry, ...]
    truncated: bool
    sound: Sound | None
    replay: Replay
    settings: WorkspaceSettings
    title: str = ""
    command: str = ""
    pacing: Pacing | None = None

    @property
    def session_id(self) -> str:
        """The call's session."""
        return self.call.session_id

    @property
    def record(self) -> CallRecord | None:
        """The call's record; None while it goes on."""
        return self.call.record

    def first(self, kind: type) -> Entry | None:
        """Return the first entry of a kind."""
        return next((entry for entry in self.entries if isinstance(entry.event, kind)), None)

    def all(self, *kinds: type) -> list[Entry]:
        """Return the entries of some kinds, in order."""
        return [entry for entry in self.entries if isinstance(entry.event, kinds)]

    @property
    def connected_at(self) -> int | None:
        """When it was answered; None where it was not."""
        return next((entry.at for entry in self.all(e.DialStatusChanged) if entry.event.status == "Connected"), None)  # type: ignore[attr-defined]

    @property
    def ended_at(self) -> int | None:
        """When it ended; None while it goes on."""
        return None if self.record is None else self.record.ended_at


def dossier_of(workspace: Workspace, session_id: str) -> Dossier | None:
    """Return what is known of a call now; None for one that is unknown, or forgotten.

    To be called where the workspace lives. What is made of it may be made elsewhere.
    """
    workspace.wake()
    view = workspace.calls.find(session_id)
    if view is None:
        return None
    recording = workspace.recordings.find(session_id)
    return Dossier(
        call=replace(view),
        entries=tuple(view.entries),
        truncated=view.truncated,
        sound=None if recording is None else recording.sound(),
        replay=_replay(workspace, view),
        settings=workspace.settings,
        pacing=workspace.cadence.of(session_id) or pacing_of(view.entries),
    )


def pacing_of(entries: Iterable[Entry]) -> Pacing | None:
    """Return how late the emulator's own frames left in a call that has ended, as its journal tells."""
    measured = [entry.event for entry in entries if isinstance(entry.event, CallMeasured)]
    return measured[-1].metrics.pacing if measured else None


def _replay(workspace: Workspace, view: CallView) -> Replay:
    turned = workspace.settings.model_dump(mode="json", exclude_defaults=True)
    settings = {name: value for name, value in turned.items() if name not in _NOT_REPLAYED}
    return Replay(workspace.seed, view.ordinal, _plan(view), settings)


def _plan(view: CallView) -> dict[str, Any] | None:
    scenario = None if view.cast is None else view.cast.scenario
    if isinstance(scenario, tuple):
        return {"rules": [{"number": "*", "scenario": [notation(step) for step in scenario]}]}
    if view.cast is not None and view.cast.name in PERSONAS and scenario is PERSONAS[view.cast.name]:
        return {"rules": [{"number": "*", "scenario": view.cast.name}]}
    return None
