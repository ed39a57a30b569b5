"""How the facts of a call are told: in a few words, and between whom they pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockpbx.domain import events as e
from mockpbx.domain.record import CallRecord
from mockpbx.domain.scenario import CallProgress, Expectation, Play, Say, Sound, Tone, word
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.fields import told
from mockpbx.media import facts as f
from mockpbx.media.framing import RATE
from mockpbx.runtime.entries import (
    AudioRefused,
    ClientCutOff,
    ClientReturned,
    EventRefused,
    HandsetPickedUp,
    HandsetPutDown,
    HandsetVoiced,
    RecordLost,
)
from mockpbx.runtime.faults import FaultStruck

# Who did it to whom: the client, the service, the other end.
HEADS = "client   service    {}"
NOBODY = "│         │         │"
FROM_CLIENT = "●────────▶│         │"
TURNED_BACK = "●───────▷ │         │"
TO_CLIENT = "│◀────────●         │"
SERVICE = "│         ●         │"
TO_CALLEE = "│         ●────────▶│"
FROM_CALLEE = "│         │◀────────●"
CALLEE = "│         │         ●"
CALLEE_TO_CLIENT = "│◀────────┼─────────●"
CLIENT_TO_CALLEE = "●─────────┼────────▶│"
TO_BOTH = "│◀────────●────────▶│"


def summary(dossier: Dossier) -> str:
    """Return one line about a call: which, to whom, and how it ended or stands."""
    call = dossier.call
    caller = f" from {call.caller}" if call.caller else ""
    stands = f"{call.status}, not ended" if call.record is None else ended(call.record)
    scenario = f" ({plain(call.scenario)})" if call.scenario else ""
    return f"{call.direction} call{caller} to {call.number}{scenario}: {stands}"


def ended(record: CallRecord) -> str:
    """Return how a call ended: its disposition, its cause, who hung up, and its length."""
    lasted = (record.ended_at - record.started_at) / 1_000
    return f"{record.disposition}, cause {record.cause}, hung up by {record.hangup_by or 'nobody'}, {lasted:.3f} s"


def moment(dossier: Dossier, at: int) -> str:
    """Return a moment as its timeline shows it: `2.500 s`."""
    return f"{(at - dossier.call.placed_at) / 1_000:.3f} s"


def plain(text: str) -> str:
    """Return text without quotes where it is harmless, escaped where a terminal would act on it."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def length(samples: int) -> str:
    """Return the length of samples: `1.200 s`."""
    return f"{samples / RATE:.3f} s"


def waited_for(expectation: Expectation) -> str:
    """Return what a scenario waits for, as its file has it, with what matters of it."""
    what = next((getattr(expectation, name) for name in ("digits", "name", "clip") if hasattr(expectation, name)), None)
    return f"{word(expectation)}{f' {told(what)}' if what else ''} within {expectation.within:g} s"


def spoken(sound: Sound) -> str:
    """Return what a callee says, as its file has it."""
    match sound:
        case Play(clip=what) | Say(words=what) | CallProgress(tone=what):
            return f"{word(sound)} {told(what)}"
        case Tone(hertz):
            return f"tone {hertz} Hz"
        case _:
            return word(sound)


Tell = Callable[[Any], str]


def _stopped(event: f.MediaStopped) -> str:
    audio, keys = event.audio, event.keys
    parts = {
        "heard": audio.played + keys.played,
        "taken back": audio.cleared + keys.cleared,
        "never heard": audio.discarded + keys.discarded,
    }
    told_of = [f"{length(samples)} {how}" for how, samples in parts.items() if samples]
    return f"the client's sound: {', '.join(told_of) or 'none'}"


_PUT_DOWN = {
    "gone": "the page went away",
    "taken": "another one took over",
    "ended": "the call is over",
    "clock": "the clock is not real any more",
}

