"""Writes the evidence of every call of a server, as each is over."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mockpbx.domain import events as e
from mockpbx.evidence.dossier import Dossier, dossier_of
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.workspace import Workspace

_log = logging.getLogger(__name__)


class Tracer:
    """Keeps a folder: for each call a page, its sound and its journal, named by its start and its number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: set[asyncio.Task[None]] = set()

    def watch(self, workspace: Workspace) -> None:
        """Write the evidence of a workspace's calls from here on."""
        workspace.journal.subscribe(partial(self._read, workspace))

    async def drain(self) -> None:
        """Return when all is written."""
        while self._pending:
            # Tasks that are done already take no turn of the loop, in which they would let go of themselves.
            done, _ = await asyncio.wait(self._pending)
            self._pending -= done

    def _read(self, workspace: Workspace, entry: Entry) -> None:
        if isinstance(entry.event, e.RecordIssued) and entry.session_id is not None:
            task = asyncio.ensure_future(self._write(workspace, entry.session_id))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    async def _write(self, workspace: Workspace, session_id: str) -> None:
        from mockpbx.evidence.page import write_evidence

        try:
            dossier = dossier_of(workspace, session_id)
            if dossier is None:
                return
            page = await asyncio.to_thread(write_evidence, dossier, self._folder, name_of(dossier))
        except Exception:
            _log.exception("the evidence of session %s could not be written", session_id)
        else:
            _log.info("evidence: %s", page)


def name_of(dossier: Dossier) -> str:
    """Return what a call's files are called: `20251122-104501-089608675796-1f3c9a`."""
    placed = datetime.fromtimestamp(dossier.call.placed_at / 1_000, UTC)
    return f"{placed:%Y%m%d-%H%M%S}-{dossier.call.number}-{dossier.session_id[-6:]}"
