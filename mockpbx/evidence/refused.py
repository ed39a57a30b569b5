"""What the service refused of a client's messages, as findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mockpbx.contract.errors import NotConnected
from mockpbx.domain import events as e
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.rules import counted, shown, shown_by
from mockpbx.runtime.entries import AudioRefused, EventRefused
from mockpbx.runtime.journal import Entry

#: Reasons that a finding names.
_REASONS = 3
_SPLIT = "whole 16-bit samples"


def refusals(entries: Sequence[Entry], connected_at: int | None = None) -> Iterator[Finding]:
    """Find messages that were refused: audio, other events, rooms."""
    audio = of_kind(entries, AudioRefused)
    split = [entry for entry in audio if _SPLIT in _reason(entry)]
    other = [entry for entry in audio if _SPLIT not in _reason(entry)]
    events = of_kind(entries, EventRefused)
    joins = of_kind(entries, e.JoinRefused)
    if split:
        yield shown_by("split-samples", f"{counted(len(split), 'pcm16 message')} with an odd number of bytes", split)
    if other:
        yield shown_by("audio-refused", _refused(other, "audio message") + _too_early(other, connected_at), other)
    if events:
        names = ", ".join(sorted({shown(entry.event.event) for entry in events}))  # type: ignore[attr-defined]
        yield shown_by("event-refused", f"{_refused(events, 'event')}: {names}", events)
    if joins:
        yield shown_by("join-refused", f"{counted(len(joins), 'joinRoom')} for no live call", joins)


def _refused(entries: Sequence[Entry], noun: str) -> str:
    reasons = Counter(map(_reason, entries))
    told = "; ".join(
        shown(reason, 200) + (f" ({'once' if times == 1 else f'{times:,} times'})" if len(reasons) > 1 else "")
        for reason, times in reasons.most_common(_REASONS)
    )
    more = len(reasons) - _REASONS
    return f"{counted(len(entries), noun)} refused: {told}" + (f"; and for {counted(more, 'reason')} more" * (more > 0))


def _too_early(entries: Sequence[Entry], connected_at: int | None) -> str:
    early = [entry for entry in entries if _reason(entry) == NotConnected.sentence]
    if not early:
        return ""
    if connected_at is None:
        return "; the call was never answered"
    return f"; the first was sent {connected_at - early[0].at:,} ms before Connected"


def of_kind(entries: Sequence[Entry], kind: type) -> list[Entry]:
    """Return the entries of a kind, in order."""
    return [entry for entry in entries if isinstance(entry.event, kind)]


def _reason(entry: Entry) -> str:
    assert isinstance(entry.event, AudioRefused | EventRefused)
    return entry.event.reason
