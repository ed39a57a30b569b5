"""Waiting for what a test expects, where the workspace lives: the next call, facts of a call in order, its end.

Waiting is in seconds of wall time, whatever the workspace's clock: a test that hangs must end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from mockpbx.domain import events as e
from mockpbx.domain.plan import number_fits
from mockpbx.evidence.judging import Judgement, judge
from mockpbx.evidence.patterns import Fact
from mockpbx.runtime.callbook import CallView
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.workspace import Workspace

T = TypeVar("T")

#: Seconds that clients have at most to answer a ping.
PATIENCE = 5.0

#: Facts that may still come when a call has ended.
_AFTERWARDS = (e.RecordIssued, AudioRefused, EventRefused, FaultStruck)


async def next_call(workspace: Workspace, number: str, known: Collection[str], within: float) -> CallView | None:
    """Return the oldest call to a number of a pattern (`*`: any) whose session is not `known`, once there is one."""

    def found() -> CallView | None:
        views = (view for view in reversed(workspace.calls.calls()) if view.session_id not in known)
        return next((view for view in views if number_fits(view.number, number)), None)

    return await until(workspace, found, within)


async def expected(
    workspace: Workspace, session_id: str, wanted: Sequence[Fact], after: int, within: float
) -> Judgement:
    """Return how a call stands to facts in order behind the entry `after`.

    That is once they are all there, or the call will not bring the missing one any more, or the time is over.
    """
    entries = _entries(workspace, session_id)
    left, since, position = list(wanted), after, 0

    def decided() -> bool:
        nonlocal since, position
        judgement = judge(entries[position:], left, since)
        position, since = len(entries), judgement.since
        del left[: len(judgement.matched)]
        return not left or _over(entries, left[0])

    await until(workspace, decided, within)
    if left and _over(entries, left[0]):
        await _admitted(workspace)
    judgement = judge(entries, wanted, after)
    if any(isinstance(entry.event, e.RecordIssued) for entry in judgement.matched):
        await _committed(workspace)
    return judgement


async def ended(workspace: Workspace, session_id: str, within: float) -> bool:
    """Return whether a call's record is issued and committed, once it is, or when the time is over."""
    entries = _entries(workspace, session_id)
    issued = await until(workspace, lambda: _has(entries, e.RecordIssued), within)
    if issued:
        await _committed(workspace)
    return issued


async def until(workspace: Workspace, look: Callable[[], T], within: float) -> T:
    """Return what `look` finds as soon as it finds something, or what it finds when the time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        workspace.wake()
        found, left = look(), end - loop.time()
        if found or left <= 0:
            return found
        try:
            await asyncio.wait_for(workspace.journal.grown(), left)
        except TimeoutError:
            continue


async def _admitted(workspace: Workspace) -> None:
    """Return when what clients have sent so far is in the journal, and what they say to what they were told last."""
    for _ in range(2):  # a client may answer a ping before its handlers have run
        await workspace.clients.ping(PATIENCE)


async def _committed(workspace: Workspace) -> None:
    """Return when the records that were issued are in the API, and their events with the clients."""
    await workspace.clients.ping(PATIENCE)


def _entries(workspace: Workspace, session_id: str) -> list[Entry]:
    view = workspace.calls.find(session_id)
    return [] if view is None else view.entries


def _over(entries: Sequence[Entry], missing: Fact) -> bool:
    """Tell whether a call will not bring a fact any more."""
    return _has(entries, e.RecordIssued if issubclass(missing.kinds[0], _AFTERWARDS) else e.CallEnded)


def _has(entries: Sequence[Entry], kind: type) -> bool:
    return any(isinstance(entry.event, kind) for entry in reversed(entries))
