"""What an expectation that was not met says: what is missing, the call, what came near, and the likely cause."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from textwrap import fill

from mockpbx.domain import events as e
from mockpbx.evidence.causes import Case, causes
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.judging import Judgement
from mockpbx.evidence.patterns import FACTS, Fact, seen
from mockpbx.evidence.telling import moment
from mockpbx.evidence.timeline import timeline
from mockpbx.runtime.journal import Entry

#: Facts that are shown as near ones.
MOST_NEAR = 3

#: What is worth a look where a fact is missing, beside facts of its own kind.
RELATED = {
    "Joined": ("JoinRefused",),
    "CheckpointReached": ("CheckpointCleared", "CheckpointQueued"),
    "Digit": ("CalleePressed",),
    "DigitHeard": ("DigitQueued",),
    "RecordIssued": ("Ended",),
    "ExpectationMet": ("ExpectationMissed",),
}


def explain(
    dossier: Dossier,
    wanted: Sequence[Fact],
    judgement: Judgement,
    stray: Sequence[Entry] = (),
    *,
    width: int = 100,
    most: int = 60,
) -> str:
    """Return why an expectation was not met, for whoever wrote it. Its `judgement` must lack something.

    `stray` are entries of the workspace that name no call. `width` and `most` are those of the timeline.
    """
    missing = judgement.missing
    assert missing is not None, "an expectation that was met needs no explanation"
    case = Case(dossier, missing, judgement.since, stray)
    near = _nearest(case, judgement)
    story = timeline(
        dossier,
        matched=judgement.matched,
        highlight=[entry for entry, _ in near],
        missing=f"{missing} was expected from here on",
        since=judgement.since,
        width=width,
        most=most,
    )
    parts = [_headline(dossier, wanted, judgement, missing), story]
    if near:
        parts.append("\n".join(["nearest:", *(_indented(line, width) for _, line in near)]))
    first, *others = causes(case)
    reasons = (first, *(f"also, {other}" for other in others))
    parts.append("\n".join(["likely cause:", *(_indented(each, width) for each in reasons)]))
    return "\n\n".join(parts)


def _indented(text: str, width: int) -> str:
    return fill(text, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _headline(dossier: Dossier, wanted: Sequence[Fact], judgement: Judgement, missing: Fact) -> str:
    found = len(judgement.matched)
    after = f" after {wanted[found - 1]}" if found else ""
    return f"expected {missing}{after}, but {_instead(dossier, judgement, missing)}"


def _instead(dossier: Dossier, judgement: Judgement, missing: Fact) -> str:
    ended = dossier.first(e.CallEnded)
    if any(missing.fits(entry.event) for entry in dossier.entries if judgement.after < entry.number <= judgement.since):
        return "it came before that and not again"
    if ended is None:
        return "it has not come so far"
    if missing.name == "Ended":
        return "the call ended otherwise"
    if missing.name == "RecordIssued" and not judgement.over:
        return "the record is not issued yet"
    return "the call ended first" if ended.number > judgement.since else "the call had ended and nothing followed"


def _nearest(case: Case, judgement: Judgement) -> list[tuple[Entry, str]]:
    """Return the entries that are most like what is missing, and what differs, the nearest first."""
    missing = case.missing
    taken = {entry.number for entry in judgement.matched}
    same = [entry for entry in case.dossier.entries if isinstance(entry.event, missing.kinds)]
    same.sort(key=lambda entry: (len(missing.differences(entry.event)), -_likeness(entry, missing), entry.number))
    near = {_difference(case, entry, judgement): entry for entry in reversed(same) if _says(case, entry, taken)}
    lines = [(entry, line) for line, entry in reversed(near.items())]
    for name in RELATED.get(missing.name, ()):
        related = [entry for entry in case.dossier.entries if FACTS[name].fits(entry.event) and _alike(case, entry)]
        lines += [(entry, f"{seen(entry.event, missing)} at {case.moment(entry.at)}") for entry in related[-1:]]
    return lines[:MOST_NEAR]


def _says(case: Case, entry: Entry, taken: set[int]) -> bool:
    """Return whether an entry of the missing fact's kind has anything to tell: one that was matched may have not."""
    return entry.number not in taken or case.missing.fits(entry.event)


def _alike(case: Case, entry: Entry) -> bool:
    """Return whether an entry of another kind says the same where it says it at all."""
    own = {field.name for field in (getattr(seen(entry.event), "fields", ()))}
    wanted = [(field, value) for field, value in case.missing.wanted if field.name in own]
    return not any(field.difference(value, entry.event) for field, value in wanted)


def _likeness(entry: Entry, missing: Fact) -> float:
    return SequenceMatcher(None, repr(seen(entry.event, missing)), repr(missing)).ratio()


def _difference(case: Case, entry: Entry, judgement: Judgement) -> str:
    differences = case.missing.differences(entry.event)
    came = f"{seen(entry.event, case.missing)} at {case.moment(entry.at)}"
    if differences:
        return f"{came}: {', '.join(differences[:2])}"
    last = judgement.matched[-1] if judgement.matched else None
    if last is None or entry.number <= judgement.after:
        return f"{came}: before the expectation began"
    if entry.number in {each.number for each in judgement.matched}:
        return f"{came}: once, and the expectation has it already"
    return f"{came}: before {seen(last.event)} at {moment(case.dossier, last.at)}; the order is what differs"
