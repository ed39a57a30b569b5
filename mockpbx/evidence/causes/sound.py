"""Why the client's sound, checkpoints, digits or interruptions did not do what was expected of them."""

from __future__ import annotations

import numpy as np

from mockpbx.evidence.causes.case import Case, clock, latest
from mockpbx.evidence.ending import how_it_ended
from mockpbx.evidence.fields import nearest, told
from mockpbx.evidence.telling import length
from mockpbx.media import facts as f
from mockpbx.media.framing import FRAME, RATE
from mockpbx.runtime.files.document import listed
from mockpbx.runtime.journal import Entry

_PER_MS = RATE // 1_000


def _ahead(case: Case, queued: Entry, at: int) -> int:
    """Return the samples that were still to be played at a moment before a checkpoint's turn."""
    assert isinstance(queued.event, f.CheckpointQueued)
    sound = case.dossier.sound
    elapsed = (at - queued.at) * _PER_MS
    if sound is not None and not sound.truncated:
        elapsed = FRAME * int(np.count_nonzero((sound.times > queued.at) & (sound.times <= at)))
    return max(0, queued.event.ahead - elapsed)


def _queued(case: Case, before: int) -> Entry | None:
    return next((entry for entry in reversed(case.named(f.CheckpointQueued)) if entry.number < before), None)


def fired_at_once(case: Case) -> str | None:
    """The checkpoint was sent before its sound."""
    if case.missing.name != "CheckpointReached":
        return None
    for entry in case.named(f.CheckpointReached):
        if entry.number <= case.since and _queued(case, entry.number) is None:
            arrivals = case.dossier.sound.arrivals if case.dossier.sound else ()
            later = sum(arrival.samples for arrival in arrivals if arrival.at >= entry.at)
            came = f"; the {length(later)} of audio came after it" if later else ""
            return (
                "the checkpoint was sent while nothing was queued, so it fired at once, at "
                f"{case.moment(entry.at)}{came}: send checkPoint behind the audio that it marks"
            )
    return None


def cleared(case: Case) -> str | None:
    """The checkpoint went with the queue."""
    for entry in reversed(case.named(f.CheckpointCleared)):
        queued = _queued(case, entry.number)
        left = 0 if queued is None else _ahead(case, queued, entry.at)
        interrupted = [each for each in case.dossier.all(f.PlayoutInterrupted) if each.at == entry.at]
        if any(each.number < entry.number for each in interrupted):
            return (
                f"the checkpoint was cleared by an interruption at {case.moment(entry.at)}, {left // _PER_MS} ms "
                "before its end: so much of the sound before it was never heard, and a cleared checkpoint does not fire"
            )
        return (
            f"{how_it_ended(case.dossier)}, {left // _PER_MS} ms before the checkpoint would have been reached: "
            "so much of the sound before it was never heard"
        )
    return None


def behind_sound(case: Case) -> str | None:
    """The checkpoint has not had its turn yet."""
    if case.dossier.record is not None or (queued := _queued(case, 1 << 62)) is None:
        return None
    if any(entry.number > queued.number for entry in case.named(f.CheckpointReached, f.CheckpointCleared)):
        return None
    now = latest(case.dossier)
    left = _ahead(case, queued, now)
    advice = f"; {stands}" if (stands := clock(case.dossier, now + left // _PER_MS + 20)) else ""
    return f"{length(left)} of sound were still queued before the checkpoint at {case.moment(now)}{advice}"


def misspelt(case: Case) -> str | None:
    """The checkpoint has nearly that name."""
    name, sent = _names(case)
    near = nearest(name, sent) if name else None
    if near is None:
        return None
    return (
        f"the client's checkpoint is named {told(near)} (at {case.moment(sent[near])}), the test expects {told(name)}"
    )


def other_name(case: Case) -> str | None:
    """The checkpoints have other names."""
    name, sent = _names(case)
    if not name or not sent or nearest(name, sent):
        return None
    return f"the client's checkpoints are named {listed([told(each) for each in list(sent)[:8]], 'and')}"


def _names(case: Case) -> tuple[str, dict[str, int]]:
    """Return the name that is missing and the client's own, with when; nothing where it is among them."""
    name = next((value for field, value in case.missing.wanted if field.name == "name"), None)
    sent = {event.name: entry.at for entry, event in reversed(case.facts(f.CheckpointReached))}
    sent |= {event.name: entry.at for entry, event in reversed(case.facts(f.CheckpointQueued))}
    if not isinstance(name, str) or case.named(f.CheckpointQueued, f.CheckpointReached):
        return "", {}
    return name, sent


def digit_waits(case: Case) -> str | None:
    """The client's digit has not had its turn."""
    dossier = case.dossier
    for entry in reversed(case.named(f.DigitQueued)):
        if any(heard.number > entry.number for heard in case.named(f.DigitHeard)):
            return None
        cut = next((each for each in dossier.all(f.PlayoutInterrupted) if each.number > entry.number), None)
        behind = f"the digit was sent at {case.moment(entry.at)} and waited its turn behind the sound sent before it"
        if cut is not None:
            return f"{behind}; the interruption at {case.moment(cut.at)} cleared it"
        if dossier.record is not None:
            return f"{behind}; {how_it_ended(dossier)} before that"
        stands = clock(dossier)
        return f"{behind}; it waits still at {case.moment(latest(dossier))}{f'; {stands}' if stands else ''}"
    return None


def nothing_to_interrupt(case: Case) -> str | None:
    """The interruption came when all had been heard."""
    for entry in case.dossier.all(f.PlayoutInterrupted):
        assert isinstance(entry.event, f.PlayoutInterrupted)
        if not entry.event.cleared:
            drained = [each for each in case.dossier.all(f.PlayoutDrained) if each.number < entry.number]
            since = f": all had been heard {entry.at - drained[-1].at} ms before" if drained else ": none had been sent"
            return f"the interruption at {case.moment(entry.at)} came when no sound was queued{since}"
    return None
