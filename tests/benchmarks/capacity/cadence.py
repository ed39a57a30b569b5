"""From arrival times to figures: frames owed, deviation from a call's own 20 ms grid, drift. Times in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Ms by quantile; None where there was nothing to measure.
Quantiles = dict[str, float | None]

FRAME = 0.020
_ENDS = 5  # a frame is lost if it is missing at each of so many instants, 20 ms apart: a late one is not
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}
_BUCKETS_MS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0)


def delivered(arrivals: Sequence[float], began: float, seconds: float) -> float:
    """Return the share of a call's frames that came, of those due within `seconds` from `began` on; at most 1.

    The window begins with the first frame after `began` and ends in the middle between two.
    """
    times = np.asarray(arrivals)
    first = int(np.searchsorted(times, began))
    if first == len(times):
        return 0.0
    slots = round(seconds / FRAME)
    best = 0.0
    for more in range(_ENDS):
        due = slots + more
        until = times[first] + (due - 0.5) * FRAME
        best = max(best, (int(np.searchsorted(times, until)) - first) / due)
    return min(best, 1.0)


def deviations(arrivals: Sequence[float], began: float, ended: float) -> NDArray[np.float64]:
    """Return how far each frame of a call came from the 20 ms grid that fits the call best."""
    times = np.asarray(arrivals)
    times = times[(times >= began) & (times < ended)]
    offsets = times - FRAME * np.arange(len(times))
    return np.asarray(np.abs(offsets - np.median(offsets)) if len(times) else offsets)


def drift_ms_per_minute(arrivals: Sequence[float], began: float, ended: float) -> float | None:
    """Return how much later than due a call's frames come with every minute, by the straight line that fits best.

    None where too few came to tell.
    """
    times = np.asarray(arrivals)
    times = times[(times >= began) & (times < ended)]
    if len(times) < 100:
        return None
    slope = np.polyfit(np.arange(len(times)) * FRAME, times - times[0] - FRAME * np.arange(len(times)), 1)[0]
    return float(slope * 60 * 1_000)


def summary(seconds: NDArray[np.float64]) -> Quantiles:
    """Return quantiles in ms."""
    if not len(seconds):
        return dict.fromkeys(_QUANTILES)
    quantiles = np.quantile(seconds, tuple(_QUANTILES.values())) * 1_000
    return dict(zip(_QUANTILES, (round(float(q), 3) for q in quantiles), strict=True))


def histogram(seconds: NDArray[np.float64]) -> dict[str, int]:
    """Return how many are at most so many ms, and more than the bound before."""
    edges = np.asarray((-1.0, *_BUCKETS_MS, math.inf)) / 1_000
    counts, _ = np.histogram(seconds, edges)
    return {f"{bound:g}": int(count) for bound, count in zip((*_BUCKETS_MS, math.inf), counts, strict=True)}