#: Who does it to whom, and how it is told. What is not here is not shown.
TELLS: dict[type, tuple[str, Tell]] = {
    e.CallPlaced: (FROM_CLIENT, lambda event: f"call placed to {plain(event.number)}"),
    e.SessionAnnounced: (TO_CLIENT, lambda event: "newSession"),
    e.RoomJoined: (FROM_CLIENT, lambda event: "joins the room"),
    e.JoinRefused: (TURNED_BACK, lambda event: "joins too late: the call is over"),
    e.RoomEmptied: (FROM_CLIENT, lambda event: "the last client is gone"),
    ClientReturned: (FROM_CLIENT, lambda event: "a client is connected again"),
    e.DialStatusChanged: (TO_CLIENT, lambda event: f"{event.status}"),
    e.CalleeSpoke: (CALLEE, lambda event: spoken(event.sound)),
    e.CalleePressed: (FROM_CALLEE, lambda event: f"pushes the key {event.digit} for {event.duration} ms"),
    e.CalleeListens: (CALLEE, lambda event: f"waits: {waited_for(event.expectation)}"),
    e.ExpectationMet: (
        CALLEE,
        lambda event: f"got {word(event.expectation)}{f' {told(event.what)}' * bool(event.what)}",
    ),
    e.ExpectationMissed: (CALLEE, lambda event: f"waited in vain: {waited_for(event.expectation)}"),
    e.ScenarioFinished: (CALLEE, lambda event: "the scenario is over"),
    e.ScenarioFailed: (CALLEE, lambda event: f"the scenario failed at step {event.step}: {plain(event.reason)}"),
    e.ScenarioStopped: (CALLEE, lambda event: f"the scenario stopped at step {event.step}: {plain(event.reason)}"),
    e.TakenOver: (CALLEE, lambda event: f"{plain(event.scenario)} takes over"),
    HandsetPickedUp: (CALLEE, lambda event: f"a person picks up{' in place of another' * event.taken_over}"),
    HandsetVoiced: (
        CALLEE,
        lambda event: "the person speaks" if event.talking else "something else speaks in the person's place",
    ),
    HandsetPutDown: (CALLEE, lambda event: f"the person is gone: {_PUT_DOWN[event.why]}"),
    e.RecordIssued: (TO_CLIENT, lambda event: "cdr"),
    f.PlayoutStarted: (TO_CALLEE, lambda event: "the client begins to be heard"),
    f.PlayoutDrained: (SERVICE, lambda event: f"nothing is left to be heard after {length(event.played)}"),
    f.Underrun: (SERVICE, lambda event: f"underrun: {event.padding / 8:g} ms of silence amid the client's sound"),
    f.CheckpointQueued: (
        FROM_CLIENT,
        lambda event: f"checkpoint {told(event.name)} behind {length(event.ahead)} of sound",
    ),
    f.CheckpointReached: (TO_CLIENT, lambda event: f"checkpoint {told(event.name)} reached"),
    f.CheckpointCleared: (SERVICE, lambda event: f"checkpoint {told(event.name)} cleared"),
    f.PlayoutInterrupted: (FROM_CLIENT, lambda event: f"interruption: {length(event.cleared)} cleared"),
    f.DigitQueued: (FROM_CLIENT, lambda event: f"presses {event.digit} for {event.duration} ms"),
    f.DigitHeard: (TO_CALLEE, lambda event: f"hears the digit {event.digit}"),
    f.DigitReceived: (CALLEE_TO_CLIENT, lambda event: f"digit {event.digit}{', heard in band' * event.in_band}"),
    f.CalleeSoundEnded: (CALLEE, lambda event: "has said it"),
    f.MediaStopped: (SERVICE, _stopped),
    f.MediaSlipped: (SERVICE, lambda event: f"the emulator was held up for {event.ms} ms"),
    AudioRefused: (TURNED_BACK, lambda event: f"audio refused: {plain(event.reason)}"),
    EventRefused: (TURNED_BACK, lambda event: f"{plain(event.event)} refused: {plain(event.reason)}"),
    ClientCutOff: (SERVICE, lambda event: f"a client was cut off, it did not read: {plain(event.why)}"),
    RecordLost: (SERVICE, lambda event: f"the record was not stored, no cdr is sent: {plain(event.reason)}"),
    FaultStruck: (SERVICE, lambda event: f"fault {event.fault} struck {plain(event.what)}"),
}
