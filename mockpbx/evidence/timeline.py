"""A call as lines of text: when, who did it to whom, and what; for a terminal or a test's report."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain import events as e
from mockpbx.evidence import telling
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.pacing import own_lateness
from mockpbx.media import facts as f
from mockpbx.media.recording import Arrival
from mockpbx.runtime.entries import AudioRefused, EventRefused, RecordLost
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.journal import Entry

MATCHED, MISSING, NEAR, PROBLEM = "✓", "✗", "≈", "!"
#: Problems that say the same and are shown in a long timeline.
FEW = 3
#: Columns before the text.
INDENT = 35
#: Facts that are shown as problems.
_PROBLEMS = (
    *(AudioRefused, EventRefused, RecordLost, FaultStruck, f.Underrun, f.MediaSlipped),
    *(e.JoinRefused, e.ExpectationMissed, e.ScenarioFailed),
)
#: What shows that sound which came in the same millisecond came before it.
_AFTER_SOUND = (f.Underrun, f.CheckpointQueued, f.PlayoutInterrupted, f.MediaStopped, e.CallEnded)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its moment, who did it, what; the entries that it tells, and its mark."""

    at: int
    lanes: str
    text: str
    entries: tuple[Entry, ...] = ()
    mark: str = " "
    until: int | None = None


def timeline(
    dossier: Dossier,
    *,
    matched: Collection[Entry] = (),
    highlight: Collection[Entry] = (),
    missing: str = "",
    since: int = 0,
    width: int = 100,
    most: int = 60,
) -> str:
    """Return a call as text of about `most` lines that are `width` characters wide at most.

    Marks entries that were `matched`, those to `highlight`, problems, and that `missing` was looked for in vain behind
    the entry number `since`. Times are seconds since the call was placed; what a client named is escaped.
    """
    marks = {entry.number: NEAR for entry in highlight} | {entry.number: MATCHED for entry in matched}
    lines = list(_collapsed(_told(dossier, marks)))
    if missing:
        lines.insert(_place(lines, since), Line(0, "", missing, mark=MISSING))
    third = "callee" if dossier.call.direction is Direction.OUTBOUND else "caller"
    shown = [_cut(telling.summary(dossier), width), "", f"{'seconds':>10}  {telling.HEADS.format(third)}"]
    gone = [f"{'':>{INDENT}}… older entries are gone: the journal was full"] if dossier.truncated else []
    if dossier.pacing is not None:
        shown[1:1] = wrap(own_lateness(dossier), width)
    shown += gone
    for line in _elided(lines, most):
        shown += _drawn(line, dossier.call.placed_at, width)
    return "\n".join(shown)


def _line(entry: Entry, dossier: Dossier, mark: str) -> Line | None:
    event = entry.event
    if isinstance(event, e.CallEnded):
        return Line(entry.at, _ending(event.record.hangup_by, dossier), telling.ended(event.record), (entry,), mark)
    if isinstance(event, e.CallPlaced) and event.direction is Direction.INBOUND:
        return Line(entry.at, telling.FROM_CALLEE, f"calls {telling.plain(event.number)}", (entry,), mark)
    if type(event) not in telling.TELLS:
        return None
    lanes, tell = telling.TELLS[type(event)]
    return Line(entry.at, lanes, tell(event), (entry,), mark)


def _ending(by: Party | None, dossier: Dossier) -> str:
    client = Party.CALLER if dossier.call.direction is Direction.OUTBOUND else Party.CALLEE
    return telling.TO_BOTH if by is None else telling.CLIENT_TO_CALLEE if by is client else telling.CALLEE_TO_CLIENT


# --- lines -----------------------------------------------------------------------------------------------------------


def _told(dossier: Dossier, marks: dict[int, str]) -> Iterator[Line]:
    """Yield a line for each entry and each stretch of the client's sound, in order."""
    arrivals = deque(dossier.sound.arrivals if dossier.sound else ())
    queued: dict[str, deque[int]] = {}
    for entry in dossier.entries:
        before = entry.at + isinstance(entry.event, _AFTER_SOUND)
        yield from _sent(_taken(arrivals, before))
        mark = marks.get(entry.number) or (PROBLEM if isinstance(entry.event, _PROBLEMS) else " ")
        line = _line(entry, dossier, mark)
        if line is not None:
            yield replace(line, text=line.text + _span(entry, queued))
    yield from _sent(list(arrivals))


