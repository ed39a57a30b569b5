"""A rule that has been set: whether it strikes, and how often it has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from mockpbx.domain.plan import number_fits
from mockpbx.runtime.faults.rule import Rule, to_ms


@dataclass(slots=True)
class KnownCall:
    """What rules ask of a call. `ordinal` counts the workspace's calls; 0 is none of them."""

    session_id: str
    number: str
    ordinal: int = 0
    connected_at: int | None = None


@dataclass(slots=True)
class Draw:
    """One rule's luck in one call: its source, a share from 0 to 1 that is the call's own, and its strikes there."""

    luck: Random
    share: float
    count: int = 0


@dataclass(slots=True)
class Standing:
    """A rule that was set at `set_at`, virtual ms. Its luck in a call depends on the seed and on the call's ordinal.

    `spent` marks one that had its only moment, `ends` are what its end takes back.
    """

    id: str
    rule: Rule
    set_at: int
    seed: int
    passed: int = 0
    struck: int = 0
    spent: bool = False
    draws: dict[int, Draw] = field(default_factory=dict)
    ends: list[Callable[[], None]] = field(default_factory=list)

    def concerns(self, call: KnownCall | None) -> bool:
        """Return whether the rule is about this call, or about what belongs to none."""
        when = self.rule.when
        if when.call is not None and (call is None or call.session_id != when.call):
            return False
        return when.number is None or (call is not None and number_fits(call.number, when.number))

    def start(self, call: KnownCall | None) -> float:
        """Return from when on the rule holds for a call, in virtual ms; infinity while that is not known."""
        when = self.rule.when
        start = self.set_at + to_ms(when.after)
        if when.after_connected is None:
            return start
        if call is None or call.connected_at is None:
            return math.inf
        return max(start, call.connected_at + to_ms(when.after_connected))

    def strike(self, now: int, call: KnownCall | None) -> Draw | None:
        """Return the rule's luck in this call where it strikes at `now`, and count that; None where it does not."""
        when = self.rule.when
        if not self.concerns(call) or not 0 <= now - self.start(call) < self._lasts or self._used_up:
            return None
        if self.passed < when.skip:
            self.passed += 1
            return None
        draw = self._draw(call)
        if when.probability < 1 and draw.luck.random() >= when.probability:
            return None
        self.struck += 1
        draw.count += 1
        return draw

    def exhausted(self, now: int) -> bool:
        """Return whether it will never strike again."""
        over = self.rule.when.after_connected is None and now - self.start(None) >= self._lasts
        return self.spent or over or self._used_up

    def take_back(self, ends: Sequence[Callable[[], None]]) -> None:
        """Take back what the rule did to sockets, or some of it, unless that is done already."""
        due = [end for end in self.ends if end in ends]
        self.ends = [end for end in self.ends if end not in ends]
        for end in due:
            end()

    @property
    def _used_up(self) -> bool:
        return self.rule.when.times is not None and self.struck >= self.rule.when.times

    @property
    def _lasts(self) -> float:
        return math.inf if self.rule.when.lasts is None else to_ms(self.rule.when.lasts)

    def _draw(self, call: KnownCall | None) -> Draw:
        ordinal = 0 if call is None else call.ordinal
        if ordinal not in self.draws:
            luck = Random(f"{self.seed}: call {ordinal}")
            self.draws[ordinal] = Draw(luck, luck.random())
        return self.draws[ordinal]
