"""What the picture of a call is drawn from, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mockpbx.domain import events as e
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.measures import Metrics
from mockpbx.evidence.page import sound as s
from mockpbx.evidence.page.lanes import lanes_of
from mockpbx.evidence.page.words import other_end, short
from mockpbx.media import facts
from mockpbx.media.framing import RATE

#: The axis goes on for so many ms after the last thing that happened.
MARGIN = 200


def end_of(dossier: Dossier) -> int:
    """Return the length of the call's time axis: ms from its placing to a little after the last thing known of it."""
    last = [entry.at for entry in dossier.entries[-1:]]
    if dossier.sound is not None and len(dossier.sound.times):
        last.append(int(dossier.sound.times[-1]))
    return max([*last, dossier.call.placed_at]) - dossier.call.placed_at + MARGIN


def phases_of(dossier: Dossier, end: int) -> list[tuple[str, int, int]]:
    """Return name, begin and end of the call's phases, in ms since it was placed."""
    placed = dossier.call.placed_at
    begun = [("Created", 0)]
    for entry in dossier.all(e.DialStatusChanged, e.CallEnded):
        status = entry.event.status.value if isinstance(entry.event, e.DialStatusChanged) else "Ended"
        begun.append((status, entry.at - placed))
    ends = [at for _, at in begun[1:]] + [end]
    return [(name, at, until) for (name, at), until in zip(begun, ends, strict=True) if until > at]


def picture_of(dossier: Dossier, metrics: Metrics, found: Sequence[Finding]) -> dict[str, Any]:
    """Return the picture's data, JSON-able. All times are ms since the call was placed."""
    placed, end = dossier.call.placed_at, end_of(dossier)
    sound = dossier.sound
    return {
        "end": end,
        "rate": RATE,
        "other": other_end(dossier.call.direction),
        "phases": phases_of(dossier, end),
        "stretches": [] if sound is None else [(at - placed, first) for at, first in s.stretches(sound)],
        "queue": []
        if sound is None or not sound.queue.any()
        else [(at - placed, depth) for at, depth in s.queue_corners(sound)],
        "underruns": [(entry.at - placed, entry.number) for entry in dossier.all(facts.Underrun)],
        "cuts": [(cut.at - placed, cut.how, cut.heard, cut.cut) for cut in metrics.cuts if cut.cut > 0],
        "pins": sorted(
            (each.at - placed, each.level, each.id, short(each.what), index)
            for index, each in enumerate(found)
            if each.at is not None
        ),
        "lanes": lanes_of(dossier, end),
    }
