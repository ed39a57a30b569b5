"""Counts what happens on the whole server: one journal reader over plain integers, for the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mockpbx.domain import events as e
from mockpbx.media import facts
from mockpbx.runtime.entries import AudioRefused, ClientCutOff, EventRefused
from mockpbx.runtime.journal import Entry


class Tally:
    """Reads the journals of all workspaces. `frames` counts those of ended calls, `samples` what their clients sent.

    `slips` gave up `slipped_ms` of media time.
    """

    def __init__(self) -> None:
        self.entries = 0
        self.frames = 0
        self.samples = 0
        self.slips = 0
        self.slipped_ms = 0
        self.refused: Counter[str] = Counter()  # client audio by why
        self.placed: Counter[str] = Counter()  # by direction
        self.ended: Counter[tuple[str, str, int]] = Counter()  # by direction, disposition, cause
        self.digits: Counter[str] = Counter()  # by who pressed them
        self.seen: Counter[type] = Counter()  # facts that are merely counted

    def read(self, entry: Entry) -> None:
        """Count an entry."""
        self.entries += 1
        event = entry.event
        count = _COUNTS.get(type(event))
        if count is not None:
            count(self, event)

    def _count_placed(self, event: e.CallPlaced) -> None:
        self.placed[event.direction.value] += 1

    def _count_ended(self, event: e.CallEnded) -> None:
        record = event.record
        self.ended[record.direction.value, record.disposition.value, record.cause] += 1

    def _count_sound(self, event: facts.MediaStopped) -> None:
        self.frames += event.frames
        self.samples += event.audio.accepted

    def _count_slip(self, event: facts.MediaSlipped) -> None:
        self.slips += 1
        self.slipped_ms += event.ms

    def _count_refusal(self, event: AudioRefused) -> None:
        self.refused[event.why] += 1

    def _count_callee_digit(self, _: facts.DigitReceived) -> None:
        self.digits["callee"] += 1

    def _count_client_digit(self, _: facts.DigitQueued) -> None:
        self.digits["client"] += 1

    def _see(self, event: object) -> None:
        self.seen[type(event)] += 1


_COUNTS: dict[type, Callable[..., None]] = {
    e.CallPlaced: Tally._count_placed,
    e.CallEnded: Tally._count_ended,
    facts.MediaStopped: Tally._count_sound,
    facts.MediaSlipped: Tally._count_slip,
    AudioRefused: Tally._count_refusal,
    facts.DigitReceived: Tally._count_callee_digit,
    facts.DigitQueued: Tally._count_client_digit,
    **dict.fromkeys(
        (ClientCutOff, EventRefused, facts.CheckpointReached, facts.Underrun, e.ScenarioFailed, e.ExpectationMet,
         e.ExpectationMissed),
        Tally._see,
    ),
}  # fmt: skip
