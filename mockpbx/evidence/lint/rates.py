"""Sound of another rate that was sent as 8 kHz: slow and deep.

Three witnesses: the header of a WAV file, the pace of a client that sends in real time (16 kHz come twice as fast as
they are played), and the sound itself. Only the first is sure; pace and sound together are nearly so, each alone is a
suspicion, and only where the other does not speak against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.finding import Finding
from mockpbx.evidence.lint.labels import wav_headers
from mockpbx.evidence.lint.stream import Run, paced, runs
from mockpbx.evidence.rules import broken
from mockpbx.media.framing import RATE
from mockpbx.media.pcm import Samples
from mockpbx.media.recording import Arrival

#: Rates that sound is made at, and the highest mean frequency (in Hz) that speech has when it is played at 8 kHz.
_RATES: Final = {11_025: 650, 16_000: 580, 22_050: 500, 24_000: 450, 32_000: 400, 44_100: 350, 48_000: 350}
_NEAR: Final = 0.06  # timers of clients run late by a few per cent
_LEAST_MESSAGES, _LEAST_SECONDS = 20, 3.0
_UNEVEN: Final = 0.4  # of the median interval

_FRAME: Final = 1_024  # samples: 128 ms, four periods of 30 Hz
_SHORTEST, _LONGEST = 20, 400  # periods in samples: 400 Hz to 20 Hz
_VOICED, _NEARLY_AS_GOOD = 0.6, 0.85
_LEAST_VOICED: Final = 16  # frames, a second
# Of 42 voices (12 of the lowest pitch) and 19 clips at the right rate, none is as deep as both of these.
_DEEP_MEAN, _DEEP_PITCH = 300.0, 60.0


def rates(dossier: Dossier) -> Iterator[Finding]:
    """Find sound of another rate than 8 kHz."""
    found: dict[str, Finding] = {}
    for run in runs(dossier):
        for finding in (*_claimed(run), *_heard(run, paced(dossier))):
            found.setdefault(finding.id, finding)
    if "wrong-rate" in found:
        found.pop("suspect-rate", None)
    yield from found.values()


def _claimed(run: Run) -> Iterator[Finding]:
    wrong = [header for header in wav_headers(run) if header.rate != RATE]
    if wrong:
        what = f"its own header says that the sound has {wrong[0].rate:,} Hz; the callee hears it at {RATE:,}"
        yield broken("wrong-rate", what, run.at(wrong[0].offset), len(wrong))


def _heard(run: Run, keeps_pace: bool) -> Iterator[Finding]:
    pace = _steady_pace(run.arrivals) if keeps_pace else None
    rate = None if pace is None else _rate_of(pace)
    if len(run.samples) < _LEAST_VOICED * _FRAME // 2:
        return
    power, frames = _spectra(run.samples)
    if not len(frames):
        return
    mean = _mean_frequency(power)
    deep = mean < _DEEP_MEAN and _is_deep_voice(power, frames)
    at = run.arrivals[0].at
    if rate is not None and mean < _RATES[rate]:
        sound = " and it sounds slow" if deep else ""
        what = f"the sound came steadily at {pace:.1f} times real time, as {rate:,} Hz would{sound}"
        yield broken("wrong-rate" if deep else "suspect-rate", what, at)
    elif deep:
        what = f"the voice is slow and deep: most of its power is around {mean:.0f} Hz, as of a rate above {RATE:,} Hz"
        yield broken("suspect-rate", what, at)


def _steady_pace(arrivals: Sequence[Arrival]) -> float | None:
    """Sound per time of a client that sends equal messages at equal intervals; None for any other."""
    if len(arrivals) < _LEAST_MESSAGES:
        return None
    intervals = np.diff([each.at for each in arrivals])
    usual = float(np.median(intervals))
    low, high = np.percentile(intervals, [10, 90])
    if usual < 5 or high - low > _UNEVEN * usual:
        return None
    steady = intervals < 2 * usual
    sound = sum(each.samples for each, kept in zip(arrivals, steady, strict=False) if kept) / RATE
    return None if sound < _LEAST_SECONDS else sound / (float(intervals[steady].sum()) / 1_000)


def _rate_of(pace: float) -> int | None:
    nearest = min(_RATES, key=lambda rate: abs(rate / RATE / pace - 1))
    return nearest if abs(nearest / RATE / pace - 1) < _NEAR else None


# --- the sound -------------------------------------------------------------------------------------------------------


def _spectra(samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The power spectra of the louder frames, and these frames."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[:: _FRAME // 2].astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    loudness = frames.std(axis=1)
    frames = frames[loudness > max(100.0, 0.25 * float(np.percentile(loudness, 90)))]
    return np.abs(np.fft.rfft(frames * np.hanning(_FRAME), 2 * _FRAME)) ** 2, frames


def _mean_frequency(power: NDArray[np.float64]) -> float:
    total = power.sum(axis=0)
    return float((total * np.arange(len(total))).sum() / total.sum() * RATE / (2 * _FRAME))


def _is_deep_voice(power: NDArray[np.float64], frames: NDArray[np.float64]) -> bool:
    """Whether these are a voice's, and deeper than any: by the distance of its pulses, with overtones, and not even."""
    periods = _periods(power)
    if len(periods) < _LEAST_VOICED or RATE / float(np.median(periods)) >= _DEEP_PITCH:
        return False
    total = power.sum(axis=0)
    overtones = total[round(3 * _DEEP_PITCH * 2 * _FRAME / RATE) :].sum() / total.sum()
    soft, loud = np.percentile(frames.std(axis=1), [10, 90])
    return bool(overtones > 0.1 and loud > 1.5 * soft)


def _periods(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """The period in samples of each voiced frame: the first peak of its autocorrelation that is nearly the best."""
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(_FRAME), 2 * _FRAME)) ** 2)[:_LONGEST]
    likeness = np.fft.irfft(power)[:, :_LONGEST]
    likeness = likeness / likeness[:, :1] / (window / window[0])
    inner = likeness[:, _SHORTEST:-1]
    is_peak = (inner > likeness[:, _SHORTEST - 1 : -2]) & (inner >= likeness[:, _SHORTEST + 1 :])
    peaks = np.where(is_peak, inner, -1.0)
    best = peaks.max(axis=1)
    first = (peaks >= _NEARLY_AS_GOOD * best[:, None]).argmax(axis=1) + _SHORTEST
    found: NDArray[np.float64] = first[best > _VOICED].astype(np.float64)
    return found
