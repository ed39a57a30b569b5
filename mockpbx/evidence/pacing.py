"""The emulator's own lateness in words, beside that of a client: on a noisy machine the bot need not be the cause."""

from __future__ import annotations

from mockpbx.evidence.dossier import Dossier
from mockpbx.runtime.cadence import Pacing
from mockpbx.runtime.clock import clock_mode

DOUBT = "the machine, not the client, may be the cause of long latencies"


def own_lateness(dossier: Dossier) -> str:
    """Return how late the emulator's own frames left in a call, and what follows from it, as a clause."""
    told = f"the emulator's own lateness: {pacing_told(dossier.pacing, dossier.settings.clock)}"
    return f"{told}; {DOUBT}" if is_noisy(dossier) else told


def doubt_of(dossier: Dossier) -> str:
    """Return the same where it casts doubt on what is measured of the client; empty where it does not."""
    return own_lateness(dossier) if is_noisy(dossier) else ""


def is_noisy(dossier: Dossier) -> bool:
    """Return whether the emulator's own frames left so late that the machine may be the cause of latencies."""
    return dossier.pacing is not None and dossier.pacing.noisy


def pacing_told(pacing: Pacing | None, clock: str) -> str:
    """Return the figures: `p50 0.8 ms, p99 2.5 ms, at most 6 ms`; or that there are none, and why."""
    if pacing is None:
        return "not measured" + (": virtual time" if clock_mode(clock).rate != 1.0 else "")
    told = f"p50 {pacing.p50:g} ms, p99 {pacing.p99:g} ms, at most {pacing.max:g} ms"
    return told + (f", and {pacing.slipped:,} ms were given up" if pacing.slipped else "")
