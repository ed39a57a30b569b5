"""Calls: what they are like, inbound ones to start, and the other end of each by hand."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from mockpbx.adapters.control import messages as m
from mockpbx.adapters.control.asking import Ask, Handler, Reply
from mockpbx.adapters.control.emulator import Emulator
from mockpbx.adapters.control.paging import Position
from mockpbx.adapters.control.scenarios import scenario_of, sound_of
from mockpbx.adapters.http import envelope
from mockpbx.adapters.limits import check_calls
from mockpbx.contract.errors import InvalidRequest, NotFound
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named
from mockpbx.media import facts
from mockpbx.media.framing import FRAME_MS, RATE
from mockpbx.media.recording import Recording
from mockpbx.runtime import hands
from mockpbx.runtime.callbook import CallView
from mockpbx.runtime.identity import new_session_id
from mockpbx.runtime.journal_lines import iso
from mockpbx.runtime.scenario_files import notation
from mockpbx.runtime.workspace import Workspace
from mockpbx.wire import cdr_event

if TYPE_CHECKING:
    from mockpbx.media.line import Line


class NoSuchCall(NotFound):
    """A session that the workspace knows nothing of."""

    sentence = "No call has this sessionId here: it is unknown, or it ended too long ago"


class NoRecording(NotFound):
    """A call without sound to hear."""


class CallHandlers:
    """What is under `/__admin/calls`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by their routes' ids."""
        return {
            "list_calls": self._list,
            "ring": self._ring,
            "get_call": self._get,
            "answer": self._answer,
            "hang_up": self._hang_up,
            "press": self._press,
            "play": self._play,
            "say": self._say,
            "perform": self._perform,
            "recording": self._recording,
        }

    async def _list(self, ask: Ask) -> Reply:
        workspace, query = ask.workspace, ask.query
        workspace.wake()
        views = [view for view in workspace.calls.calls() if query.live in (None, view.ended is None)]
        return m.Calls(
            calls=[m.CallSummary.model_validate(summary(workspace, view)) for view in views[: query.limit]],
            next=str(Position(workspace.journal.started, workspace.journal.next - 1)),
        )

    async def _get(self, ask: Ask) -> Reply:
        ask.workspace.wake()
        return _detail(ask.workspace, ask.session_id)

    async def _ring(self, ask: Ask) -> Reply:
        workspace, body = ask.workspace, ask.body
        for name, number in (("from", body.caller), ("to", body.number)):
            _check_number(name, number, workspace.settings.phone_pattern)
        scenario = None if body.scenario is None else await self._scenario(ask)
        check_calls(workspace, self._emulator.server.most_calls)
        session_id = new_session_id(workspace.settings.session_id_version)
        workspace.receive_call(session_id, body.number, body.caller, scenario)
        response = envelope(HTTPStatus.OK, "", m.Rung(session_id=session_id).wire())
        try:
            # The reply leaves before newSession does, as for a call out.
            await response.prepare(ask.request)
            await response.write_eof()
        finally:
            workspace.announce(session_id)
        return response

    # --- by hand ------------------------------------------------------------------------------------------------------

    async def _answer(self, ask: Ask) -> Reply:
        return _by_hand(ask, lambda: hands.answer(ask.workspace, ask.session_id))

    async def _hang_up(self, ask: Ask) -> Reply:
        return _by_hand(ask, lambda: hands.hang_up(ask.workspace, ask.session_id, ask.body.cause))

    async def _press(self, ask: Ask) -> Reply:
        keys = s.Press(**ask.body.model_dump())
        return _by_hand(ask, lambda: hands.press(ask.workspace, ask.session_id, keys))

    async def _play(self, ask: Ask) -> Reply:
        # Beside the event loop: a clip is read, words are spoken.
        sound = await asyncio.to_thread(sound_of, ask.body.root, self._emulator.sounds(ask.workspace))
        return _by_hand(ask, lambda: hands.sound(ask.workspace, ask.session_id, sound))

    async def _say(self, ask: Ask) -> Reply:
        say: dict[str, object] = {"say": {"words": ask.body.words, "voice": ask.body.voice}}
        words = await asyncio.to_thread(sound_of, say, self._emulator.sounds(ask.workspace))
        return _by_hand(ask, lambda: hands.sound(ask.workspace, ask.session_id, words))

    async def _perform(self, ask: Ask) -> Reply:
        scenario = await self._scenario(ask)
        return _by_hand(ask, lambda: hands.perform(ask.workspace, ask.session_id, scenario))

    async def _scenario(self, ask: Ask) -> Named:
        """Read the scenario of a request, beside the event loop: its clips are read, its words spoken."""
        sounds, plan = self._emulator.sounds(ask.workspace), ask.workspace.dialplan.plan
        return await asyncio.to_thread(scenario_of, ask.body.scenario, plan, sounds)

    # --- to hear ------------------------------------------------------------------------------------------------------

    async def _recording(self, ask: Ask) -> Reply:
        workspace = ask.workspace
        workspace.wake()
        view = known(workspace, ask.session_id)
        recording = workspace.recordings.find(ask.session_id)
        if recording is None:
            raise NoRecording(_why_none(workspace, view))
        sound = await asyncio.get_running_loop().run_in_executor(None, recording.wav)
        headers = {"X-Recording-Truncated": str(recording.truncated).lower()}
        return web.Response(body=sound, content_type="audio/wav", headers=headers)


