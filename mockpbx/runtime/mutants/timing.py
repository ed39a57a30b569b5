"""Mutants of when things happen: checkpoints, interruptions, hang-ups and the answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from mockpbx.contract.messages import CallEnded, CheckPointReached, DialStatusChange, Message
from mockpbx.contract.vocabulary import DialStatus
from mockpbx.domain import events as e
from mockpbx.media import facts
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.mutants.mutation import Mutant, Mutation
from mockpbx.runtime.mutants.taking import Ignored, Postponed
from mockpbx.runtime.mutants.telling import Late, Told


def _reached(entry: Entry, name: str) -> tuple[int, Message]:
    return 0, CheckPointReached(session_id=entry.session_id or "", name=name)


@dataclass
class CheckpointsByQueue(Mutation):
    """Base of what needs to know which checkpoints wait, by session, oldest first."""

    waiting: dict[str | None, list[str]] = field(default_factory=lambda: defaultdict(list))

    def messages(self, entry: Entry, message: Message | None) -> Told:
        """Follow the queues."""
        names = self.waiting[entry.session_id]
        match entry.event:
            case facts.CheckpointQueued(name):
                names.append(name)
                return self.queued(entry, name)
            case facts.CheckpointReached() if names:  # one behind no sound is not among them: then nobody waits
                return self.reached(entry, names)
            case facts.CheckpointCleared(name) if name in names:
                names.remove(name)
            case e.CallEnded():
                del self.waiting[entry.session_id]
        return super().messages(entry, message)

    def queued(self, entry: Entry, name: str) -> Told:
        """Return what is told when a checkpoint is queued."""
        return []

    def reached(self, entry: Entry, names: list[str]) -> Told:
        """Return what is told when the first of those that wait is reached; one leaves the queue."""
        return [_reached(entry, names.pop(0))]


class CheckpointEarly(CheckpointsByQueue):
    """A checkpoint is told when it is queued."""

    def queued(self, entry: Entry, name: str) -> Told:
        """Tell it."""
        return [_reached(entry, name)]

    def reached(self, entry: Entry, names: list[str]) -> Told:
        """Tell nothing any more."""
        names.pop(0)
        return []


class CheckpointsInReverse(CheckpointsByQueue):
    """Of several checkpoints that wait, the one queued last is told first."""

    def reached(self, entry: Entry, names: list[str]) -> Told:
        """Tell the last, whose place the first takes."""
        name = names.pop(0)
        if names:
            names[-1], name = name, names[-1]
        return [_reached(entry, name)]


@dataclass
class CheckpointAtStart(CheckpointsByQueue):
    """Checkpoints are told when the sound before the first of them begins to be heard; later ones when it ends."""

    told: set[tuple[str | None, str]] = field(default_factory=set)

    def messages(self, entry: Entry, message: Message | None) -> Told:
        """Tell the first that waits at the beginning of its sound."""
        names = self.waiting[entry.session_id]
        if isinstance(entry.event, facts.PlayoutStarted) and names:
            self.told.add((entry.session_id, names[0]))
            return [_reached(entry, names[0])]
        return super().messages(entry, message)

    def reached(self, entry: Entry, names: list[str]) -> Told:
        """Tell what has not been told."""
        name = names.pop(0)
        if (entry.session_id, name) in self.told:
            self.told.remove((entry.session_id, name))
            return []
        return [_reached(entry, name)]


class EmptyCheckpointHeld(CheckpointsByQueue):
    """A checkpoint with nothing queued before it is never told."""

    def messages(self, entry: Entry, message: Message | None) -> Told:
        """Hold such a checkpoint back."""
        names = self.waiting[entry.session_id]
        if isinstance(entry.event, facts.CheckpointReached) and not names:
            return []
        return super().messages(entry, message)


@dataclass
class CheckpointsSurvive(Mutation):
    """Checkpoints that an interruption clears are told."""

    interrupted: tuple[str | None, int] = (None, 0)

    def messages(self, entry: Entry, message: Message | None) -> Told:
        """Tell those that were cleared, but not those of a hang-up."""
        moment = (entry.session_id, entry.at)
        match entry.event:
            case facts.PlayoutInterrupted():
                self.interrupted = moment
            case facts.CheckpointCleared(name) if moment == self.interrupted:
                return [_reached(entry, name)]
        return super().messages(entry, message)


@dataclass
class DeafAfterInterruption(Mutation):
    """What a client says after an interruption is acknowledged and never heard."""

    interrupted: set[object] = field(default_factory=set)

    def incoming(self, event: str, payload: object) -> Sequence[tuple[int, object]]:
        """Ignore the audio of sessions that were interrupted."""
        session_id = payload.get("sessionId") if isinstance(payload, dict) else None
        if event == "interruption" and isinstance(session_id, str):
            self.interrupted.add(session_id)
        if event == "audio" and isinstance(session_id, str) and session_id in self.interrupted:
            return []
        return [(0, payload)]


_PLAYED = "assert that a checkpoint comes no sooner than its sound takes"

TIMING = (
    Mutant(
        "checkpoint-early", "timing", "checkPoint", "a checkpoint is told when it is queued, its sound unheard",
        _PLAYED, CheckpointEarly(),
    ),
    Mutant(
        "checkpoint-at-start", "timing", "checkPoint", "a checkpoint is told when its sound begins, not when it ends",
        _PLAYED, CheckpointAtStart(),
    ),
    Mutant(
        "checkpoint-late", "timing", "checkPoint", "a checkpoint is told 2 s late",
        "assert that your client goes on within a second of its last word", Late(CheckPointReached, 2_000),
    ),
    Mutant(
        "checkpoints-out-of-order", "timing", "checkPoint", "of several checkpoints the last is told first",
        "queue several checkpoints and assert their order", CheckpointsInReverse(),
    ),
    Mutant(
        "checkpoint-on-empty-queue-lost", "timing", "checkPoint", "a checkpoint behind no sound is never told",
        "send a checkpoint with nothing queued and assert that it comes at once", EmptyCheckpointHeld(),
    ),
    Mutant(
        "checkpoint-survives-interruption", "timing", "interruption", "checkpoints that were cleared are told",
        "interrupt and assert that the checkpoint of what was cleared does not come", CheckpointsSurvive(),
    ),
    Mutant(
        "interruption-ignored", "timing", "interruption", "an interruption has no effect",
        "interrupt and assert that what was queued is not heard", Ignored("interruption"),
    ),
    Mutant(
        "interruption-late", "timing", "interruption", "the queue is cleared 1 s after the interruption",
        "interrupt and assert how soon the sound stops", Postponed("interruption", 1_000),
    ),
    Mutant(
        "deaf-after-interruption", "timing", "interruption", "sound sent after an interruption is never played",
        "interrupt, speak again and assert that it is heard", DeafAfterInterruption(),
    ),
    Mutant(
        "hangup-ignored", "timing", "hangup", "the client's hangup event has no effect",
        "hang up by the socket and assert that the call ends", Ignored("hangup"),
    ),
    Mutant(
        "hangup-late", "timing", "hangup", "the client's hangup event takes effect 3 s late",
        "hang up by the socket and assert how soon the call ends", Postponed("hangup", 3_000),
    ),
    Mutant(
        "connected-late", "timing", "dialStatus", "Connected is told 1 s after the callee's sound begins",
        "assert that Connected comes before any audio",
        Late(DialStatusChange, 1_000, {"status": DialStatus.CONNECTED}),
    ),
    Mutant(
        "hangup-told-late", "timing", "hangup", "hangup is told 1 s after the sound ended",
        "assert that your client notices soon that nobody is there any more", Late(CallEnded, 1_000),
    ),
)  # fmt: skip
