"""Faults of acknowledgments: of `audio`, the only event that has one."""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.runtime.faults.delivery import Delays
from mockpbx.runtime.faults.rule import Duration, Fault, to_ms


class AckFault(Fault):
    """Base of the faults of acknowledgments. The message itself has been taken or refused as ever."""

    def delays(self) -> Delays:
        """Return when an acknowledgment leaves."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class AckLate(AckFault):
    """An acknowledgment leaves late; others do not wait for it."""

    seconds: Duration

    def delays(self) -> Delays:
        """Return the delay."""
        return (to_ms(self.seconds),)


@dataclass(frozen=True, slots=True)
class AckLost(AckFault):
    """An acknowledgment never leaves."""

    def delays(self) -> Delays:
        """Return none."""
        return ()
