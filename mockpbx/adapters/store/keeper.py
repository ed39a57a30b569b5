"""Keeps a workspace's live calls in the store, so that a killed emulator leaves what it knew."""

from __future__ import annotations

from mockpbx.contract.vocabulary import DialStatus
from mockpbx.domain import events as e
from mockpbx.runtime.entries import DatabaseReopened
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.records import RecordStore
from mockpbx.runtime.workspace import Workspace


def keep_calls(workspace: Workspace, store: RecordStore) -> None:
    """Keep every call of a workspace from here on: when it is placed, dialled and answered, and at its end."""

    def project(entry: Entry) -> None:
        match entry.event:
            case e.CallEnded(record):
                store.keep(workspace.key, record)
            case e.CallPlaced() | e.DialStatusChanged(DialStatus.DIALING | DialStatus.CONNECTED):
                assert entry.session_id is not None
                provisional = workspace.provisional_record(entry.session_id, entry.at)
                if provisional is not None:
                    store.keep(workspace.key, provisional)
            case DatabaseReopened(written_again=False):  # another file, which knows none of them
                for record in workspace.provisional_records(entry.at):
                    store.keep(workspace.key, record)

    workspace.journal.subscribe(project)


def keep_alive(workspace: Workspace, store: RecordStore) -> None:
    """Let the calls of a workspace that are kept have lived until now.

    One that was never dialled has no length: were the emulator killed, its record would be as of its POST.
    """
    now = workspace.wake()
    dialled = [call.session_id for call in workspace.live_calls() if call.started_at is not None]
    if dialled:
        store.live_until(workspace.key, dialled, now)
