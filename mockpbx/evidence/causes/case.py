"""A fact that was expected in vain, and what the rules ask of its call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mockpbx.domain.events import CalleeListens, ExpectationMet, ExpectationMissed
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.patterns import Fact
from mockpbx.evidence.telling import moment
from mockpbx.runtime.journal import Entry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """What was expected in vain: the call, the fact, and the number of the entry behind which it was looked for.

    `stray` are entries that name no call of the workspace.
    """

    dossier: Dossier
    missing: Fact
    since: int
    stray: Sequence[Entry] = ()

    def named(self, *kinds: type) -> list[Entry]:
        """Return the entries of some kinds that say what the missing fact is to say."""
        return [entry for entry in self.dossier.all(*kinds) if not self.missing.differences(entry.event)]

    def facts(self, kind: type[T]) -> list[tuple[Entry, T]]:
        """Return the entries of a kind, each with its event."""
        return [(entry, entry.event) for entry in self.dossier.entries if isinstance(entry.event, kind)]

    def moment(self, at: int) -> str:
        """Return a moment as the timeline shows it."""
        return moment(self.dossier, at)


#: Returns why the fact is missing, None where it knows nothing of that.
Rule = Callable[[Case], str | None]


def latest(dossier: Dossier) -> int:
    """Return the last moment that is known of a call, in virtual ms."""
    frames = () if dossier.sound is None else dossier.sound.times[-1:]
    return max(dossier.call.placed_at, *(entry.at for entry in dossier.entries), *(int(at) for at in frames))


def clock(dossier: Dossier, until: int | None = None) -> str:
    """Return what to do where time stands still, `until` when at least; nothing where it runs."""
    if dossier.settings.clock != "manual":
        return ""
    return f"the clock is manual: advance it{'' if until is None else f' to {moment(dossier, until)} or later'}"


def waiting(case: Case) -> tuple[Entry, CalleeListens] | None:
    """Return what the scenario still waited for in the end, None where it did not wait."""
    listened = case.facts(CalleeListens)
    over = len(listened) <= len(case.dossier.all(ExpectationMet, ExpectationMissed))
    return None if over else listened[-1]
