"""Rules that a call could not be held against, and why: what nobody looked at is not good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.lint.stream import arrivals_of, paced
from mockpbx.media.facts import MediaStopped

#: What is told from the client's messages, or from how the call sounded.
_OF_SOUND: Final = (
    *("wav-header-in-audio", "other-container", "wrong-byte-order", "float-samples", "law-mixed-up", "stereo-as-mono"),
    *("wrong-rate", "suspect-rate", "clipping", "too-quiet", "dc-offset", "mp3-seam", "small-packets", "burst"),
    *("underrun", "audio-after-interruption", "media-slipped", "audio-before-connected", "acks-not-asked"),
)
#: What only a call in real time tells.
_OF_PACE: Final = ("burst", "underrun", "checkpoint-late", "digits-too-close")
#: What needs the journal from its beginning.
_OF_BEGINNINGS: Final = ("never-joined", "sent-before-joining", "scenario-unfinished", "not-rejoined", "left-running")
#: What only a server tells that shows its own time.
_OF_ENDS: Final = ("audio-cut-at-hangup", "checkpoint-cleared-at-hangup")
_OF_SCENARIOS: Final = ("scenario-failed", "scenario-unfinished", "expectation-missed")


class Untried(NamedTuple):
    """Rules by their ids, in the table's order, and in a few words why the call was not held against them."""

    rules: tuple[str, ...]
    why: str


def untried(dossier: Dossier) -> list[Untried]:
    """Return what a call could not be held against; nothing where it was held against every rule that concerns it."""
    return list(_untried(dossier))


def _untried(dossier: Dossier) -> Iterator[Untried]:
    sound = dossier.sound
    if sound is None and dossier.connected_at is not None and _has_spoken(dossier):
        yield Untried(_OF_SOUND, "what the client sent is not known")
    elif sound is not None and sound.truncated:
        yield Untried(_OF_SOUND, "the recording is not whole: its end was not looked at")
    elif arrivals_of(dossier) and all(each.ack_wanted is None for each in arrivals_of(dossier)):
        yield Untried(("acks-not-asked",), "it is not known whether the client asked for acknowledgments")
    if not paced(dossier):
        yield Untried(_OF_PACE, f"the clock is {dossier.settings.clock}, and nobody can keep pace with it")
    if not paced(dossier) and not dossier.call.scenario:
        yield Untried(_OF_ENDS, "the server kept a time of its own, which the recording does not tell")
    if dossier.truncated:
        yield Untried(_OF_BEGINNINGS, "the journal is not whole")
    if dossier.call.cast is None:
        rules = ("scenario-unfinished",) if dossier.call.scenario else _OF_SCENARIOS
        yield Untried(rules, "what the other end was to do is not known")
    if dossier.record is None and not dossier.call.status:
        yield Untried(("call-left-open",), "the recording stops before the call")


def _has_spoken(dossier: Dossier) -> bool:
    """Whether the client may have sent sound: the ledger tells, once the call is over."""
    stopped = dossier.first(MediaStopped)
    return stopped is None or stopped.event.audio.accepted > 0  # type: ignore[attr-defined]
