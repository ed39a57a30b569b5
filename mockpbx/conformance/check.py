"""A check: one clause of the contract, and the function that judges what the scenes saw by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mockpbx.conformance.transcript import Item

if TYPE_CHECKING:
    from mockpbx.conformance.run import Run


class Level(StrEnum):
    """How binding a clause is: what the contract states is a MUST, what it recommends or leaves to reason a SHOULD."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Outcome(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


class Verdict(Exception):
    """Base of what a judge raises. `got` is one sentence; the items are what shows it."""

    outcome: Outcome

    def __init__(self, got: str, *items: Item) -> None:
        super().__init__(got)
        self.got = got
        self.items = items


class Violated(Verdict):
    """The server broke the clause: what came instead of what was expected."""

    outcome = Outcome.FAILED


class Unclear(Verdict):
    """It was tried and cannot be told: the reason."""

    outcome = Outcome.INCONCLUSIVE


class Unobservable(Verdict):
    """It could not be tried here: a number that was not given, or a callee that shows nothing of it."""

    outcome = Outcome.SKIPPED


#: Judges what was seen. Returns a remark for the report, such as what was measured, or None. Raises a Verdict.
Judge = Callable[["Run"], str | None]


@dataclass(frozen=True, slots=True)
class Check:
    """One clause: its id, the contract's section, what it expects, which scenes show it, how it is judged.

    `needs` names the options without which it is skipped, such as `busy_number`.
    """

    id: str
    section: str
    level: Level
    expects: str
    scenes: tuple[str, ...]
    needs: tuple[str, ...]
    judge: Judge


def check(
    id: str,
    section: str,
    expects: str,
    *scenes: str,
    level: Level = Level.MUST,
    needs: tuple[str, ...] = (),
) -> Callable[[Judge], Check]:
    """Make a check of the judge below, which has seen at least these scenes."""

    def made(judge: Judge) -> Check:
        return Check(id, section, level, expects, scenes, needs, judge)

    return made


@dataclass(frozen=True, slots=True)
class Result:
    """What a check came to: one sentence of what came, and the items that show it."""

    check: Check
    outcome: Outcome
    got: str = ""
    items: tuple[Item, ...] = ()
