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

    `entries` are the numbers of all journal entries that show it, where any do. Assertions of all of them settle it.
    """

    rule: Rule
    what: str
    at: int | None = None
    count: int = 1
    entries: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.rule.id

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.rule.level
