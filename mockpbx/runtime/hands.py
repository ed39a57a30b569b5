"""The other end of a call by hand: what a person does there, in place of its scenario or beside it."""

from __future__ import annotations

from mockpbx.contract.errors import NotConnected
from mockpbx.domain import commands as c
from mockpbx.domain.call import State
from mockpbx.domain.plan import Named
from mockpbx.domain.scenario import Press, Sound, opened
from mockpbx.runtime.sounds import tried
from mockpbx.runtime.workspace import Workspace


def answer(workspace: Workspace, session_id: str) -> None:
    """Answer a call that is not answered yet; an outbound call's scenario stops, an inbound one's begins.

    Raises NoSuchSession or InvalidRequest.
    """
    workspace.command(c.AnswerByHand(session_id))


def hang_up(workspace: Workspace, session_id: str, cause: int | None = None) -> None:
    """Hang up, decline a ringing call (cause 21), or let the call fail with `cause`. Raises NoSuchSession."""
    workspace.command(c.HangUpByHand(session_id, cause))


def press(workspace: Workspace, session_id: str, keys: Press) -> None:
    """Press keys, whatever the scenario does. Raises NoSuchSession or NotConnected."""
    _connected(workspace, session_id)
    workspace.command(c.PressKeys(session_id, keys))


def sound(workspace: Workspace, session_id: str, what: Sound) -> None:
    """Play or say something in place of the scenario. Raises NoSuchSession, NotConnected or Unplayable."""
    _connected(workspace, session_id)
    tried(what)
    workspace.command(c.Direct(session_id, (what,), "by hand"))


def perform(workspace: Workspace, session_id: str, scenario: Named) -> None:
    """Let another scenario take over from here, from a person who talks as well. Raises NoSuchSession."""
    workspace.command(
        c.Direct(session_id, opened(scenario.scenario, workspace.luck_of_takeover(session_id)), scenario.name)
    )
    workspace.handsets.give_way(session_id)


def _connected(workspace: Workspace, session_id: str) -> None:
    if workspace.call(session_id).state is not State.CONNECTED:
        raise NotConnected
