"""What the service refused of a client's, and what never came."""

from __future__ import annotations

from collections.abc import Sequence

from mockpbx.contract.errors import NoSuchSession, NotConnected
from mockpbx.domain.events import CallEnded, JoinRefused, RoomJoined
from mockpbx.evidence.causes.case import Case
from mockpbx.evidence.fields import told
from mockpbx.evidence.telling import plain
from mockpbx.media import facts as f
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.journal import Entry

Refusal = AudioRefused | EventRefused
Refused = Sequence[tuple[Entry, Refusal]]

#: The client's event that leads to a fact, and what the fact is missing without.
SENT_AS = {
    "Joined": "joinRoom",
    "PlayoutStarted": "audio",
    "PlayoutDrained": "audio",
    "CheckpointQueued": "checkPoint",
    "CheckpointReached": "checkPoint",
    "Interrupted": "interruption",
    "DigitQueued": "dtmf",
    "DigitHeard": "dtmf",
    "Ended": "hangup",
}

#: What an event of the client's leaves in the journal, beside its refusal.
_TRACES: dict[str, tuple[type, ...]] = {
    "joinRoom": (RoomJoined, JoinRefused),
    "audio": (f.PlayoutStarted, AudioRefused),
    "checkPoint": (f.CheckpointQueued, f.CheckpointReached),
    "interruption": (f.PlayoutInterrupted,),
    "dtmf": (f.DigitQueued, f.DigitHeard),
    "hangup": (CallEnded,),
}


def _too_early(case: Case, at: int) -> str:
    connected = case.dossier.connected_at
    if connected is None:
        return "while the call was not answered"
    return f"{connected - at} ms before Connected"


def audio_refused(case: Case) -> str | None:
    """Audio was refused."""
    return _refusal(case, "audio", case.facts(AudioRefused))


def event_refused(case: Case) -> str | None:
    """The event that leads to it was refused."""
    name = SENT_AS[case.missing.name]
    return _refusal(case, name, [(entry, event) for entry, event in case.facts(EventRefused) if event.event == name])


def _refusal(case: Case, name: str, refused: Refused) -> str | None:
    early = [(entry, event) for entry, event in refused if event.reason == NotConnected.sentence]
    if early:
        last, _ = early[-1]
        when = _too_early(case, last.at)
        return f"`{name}` was sent {when} and refused{_times(early)}: wait for dialStatus Connected"
    if not refused:
        return None
    (entry, event), ended = refused[0], case.dossier.ended_at
    if event.reason == NoSuchSession.sentence and ended is not None:
        return f"`{name}` came {entry.at - ended} ms after the end of the call and was refused{_times(refused)}"
    return f"`{name}` was refused at {case.moment(entry.at)}{_times(refused)}: {plain(event.reason)}"


def _times(refused: Refused) -> str:
    return f" ({len(refused)} messages)" if len(refused) > 1 else ""


def unknown_session(case: Case) -> str | None:
    """A message named a session that is no call."""
    name = SENT_AS.get(case.missing.name, "")
    for entry in case.stray:
        event = entry.event
        if isinstance(event, AudioRefused) or (isinstance(event, EventRefused) and event.event in (name, "checkPoint")):
            sent = "audio" if isinstance(event, AudioRefused) else event.event
            whose = (
                "no session" if entry.session_id is None else f"the session {told(entry.session_id)}, which is no call"
            )
            return f"`{sent}` at {case.moment(entry.at)} named {whose}: {plain(event.reason)}"
    return None


def never_sent(case: Case) -> str | None:
    """The client never sent what leads to it."""
    name = SENT_AS.get(case.missing.name)
    if name is None or any(case.dossier.all(*_TRACES[name])):
        return None
    if any(event.event == name for _, event in case.facts(EventRefused)):
        return None
    return f"the client sent no `{name}` in this call"
