"""How calls sound just now, for a page that draws them: asked for several times a second, so all calls at a time."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.emulator import Emulator
from mockpbx.media.framing import RATE
from mockpbx.media.recording import Recording, peaks
from mockpbx.runtime.workspace import Workspace

#: Frames that are told of a call at most: 10 s.
MOST_FRAMES = 500
#: Frames of all calls together, so that a page that was away for long holds nobody up: about 10 ms of work.
MOST_IN_ALL = 10_000


class PulseHandlers:
    """What is polled of the calls that a page shows."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {"pulse": self._pulse}

    async def _pulse(self, ask: Ask) -> Reply:
        workspace = ask.workspace
        now = workspace.wake()
        return {
            "now": now,
            "clients": self._emulator.sockets(workspace),
            "live": len(workspace.live_calls()),
            "calls": self._calls(workspace, ask.body.calls),
        }

    def _calls(self, workspace: Workspace, wanted: dict[str, int]) -> dict[str, dict[str, Any]]:
        told = _sound(workspace, wanted)
        for session_id, call in told.items():
            pacing = workspace.cadence.of(session_id)
            call["unread"] = max(self._emulator.unread(workspace, session_id), default=0)
            call["pacing"] = None if pacing is None else asdict(pacing)
        return told


def _sound(workspace: Workspace, wanted: dict[str, int]) -> dict[str, dict[str, Any]]:
    most = min(MOST_FRAMES, MOST_IN_ALL // max(1, len(wanted)))
    views = [view for view in map(workspace.calls.find, wanted) if view is not None]
    recordings = [workspace.recordings.find(view.session_id) or Recording() for view in views]
    excerpts = [each.after(wanted[view.session_id], most) for view, each in zip(views, recordings, strict=True)]
    # One look at the sound of all calls, since numpy likes company.
    found = peaks([frame for excerpt in excerpts for frame in (*excerpt.callee, *excerpt.client)])
    told, at = {}, 0
    for view, recording, excerpt in zip(views, recordings, excerpts, strict=True):
        middle, end = at + len(excerpt.callee), at + 2 * len(excerpt.callee)
        line = workspace.line(view.session_id)
        told[view.session_id] = {
            "status": view.status,
            "frames": len(recording) if line is None else line.frames,
            "queueMs": 0 if line is None else line.playout.waiting * 1_000 / RATE,
            "refused": 0 if line is None else line.refused_messages,
            "from": excerpt.first,
            "callee": found[at:middle],
            "client": found[middle:end],
            "queue": [samples * 1_000 // RATE for samples in excerpt.queue],
        }
        at = end
    return told
