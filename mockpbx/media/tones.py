"""Call-progress tones: what an exchange tells the caller before anybody answers, or instead.

Sources: ITU-T E.180 (the tones, and the special information tone for all countries), its Supplement 2 (each country's).
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from mockpbx.media.framing import RATE, samples_of
from mockpbx.media.pcm import Samples
from mockpbx.media.sources import LEVEL

#: One period: what sounds together (Hz), nothing in the pauses, and for how long (ms).
Cadence = tuple[tuple[tuple[int, ...], int], ...]

# E.180 wants 330 ms of each, one right after the other, and then a second of silence.
_SPECIAL_INFORMATION: Final[Cadence] = (((950,), 330), ((1400,), 330), ((1800,), 330), ((), 1000))

_TONES: Final[dict[str, dict[str, Cadence]]] = {
    "id": {
        "ringback": (((425,), 1000), ((), 4000)),
        "busy": (((425,), 500), ((), 500)),
        "congestion": (((425,), 250), ((), 250)),
        "sit": _SPECIAL_INFORMATION,
    },
    "us": {
        "ringback": (((440, 480), 2000), ((), 4000)),
        "busy": (((480, 620), 500), ((), 500)),
        "congestion": (((480, 620), 250), ((), 250)),
        "sit": _SPECIAL_INFORMATION,
    },
}
_EDGE = samples_of(5)


@cache
def call_progress(tone: str, country: str) -> Samples:
    """Return one period of a call-progress tone, silence included: 8 kHz, peak LEVEL, shared and read-only.

    It begins with sound and ends with silence, so that it repeats without a seam. Raises ValueError for a tone or a
    country that is not in the table.
    """
    if country not in _TONES:
        raise ValueError(f"the tones of the country {country!r} are not known; expected one of {', '.join(_TONES)}")
    cadences = _TONES[country]
    if tone not in cadences:
        raise ValueError(f"{tone!r} is no call-progress tone; expected one of {', '.join(cadences)}")
    period = np.concatenate([_chord(frequencies, samples_of(ms)) for frequencies, ms in cadences[tone]])
    period.flags.writeable = False
    return period


def _chord(frequencies: tuple[int, ...], samples: int) -> Samples:
    """These frequencies equally strong, or silence; it swells and fades over 5 ms, so that nothing clicks."""
    if not frequencies:
        return np.zeros(samples, np.int16)
    seconds = np.arange(samples) / RATE
    sound = LEVEL / len(frequencies) * np.sum([np.sin(2 * np.pi * f * seconds) for f in frequencies], axis=0)
    swell = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_EDGE) + 0.5) / _EDGE)
    sound[:_EDGE] *= swell
    sound[-_EDGE:] *= swell[::-1]
    chord: Samples = np.rint(sound).astype(np.int16)
    return chord
