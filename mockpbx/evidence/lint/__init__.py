"""What a client's sound tells of how it was made and sent: pure functions of a call's dossier.

Rules about pace keep silent unless the call's time is real time: on a clock that jumps or is stepped, everything comes
at one instant, and on a scaled one no client can keep pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint.digits import digits
from mockpbx.evidence.lint.gaps import late_tail, underruns
from mockpbx.evidence.lint.labels import labels
from mockpbx.evidence.lint.levels import levels
from mockpbx.evidence.lint.packets import packets
from mockpbx.evidence.lint.rates import rates
from mockpbx.evidence.lint.seams import seams

_FINDERS: tuple[Callable[[Dossier], Iterable[Finding]], ...] = (
    labels,
    rates,
    levels,
    seams,
    packets,
    underruns,
    late_tail,
    digits,
)


def lint(dossier: Dossier) -> list[Finding]:
    """Return what is wrong with a client's sound and digits, one finding a rule, in no particular order."""
    return [finding for find in _FINDERS for finding in find(dossier)]
