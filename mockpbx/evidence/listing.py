"""Findings as lists of text, as `mockpbx lint` and a failed test show them. Strings of clients do nothing in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Final, get_args

from mockpbx.evidence.finding import Finding, Level
from mockpbx.evidence.rules import counted
from mockpbx.evidence.telling import plain

#: The worst first.
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
#: Columns before what was found: those of the moment.
INDENT: Final = 13

#: Colours a text as one of a level.
Paint = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Case:
    """A rule that was broken, as whoever broke it is told; `at` is in seconds since the call was placed."""

    id: str
    level: str
    what: str
    section: str
    remedy: str
    count: int
    at: float | None = None
    entries: tuple[int, ...] = ()

    @classmethod
    def of(cls, finding: Finding, placed_at: int | None) -> Case:
        """Return a finding of a call that was placed then, of none where that is None."""
        rule = finding.rule
        at = None if finding.at is None or placed_at is None else (finding.at - placed_at) / 1_000
        return cls(
            rule.id, rule.level, finding.what, rule.section, rule.remedy, finding.count, at=at, entries=finding.entries
        )

    def lines(self, width: int = 0, paint: Paint = lambda text, level: text) -> Iterator[str]:
        """Yield it as lines: when, how bad and which rule; what; the remedy. Wrapped where there is a `width`."""
        at = "" if self.at is None else f"{self.at:.3f} s"
        times = f"  × {self.count:,}" if self.count > 1 else ""
        yield f"{at:>{INDENT - 2}}  {paint(f'{plain(self.level):7}', self.level)}  {plain(self.id)}{times}"
        for text in (self.what, f"{self.remedy} [{self.section}]"):
            for line in wrapped(plain(text), width, INDENT):
                yield " " * INDENT + line


def wrapped(text: str, width: int, indent: int) -> list[str]:
    """Return lines that fit a terminal; without a `width` a single one, which can be searched."""
    return wrap(text, max(20, width - indent)) if width else [text]


def sums(levels: Iterable[str]) -> str:
    """Return `1 error, 2 notes`, the worst first."""
    by_level = Counter(levels)
    return ", ".join(counted(by_level[level], level) for level in LEVELS if by_level[level])


def as_bad_as(level: str) -> tuple[Level, ...]:
    """Return a level and the worse ones."""
    return LEVELS[: LEVELS.index(level) + 1]
