"""What a rule finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mockpbx.conformance.fuzz.player import Played
from mockpbx.conformance.transcript import Item


@dataclass(frozen=True, slots=True)
class Breach:
    """What a server did that none does that keeps the contract. `late`: it may be this side's lateness."""

    rule: str
    got: str
    items: tuple[Item, ...]
    late: bool = False


Rule = Callable[[Played], Iterator[Breach]]
