"""Facts, times and steps in words. Strings of clients are shown with their control characters spelt out."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain import events as e
from mockpbx.domain.record import CallRecord
from mockpbx.evidence.measures import CallMeasured
from mockpbx.evidence.telling import TELLS, ended
from mockpbx.media import facts
from mockpbx.runtime.entries import AudioRefused

#: Characters of a client's string that a page has room for; the JSON lines hold all of them.
LONGEST = 160


def visible(text: str) -> str:
    """Return a string in which control and direction characters are spelt out, so that they do nothing."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def short(text: str, most: int = LONGEST) -> str:
    """Return the visible beginning of a string."""
    shown = visible(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def seconds(ms: float) -> str:
    """Return milliseconds as seconds to the millisecond: `12.480 s`."""
    return f"{ms / 1_000:.3f} s"


def about(ms: float) -> str:
    """Return milliseconds as seconds to the tenth: `12.4 s`; of less than a second every millisecond."""
    return f"{ms / 1_000:.1f} s" if ms >= 1_000 else f"{ms:.0f} ms"


def other_end(direction: Direction) -> str:
    """Return what the party is called that the emulator plays."""
    return "Callee" if direction is Direction.OUTBOUND else "Caller"


def ended_by(record: CallRecord) -> str:
    """Return who ended a call: `the client`, `the callee`, `nobody`."""
    if record.hangup_by is None:
        return "nobody"
    client = Party.CALLER if record.direction is Direction.OUTBOUND else Party.CALLEE
    return "the client" if record.hangup_by is client else f"the {other_end(record.direction).lower()}"


def words_of(fact: object) -> str:
    """Return what a journal's fact says, in a few words, as a timeline tells it."""
    match fact:
        case e.CallEnded(record):
            return ended(record)
        case e.CallPlaced(direction=direction, scenario=scenario):
            return short(f"{direction} {TELLS[e.CallPlaced][1](fact)}, scenario {scenario}")
        case facts.SoundHeard(what):
            return short(f"hears {what or 'what was listened for'}")
        case AudioRefused(reason, size):
            return short(f"{size:,} bytes refused: {reason}")
        case CallMeasured():
            return "what was measured: the figures above"
        case _ if type(fact) in TELLS:
            return short(TELLS[type(fact)][1](fact))
        case _ if is_dataclass(fact):
            return short(", ".join(f"{each.name} {getattr(fact, each.name)}" for each in fields(fact)))
        case _:
            return ""