def _taken(arrivals: deque[Arrival], before: int) -> list[Arrival]:
    taken = []
    while arrivals and arrivals[0].at < before:
        taken.append(arrivals.popleft())
    return taken


def _sent(arrivals: Sequence[Arrival]) -> Iterator[Line]:
    if arrivals:
        formats = " and ".join(dict.fromkeys(telling.plain(each.audio_format) for each in arrivals))
        messages = f"in {len(arrivals)} messages" if len(arrivals) > 1 else "in one message"
        text = f"{telling.length(sum(each.samples for each in arrivals))} of {formats} {messages}"
        until = arrivals[-1].at if arrivals[-1].at > arrivals[0].at else None
        yield Line(arrivals[0].at, telling.FROM_CLIENT, text, until=until)


def _span(entry: Entry, queued: dict[str, deque[int]]) -> str:
    """Return how long a checkpoint waited, at its end."""
    match entry.event:
        case f.CheckpointQueued(name):
            queued.setdefault(name, deque()).append(entry.at)
        case f.CheckpointReached(name) | f.CheckpointCleared(name) if queued.get(name):
            return f", {(entry.at - queued[name].popleft()) / 1_000:.3f} s after it was sent"
        case f.CheckpointReached():
            return " at once: nothing was queued"
    return ""


def _collapsed(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines with those that say the same as the one before, and bear no mark of their own, put into it."""
    last: Line | None = None
    for line in lines:
        if last is not None and line.mark in (" ", PROBLEM) and _says(line) == _says(last) is not None:
            last = replace(last, entries=last.entries + line.entries, until=line.at)
            continue
        if last is not None:
            yield last
        last = line
    if last is not None:
        yield last


def _says(line: Line) -> tuple[str, str, str] | None:
    return (line.lanes, line.text, line.mark) if line.entries else None


def _place(lines: Sequence[Line], since: int) -> int:
    """Return where a line goes that comes right behind the entry number `since`."""
    known = (index for index, line in enumerate(lines, 1) if line.entries and line.entries[0].number <= since)
    return max(known, default=0)


def _elided(lines: Sequence[Line], most: int) -> Iterator[Line]:
    """Yield the first, the last and the marked lines, about `most`, and in place of the others how many there are.

    Of problems that say the same, the first few.
    """
    marked = [index for index, line in enumerate(lines) if line.mark in (MATCHED, MISSING, NEAR)]
    around = {near for index in marked for near in (index - 1, index)}
    budget = max(8, most - len(around))
    problems = _first_of_each([(index, line.text) for index, line in enumerate(lines) if line.mark == PROBLEM])
    ends = (budget - len(problems[: budget // 3])) // 2
    kept = {*around, *problems[: budget // 3], *range(ends), *range(len(lines) - ends, len(lines))}
    if len(lines) <= most:
        kept = set(range(len(lines)))
    left_out = 0
    for index, line in enumerate(lines):
        if index not in kept:
            left_out += 1
            continue
        if left_out:
            yield Line(0, "", f"… {left_out} more …")
        left_out = 0
        yield line


def _first_of_each(lines: Iterable[tuple[int, str]]) -> list[int]:
    seen: Counter[str] = Counter()
    kept = []
    for index, text in lines:
        seen[text] += 1
        if seen[text] <= FEW:
            kept.append(index)
    return kept


def _drawn(line: Line, began: int, width: int) -> Iterator[str]:
    if not line.lanes:
        yield _cut(f"{line.mark} {'':>{INDENT - 2}}{line.text}", width)
        return
    times = f" (× {len(line.entries)})" if len(line.entries) > 1 else ""
    until = f", until {(line.until - began) / 1_000:.3f}" if line.until is not None and line.until > line.at else ""
    first, *others = wrap(line.text + times + until, max(20, width - INDENT), max_lines=4, placeholder=" …") or [""]
    yield f"{line.mark} {(line.at - began) / 1_000:8.3f}  {line.lanes}  {first}"
    for other in others:
        yield f"{'':12}{telling.NOBODY}  {other}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
