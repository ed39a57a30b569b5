"""Whether what was expected of a call has happened: facts in order, among the journal's entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mockpbx.domain.events import RecordIssued
from mockpbx.evidence.patterns import Fact
from mockpbx.runtime.journal import Entry


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far an expectation has come: the entry of each fact that was found, and the first that was not.

    `after` is the number of the entry behind which the search began; `over` tells that the call brings nothing more.
    """

    matched: tuple[Entry, ...]
    missing: Fact | None
    over: bool
    after: int = 0

    @property
    def met(self) -> bool:
        """Whether all of it has happened."""
        return self.missing is None

    @property
    def since(self) -> int:
        """The number of the entry behind which the missing fact was looked for."""
        return self.matched[-1].number if self.matched else self.after


def judge(entries: Iterable[Entry], wanted: Sequence[Fact], after: int = 0) -> Judgement:
    """Look for facts in the order in which they are wanted, with anything between them, behind the entry `after`."""
    matched: list[Entry] = []
    over = False
    for entry in entries:
        over = over or isinstance(entry.event, RecordIssued)
        if len(matched) < len(wanted) and entry.number > after and wanted[len(matched)].fits(entry.event):
            matched.append(entry)
    missing = wanted[len(matched)] if len(matched) < len(wanted) else None
    return Judgement(tuple(matched), missing, over, after)


def first(entries: Iterable[Entry], fact: Fact, after: int = 0) -> Entry | None:
    """Return the first entry behind `after` that is this fact, None where there is none: what never was to happen."""
    return next((entry for entry in entries if entry.number > after and fact.fits(entry.event)), None)


def count(entries: Iterable[Entry], fact: Fact, after: int = 0) -> int:
    """Return how often a fact has happened behind the entry `after`."""
    return sum(entry.number > after and fact.fits(entry.event) for entry in entries)
