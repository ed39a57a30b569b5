"""What is told of an examination: its results in words that may be shown anywhere, and what they amount to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mockpbx.conformance.check import Check, Level, Outcome
from mockpbx.conformance.runner import Report
from mockpbx.conformance.ticket import Redaction, exchange_of

#: Exit status of a run that was stopped.
STOPPED = 130
MEANINGS = {
    0: "every MUST that could be tried was kept",
    1: "a MUST was violated",
    2: "a MUST stayed inconclusive",
    STOPPED: "stopped before the end",
}
STRICTLY = "a MUST or a SHOULD was violated"


@dataclass(frozen=True, slots=True)
class Told:
    """What a check came to, without tokens and control characters; `exchange` are the lines that show it."""

    check: Check
    outcome: Outcome
    got: str
    exchange: tuple[str, ...]
    counts: bool  # in the exit status: a MUST, or strictly any


@dataclass(frozen=True)
class Account:
    """A report, when it was begun, and how it is taken: `strict` counts each SHOULD, `stopped` says it is not whole."""

    report: Report
    begun: datetime
    version: str
    strict: bool = False
    stopped: bool = False

    @cached_property
    def results(self) -> tuple[Told, ...]:
        """All results, in the order of the checks."""
        redaction = Redaction.of(self.report.options)
        return tuple(
            Told(
                result.check,
                result.outcome,
                redaction.text(result.got),
                tuple(exchange_of(result.items, redaction)),
                self.strict or result.check.level is Level.MUST,
            )
            for result in self.report.results
        )

    def of(self, outcome: Outcome) -> list[Told]:
        """Return the results of an outcome."""
        return [told for told in self.results if told.outcome is outcome]

    def sections(self) -> Iterator[tuple[str, list[Told]]]:
        """Iterate over the contract's sections with their results."""
        for section in dict.fromkeys(told.check.section for told in self.results):
            yield section, [told for told in self.results if told.check.section == section]

    @property
    def exit_status(self) -> int:
        """As of `mockpbx check`: 0, 1, 2, or 130 where it was stopped."""
        return STOPPED if self.stopped else self.report.exit_status(strict=self.strict)

    @property
    def meaning(self) -> str:
        """What the exit status says."""
        return STRICTLY if self.strict and self.exit_status == 1 else MEANINGS[self.exit_status]

    @property
    def verdict(self) -> str:
        """What it all amounts to, in one sentence."""
        if self.stopped:
            return "The examination was stopped before its end."
        broken = self._levels(Outcome.FAILED)
        open_ = self._levels(Outcome.INCONCLUSIVE)
        match self.exit_status:
            case 1:
                return f"The server breaks the contract: {broken} violated."
            case 2:
                return f"It cannot be told whether the server keeps the contract: {open_} inconclusive."
        if not self.of(Outcome.PASSED):
            return "Nothing could be tried."
        besides = f", but {broken} violated" if broken else f", but {open_} inconclusive" if open_ else ""
        return f"The server keeps the contract, as far as it could be tried{besides}."

    @property
    def hints(self) -> list[str]:
        """What may be wrong when nearly everything is."""
        redaction = Redaction.of(self.report.options)
        return [redaction.text(hint) for hint in self.report.hints]

    @property
    def counts(self) -> str:
        """How many checks came to what, and what it took."""
        told = ", ".join(f"{self.report.count(outcome)} {outcome}" for outcome in Outcome)
        calls = self.report.calls
        took = f"{calls} call{'' if calls == 1 else 's'}, {self.report.seconds:.0f} s"
        return f"{len(self.results)} checks: {told} ({took})"

    def _levels(self, outcome: Outcome) -> str:
        counts = ((self.report.count(outcome, level), level) for level in Level)
        return " and ".join(f"{count} {level}{'' if count == 1 else 's'}" for count, level in counts if count)