def _by_hand(ask: Ask, act: Callable[[], None]) -> Reply:
    act()
    return _detail(ask.workspace, ask.session_id)


def _check_number(name: str, number: str, pattern: str) -> None:
    if not re.fullmatch(pattern, number, re.ASCII) or not number.isprintable():
        raise InvalidRequest(f"{name} is not valid: expected a phone number such as 081234567890, got {number[:40]!r}")


def known(workspace: Workspace, session_id: str) -> CallView:
    """Return what there is to say of a call. Raises NoSuchCall."""
    view = workspace.calls.find(session_id)
    if view is None:
        raise NoSuchCall
    return view


def _detail(workspace: Workspace, session_id: str) -> m.CallDetail:
    view = known(workspace, session_id)
    line, step = workspace.line(session_id), workspace.step_of(session_id)
    recording = workspace.recordings.find(session_id)
    more = {
        "line": line and _line(line),
        "step": step and {"number": step[0], "word": s.word(step[1]), "step": notation(step[1])},
        "recording": None if recording is None else _about(recording),
    }
    return m.CallDetail.model_validate(summary(workspace, view) | more)


def summary(workspace: Workspace, view: CallView) -> dict[str, object]:
    """Return the members of `messages.CallSummary`."""
    record = view.record
    return {
        "session_id": view.session_id,
        "number": view.number,
        "direction": view.direction,
        "caller": view.caller,
        "scenario": view.scenario,
        "status": view.status,
        "live": view.ended is None,
        "joined": view.joined,
        "performing": _performs(workspace, view),
        "handset": workspace.handsets.hand(view.session_id),
        "placed_at": iso(view.placed_at),
        "failure": view.failure,
        "record": None if record is None else cdr_event(record, workspace.settings.cause_text),
    }


def _performs(workspace: Workspace, view: CallView) -> bool:
    """Whether a scenario is at a step or is still to begin, or a sound of it goes on, as an echo does for ever."""
    line = workspace.line(view.session_id)
    if line is None:
        return False
    at_rest = line.source is line.resting and workspace.step_of(view.session_id) is None
    return view.status != "Connected" or not at_rest


def _line(line: Line) -> m.LiveLine:
    return m.LiveLine(
        queue_ms=line.playout.waiting * 1_000 / RATE,
        audio=_samples(line.playout.audio),
        keys=_samples(line.playout.keys),
        underruns=line.playout.underruns,
        frames=line.frames,
    )


def _samples(ledger: facts.Ledger) -> m.Samples:
    return m.Samples(
        accepted=ledger.accepted,
        played=ledger.played,
        cleared=ledger.cleared,
        discarded=ledger.discarded,
        queued=ledger.queued,
    )


def _about(recording: Recording) -> m.RecordingAbout:
    return m.RecordingAbout(seconds=len(recording) * FRAME_MS / 1_000, truncated=recording.truncated)


def _why_none(workspace: Workspace, view: CallView) -> str:
    if workspace.settings.recording_limit == 0:
        return "Calls are not recorded: set recording_limit to the bytes that recordings may take"
    if view.status in ("Created", "Dialing", "Ringing", "Busy") or (view.record and view.record.answered_at is None):
        return "There is nothing to hear of this call: nobody has answered it"
    return "The recording of this call is gone: too old (journal_age), or it made room for others (recording_limit)"
