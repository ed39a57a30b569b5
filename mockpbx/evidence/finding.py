"""A finding: something about a call that its client's author should know, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is looked for: its id (`wav-header-in-audio`), how bad it is, the contract's section, and the remedy."""

    id: str
    level: Level
    section: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a call broke: what was seen, `at` which virtual ms first, how often in all.

    `entry` is the number of the journal entry that shows it, where one does. An assertion of that very fact settles it.
    """

    rule: Rule
    what: str
    at: int | None = None
    count: int = 1
    entry: int | None = None

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.rule.id

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.rule.level
