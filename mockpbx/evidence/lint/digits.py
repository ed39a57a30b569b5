"""How a client presses keys."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint.stream import paced
from mockpbx.evidence.rules import counted, shown_by
from mockpbx.media.facts import DigitQueued
from mockpbx.runtime.journal import Entry

#: By rule: the durations in ms that break it, from and below.
_LENGTHS = {
    "digit-too-short": (0, 100),
    "digit-short": (100, 150),
    "digit-long": (301, 501),
    "digit-too-long": (501, 1 << 31),
}
_PAUSE = 50  # ms


def digits(dossier: Dossier) -> Iterator[Finding]:
    """Find digits outside the recommended length, and such as follow each other too fast."""
    pressed = dossier.all(DigitQueued)
    for rule, (least, below) in _LENGTHS.items():
        found = [entry for entry in pressed if least <= _digit(entry).duration < below]
        if found:
            first = _digit(found[0])
            what = f"{counted(len(found), 'digit')}, the first of them {first.digit} with {first.duration} ms"
            yield shown_by(rule, what, found)
    if paced(dossier):
        yield from _too_close(pressed)


def _too_close(pressed: list[Entry]) -> Iterator[Finding]:
    """A digit holds the line from the moment it is sent; who waits for its end and 50 ms more is well."""
    close = [(two, two.at - one.at - _digit(one).duration) for one, two in pairwise(pressed)]
    close = [(entry, pause) for entry, pause in close if pause < _PAUSE]
    if close:
        entry, pause = close[0]
        when = f"{pause} ms after the end" if pause >= 0 else f"{-pause} ms before the end"
        what = f"{counted(len(close), 'digit')}, the first of them {_digit(entry).digit}, sent {when} of the one before"
        yield shown_by("digits-too-close", what, [entry for entry, _ in close])


def _digit(entry: Entry) -> DigitQueued:
    assert isinstance(entry.event, DigitQueued)
    return entry.event
